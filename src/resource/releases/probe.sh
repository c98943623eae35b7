# What a probe asks of releases; mark.sh comes first.

# probe_release PATH ID...: whether release ID is there, whole, and which of its
# files were changed since (ten at most). If it is not there: which are kept, the
# manifest of the one that serves, and what of that was changed: the wanted one
# can be made of it. And the releases that are ours, with when each was last proven; 0
# for one that never was.
probe_release() {
	local changed
	while [ $# -gt 0 ]; do
		if is_release "$1" "$2"; then
			printf 'wanted\037%s\037present\n' "$1"
			changed_in "$1/releases/$2"
			[ -z "$changed" ] || print_edited "$1/releases/$2" "edited\037$1\037" | LC_ALL=C sort | head -n 10
		else
			printf 'wanted\037%s\037absent\n' "$1"
			probe_base "$1"
		fi
		probe_kept "$1"
		shift 2
	done
}

# probe_kept ROOT: which of its releases serves, and those that are ours.
probe_kept() {
	local current id name root time used word
	root=$1
	shift
	for id in "$root"/releases/*/.foobar-stack-complete; do
		id=${id%/*}
		id=${id##*/}
		is_release "$root" "$id" || continue
		if [ -e "$root/releases/$id.used" ]; then
			set -- "$@" "$root/releases/$id.used"
		else
			printf 'kept\037%s\0370\037%s\n' "$root" "$id"
		fi
	done
	[ ! -L "$root/current" ] || set -- "$@" "$root/current"
	current=
	[ $# -eq 0 ] || used=$(find "$@" -maxdepth 0 \( -name current -printf 'current %l\n' -o -printf '%f %T@\n' \))
	while read -r name time; do
		case $name in
		'') ;;
		current) current=${time##*/} ;;
		*) printf 'kept\037%s\037%s\037%s\n' "$root" "${time%.*}" "${name%.used}" ;;
		esac
	done <<-END
		${used-}
	END
	printf 'current\037%s\037%s\n' "$root" "$current"
}

# probe_base PATH: one that too much was changed in is none.
probe_base() {
	local base edited folder
	base=$(readlink -- "$1/current") || true
	base=${base##*/}
	folder=$1/releases/$base
	[ -n "$base" ] && is_release "$1" "$base" || return 0
	edited=$(edited_in "$folder" "changed\037$1\037" | LC_ALL=C sort | head -n 1001)
	if [ "$(printf '%s\n' "$edited" | wc -l)" -le 1000 ]; then
		printf 'base\037%s\037%s\n%s\n' "$1" "$base" "$edited"
		printf 'manifest\037%s\037%s\n' "$1" "$(gzip -c -- "$folder/.foobar-stack-manifest" | base64 -w 0)"
	fi
}

# edited_in FOLDER PREFIX: what was changed since the release was complete; of a
# folder, in which something came or went, its path and a slash. In no order. What Python keeps
# beside code that somebody has it run is no change, nor that it came. Of a file that releases share,
# the date of its content alone says something: the other one changes with each release that has it.
edited_in() {
	local changed
	changed_in "$1"
	[ -z "$changed" ] || print_edited "$@"
}

# changed_in FOLDER: that as $changed, which is the caller's, before a look at what Python keeps.
changed_in() {
	local complete folder made shared
	folder=$1 complete=$1/.foobar-stack-complete
	set --
	if [ -e "$folder/.foobar-stack-shared" ]; then
		shared=$(cut -f 2 -- "$folder/.foobar-stack-shared")
		while IFS= read -r made; do
			set -- "$@" -o -path "$folder/$made" -o -path "$folder/$made/*"
		done <<-END
			$shared
		END
	fi
	changed=$(find "$folder" -type d -name __pycache__ -prune -o ! -name .foobar-stack-complete \
		\( ! -type d \( -false "$@" \) -newermc "$complete" -printf 'changed %P\n' \
		-o \( -type d -o ! \( -false "$@" \) \) -newercc "$complete" \
		\( -type d \( -exec test {}/__pycache__ -nt "$complete" \; -printf 'kept %P/\n' \
		-o -printf 'changed %P/\n' \) -o -printf 'changed %P\n' \) \))
}

# print_edited FOLDER PREFIX: what changed_in has found.
print_edited() {
	local line
	while IFS= read -r line; do
		case $line in
		'kept '*) ! is_whole "$1" "${line#kept }" || continue ;;
		esac
		printf "$2%s\n" "${line#* }"
	done <<-END
		$changed
	END
}

# is_whole FOLDER PATH/: what the release was made of that stood in this folder of it stands there.
is_whole() {
	local path tab
	tab=$(printf '\t')
	sed -n "s/^[fx] .\{66\}//p; s/^l [^$tab]*$tab//p" "$1/.foobar-stack-manifest" |
		while IFS= read -r path; do
			case $path in
			"${2#/}"*/*) ;;
			"${2#/}"*) [ -e "$1/$path" ] || [ -L "$1/$path" ] || exit 1 ;;
			esac
		done
}
