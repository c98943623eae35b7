# What a probe asks of deployments.

# probe_current NAME ROOT: which release is current.
probe_current() {
	local current reaction
	if exists "$2/current" && [ ! -L "$2/current" ]; then
		printf 'taken\037%s\037%s\n' "$1" "$2/current"
	fi
	current=$(readlink -- "$2/current") || true
	printf 'current\037%s\037%s\n' "$1" "${current##*/}"
	if IFS= read -r reaction 2>/dev/null <"$STATE/pending/$1"; then
		printf 'pending\037%s\037%s\n' "$1" "$reaction"
	fi
}

# probe_changed PATH...: when each was last changed.
probe_changed() {
	local path
	for path do
		shift
		if exists "$path"; then set -- "$@" "$path"; fi
	done
	[ $# -eq 0 ] || stat --printf 'changed\037%.9Z\037%n\n' -- "$@"
}

# probe_listening PORT HEX...: those of the ports on which somebody listens; the kernel
# writes them in hexadecimal (proc_pid_net(5)).
probe_listening() {
	local listening
	listening=$(grep -hs ':0000 0A ' /proc/net/tcp /proc/net/tcp6) || true
	while [ $# -gt 0 ]; do
		case $listening in *":$2 "*) printf 'listening\037%s\n' "$1" ;; esac
		shift 2
	done
}

# probe_files PATH...: their lines, each after its path.
probe_files() {
	local path
	printf 'files\n'
	for path do
		shift
		if [ -f "$path" ]; then set -- "$@" "$path"; fi
	done
	[ $# -eq 0 ] || grep -H '' -- "$@" || true
}

# probe_units UNIT...: what systemd says of them; show_units comes first.
probe_units() {
	local status
	printf 'show\n'
	status=0
	(show_units "$@") || status=$?
	late "$status" systemctl
	return "$status"
}
