# How the server is doing, once a second: a block of lines of fields that ends
# with a line "end".
#
# rounds: how many; units: patterns of units, a line each.
#
# shellcheck shell=sh disable=SC2154

tab=$(printf '\t')

# first FILE: its first line, without a process.
first() {
	line=
	[ ! -r "$1" ] || IFS= read -r line <"$1"
	printf '%s' "$line"
}

# value FILE NAME: what stands behind this name.
value() {
	[ -r "$1" ] || return 0
	while read -r name number _; do
		if [ "$name" = "$2" ]; then
			printf '%s' "$number"
			return
		fi
	done <"$1"
}

# resident FILE: the memory of the processes that it lists, each one's share of
# what they share, where the kernel does not count it for the group.
resident() {
	[ -r "$1" ] || return 0
	sum=0
	while read -r process; do
		share=$(value "/proc/$process/smaps_rollup" Pss: 2>/dev/null)
		sum=$((sum + ${share:-0}))
	done <"$1"
	printf '%s' "$((sum * 1024))"
}

# unit_sample GROUP NAME: processor time, memory with its limit, processes
# killed for it, time held back for a limit of processor time.
unit_sample() {
	place=/sys/fs/cgroup$1
	memory=$(first "$place/memory.current")
	[ -n "$memory" ] || memory=$(resident "$place/cgroup.procs")
	printf 'unit\037%s\037%s\037%s\037%s\037%s\037%s\n' "$2" "$(value "$place/cpu.stat" usage_usec)" \
		"$memory" "$(first "$place/memory.max")" \
		"$(value "$place/memory.events" oom_kill)" "$(value "$place/cpu.stat" throttled_usec)"
}

# database_sample: its threads, as it names them, and how many may be connected.
database_sample() {
	[ -S /run/mysqld/mysqld.sock ] || return 0
	client=$(command -v mariadb || command -v mysql) || return 0
	"$client" --protocol=socket --connect-timeout=2 --batch --skip-column-names -e "
		SHOW GLOBAL STATUS WHERE Variable_name IN ('Threads_running', 'Threads_connected');
		SELECT 'max_connections', @@GLOBAL.max_connections" 2>/dev/null |
		while read -r name number; do printf 'database\037%s\037%s\n' "$name" "$number"; done
}

# groups: the control group and the name of each unit that runs. Slots come and
# go, so they are asked for each time.
groups() {
	# A pattern is the word of a line; units have no blanks.
	# shellcheck disable=SC2086
	systemctl show --no-pager -p ControlGroup -p Id -- $units | while IFS='=' read -r name text; do
		case $name in
		ControlGroup) group=$text ;;
		Id) printf '%s\t%s\n' "$group" "$text" ;;
		esac
	done
}

everything() {
	printf 'at\037%s\n' "$(first /proc/uptime)"
	printf 'processors\037%s\n' "$(first /proc/stat)"
	printf 'memory\037%s\037%s\n' "$(value /proc/meminfo MemTotal:)" "$(value /proc/meminfo MemAvailable:)"
	printf 'load\037%s\n' "$(first /proc/loadavg)"
	printf '%s\n' "$running" | while IFS="$tab" read -r group name; do
		[ -z "$group" ] || [ -z "$name" ] || unit_sample "$group" "$name"
	done
	database_sample
	echo end
}

set -f
while [ "$rounds" -gt 0 ]; do
	# `read` takes a leading tab for nothing: a unit without a group has none.
	running=$(groups | grep -v "^$tab") || running=
	everything
	rounds=$((rounds - 1))
	[ "$rounds" = 0 ] || sleep 1
done
