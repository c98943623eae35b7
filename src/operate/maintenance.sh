# Maintenance: two files beside the configuration of the site, which it reads when
# they are there.
#
# unit: the unit of Nginx; retry: seconds; $@: addresses that pass.
#
# shellcheck shell=sh disable=SC2154

folder=/etc/nginx/maintenance
state=/var/lib/foobar-stack

# serves PROCESS: whether this worker still takes requests.
serves() {
	case $(tr '\0' ' ' <"/proc/$1/cmdline") in
	*'is shutting down'*) return 1 ;;
	*nginx*) ;;
	*) return 1 ;;
	esac
} 2>/dev/null

# take_over: have Nginx read it, if it can be read and there is one that runs, and
# wait until those who have read it before take no more requests.
take_over() {
	nginx -t -q >&2 || return
	systemctl is-active --quiet -- "$unit" || return 0
	main=$(systemctl show --value -p MainPID -- "$unit")
	workers=$(cat "/proc/$main/task/$main/children" 2>/dev/null)
	systemctl reload -- "$unit" >&2 || return
	rounds=200
	for worker in $workers; do
		while [ "$rounds" -gt 0 ] && serves "$worker"; do
			rounds=$((rounds - 1))
			sleep 0.05
		done
	done
}

# switch_maintenance WHO FUNCTION WORD...: does it while no run is under way: a run puts files
# in place one by one, and Nginx must not read them before all are there. Who holds the lock
# is printed, with status 75.
switch_maintenance() {
	who=$1
	shift
	mkdir -p -m 700 -- "$state" || return
	(
		exec 9<>"$state/lock" || exit
		if ! flock -n 9; then
			cat -- "$state/busy" "$state/holder" 2>/dev/null | head -n 1
			exit 75
		fi
		printf 'maintenance, switched since %s by %s\n' "$(date -u '+%Y-%m-%d %H:%M:%S UTC')" "$who" >"$state/busy"
		"$@"
		status=$?
		rm -f -- "$state/busy"
		exit "$status"
	)
}

maintenance_on() {
	if [ ! -e "$folder/sites" ]; then
		echo "the server has not got what it needs for that yet: apply first" >&2
		return 1
	fi
	{
		echo '# Made by foobar-stack maintenance, which removes it, too.'
		# The variables are Nginx's.
		# shellcheck disable=SC2016
		printf 'map "" $maintenance_retry {\n\tdefault %s;\n}\n' "$retry"
		# shellcheck disable=SC2016
		printf 'geo $maintenance_guest {\n\tdefault 1;\n'
		[ $# -eq 0 ] || printf '\t%s 0;\n' "$@"
		# shellcheck disable=SC2016
		printf '}\nmap "$maintenance_visitor$maintenance_guest$maintenance_page" $maintenance {\n\tvolatile;\n\tdefault 0;\n\t111 1;\n}\n'
	} >"$folder/on.new" && chmod 0644 "$folder/on.new" || return
	before=
	if [ -e "$folder/on.site" ]; then
		before=yes
		cp -p -- "$folder/on.http" "$folder/on.old" || return
	fi
	mv -f -- "$folder/on.new" "$folder/on.http" && ln -sfn -- sites "$folder/on.site" || return
	if take_over; then
		rm -f -- "$folder/on.old"
	else
		if [ -n "$before" ]; then
			mv -f -- "$folder/on.old" "$folder/on.http"
		else
			rm -f -- "$folder/on.site" "$folder/on.http"
		fi
		return 1
	fi
}

# What Nginx does not take over is put back: it stays as it was after a later reload, too.
maintenance_off() {
	for part in site http; do
		rm -f -- "$folder/off.$part"
		exists "$folder/on.$part" || continue
		mv -fT -- "$folder/on.$part" "$folder/off.$part" || return
	done
	if take_over; then
		rm -f -- "$folder/off.site" "$folder/off.http"
	else
		for part in http site; do
			exists "$folder/off.$part" || continue
			mv -fT -- "$folder/off.$part" "$folder/on.$part"
		done
		return 1
	fi
}

# exists PATH: true for anything at PATH, a dangling link, too.
exists() {
	[ -e "$1" ] || [ -L "$1" ]
}
