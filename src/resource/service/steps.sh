# How services are started, reloaded and set up; the steps of the database come first.

# activate_service UNIT enable|disable|leave start|reload|restart|keep BACK WORD...: at
# most one of start, reload and restart; then it must run, and run what its files
# say, if there is a command to ask that. BACK undoes that.
activate_service() {
	boot=$(systemctl show --value -p UnitFileState -- "$1")
	if systemctl is-active --quiet -- "$1"; then active=active; else active=inactive; fi
	[ $# -le 4 ] || (shift 4 && printf '%s\0' "$@") >"$RUN/asks-$1"
	note unit "$1" "$active" "${boot:-disabled}" "$4"
	[ "$active" = active ] || made service "$1"
	if [ "$2" != leave ]; then
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
await_force() {
	unit=$1
	shift
	clock
	deadline=$((now + 2000))
	until said=$(timeout 20 "$@" 2>&1 </dev/null); do
		clock
		if [ "$now" -ge "$deadline" ]; then
			printf '%s\n' "$said"
			fail "$unit did not take its new configuration"
		fi
		sleep 0.1
	done
}

# note_taken UNIT START TEXT...: with this start, as systemd calls it, the server has
# taken one of these texts. On disk when this returns, before the file is touched.
note_taken() {
	noted=$STATE/settings/$1
	shift
	mkdir -p -m 700 -- "$STATE/settings"
	printf '%s\n' "$@" | replace "$noted"
	sync -- "$STATE/settings" "$STATE"
}

# settings_taken UNIT PATH: it runs with what the file says now.
settings_taken() {
	start=$(systemctl show --value -p InvocationID -- "$1")
	note_taken "$1" "$start" "$(base64 -w 0 -- "$2")"
}

# settings_coming UNIT PATH: it may run with that, or still with something of before.
settings_coming() {
	mkdir -p -m 700 -- "$STATE/settings"
	{ cat -- "$STATE/settings/$1" && base64 -w 0 -- "$2" && echo; } | replace "$STATE/settings/$1"
}

# take_settings UNIT PATH STATEMENTS BACK: the server takes its file while it runs.
# BACK undoes that.
take_settings() {
	note settings "$1" "$2" "$4"
	settings_coming "$1" "$2"
	[ -z "$3" ] || run_sql "$3"
	settings_taken "$1" "$2"
}

# forget_settings UNIT STATEMENTS BACK: what the server would start with.
forget_settings() {
	note settings "$1" - "$3"
	run_sql "$2"
}

# undo_settings UNIT PATH BACK: after its file is back, and the unit runs.
undo_settings() {
	[ "$2" = - ] || settings_coming "$1" "$2"
	[ -z "$3" ] || run_sql "$3" || return
	[ "$2" = - ] || settings_taken "$1" "$2"
}
