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
