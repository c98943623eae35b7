# Logs: entries of the journal in JSON, lines of files with their path before them.
#
# follow: whether to go on; lines: how many of each file.
#
# shellcheck shell=dash disable=SC2154

# file_lines FILE: its last lines.
file_lines() {
	local line
	[ -r "$1" ] || [ -n "$follow" ] || return 0
	# By its name, also after it was rotated.
	tail -q -n "$lines" ${follow:+-F} -- "$1" 2>/dev/null |
		while IFS= read -r line; do printf 'file\037%s\037%s\n' "$1" "$line"; done
}

# show_logs FILE... -- OPTION...: options of journalctl, none without units.
show_logs() {
	local following status
	following=
	while [ "$1" != -- ]; do
		if [ -n "$follow" ]; then
			file_lines "$1" &
			following="$following $!"
		else
			file_lines "$1"
		fi
		shift
	done
	shift
	case $* in
	*--unit=*)
		journalctl --quiet --no-pager --output=json --all \
			--output-fields=MESSAGE,SYSLOG_IDENTIFIER,_PID,_SYSTEMD_UNIT,UNIT,PRIORITY "$@"
		;;
	*) : ;;
	esac
	status=$?
	# shellcheck disable=SC2086
	[ -z "$following" ] || wait $following
	return "$status"
}
