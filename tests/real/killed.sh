# Has a program of the server killed, with all that it has started, at one of its steps: each call
# of another program counts as one.
#
#   killed.sh wrap PROGRAM...     these are counted from now on
#   killed.sh at NUMBER WORD...   runs it; prints `killed`, or `done` if it had fewer steps
#   killed.sh unwrap
mkdir -p /root/killed
case $1 in
wrap)
	shift
	for program; do
		[ -e "/usr/bin/$program" ] || continue
		cat >"/usr/local/sbin/$program" <<-'WRAPPER'
			#!/bin/sh
			# Some steps are side by side.
			exec 6>>/root/killed/lock
			flock 6
			count=$(($(cat /root/killed/count) + 1))
			echo "$count" >/root/killed/count
			flock -u 6
			exec 6>&-
			if [ "$count" = "$(cat /root/killed/at)" ]; then
				# Each second one amid its work.
				if [ $((count % 2)) = 0 ]; then
					"/usr/bin/${0##*/}" "$@" &
					sleep 0.3
				fi
				echo killed >/root/killed/ended
				kill -9 0
			fi
			exec "/usr/bin/${0##*/}" "$@"
		WRAPPER
		chmod 755 "/usr/local/sbin/$program"
		echo "/usr/local/sbin/$program" >>/root/killed/wrapped
	done
	;;
at)
	echo 0 >/root/killed/count
	echo "$2" >/root/killed/at
	echo 'done' >/root/killed/ended
	shift 2
	[ $# -gt 0 ] || exit 0
	setsid --wait "$@" >/root/killed/said 2>&1
	status=$?
	ended=$(cat /root/killed/ended)
	if [ "$ended" = 'done' ] && [ "$status" != 0 ]; then
		cat /root/killed/said
		exit 1
	fi
	printf '%s\n' "$ended"
	;;
unwrap)
	xargs /usr/bin/rm -f -- <"/root/killed/wrapped"
	/usr/bin/rm -rf /root/killed
	;;
esac
