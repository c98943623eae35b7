# What a probe asks of releases; mark.sh comes first.

# probe_release PATH ID...: whether release ID is there, whole, and which of its
# files were changed since (ten at most). If it is not there: which are kept, the
# manifest of the one that serves, and what of that was changed: the wanted one
# can be made of it. And the releases that are ours, with when each was last proven; 0
# for one that never was.
probe_release() {
	local current edited
	while [ $# -gt 0 ]; do
		if is_release "$1" "$2"; then
			printf 'wanted\037%s\037present\n' "$1"
			edited=$(edited_in "$1/releases/$2" "edited\037$1\037")
			[ -z "$edited" ] || printf '%s\n' "$edited" | LC_ALL=C sort | head -n 10
		else
			printf 'wanted\037%s\037absent\n' "$1"
			probe_base "$1"
		fi
		current=$(readlink -- "$1/current") || true
		printf 'current\037%s\037%s\n' "$1" "${current##*/}"
		probe_kept "$1"
		shift 2
	done
}

probe_kept() {
	local id path root time used
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
	[ $# -gt 0 ] || return 0
	used=$(stat -c '%Y %n' -- "$@")
	while read -r time path; do
		path=${path##*/}
		printf 'kept\037%s\037%s\037%s\n' "$root" "$time" "${path%.used}"
	done <<-END
		$used
	END
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
	local changed complete folder line made prefix shared
	folder=$1 prefix=$2 complete=$1/.foobar-stack-complete
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
	[ -n "$changed" ] || return 0
	while IFS= read -r line; do
		case $line in
		'kept '*) ! is_whole "$folder" "${line#kept }" || continue ;;
		esac
		printf "$prefix%s\n" "${line#* }"
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
