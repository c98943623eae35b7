# What else lives on the server, for the probe: lines of fields that are parted by
# the unit separator (octal 037).

# probe_occupied PORTS DATABASE BIND ROOTS NGINX PATTERN...: `socket` for each that listens, then
# `process` for the processes behind them; of those at one of the PORTS that belong to no
# unit of the PATTERNS the package, too. Of the database its clients and accounts if
# DATABASE is `new`, of BIND its files if BIND is; of the folders of the apps ROOTS what is
# in them; of Nginx what it reads if that is more than its files NGINX.
probe_occupied() {
	local address bind database line listeners nginx path root roots stub wanted word
	wanted=" $1 " database=$2 bind=$3 roots=$4 nginx=" $5 "
	shift 5
	command -v ss >/dev/null ||
		{ echo 'there is no program ss, which says who listens: install iproute2' && return 1; }
	listeners=$(ss -H -l -n -t -u -p) || return
	probe_processes "$@" <<-END
		$listeners
	END
	stub=
	while read -r word address _; do
		[ "$word" = nameserver ] || continue
		printf 'resolver\037%s\n' "$address"
		case $address in 127.0.0.5[34]) stub=/run/systemd/resolve/resolv.conf ;; esac
	done </etc/resolv.conf
	[ ! -e "$stub" ] || while read -r word address _; do
		[ "$word" != nameserver ] || printf 'upstream\037%s\n' "$address"
	done <"$stub"
	[ "$bind" != new ] || for path in /etc/bind/named.conf.options /etc/bind/named.conf.default-zones; do
		if [ ! -e "$path" ] || is_as_shipped "$path"; then continue; fi
		printf 'changed\037%s\n' "$path"
		[ "${path##*.}" != options ] || while IFS= read -r line || [ -n "$line" ]; do
			printf 'option\037%s\n' "$line"
		done <"$path"
	done
	if [ -e /etc/ufw/ufw.conf ] && grep -q '^ENABLED=yes' /etc/ufw/ufw.conf; then
		printf 'ufw\037active\n'
	fi
	probe_filters
	probe_displaced "$@"
	[ "$database" != new ] || probe_clients
	probe_nginx
	set --
	for root in $roots; do
		for path in "$root/current" "$root/releases"; do
			! exists "$path" || set -- "$@" "$path"
		done
	done
	[ $# -eq 0 ] || find "$@" -maxdepth 0 \( -type l -printf 'tree\037%p\037a link to %l\n' \
		-o -printf 'tree\037%p\037there, of %u\n' \)
}

# probe_nginx: what it reads, if somebody has a file there. It prints nothing where it would not
# start with that: then its validation says so before anything is touched.
probe_nginx() {
	local path
	for path in /etc/nginx/conf.d/*.conf /etc/nginx/sites-enabled/*; do
		if [ ! -e "$path" ]; then continue; fi
		case $nginx in *" $path "*) continue ;; esac
		! command -v nginx >/dev/null ||
			nginx -T 2>/dev/null | sed "/^[[:space:]]*\$/d; s/^/nginx$(printf '\037')/"
		return 0
	done
}

probe_processes() {
	local address exe package pid protocol seen users
	seen=' '
	while read -r protocol _ _ _ address _ users; do
		printf 'socket\037%s\037%s\037%s\n' "$protocol" "$address" "$users"
		pid=${users#*pid=} pid=${pid%%[!0-9]*}
		[ -n "$pid" ] || continue
		case "$seen" in *" $pid "*) continue ;; esac
		seen="$seen$pid "
		unit_of "$pid"
		package=
		case "$wanted" in
		*" ${address##*:} "*)
			if ! is_one_of "$unit" "$@" && exe=$(readlink "/proc/$pid/exe"); then
				package=$(dpkg-query -S "$exe" 2>/dev/null | sed -n '1s/:.*//p')
			fi
			;;
		esac
		printf 'process\037%s\037%s\037%s\n' "$pid" "$unit" "$package"
	done
}

# is_one_of NAME PATTERN...
is_one_of() {
	local name pattern
	name=$1
	shift
	for pattern do
		# shellcheck disable=SC2254 # it is a pattern
		case $name in $pattern) return 0 ;; esac
	done
	return 1
}

# unit_of PID: $unit is the unit, by its control group.
unit_of() {
	local line
	unit=
	{ while IFS= read -r line; do
		case $line in
		0::* | *:name=systemd:*) ;;
		*) continue ;;
		esac
		case $line in
		*.service*) line=${line%%.service*}.service ;;
		*.scope*) line=${line%%.scope*}.scope ;;
		*) continue ;;
		esac
		unit=${line##*/}
		break
	done <"/proc/$1/cgroup"; } 2>/dev/null
}

# probe_filters: the tables of others that look at what comes in.
probe_filters() {
	local ask chains family listed more name save shown table word
	# A function would be a process more each time.
	if command -v nft >/dev/null; then ask=nft; else ask=nft_of_python; fi
	shown=no listed=' inet foobar_stack,'
	if chains=$($ask list chains 2>/dev/null); then
		shown=yes
		while read -r word name more; do
			case "$word $more" in
			table*) family=$name table=${more%% *} ;;
			'type hook input '*)
				case $listed in *" $family $table,"*) continue ;; esac
				listed="$listed $family $table,"
				$ask --terse --stateless list table "$family" "$table" 2>/dev/null |
					sed "s/^/nft$(printf '\037')/"
				;;
			esac
		done <<-END
			$chains
		END
	fi
	for family in ip ip6; do
		save=${family}tables-save
		# Tables of the older kernel interface, which nft does not show. The list is a file
		# of the kernel's: its size says nothing.
		if has_legacy_filter "$family"; then
			! command -v "${family}tables-legacy-save" >/dev/null || save=${family}tables-legacy-save
			probe_filter "$save"
		elif [ "$shown" = no ]; then
			probe_filter "$save"
		fi
	done
}

# has_legacy_filter FAMILY: the kernel has a filter table of the older interface.
has_legacy_filter() {
	local name
	[ -r "/proc/net/$1_tables_names" ] || return
	while read -r name; do
		[ "$name" != filter ] || return 0
	done <"/proc/net/$1_tables_names"
	return 1
}

# nft_of_python WORD...: where there is no program nft, firewalld has at least brought its library.
nft_of_python() {
	python3 -c '
import sys, nftables
nft = nftables.Nftables()
nft.set_stateless_output(True)
words = (word for word in sys.argv[1:] if not word.startswith("-"))
status, shown, _ = nft.cmd(" ".join(words))
print(shown)
sys.exit(status != 0)' "$@"
}

# probe_filter PROGRAM: the table that the program of the family of iptables-save shows.
probe_filter() {
	! command -v "$1" >/dev/null || "$1" -t filter 2>/dev/null | sed "s/^/$1$(printf '\037')/"
}

# probe_displaced PATTERN...: `displaced` for each unit that runs and that systemd would stop
# to start one of the stack's own. systemd knows that of units that are not there yet, too.
probe_displaced() {
	local active other others own pairs pattern shown states state units word
	for pattern do
		shift
		case $pattern in
		*.service) case $pattern in *\**) ;; *) set -- "$@" "$pattern" ;; esac ;;
		esac
	done
	[ $# -gt 0 ] || return 0
	shown=$(systemctl show -p Id -p Conflicts -p ConflictedBy -- "$@")
	own='' pairs='' units=' '
	while IFS='=' read -r word others; do
		if [ "$word" = Id ]; then
			own=$others
			continue
		fi
		for other in $others; do
			case $other in *.target) continue ;; esac
			! is_one_of "$other" "$@" || continue
			pairs="$pairs $own=$other"
			case $units in *" $other "*) ;; *) units="$units$other " ;; esac
		done
	done <<-END
		$shown
	END
	[ -n "$pairs" ] || return 0
	# shellcheck disable=SC2086 # names of units
	set -- $units
	# A line for each of them, in their order.
	states=$(systemctl is-active -- "$@") || true
	active=' '
	while read -r state; do
		case $state in active | reloading | refreshing) active="$active$1 " ;; esac
		shift
	done <<-END
		$states
	END
	for word in $pairs; do
		case $active in
		*" ${word#*=} "*) printf 'displaced\037%s\037%s\n' "${word%%=*}" "${word#*=}" ;;
		esac
	done
}

# probe_clients: who speaks with the database over TCP, and who may.
probe_clients() {
	local client own peer
	ss -H -n -t state established '( sport = :3306 or sport = :33060 )' 2>/dev/null |
		while read -r _ _ own peer _; do
			case $own in
			*:33060) printf 'x-client\037%s\n' "$peer" ;;
			*) printf 'client\037%s\n' "$peer" ;;
			esac
		done
	client=mysql
	! command -v mariadb >/dev/null || client=mariadb
	command -v "$client" >/dev/null || return 0
	[ -S /run/mysqld/mysqld.sock ] || return 0
	printf '%s\n' "SELECT CONCAT('account', CHAR(31), User, '@', Host) FROM mysql.user
		WHERE User NOT IN ('', 'root', 'mysql', 'mariadb.sys', 'debian-sys-maint', 'mysql.sys',
			'mysql.session', 'mysql.infoschema', 'healthcheck');" |
		timeout 10 "$client" --protocol=socket --batch --raw --skip-column-names 2>/dev/null |
		grep '^account' || true
}
