#!/bin/sh
# Stands before sed, tac and sleep on a server under test. The executor hands the output of
# each step to sed, undoes with the help of tac, and sleeps while it waits for proof: so one of
# these says where a run is. A file /strike/PLACE says how it is struck there: "WHEN HOW",
# with the number of a step, `undo` or `proof` for PLACE.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
name=${0##*/}
real=/usr/bin/$name
[ -x "$real" ] || real=/bin/$name

[ -d /strike ] || exec "$real" "$@"
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
if [ -z "$group" ] || ! read -r when how 2>/dev/null <"/strike/$here"; then
	exec "$real" "$@"
fi

# await WORD...: until the command says yes, for half a minute at most.
await() {
	tries=0
	until "$@" || [ $tries -ge 600 ]; do
		/bin/sleep 0.05
		tries=$((tries + 1))
	done
}

# followed: somebody reads the events.
followed() {
	for process in /proc/[0-9]*; do
		read -r comm 2>/dev/null <"$process/comm" || continue
		[ "$comm" != tail ] || return 0
	done
	return 1
}

strike() {
	# Once only: a connection may be cut, and the run goes on.
	mkdir -p /struck
	mv "/strike/$here" "/struck/$here" 2>/dev/null || return 0
	case $how in
	kill)
		case $here in *[!0-9]*) ;; *) /bin/sleep "0.0$((here % 4))" ;; esac
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
		# The next cut shall meet who has come back after this one.
		await followed
		;;
	wait)
		mkdir -p /at-strike
		: >"/at-strike/$here"
		await test -e "/go-on/$here"
		;;
	esac
}

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
