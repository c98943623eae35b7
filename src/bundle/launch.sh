# Receives, starts and follows a run.

# launch_run DIRECTORY UNIT: the archive comes on standard input. The unit is
# systemd's child, not ours: it goes on when the connection is gone. What a
# killed run leaves behind, the unit takes away.
launch_run() {
	umask 077
	mkdir -p -- "$1" && tar -x -f - -C "$1" && : >"$1/events" || return
	systemd-run --quiet --collect --unit="$2" --service-type=exec \
		--description='foobar-stack applies a plan' \
		--property=OOMScoreAdjust=-500 \
		--property="ExecStopPost=/bin/sh $1/program clean_up" \
		/bin/sh "$1/program"
}

# follow_run DIRECTORY UNIT LINE: tail sleeps until the file grows, and ends
# when the run's process has ended.
follow_run() {
	pid=$(systemctl show --value -p MainPID -- "$2")
	if [ "${pid:-0}" != 0 ]; then
		tail -n "+$3" -s 0.1 --pid="$pid" -f "$1/events"
	else
		tail -n "+$3" "$1/events"
	fi
}
