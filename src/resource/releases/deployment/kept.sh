# Which releases one can go back to.

# kept_releases ROOT: those one can go back to, the last one first: since when, and
# whether it is the current one.
kept_releases() {
	local current file id serves time
	current=$(readlink -- "$1/current" || true)
	find "$1/releases" -mindepth 1 -maxdepth 1 -name '*.used' -printf '%T@ %f\n' 2>/dev/null | sort -rn |
		while read -r time file; do
			id=${file%.used}
			[ -e "$1/releases/$id/.foobar-stack-complete" ] || continue
			serves=no
			[ "$id" != "${current##*/}" ] || serves=yes
			printf '%s\037%s\037%s\n' "$id" "${time%%.*}" "$serves"
		done
}
