# Files, on the server.

# digest_files PATH...: of each file `same` if its digest stands in $known, else its digest.
# `shipped`: as a package has brought it. The texts of those that differ come last, as one archive,
# but for large ones.
digest_files() {
	local odd path
	odd=
	for path do [ -f "$path" ] || odd=yes; done
	if [ -n "$odd" ]; then
		for path do
			shift
			[ ! -f "$path" ] || set -- "$@" "$path"
		done
	fi
	[ $# -eq 0 ] || judge_digests "$(sha256sum -- "$@" 2>/dev/null)"
}

# judge_digests DIGESTS: what is known of each digest, and more of the files that differ. They come
# in the order in which $known has them, so that both are read once.
judge_digests() {
	local differing digests line path
	digests=$1
	local IFS='
'
	set -f
	# shellcheck disable=SC2086 # lines
	set -- $known
	differing=
	for line in $digests; do
		path=${line#*  }
		while [ $# -gt 0 ] && [ "${1#*  }" != "$path" ]; do shift; done
		if [ "${1-}" = "$line" ]; then
			printf 'same\037%s\n' "$path"
		else
			printf 'digest\037%s\037%s\n' "${line%% *}" "$path"
			differing=$differing$path$IFS
		fi
	done
	# shellcheck disable=SC2086 # lines
	set -- $differing
	set +f
	[ $# -eq 0 ] || describe_files "$@"
}

# describe_files PATH...: which of them a package has brought, and what stands in them.
describe_files() {
	probe_shipped "$@"
	printf 'texts\037'
	find "$@" -maxdepth 0 -type f -size -131073c -print0 |
		tar -czf - -P --hard-dereference --null --no-recursion --verbatim-files-from -T - 2>/dev/null |
		base64 -w 0
	printf '\n'
}

# --- steps: no probe needs what follows ---

# put_file PAYLOAD PATH MODE OWNER GROUP: written beside its place with owner
# and mode set, on disk, then renamed; what stood there is kept with the run.
put_file() {
	local new
	if [ -d "$2" ] && [ ! -L "$2" ]; then
		fail "$2 is a folder, a file should be there; move it away"
	fi
	make_parents "$2"
	keep "$2"
	new=${2%/*}/.${2##*/}.foobar-stack
	install -T -m "$3" -o "$4" -g "$5" -- "$RUN/payload/$1" "$new"
	sync -- "$new"
	mv -fT -- "$new" "$2"
}
