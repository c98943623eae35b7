# Commands that run once for a key, on the server.

# probe_command NAME KEY FORMERLY...: KEY if the command has run for it, under its name or the one
# of before, which may be empty; else the key of its last success.
probe_command() {
	local key last name
	while [ $# -gt 0 ]; do
		last=
		for name in "$1" ${3:+"$3"}; do
			[ -e "$STATE/commands/$name" ] || continue
			while IFS= read -r key; do
				last=${last:-$key}
				if [ "$key" = "$2" ]; then
					last=$key
					break 2
				fi
			done <"$STATE/commands/$name"
		done
		printf 'done\037%s\037%s\n' "$1" "$last"
		shift 3
	done
}

# --- steps: no probe needs what follows ---

# run_once NAME KEY WORD...: the words are those of systemd-run; the key counts when the
# run is proven (record_commands in executor.sh). A command that ends with 69 (EX_UNAVAILABLE of
# sysexits.h) could not do it and has changed nothing: nothing of it stays when the run is undone.
run_once() {
	local key name status
	name=$1 key=$2 status=0
	shift 2
	note ran "$name"
	systemd-run --quiet --collect --pipe --wait --service-type=exec "$@" </dev/null || status=$?
	if [ "$status" != 0 ]; then
		[ "$status" != 69 ] || note idle "$name"
		return "$status"
	fi
	printf '%s\n' "$key" >"$RUN/payload/ran-$name"
}
