# How services are started, reloaded and set up.

# activate_service UNIT enable|disable|leave start|reload|restart|keep BACK WORD...: at
# most one of start, reload and restart; then it must run, and run what its files
# say, if there is a command to ask that. BACK undoes that.
activate_service() {
	local active boot since unit verb word
	active=inactive boot=
	while IFS='=' read -r word verb; do
		case $word=$verb in
		UnitFileState=*) boot=$verb ;;
		ActiveState=active | ActiveState=reloading | ActiveState=refreshing) active=active ;;
		esac
	done <<-END
		$(systemctl show -p ActiveState -p UnitFileState -- "$1")
	END
	[ $# -le 4 ] || (shift 4 && printf '%s\0' "$@") >"$RUN/asks-$1"
	note unit "$1" "$active" "${boot:-disabled}" "$4"
	[ "$active" = active ] || made service "$1"
	# Of a unit that has a script of init, too, it takes a second, and two reloads of systemd.
	if [ "$2" != leave ] && [ "$boot" != "$2d" ]; then
		case $boot in
		masked-runtime) systemctl unmask --runtime --quiet -- "$1" ;;
		masked*) systemctl unmask --quiet -- "$1" ;;
		esac
		systemctl "$2" --quiet -- "$1"
	fi
	verb=$3
	case $verb in
	keep) return ;;
	start) systemctl reset-failed -- "$1" 2>/dev/null || true ;;
	esac
	# Somebody else has started it since the plan was made, with whatever
	# configuration there was.
	if [ "$verb$active" = startactive ]; then verb=restart; fi
	# A deployment of this run has done it.
	if [ "$verb" = reload ] && [ -e "$RUN/reloaded-$1" ]; then
		rm -f -- "$STATE/pending/$1"
		return
	fi
	since=$(date '+%Y-%m-%d %H:%M:%S')
	if ! systemctl "$verb" -- "$1" || ! systemctl is-active --quiet -- "$1"; then
		systemctl status --no-pager --lines=0 -- "$1" || true
		journalctl --sync || true
		journalctl --no-pager -o cat -n 30 --since "$since" -u "$1" || true
		fail "$1 did not $verb"
	fi
	unit=$1
	shift 4
	[ $# -eq 0 ] || await_force "$unit" "$@"
	rm -f -- "$STATE/pending/$unit"
}

# await_force UNIT WORD...: until the command agrees that the unit runs what its
# files say. A reload that is refused is often a line in a log and nothing else.
# Who does not answer at all is busy, and has more time: BIND is silent for a
# minute after it has dropped ten thousand records of a signed zone.
await_force() {
	local deadline patience said status unit
	unit=$1
	shift
	clock
	deadline=$((now + 2000)) patience=$((now + 18000))
	while :; do
		status=0
		said=$(timeout 20 "$@" 2>&1 </dev/null) || status=$?
		[ "$status" != 0 ] || return 0
		clock
		if [ "$status" = 124 ] && [ "$now" -lt "$patience" ]; then
			deadline=$((now + 2000))
		elif [ "$now" -ge "$deadline" ]; then
			printf '%s\n' "$said"
			fail "$unit did not take its new configuration"
		fi
		sleep 0.1
	done
}
