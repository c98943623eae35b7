# How the server is doing, once a second: a block of lines of fields that ends
# with a line "end".
#
# rounds: how many; units: patterns of units, a line each. After look.sh.
#
# shellcheck shell=dash disable=SC2154

everything() {
	local group name
	printf 'at\037%s\n' "$(first /proc/uptime)"
	printf 'processors\037%s\n' "$(first /proc/stat)"
	printf 'memory\037%s\037%s\n' "$(value /proc/meminfo MemTotal:)" "$(value /proc/meminfo MemAvailable:)"
	printf 'load\037%s\n' "$(first /proc/loadavg)"
	printf '%s\n' "$running" | while IFS="$tab" read -r group name; do
		[ -z "$group" ] || [ -z "$name" ] || unit_sample "$group" "$name"
	done
	database_sample
	nginx_sample
	echo end
}

set -f
while [ "$rounds" -gt 0 ]; do
	# A pattern is the word of a line; units have no blanks. Slots come and go, so they
	# are asked for each time.
	# shellcheck disable=SC2086
	running=$(show_units $units | groups)
	everything
	rounds=$((rounds - 1))
	[ "$rounds" = 0 ] || sleep 1
done
