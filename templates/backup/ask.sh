# Managed by foobar-stack (role backup): changes made here are overwritten.
#
# Whether an app is healthy with what was restored: it runs once more, as the release of the backup,
# with the folders of the backup and the throw-away database, and its health page is asked.
#
# It is the unit that serves, and what it may do is what that may do, less what would reach anything
# that is live or anybody elsewhere: it has a loopback of its own and no other network, sees nothing
# of /run but the throw-away database, and writes to what was restored alone. It gets of the
# processor and the disk what visitors leave. A part of the program backup.
#
# shellcheck shell=dash disable=SC2153,SC2154

# ask_apps: the app of each site that has a health page and was in the backup. $health has what was
# asked, for people. Else $why, and what the app has said is in $WORK/app-said.
ask_apps() {
	local line site root words json answers
	answers=''
	while IFS= read -r line; do
		case $line in
		'site '*) site=${line#* } words='' json='' ;;
		'app '*) root=${line#* } ;;
		'health-body '*) words=${line#* } ;;
		'health-json '*) json=${line#* } ;;
		'health '*)
			# shellcheck disable=SC2086 # words
			ask_app "$site" "$root" ${line#* } || return
			;;
		esac
	done <"$SETTINGS/settings"
	health=$answers
}

# ask_app DOMAIN ROOT ACCOUNT SCHEME SECONDS STATUS PATH: that of one site. Else $why.
ask_app() {
	local host url wanted page unit slot release instance here needed
	host=$1 url=$4:// wanted=$6 page=$7 unit=foobar-stack-drill-$3
	release=$(stated app | sed -n "s|^$2 ||p")
	[ -n "$release" ] || return 0
	slot=$3-app-$(sed -n '1s/^# Slot: //p' "/etc/nginx/foobar-stack/$3-app.conf")
	instance=$(systemctl show --value -p Wants -p Requires -- "$slot.target" | tr ' ' '\n' |
		sed -n 's/.*@\([0-9]*\)\.service$/\1/p' | head -n 1)
	if [ -z "$instance" ]; then
		why="no unit of the app of $1 serves that could be started once more"
		return 1
	fi
	read -r _ needed <<-END
		$(stated files)
	END
	if [ "$((needed + 67108864))" -gt "$(free_space)" ]; then
		answers="$answers; the app of $1 was not asked: its files take up to $((needed / 1048576)) MB, and $(($(free_space) / 1048576)) MB are free where $WORK is"
		return 0
	fi
	needed=$(in_use "$slot@$instance.service")
	if [ "$((needed + 67108864))" -gt "$(free_memory)" ]; then
		answers="$answers; the app of $1 was not asked: it has $((needed / 1048576)) MB of memory in use, and $(($(free_memory) / 1048576)) MB are available for another one"
		return 0
	fi
	here=$WORK/work/files
	bring_app_files "$2" "$3" && make_app_unit "$@" && start_app "$5" || return
	page_is_good "$5" || fail_app "$1" || return
	stop_apps
	answers="$answers; $1 answers $page with it"
}

# in_use UNIT: the memory that it has to itself, in bytes.
in_use() {
	cat -- "/sys/fs/cgroup$(unit_property "$1" ControlGroup)/memory.stat" 2>/dev/null |
		awk '$1 == "anon" || $1 == "shmem" { all += $2 } END { printf "%.0f\n", all }'
}

# free_memory: what is available, in bytes.
free_memory() {
	awk '$1 == "MemAvailable:" { printf "%.0f\n", $2 * 1024 }' /proc/meminfo
}

# bring_app_files ROOT ACCOUNT: as they are in the backup, below $here; what it does not have, since
# it came later, is there, and empty. Else $why.
bring_app_files() {
	local folder
	rm -rf -- "$here" && mkdir -m 700 -- "$here" || return
	if ! asked restore --no-lock --include "$1" --include "/var/lib/$2" --target "$here" "$snapshot"; then
		why="the files of $1 cannot be read from backup $id: $(reason)"
		return 1
	fi
	mkdir -p -- "$here$1" "$here/var/cache" && mkdir -m 750 -- "$here/var/cache/$2" || return
	chown "$2:" -- "$here/var/cache/$2"
	printf '%s' "$folders" | while IFS= read -r folder; do
		case $folder in
		"$1"/* | "/var/lib/$2") ;;
		*) continue ;;
		esac
		if exists "$here$folder" || ! exists "$folder"; then continue; fi
		(umask 022 && mkdir -p -- "$here${folder%/*}")
		if [ -d "$folder" ]; then mkdir -- "$here$folder"; else cp -p -- "$folder" "$here$folder"; fi
		chown --reference="$folder" -- "$here$folder" && chmod --reference="$folder" -- "$here$folder"
	done
	chown --reference="$1" -- "$here$1" && chmod --reference="$1" -- "$here$1"
}

# make_app_unit DOMAIN ROOT ACCOUNT SCHEME SECONDS...: the unit of the slot that serves, with the
# release of the backup, and what it must not reach out of its reach.
make_app_unit() {
	local serves
	serves=$(readlink -- "$2/current")
	serves=${serves##*/}
	{
		systemctl cat -- "$slot@$instance.service" |
			sed -e "s/${serves:?}/$release/g" -e "s|/run/$slot-|/run/$unit-|g" -e '/^PartOf=/d'
		cat <<-END

			[Unit]
			Description=The app of $1 with what was restored of a backup
			JoinsNamespaceOf=$INSTANCE.service

			[Service]
			SyslogIdentifier=$unit
			Restart=no
			RuntimeMaxSec=1h
			TimeoutStartSec=$(($5 * 3))
			BindPaths=$here$2:$2 $here/var/lib/$3:/var/lib/$3 $here/var/cache/$3:/var/cache/$3
			PrivateNetwork=yes
			TemporaryFileSystem=/run
			BindPaths=-$INSTANCE_FOLDER/run:/run/mysqld /run/$unit-%i
			BindReadOnlyPaths=-/run/systemd/notify -/run/systemd/journal/dev-log -/run/systemd/journal/socket -/run/systemd/journal/stdout
			Nice=19
			CPUWeight=10
			IOSchedulingClass=idle
			OOMScoreAdjust=900
		END
	} | replace "/run/systemd/system/$unit@.service" || return
	chmod 644 -- "/run/systemd/system/$unit@.service"
	[ "$(unit_property "$unit@$instance.service" NeedDaemonReload)" != yes ] || systemctl daemon-reload
}

# start_app SECONDS: until it says that it has started. Else $why.
start_app() {
	local folder
	# Where it listens on a socket; the unit makes that its own.
	folder=/run/$unit-$instance
	rm -rf -- "$folder" && mkdir -- "$folder" || return
	since=$(date '+%F %T')
	systemctl start -- "$unit@$instance.service" 2>/dev/null && return
	why='it does not start'
	fail_app "$host"
}

# page_is_good SECONDS: the health page says what it should, within that time. Else $why.
page_is_good() {
	local RUN within now until
	RUN=$WORK/work
	within=/proc/$(unit_property "$unit@$instance.service" MainPID)/ns/net
	clock
	until=$((now + $1 * 300))
	while :; do
		if ! systemctl is-active --quiet -- "$unit@$instance.service"; then
			why='it does not stay up'
			return 1
		fi
		if [ -e "/run/$unit-$instance/app.sock" ]; then
			is_healthy "$page" "http://localhost$page" --unix-socket "/run/$unit-$instance/app.sock" && return
		else
			is_healthy "$page" "http://127.0.0.1:$instance$page" && return
		fi
		clock
		[ "$now" -lt "$until" ] || return 1
		sleep 0.5
	done
}

# fail_app DOMAIN: its last lines are kept for whoever has asked; fails, with all of $why.
fail_app() {
	why="the app of $1 is not healthy with the data of backup $id: $why; it has no network there: if it cannot do without, set backup.drill_health to false"
	journalctl --sync
	journalctl --quiet --no-pager --output=cat --since "$since" --unit "$unit@*" --identifier "$unit" |
		tail -n 10 | sed 's/^/  | /' >"$WORK/app-said"
	stop_apps
	return 1
}

# stop_apps: and nothing of them is left; also of those that a killed process has left.
stop_apps() {
	local file unit
	systemctl stop --quiet -- 'foobar-stack-drill-*@*.service' 2>/dev/null
	systemctl reset-failed --quiet -- 'foobar-stack-drill-*@*.service' 2>/dev/null
	(
		set +f
		rm -rf -- /run/systemd/system/foobar-stack-drill-*@.service /run/foobar-stack-drill-*
	)
}
