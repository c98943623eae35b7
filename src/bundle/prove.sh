# What a run must pass before it counts: its services stay up, and whoever
# follows it finds the stack healthy from outside.

# prove WATCH DEADLINE UNDECIDED UNIT...: asks whoever follows for a verdict,
# and watches meanwhile for WATCH seconds that the units this run started or
# restarted stay up. When nobody comes over a new connection in DEADLINE
# seconds, UNDECIDED is the verdict: `confirm`, or `undo` where it may be this
# run that keeps them out. Who has come has two minutes more to look around.
prove() {
	watch=$1 wait=$2 verdict=$3 flaw=
	reached=no
	shift 3
	emit proving
	clock
	began=$now
	[ $# -eq 0 ] || before=$(lives "$@")
	flaw=
	for unit do
		# It may have died before anybody watched.
		is_first_life "$unit" || died "$unit"
	done
	[ -z "$flaw" ] || give_up
	while :; do
		if [ $# -gt 0 ] && [ "$(lives "$@")" != "$before" ]; then
			for unit do
				case $before in
				*"$(lives "$unit")"*) ;;
				*) died "$unit" ;;
				esac
			done
			give_up
		fi
		if [ $reached = no ] && [ -e "$RUN/reached" ]; then
			reached=yes
			verdict=confirm
			wait=$((wait + 120))
		fi
		if [ -e "$RUN/verdict" ]; then
			{ IFS= read -r verdict && IFS= read -r flaw; } <"$RUN/verdict"
			wait=0
		fi
		[ "$verdict" != undo ] || [ "$wait" != 0 ] || break
		clock
		if [ $((now - began)) -ge $((watch * 100)) ] && [ $((now - began)) -ge $((wait * 100)) ]; then break; fi
		sleep 0.1
	done
	if [ "$verdict" != confirm ]; then
		emit unproven "${flaw:-nobody confirmed over a new connection in time}"
		give_up
	fi
}

# lives UNIT...: which life each unit is in; another one means that it died.
lives() {
	systemctl show -p Id -p ActiveState -p InvocationID -p NRestarts -- "$@"
}

# is_first_life UNIT: it runs, and systemd did not have to start it again.
is_first_life() {
	case $(lives "$1") in
	*NRestarts=[1-9]*) return 1 ;;
	*ActiveState=active* | *ActiveState=reloading* | *ActiveState=refreshing*) ;;
	*) return 1 ;;
	esac
}

# died UNIT: says that it did not stay up, with its last words.
died() {
	flaw=yes
	emit unproven "$1 does not stay up"
	journalctl --no-pager -o cat -n 60 -u "$1" | while IFS= read -r line; do emit said "$line"; done
}
