# Managed by foobar-stack (role backup): changes made here are overwritten.
#
# Further repositories: each gets copies of the backups that are made in the first one, and the log
# of the database, and has a record, a retention and a key of its own. One that cannot be reached
# does not keep the others from having theirs, and catches up later. A part of the program backup.
#
# Whatever works on a repository works on that of $repository, with $number (1 is the first), and
# $place for what is to be remembered of it.
#
# shellcheck shell=dash disable=SC2154

# at NUMBER FUNCTION WORD...: does it with that repository.
at() {
	local number repository place address count
	number=$1 place=$WORK repository=$origin count=1
	for address in $copies; do
		count=$((count + 1))
		[ "$count" != "$number" ] || repository=$address place=$WORK/copies/$number
	done
	shift
	"$@"
}

# each FUNCTION WORD...: does it with each repository, whatever comes of the others; fails if one
# has.
each() {
	local status
	status=0
	at 1 "$@" || status=1
	each_copy "$@" || status=1
	return "$status"
}

# each_copy FUNCTION WORD...: the same with the further ones.
each_copy() {
	local status count address
	status=0 count=1
	for address in $copies; do
		count=$((count + 1))
		at "$count" "$@" || status=1
	done
	return "$status"
}

# enter_address ADDRESS: what is done from now on is done with that one. Else $why.
enter_address() {
	local address
	repository=$1 number=1 place=$WORK
	[ "$1" != "$origin" ] || return 0
	for address in $copies; do
		number=$((number + 1))
		place=$WORK/copies/$number
		[ "$address" != "$repository" ] || return 0
	done
	why="this server has no repository $1, but $origin$copies; was the inventory applied?"
	return 1
}

# open_copies: those of the settings, and no others. One that cannot be opened is recorded, and the
# next backup tries again.
open_copies() {
	local path number count
	# shellcheck disable=SC2086 # addresses
	set -- $copies
	count=$(($# + 1))
	set +f
	for path in "$WORK"/copies/* "$WORK"/record/copy.*; do
		number=$(printf '%s\n' "${path##*/}" | cut -d . -f 2)
		[ "$number" -le "$count" ] 2>/dev/null || rm -rf -- "$path"
	done
	set -f
	each_copy open_copy || true
}

# open_copy: it is there, and made if it has never been; else $why, recorded.
open_copy() {
	mkdir -p -m 700 -- "$place"
	if [ "$repository" = "$(cat "$place/repository" 2>/dev/null)" ]; then
		open_repository && keep_key && return
	else
		# What was recorded of another one is not true of this one.
		forget_record
		record address "$(date +%s) $repository"
		if init_repository; then
			record initialised "$(date +%s)"
			printf '%s\n' "$repository" | replace "$place/repository"
			keep_key
			return
		fi
	fi
	record failed "$(date +%s) $why"
	return 1
}

# forget_record: all that is remembered of this copy.
forget_record() {
	local path
	set +f
	for path in "$WORK/record/copy.$number".* "$place"/*; do
		[ "$path" = "$place/key" ] || [ "$path" = "$place/append-only" ] || rm -rf -- "$path"
	done
	set -f
}

# make_copies: all of them have what the first one has; fails if one has not.
make_copies() {
	each_copy make_copy
}

# make_copy: this one has it; else it is recorded why not.
make_copy() {
	local began last
	began=$(date +%s)
	if ! with_room copy_backups; then
		record failed "$(date +%s) $why"
		printf 'the backup is not in %s: %s\n' "$repository" "$why" >&2
		return 1
	fi
	unrecord failed
	note_recovery_key || true
	record succeeded "$(made_at "${last% *}") $last $(($(date +%s) - began))"
	retire || printf 'old backups were not removed from %s: %s\n' "$repository" "$why" >&2
}

# made_at ID: when the backup with that name was made, in seconds.
made_at() {
	date -u -d "$(printf '%s\n' "$1" | sed 's/^\(....\)\(..\)\(..\)T\(..\)\(..\)\(..\)Z$/\1-\2-\3 \4:\5:\6/')" +%s
}

# copy_backups: those of the first repository that are younger than the newest one here; the oldest
# first, and the data before the manifest: what is cut off goes on where it was. $last is the newest
# one of all and its bytes. Else $why.
copy_backups() {
	local newest missing id data manifest
	copied || return
	newest=$(printf '%s\n' "$said" | jq -r "map($(tag_of id)) | max // \"\"")
	at 1 answered snapshots --json --no-lock --host foobar-stack --tag manifest || {
		why=$(at 1 reason)
		return 1
	}
	missing=$(printf '%s\n' "$said" | jq -r --arg newest "$newest" \
		"map([$(tag_of id), $(tag_of data), .id] | select(.[0] > \$newest)) | sort[] | join(\" \")")
	last=$(printf '%s\n' "$said" | jq -r "map([$(tag_of id), $(tag_of bytes)] | join(\" \")) | max // \"\"")
	[ -n "$missing" ] || return 0
	while read -r id data manifest; do
		copy_snapshots "$data" "$manifest" || return
	done <<-END
		$missing
	END
}

# copied: the backups that are here already, as restic lists their manifests, in $said. The
# repository is made if it never was. Else $why.
copied() {
	[ "$repository" = "$(cat "$place/repository" 2>/dev/null)" ] || open_copy || return
	backups && keep_key
}

# copy_snapshots ID...: from the first repository, one after the other; one that is here already is
# passed over. Else $why.
copy_snapshots() {
	local from
	from=$origin
	asked copy --quiet --from-password-file "$SETTINGS/key" "$@" </dev/null && return
	case $said in
	# It is the first one that was read.
	*'ciphertext verification'* | *'hash mismatch'* | *'invalid data'* | *'<data/'*'no such file'*) why=$(at 1 reason) ;;
	*) why=$(reason "a backup cannot be copied from $origin") ;;
	esac
	return 1
}

# with_key add-key|share-key|try-key: what is on standard input is a password. `add-key` has it open
# each repository, `share-key` those that it does not open if it opens one; `try-key` changes
# nothing. Else $why, with status 3 if it opens some.
with_key() {
	local file closed opened
	file=$(mktemp)
	trap 'rm -f -- "$file"' EXIT
	cat >"$file"
	closed='' opened=''
	[ "$1" = add-key ] || each key_at try-key "$file" || true
	if [ "$1" = add-key ] || [ "$1:${opened:+some}:${closed:+some}" = share-key:some:some ]; then
		closed=''
		each key_at add-key "$file" || true
	fi
	[ -n "$closed" ] || return 0
	why=$(printf '%s\n' "$closed" | sed '/^$/d')
	[ -z "$opened" ] || return 3
	return 1
}

# key_at add-key|try-key FILE: the same at this one: $opened, or among $closed why not.
key_at() {
	# shellcheck disable=SC2034 # with_key's
	if try_key "$2" || { [ "$1" = add-key ] && add_key "$2"; }; then
		opened=1
		return
	fi
	closed="$closed
$why"
	return 1
}
