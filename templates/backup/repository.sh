# Managed by foobar-stack (role backup): changes made here are overwritten.
#
# The repository of backups, by restic: what is stored there, listed, and removed.
#
# shellcheck shell=dash disable=SC2154

# What restic remembers of repositories.
export RESTIC_CACHE_DIR=/var/cache/foobar-stack/restic

# repository WORD...: restic, with the repository and its key.
repository() {
	restic --repo "$repository" --password-file "$SETTINGS/key" "$@"
}

# asked WORD...: the same; what it says is kept in $said. A lock that a dead process has left is
# removed first, one of a living process is not: restic knows them apart.
asked() {
	said=$(repository "$@" 2>&1) && return
	case $said in
	*'already locked'*)
		repository unlock --quiet 2>/dev/null
		said=$(repository --retry-lock 5m "$@" 2>&1) && return
		;;
	esac
	return 1
}

# open_repository: whether it is there and the key is the right one; else $why.
open_repository() {
	asked cat config && return
	why="the repository $repository does not open: $(reason)"
	return 1
}

# reason: the last thing that restic has said, without what it says of its tries.
reason() {
	printf '%s\n' "$said" | sed -n 's/^Fatal: //; /./p' | grep -v '^Is there a repository' | tail -n 1
}

# init_repository: makes it, if there is none.
init_repository() {
	open_repository && return
	case $said in
	*'wrong password'* | *'no key found'*)
		why="there is a repository in $repository already, and the key of this server does not open it: give its key in backup.repository_key, or choose another place"
		return 1
		;;
	esac
	asked init && return
	why="no repository can be made in $repository: $(reason)"
	return 1
}

# store_data ID: what $WORK/paths names, as a snapshot. $said is what restic reported, a line of
# JSON each.
store_data() {
	local tries status
	tries=0
	while :; do
		repository unlock --quiet 2>/dev/null
		status=0
		said=$(repository backup --json --host foobar-stack --tag "data,id=$1" \
			--exclude-caches --files-from-verbatim "$WORK/paths" 2>"$WORK/said") || status=$?
		tries=$((tries + 1))
		# 3: a file went away, or changed its name, before it was read.
		if [ "$status" != 3 ] || [ "$tries" = 3 ]; then break; fi
	done
	if [ "$status" != 0 ]; then
		said=$(cat -- "$WORK/said")
		why="restic ended with $status: $(reason)"
	fi
	rm -f -- "$WORK/said"
	return "$status"
}

# summary: the snapshot, the number of files, and of bytes that store_data has read.
summary() {
	printf '%s\n' "$said" | jq -r 'select(.message_type == "summary") |
		"\(.snapshot_id) \(.total_files_processed) \(.total_bytes_processed)"'
}

# store_manifest TAGS: from standard input.
store_manifest() {
	said=$(repository backup --quiet --host foobar-stack --tag "manifest,$1" \
		--stdin --stdin-filename manifest 2>&1) && return
	why="the manifest could not be stored: $(reason)"
	return 1
}

# snapshots TAG: those with the tag, a line of JSON each, the oldest first.
snapshots() {
	repository snapshots --json --no-lock --tag "$1" | jq -c 'sort_by(.time)[]'
}

# tag_of NAME: a filter of jq for the value of a tag.
tag_of() {
	# shellcheck disable=SC2016 # it is jq's
	printf '(.tags | map(select(startswith("%s="))) | first // "" | ltrimstr("%s="))' "$1" "$1"
}

# list_backups: `ID FILES BYTES` of each, and `proven` at the last one that was restored.
list_backups() {
	open_repository || {
		printf '%s\n' "$why" >&2
		exit 1
	}
	snapshots manifest | jq -r --arg proven "$(cut -d ' ' -f 2 "$WORK/record/proven" 2>/dev/null)" \
		"$(tag_of id) as \$id | [\$id, $(tag_of files), $(tag_of bytes),
		if \$id == \$proven then \"proven\" else \"\" end] | join(\" \")"
}

# retire: removes the backups that are not to be kept any more, never the last one that was
# proven; and data without a manifest.
retire() {
	local kept proven gone
	proven=$(sed 's/^[0-9]* //' "$WORK/record/proven" 2>/dev/null)
	# shellcheck disable=SC2086 # words
	kept=$(repository forget --json --dry-run --host foobar-stack --tag manifest --group-by host $keep |
		jq -r "[.[].keep // [] | .[] | $(tag_of id)] | .[]") || {
		why='restic could not say which'
		return 1
	}
	gone=$(repository snapshots --json --no-lock --host foobar-stack | jq -r --arg kept "$kept $proven" \
		"(\$kept | split(\"[ \\n]+\"; null)) as \$kept | .[] |
		select(.tags // [] | index(\"data\") or index(\"manifest\")) |
		select($(tag_of id) as \$id | \$kept | index(\$id) | not) | .id")
	[ -z "$gone" ] && return
	# shellcheck disable=SC2086 # ids
	asked forget --prune --quiet $gone && return
	why=$(reason)
	return 1
}

# add_key: a password more, from standard input: the recovery key.
add_key() {
	local file
	file=$(mktemp)
	trap 'rm -f -- "$file"' EXIT
	cat >"$file"
	asked key add --new-password-file "$file" --user recovery --host foobar-stack || {
		reason >&2
		exit 1
	}
}

# try_key: whether the password of standard input opens it.
try_key() {
	local file
	file=$(mktemp)
	trap 'rm -f -- "$file"' EXIT
	cat >"$file"
	restic --repo "$repository" --password-file "$file" --no-lock cat config >/dev/null
}
