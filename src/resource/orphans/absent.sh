# Paths at which nothing should be, on the server.

# probe_absent PATH...: the places; `shipped`: as a package has brought it, or led to what is.
probe_absent() {
	local path target
	probe_paths "$@" || return
	for path do
		shift
		if [ -L "$path" ]; then
			if target=$(readlink -e -- "$path") && is_as_shipped "$target"; then
				printf 'shipped\037%s\n' "$path"
			fi
		elif [ -f "$path" ]; then
			set -- "$@" "$path"
		fi
	done
	probe_shipped "$@"
}

# --- steps: no probe needs what follows ---

# remove_path PATH: a file or link; what stood there is kept with the run.
remove_path() {
	if [ -d "$1" ] && [ ! -L "$1" ]; then
		fail "$1 is a folder; remove it by hand if nothing in it is needed"
	fi
	keep "$1"
	rm -f -- "$1"
}

# discard_path PATH: the same after the proof, when nothing is undone any more.
discard_path() {
	if [ -d "$1" ] && [ ! -L "$1" ]; then
		fail "$1 is a folder; remove it by hand if nothing in it is needed"
	fi
	rm -f -- "$1"
	forget path "$1"
}
