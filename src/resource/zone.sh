# Zones, on the server; the rest stands in file.sh.

# probe_zone PATH...: the places, and each file's bytes.
probe_zone() {
	probe_paths "$@" || return
	for path do
		[ -f "$path" ] || continue
		printf 'text\037%s\037' "$path"
		base64 -w 0 -- "$path" || return
		printf '\n'
	done
}
