# The frame of the probe: each kind's answers stand between begin and end.
# Fields of a line are parted by the unit separator (octal 037).

# How many seconds whoever is asked has for an answer.
PATIENCE=10

# in_time COMMAND WORD...: its output. It takes the place of the shell, so that it is called in one
# of its own, as a substitution has.
in_time() {
	exec timeout --kill-after=1 "$PATIENCE" "$@"
}

# late STATUS COMMAND: says so, if in_time ended with this since the command did not answer.
late() {
	case $1 in 124 | 137) printf '%s has not answered in %s s\n' "$2" "$PATIENCE" ;; esac
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

# probe_shipped PATH...: `shipped` and the path of each file that is as a package has brought it.
probe_shipped() {
	[ $# -eq 0 ] || md5sum -- "$@" 2>/dev/null | awk '
		NR == FNR { brought[substr($0, 35)] = substr($0, 1, 32); next }
		$1 in brought && brought[$1] == $2 { print "shipped\037" $1 }
	' - /var/lib/dpkg/status
}

# probe_paths PATH...: of each path either `absent PATH` or type, mode, owner,
# group, link target and name; one stat for all of them. It says nothing of one that went in
# between.
probe_paths() {
	local path
	for path do
		exists "$path" || printf 'absent\037%s\n' "$path"
	done
	[ $# -eq 0 ] || stat --printf '%F\037%a\037%U\037%G\037%n\n' -- "$@" 2>/dev/null || :
}
