# Zones, on the server; the rest stands in file.sh.

# probe_zone PATH...: the places, each file's bytes, and the last serial that a run has
# published, which may have been undone.
probe_zone() {
	local path serial
	probe_paths "$@" || return
	for path do
		if read -r serial _ 2>/dev/null <"$STATE/serials/${path##*/}"; then
			printf 'serial\037%s\037%s\n' "$path" "$serial"
		fi
		[ -f "$path" ] || continue
		printf 'text\037%s\037' "$path"
		base64 -w 0 -- "$path" || return
		printf '\n'
	done
}

# --- steps: no probe needs what follows ---

# put_zone PAYLOAD PATH MODE OWNER GROUP SERIAL UNDO UNDO-SERIAL: UNDO is the payload with
# what is there now under a later serial; empty if nothing is.
put_zone() {
	note zone "$2" "$7" "$8"
	publish_serial "$2" "$6"
	put_file "$1" "$2" "$3" "$4" "$5"
}
