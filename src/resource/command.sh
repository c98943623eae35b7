# Commands that run once for a key, on the server.

# probe_command NAME KEY...: KEY if the command has run for it, else the key of its
# last success.
probe_command() {
	local key last
	while [ $# -gt 0 ]; do
		last=
		if [ -e "$STATE/commands/$1" ]; then
			while IFS= read -r key; do
				last=${last:-$key}
				if [ "$key" = "$2" ]; then
					last=$key
					break
				fi
			done <"$STATE/commands/$1"
		fi
		printf 'done\037%s\037%s\n' "$1" "$last"
		shift 2
	done
}

# --- steps: no probe needs what follows ---

# run_once NAME KEY WORD...: the words are those of systemd-run; the key counts when the
# run is proven (record_commands in executor.sh).
run_once() {
	local key name
	name=$1 key=$2
	shift 2
	note ran "$name"
	systemd-run --quiet --collect --pipe --wait --service-type=exec "$@" </dev/null
	printf '%s\n' "$key" >"$RUN/payload/ran-$name"
}
