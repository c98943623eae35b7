#!/bin/sh
# Stands before sed, tac and sleep on a server under test. The executor hands the output of
# each step to sed, undoes with the help of tac, and sleeps while it waits for proof: so one of
# these says where a run is. /strike says where and how it is struck: "PLACE WHEN HOW", with
# the number of a step, `undo` or `proof` for PLACE.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
name=${0##*/}
real=/usr/bin/$name
[ -x "$real" ] || real=/bin/$name

read -r place when how 2>/dev/null </strike || exec "$real" "$@"
group=
while IFS=: read -r _ _ path; do
	case $path in
	*/foobar-stack-*.service) group=/sys/fs/cgroup$path ;;
	esac
done </proc/self/cgroup
case $name in
sed)
	here=${2#s/^/log	}
	here=${here%%	*}
	;;
tac) here=undo ;;
sleep) here=proof ;;
esac
if [ -z "$group" ] || [ "$here" != "$place" ]; then
	exec "$real" "$@"
fi

strike() {
	# Once only: a connection may be cut, and the run goes on.
	mv /strike /struck 2>/dev/null || return 0
	case $how in
	kill)
		/bin/sleep "0.0$((place_number % 4))"
		echo 1 >"$group/cgroup.kill"
		;;
	main) kill -9 "$(systemctl show --value -p MainPID -- "${group##*/}")" ;;
	cut)
		main=$(systemctl show --value -p MainPID ssh.service)
		for process in /proc/[0-9]*; do
			read -r comm 2>/dev/null <"$process/comm" || continue
			case $comm in
			sshd*) [ "${process#/proc/}" = "$main" ] || kill -9 "${process#/proc/}" 2>/dev/null ;;
			esac
		done
		;;
	wait)
		: >/at-strike
		tries=0
		while [ ! -e /go-on ] && [ $tries -lt 600 ]; do
			/bin/sleep 0.05
			tries=$((tries + 1))
		done
		;;
	esac
}

case $place in
*[!0-9]*) place_number=1 ;;
*) place_number=$place ;;
esac
case $when in
begin)
	strike
	exec "$real" "$@"
	;;
end)
	"$real" "$@"
	strike
	;;
later-*)
	# While it runs, after so many seconds.
	{ /bin/sleep "${when#later-}" && strike; } >/dev/null 2>&1 &
	exec "$real" "$@"
	;;
lines-*)
	# After so many lines of what it prints.
	"$real" "$@" | {
		left=${when#lines-}
		while [ "$left" -gt 0 ] && IFS= read -r line; do
			printf '%s\n' "$line"
			left=$((left - 1))
		done
		/bin/sleep 0.1
		strike
		cat
	}
	;;
esac
