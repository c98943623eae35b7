# Commands that run once for a key, on the server.

# probe_command NAME KEY...: KEY if the command has run for it, else the key of its
# last success.
probe_command() {
	while [ $# -gt 0 ]; do
		last=
		if [ -e "/var/lib/foobar-stack/commands/$1" ]; then
			while IFS= read -r key; do
				last=${last:-$key}
				if [ "$key" = "$2" ]; then
					last=$key
					break
				fi
			done <"/var/lib/foobar-stack/commands/$1"
		fi
		printf 'done\037%s\037%s\n' "$1" "$last"
		shift 2
	done
}

# run_once NAME KEY WORD...: the words are those of systemd-run; the key is
# noted when the command has ended well. The last fifty are remembered: who goes
# back to one of them has had it already.
run_once() {
	name=$1 key=$2
	shift 2
	systemd-run --quiet --collect --pipe --wait --service-type=exec "$@" </dev/null
	mkdir -p -m 700 -- "$STATE/commands"
	{
		printf '%s\n' "$key"
		grep -vxF -e "$key" -- "$STATE/commands/$name" 2>/dev/null | head -n 49 || true
	} >"$STATE/commands/.$name.new"
	mv -fT -- "$STATE/commands/.$name.new" "$STATE/commands/$name"
}
