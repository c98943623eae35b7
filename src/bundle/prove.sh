# What a run must pass before it counts: its services stay up, and a client says that the
# checks pass. Silence is no approval.

# prove WATCH WAIT NEEDS ACCESS UNIT...: the units that this run started or restarted must have been
# up for WATCH seconds, and stay up until the end. NEEDS is what must come from outside meanwhile:
# `verdict`, the word of a client that has made the checks; `login`, somebody who came over a new
# connection; or `nothing`. It is waited for WAIT seconds, and two minutes more once somebody has
# come. What follows when it does not come, `undecided` says. ACCESS is `access` for a run that may
# be what keeps everybody out.
prove() {
	local access began came flaw invocations needs started unit until verdict wait waited watch
	watch=$1 wait=$2 needs=$3 access=$4 came=no
	shift 4
	emit proving "$needs"
	clock
	began=$now until=$((now + watch * 100))
	[ $# -eq 0 ] || invocations=$(invocations_of "$@")
	# One may have ended before anybody watched.
	for unit do stays_up "$unit"; done
	# The checks see what else is wrong with one that has been up for so long; for a second at least
	# it is seen with all that the run did.
	if [ "$needs" = verdict ] && [ $# -gt 0 ]; then
		until=$(($(newest_start "$@") + watch * 100))
		[ "$until" -gt $((began + 100)) ] || until=$((began + 100))
	fi
	while :; do
		[ "$terminated" = no ] || not_proven 'the run was told to end, by systemd or by hand'
		if [ $# -gt 0 ] && [ "$(invocations_of "$@")" != "$invocations" ]; then
			invocations=$(invocations_of "$@")
			for unit do stays_up "$unit"; done
			# A start begins the time anew; a reload does not.
			started=$(($(newest_start "$@") + watch * 100))
			[ "$started" -le "$until" ] || until=$started
		fi
		if [ "$came" = no ] && [ -e "$RUN/reached" ]; then
			came=yes
			wait=$((wait + 120))
			[ "$needs" != login ] || needs=nothing
		fi
		if [ "$needs" = verdict ] && [ -e "$RUN/verdict" ]; then
			{ IFS= read -r verdict && IFS= read -r flaw; } <"$RUN/verdict"
			emit judged "$verdict"
			[ "$verdict" = confirm ] || not_proven "$flaw"
			needs=nothing
		fi
		clock
		waited=$(((now - began) / 100))
		if [ "$now" -ge "$until" ]; then
			[ "$needs" != nothing ] || break
			if [ "$waited" -ge "$wait" ]; then
				undecided
				break
			fi
		fi
		sleep 0.1
	done
}

# undecided: nobody has said whether the stack is what it should be. A run that may keep
# everybody out goes back, and so does one that has something proven to go back to. What is
# left stays: going back would only take away what may well serve.
undecided() {
	if [ "$came" = no ] && [ "$access" = access ]; then
		not_proven 'nobody confirmed over a new connection in time'
	fi
	if grep -qs '	proven	' "$STATE/history"; then
		not_proven "no client said in $waited seconds that the checks pass"
	fi
	unverified=yes
	emit unverified "no client said in $waited seconds that the checks pass"
}

# not_proven WHY: ends the run.
not_proven() {
	emit unproven "$1"
	give_up
}

# invocations_of UNIT...: which invocation each unit is in, and whether it runs.
invocations_of() {
	systemctl show -p Id -p ActiveState -p InvocationID -p NRestarts -- "$@"
}

# newest_start UNIT...: when the last of them came up, as `clock` counts: a reload is no start.
newest_start() {
	systemctl show --value -p ActiveEnterTimestampMonotonic -- "$@" |
		awk '$1 > newest { newest = $1 } END { printf "%d", newest / 10000 }'
}

# stays_up UNIT: it runs, and systemd did not have to start it again. An administrator or an
# upgrade may restart it meanwhile.
stays_up() {
	local shown
	shown=$(invocations_of "$1")
	case $shown in
	*NRestarts=[1-9]*) did_not_stay_up "$1" ;;
	*ActiveState=active* | *ActiveState=reloading* | *ActiveState=refreshing*) ;;
	*) did_not_stay_up "$1" ;;
	esac
}

# did_not_stay_up UNIT: ends the run, with the last lines of the unit's log.
did_not_stay_up() {
	local line
	emit unproven "$1 does not stay up"
	journalctl --sync || true
	journalctl --no-pager -o cat -n 60 -u "$1" | while IFS= read -r line; do emit said "$line"; done
	give_up
}
