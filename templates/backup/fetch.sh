# Managed by foobar-stack (role backup): changes made here are overwritten.
#
# What a backup holds is read, and nothing here is touched: it is printed for another machine. A
# part of the program backup.
#
# shellcheck shell=dash disable=SC2154

# find_backup ID|newest: $id, and $data, its snapshot. Else $why.
find_backup() {
	backups || return
	read -r id data <<-END
		$(printf '%s\n' "$said" | jq -r --arg wanted "$1" "sort_by(.time)[] |
			$(tag_of id) as \$id | select(\$wanted == \"newest\" or \$id == \$wanted) |
			\"\\(\$id) \\($(tag_of data))\"" | tail -n 1)
	END
	if [ -n "$data" ]; then
		data=$(as_stored "$id" "$data")
		return
	fi
	[ "$1" = newest ] && why='there is no backup yet' ||
		why="there is no backup $1; \`foobar-stack backup list\` shows which there are"
	return 1
}

# nodes FOLDER: what the backup has of it, itself and what is in it: `TYPE PATH`, a line each.
nodes() {
	answered ls --json --no-lock "$data" "$1" || {
		why=$(reason)
		return 1
	}
	printf '%s\n' "$said" | jq -r 'select(.path) | "\(.type) \(.path)"'
}

# fetch ID|newest [PATH]: `backup ID`, then, without a path, `has PATH` of each that a backup begins
# with; else `file` or `folder`, and what it holds in base64: as it is, or as an archive of tar.
fetch() {
	local id data kind near has said_to
	find_backup "$1" || return
	printf 'backup %s\n' "$id"
	if [ -z "${2:-}" ]; then
		answered snapshots --json --no-lock "$data" || {
			why=$(reason)
			return 1
		}
		printf '%s\n' "$said" | jq -r '.[0].paths[] | "has \(.)"'
		return
	fi
	has=$(nodes "$2") || return
	kind=$(printf '%s\n' "$has" | grep -xF -e "dir $2" -e "file $2" | cut -d ' ' -f 1)
	near=$2
	while [ -z "$has" ] && [ -n "$near" ]; do
		near=${near%/*}
		has=$(nodes "${near:-/}") || return
	done
	if [ -z "$kind" ]; then
		why="backup $id does not hold $2; ${near:-/} has there: $(printf '%s\n' "$has" | cut -d ' ' -f 2- |
			grep -vxF -e "${near:-/}" | sed 's|.*/||' | head -n 20 | paste -s -d , | sed 's/,/, /g')"
		return 1
	fi
	[ "$kind" = dir ] && echo folder || echo file
	said_to=$(mktemp)
	{ repository dump --no-lock --archive tar "$data" "$2" 2>"$said_to" || echo >"$said_to.failed"; } | base64 --wrap=65532
	said=$(cat -- "$said_to")
	rm -f -- "$said_to"
	exists "$said_to.failed" || return 0
	rm -f -- "$said_to.failed"
	why="$2 cannot be read from backup $id: $(reason)"
	return 1
}
