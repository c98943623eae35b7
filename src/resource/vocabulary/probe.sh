# The frame of the probe: each kind's answers stand between begin and end.
# Fields of a line are parted by the unit separator (octal 037).

# How many seconds whoever is asked has for an answer.
PATIENCE=10

# in_time COMMAND WORD...: its output; one that does not answer in time is named.
in_time() {
	local status
	status=0
	timeout --kill-after=1 "$PATIENCE" "$@" || status=$?
	case $status in 124 | 137) printf '%s has not answered in %s s\n' "$1" "$PATIENCE" ;; esac
	return "$status"
}

begin() {
	printf '\036begin %s\n' "$1"
}

end() {
	printf '\036end %s\n' "$1"
}

# exists PATH: true for anything at PATH, a dangling link, too.
exists() {
	[ -e "$1" ] || [ -L "$1" ]
}

# is_as_shipped PATH: a package has brought the file, and nobody has changed it.
is_as_shipped() {
	local digest
	digest=$(md5sum -- "$1") &&
		grep -qsF -- " $1 ${digest%% *}" /var/lib/dpkg/status
}

# probe_paths PATH...: of each path either `absent PATH` or type, mode, owner,
# group, link target and name; one stat for all of them.
probe_paths() {
	local path
	for path do
		if ! exists "$path"; then
			printf 'absent\037%s\n' "$path"
		fi
	done
	for path do
		shift
		if exists "$path"; then set -- "$@" "$path"; fi
	done
	[ $# -eq 0 ] || stat --printf '%F\037%a\037%U\037%G\037%n\n' -- "$@"
}
