# Commands that run once for a key, on the server.

# probe_command NAME...: the key of each one's last success.
probe_command() {
	for name do
		if IFS= read -r key 2>/dev/null <"/var/lib/foobar-stack/commands/$name"; then
			printf 'done\037%s\037%s\n' "$name" "$key"
		else
			printf 'never\037%s\037\n' "$name"
		fi
	done
}

# run_once NAME KEY WORD...: the words are those of systemd-run; the key is
# noted when the command has ended well.
run_once() {
	name=$1 key=$2
	shift 2
	systemd-run --quiet --collect --pipe --wait --service-type=exec "$@" </dev/null
	mkdir -p -m 700 -- "$STATE/commands"
	printf '%s\n' "$key" >"$STATE/commands/.$name.new"
	mv -fT -- "$STATE/commands/.$name.new" "$STATE/commands/$name"
}
