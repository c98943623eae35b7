# How a database server takes settings while it runs; client.sh and steps.sh come first.

# note_taken UNIT START TEXT...: with this start, as systemd calls it, the server has
# taken one of these texts. On disk when this returns, before the file is touched.
note_taken() {
	local noted
	noted=$STATE/settings/$1
	shift
	mkdir -p -m 700 -- "$STATE/settings"
	printf '%s\n' "$@" | replace "$noted"
	sync -- "$STATE/settings" "$STATE"
}

# settings_taken UNIT PATH: it runs with what the file says now.
settings_taken() {
	local start
	start=$(unit_property "$1" InvocationID)
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
