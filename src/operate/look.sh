# What the scripts that look at a running server share; show_units comes first.
#
# units: patterns of units, a line each; http_port: where Nginx says how it is
# doing, if it does.
#
# shellcheck shell=dash disable=SC2154

tab=$(printf '\t')

# first FILE: its first line, without a process.
first() {
	local line
	line=
	[ ! -r "$1" ] || IFS= read -r line <"$1"
	printf '%s' "$line"
}

# value FILE NAME: what stands behind this name.
value() {
	local name number
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
	local process share sum
	[ -r "$1" ] || return 0
	sum=0
	while read -r process; do
		share=$(value "/proc/$process/smaps_rollup" Pss: 2>/dev/null)
		sum=$((sum + ${share:-0}))
	done <"$1"
	printf '%s' "$((sum * 1024))"
}

# in_time COMMAND WORD...: ended after ten seconds.
in_time() {
	timeout --kill-after=1 10 "$@"
}

# groups: the control group and the name of each unit that runs, of what show_units
# says on standard input. A blank line ends a unit; which property comes first, versions
# of systemd differ in.
groups() {
	local group id name text
	group=
	{
		cat
		echo
	} | while IFS='=' read -r name text; do
		case $name in
		ControlGroup) group=$text ;;
		Id) id=$text ;;
		'')
			[ -z "$group" ] || printf '%s\t%s\n' "$group" "$id"
			group=
			;;
		esac
	done
}

# unit_sample GROUP NAME: processor time, memory with its limit, processes
# killed for it, time held back for a limit of processor time.
unit_sample() {
	local memory place
	place=/sys/fs/cgroup$1
	memory=$(first "$place/memory.current")
	[ -n "$memory" ] || memory=$(resident "$place/cgroup.procs")
	printf 'unit\037%s\037%s\037%s\037%s\037%s\037%s\n' "$2" "$(value "$place/cpu.stat" usage_usec)" \
		"$memory" "$(first "$place/memory.max")" \
		"$(value "$place/memory.events" oom_kill)" "$(value "$place/cpu.stat" throttled_usec)"
}

# database_sample: its threads, as it names them, and how many may be connected.
database_sample() {
	local client name number
	[ -S /run/mysqld/mysqld.sock ] || return 0
	client=$(command -v mariadb || command -v mysql) || return 0
	"$client" --protocol=socket --connect-timeout=2 --batch --skip-column-names -e "
		SHOW GLOBAL STATUS WHERE Variable_name IN ('Threads_running', 'Threads_connected');
		SELECT 'max_connections', @@GLOBAL.max_connections" 2>/dev/null |
		while read -r name number; do printf 'database\037%s\037%s\n' "$name" "$number"; done
}

# nginx_sample: connections that are open; connections and requests so far.
nginx_sample() {
	local four one three two
	command -v bash >/dev/null || return 0
	# Bash itself opens this path; a server that does not answer has two seconds.
	# shellcheck disable=SC2016
	timeout 2 bash -c 'exec 3<>"/dev/tcp/127.0.0.1/$0" &&
		printf "GET / HTTP/1.0\r\nHost: nginx-status.localhost\r\n\r\n" >&3 && cat <&3' "$http_port" 2>/dev/null |
		while read -r one two three four; do
			case $one$two$four in
			Activeconnections:*) printf 'nginx\037active\037%s\n' "$three" ;;
			[0-9]*[0-9]) [ -n "$four" ] || printf 'nginx\037accepted\037%s\nnginx\037requests\037%s\n' "$one" "$three" ;;
			esac
		done
}
