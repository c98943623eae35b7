# Managed by foobar-stack (role backup): changes made here are overwritten.
#
# The repository of backups, by restic: what is stored there, listed, and removed.
#
# shellcheck shell=dash disable=SC2154

# What restic remembers of repositories.
export RESTIC_CACHE_DIR=/var/cache/foobar-stack/restic

# repository WORD...: restic, with the repository and its key; for $restic_limit seconds at most, if that
# is set: it tries for a quarter of an hour to reach one that does not answer. Words that read
# another repository, too, find it in $from.
repository() (
	RESTIC_REPOSITORY=$(address "$repository")
	export RESTIC_REPOSITORY
	if [ -n "${from:-}" ]; then
		RESTIC_FROM_REPOSITORY=$(address "$from")
		export RESTIC_FROM_REPOSITORY
	fi
	${restic_limit:+timeout "$restic_limit"} restic --password-file "$SETTINGS/key" "$@"
)

# address REPOSITORY: as restic takes it from its environment, which only root sees. Before 0.16.1 it
# knows an account of a rest-server only as a part of the address.
address() {
	case $1:${RESTIC_REST_USERNAME:+named}:$(restic version 2>/dev/null) in
	rest:*:named:'restic 0.1'[0-5].* | rest:*:named:'restic 0.16.0 '*)
		jq -nr --arg address "$1" '$address | capture("^(?<scheme>rest:[a-z]+://)([^/@]*@)?(?<rest>.*)") |
			.scheme + (env.RESTIC_REST_USERNAME | @uri) + ":" + (env.RESTIC_REST_PASSWORD // "" | @uri) + "@" + .rest'
		;;
	*) printf '%s\n' "$1" ;;
	esac
}

# patiently WORD...: the same, and waits for another restic that needs the repository for itself, as
# the one that removes old logs does, where restic can wait (from 0.15 on).
patiently() {
	case $(restic version 2>/dev/null) in
	'restic 0.1'[0-4].*) repository "$@" ;;
	*) repository --retry-lock 5m "$@" ;;
	esac
}

# asked WORD...: the same as repository; what it says is kept in $said. A lock that a dead process has left is
# removed first, one of a living process is not: restic knows them apart.
asked() {
	said=$(repository "$@" 2>&1) && return
	case $said in
	*'already locked'*)
		repository unlock --quiet 2>/dev/null
		said=$(patiently "$@" 2>&1) && return
		;;
	esac
	return 1
}

# answered WORD...: the same for what is read by a program: $said is the answer alone, or, when it
# fails, the error.
answered() {
	said=$(repository "$@" 2>"$WORK/said") && return
	said=$(cat -- "$WORK/said")
	return 1
}

# stated WORD: what the manifest of the backup that is being read says of it, a line each.
stated() {
	sed -n "s/^$1 //p" "$WORK/work/manifest"
}

# keep_key: the key that opens the repository is remembered.
keep_key() {
	cmp -s -- "$SETTINGS/key" "$place/key" || replace "$place/key" <"$SETTINGS/key"
}

# adopt_key: the key of this server may have been made anew: a run that is undone takes the first
# one with it, when the repository has been made already. The one that has opened it lets it in.
adopt_key() {
	[ -s "$place/key" ] && asked --password-file "$place/key" key add --new-password-file "$SETTINGS/key" --host foobar-stack
}

# open_repository: whether it is there and the key is the right one; else $why.
open_repository() {
	local restic_limit refused
	restic_limit=${patience:-60}
	asked cat config && return
	case $said in
	*'wrong password'* | *'no key found'*)
		refused=$said
		adopt_key && return
		said=$refused
		;;
	esac
	why=$(reason "the repository $repository does not open")
	return 1
}

# readable: the same for somebody who wants to read it; $why says where else the backups are.
readable() {
	open_repository && return
	name_others
	return 1
}

# name_others: $why says where else the backups are.
name_others() {
	# shellcheck disable=SC2086 # addresses
	[ "$number" != 1 ] || [ -z "$copies" ] || why="$why; the same backups are in $(printf '%s\n' $copies | paste -s -d , | sed 's/,/, /g'): add --from 2"
}

# backups: those of the repository, as restic lists their manifests, in $said; else $why, as readable
# has it. It is not opened before: each call of restic takes half a second of the processor, since
# it derives a key from the password.
backups() {
	local restic_limit
	restic_limit=60
	set -- snapshots --json --no-lock --host foobar-stack --tag manifest
	answered "$@" && return
	case $said in
	*'wrong password'* | *'no key found'*) open_repository && answered "$@" && return ;;
	*) why=$(reason "the repository $repository does not open") ;;
	esac
	name_others
	return 1
}

# as_stored ID DATA: the snapshot of the data of this backup, which has another name in a copy than
# in the repository that the manifest was made for.
as_stored() {
	local found
	found=$(snapshots "data,id=$1" | jq -r --arg data "$2" \
		'select([.id, .original // ""] | any(startswith($data))) | .id' | tail -n 1)
	printf '%s\n' "${found:-$2}"
}

# cause: the line of what restic has said that names the cause. What it says last is often only
# that it gives up, and before that stands what ssh said, or why it has tried again.
cause() {
	printf '%s\n' "$said" | sed -n \
		-e 's/^{"message_type":"exit_error".*"message":"\(.*\)"}$/Fatal: \1/' \
		-e '/^panic: /{s/^/restic has crashed: /p;q}' \
		-e 's/^subprocess ssh: \(ssh: \)\?/5 /p' \
		-e 's/^[^ ]* returned error, retrying after [^:]*: /4 /p' \
		-e '/^Fatal: .*\(context canceled\|start the sftp session\)/s/^Fatal: /3 /p' \
		-e 's/^Fatal: /6 /p' \
		-e '/^[^3-6]/s/^/2 /p' |
		sed -e '/^2 Is there a repository/d' -e 's/^restic has crashed/9 &/' |
		sort -s -n -k 1,1 | tail -n 1 | cut -d ' ' -f 2-
}

# without_secrets TEXT: what restic gets in its environment is not shown.
without_secrets() (
	text=$1
	set +f
	for file in "$SETTINGS"/environment/*; do
		value=$(cat -- "$file" 2>/dev/null)
		while [ -n "$value" ]; do
			case $text in
			*"$value"*) text="${text%%"$value"*}…${text#*"$value"}" ;;
			*) break ;;
			esac
		done
	done
	printf '%.400s\n' "$text"
)

# reason [WHAT]: why restic has failed, in a line: what is wrong with which repository, as restic
# says it, and what to do. Programs of several kinds have their say there: what is not known is left
# as it is, after the words of $1, which say what has failed.
reason() {
	local text pack
	text=$(without_secrets "$(cause)")
	case $text in
	*'no space left'* | *'No space left'* | *'quota exceeded'* | *'Quota exceeded'*)
		text="the repository $repository is full: ${text##*: }; make room there, or lower backup.keep"
		;;
	*'wrong password'* | *'no key found'*)
		text="the repository $repository does not open with the key of this server: $text; give its key as backup.repository_key, or choose another place"
		;;
	*'ciphertext verification failed'* | *'invalid data'* | *'is damaged'* | *'hash mismatch'* | 'restic has crashed'* | *'<data/'*'no such file'*)
		pack=$(printf '%s\n' "$text" | sed -n 's/.* from \([0-9a-f]\{8,\}\) failed.*/\1/p; s/.*<data\/\([0-9a-f]\{8,\}\)>.*/\1/p')
		text="the repository $repository is damaged${pack:+ in its pack $pack}: ${text##*: }; /usr/local/lib/foobar-stack/backup restic check --read-data on the server says what else, and how it is repaired"
		;;
	*'repository does not exist'* | *'unable to open config file'*'no such file'*)
		text="the repository $repository is not there: ${text##*: }; has its disk been mounted?"
		;;
	*'401 Unauthorized'* | *'403 Forbidden'* | *'Access Denied'* | *'InvalidAccessKeyId'* | *'SignatureDoesNotMatch'*)
		text="the repository $repository does not take this account: $text; look at backup.secrets, and at what that account may do there"
		;;
	*'Permission denied (publickey'* | *'Host key verification'*)
		text="the repository $repository lets this server not in: $text; log in there once as root of this server, with the key that it should have"
		;;
	*'o route to host'* | *refused* | *'timed out'* | *'no such host'* | *'resolve hostname'* | *unreachable* | *'context canceled'* | *'i/o timeout'* | *'sftp session'*)
		text="the repository $repository cannot be reached: $text; look whether that machine is up, and whether its firewall lets this server in"
		;;
	*) text=${1:+$1: }$text ;;
	esac
	printf '%s\n' "$text"
}

# init_repository: makes it, if there is none. A copy cuts files where the first one does, so that
# what is the same in both is.
init_repository() {
	local restic_limit from
	open_repository && return
	case $said in
	*'wrong password'* | *'no key found'*) return 1 ;;
	esac
	restic_limit=60
	set --
	if [ "$number" != 1 ]; then
		from=$origin
		set -- --from-password-file "$SETTINGS/key" --copy-chunker-params
	fi
	if asked init "$@"; then
		# What is remembered is of one that was there before.
		rm -f -- "$place/repository"
		return
	fi
	why=$(reason "no repository can be made in $repository")
	return 1
}

# store_data ID: what $WORK/paths names, as a snapshot. $said is what restic reported, a line of
# JSON each.
store_data() {
	local tries status
	tries=0
	while :; do
		status=0
		said=$(patiently backup --json --host foobar-stack --tag "data,id=$1" \
			--exclude-caches --files-from-verbatim "$WORK/paths" 2>"$WORK/said") || status=$?
		tries=$((tries + 1))
		# 3: a file went away, or changed its name, before it was read.
		if [ "$status" != 3 ] || [ "$tries" = 3 ]; then break; fi
	done
	if [ "$status" != 0 ]; then
		said=$(cat -- "$WORK/said")
		why=$(reason)
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
	said=$(patiently backup --quiet --host foobar-stack --tag "manifest,$1" \
		--stdin --stdin-filename manifest 2>&1) && return
	why=$(reason 'the manifest could not be stored')
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

# proven: the backups that were restored, in a drill or for good, a line each, the last one last.
proven() {
	cut -d ' ' -f 2 "$WORK/record/proven" 2>/dev/null
	cat -- "$WORK/proven" 2>/dev/null
	return 0
}

# prove ID: it was restored, and was what its manifest says.
prove() {
	{
		proven
		printf '%s\n' "$1"
	} | tail -n 100 | replace "$WORK/proven"
}

# list_backups: `ID FILES BYTES` of each, and `proven` at those that were restored.
list_backups() {
	backups || {
		printf '%s\n' "$why" >&2
		exit 1
	}
	printf '%s\n' "$said" | jq -r --arg proven "$(proven)" \
		"(\$proven | split(\"\\n\")) as \$proven | sort_by(.time)[] | $(tag_of id) as \$id | [\$id, $(tag_of files), $(tag_of bytes),
		if \$proven | index(\$id) then \"proven\" else \"\" end] | join(\" \")"
}

# How long the last backup of a database that was restored since is kept, in seconds: as long as its
# logs are, eight weeks.
LIFE_KEPT=4838400

# superfluous POLICY PROVEN: of the snapshots in standard input, as restic lists them, those that
# are not to be kept, a line each: `manifest ID`, and `other ID` of what goes with it. $1 has the
# backups that backup.keep keeps, $2 those that were proven. Beyond the policy are kept
#
# - the newest backup, whatever the policy and the clock say;
# - the newest one that was proven: of any other it is not known whether it can be restored;
# - of each incarnation of the database the newest one. A restore begins a new one, and its first
#   backup may be of the same day as the last of the one before: for the policy one of them would
#   do, but no moment between that last one and the restore could be reached any more. Somebody who
#   has restored the wrong thing wants just these. They are kept while they can be asked for: the
#   incarnation that is going on, and others for LIFE_KEPT after their end.
# - of each series of the database server the newest one, as long: it is the way back from an upgrade.
#
# Logs go when no backup is kept that they begin at. Data without a manifest, which a backup that
# was cut off has left, goes, too.
superfluous() {
	# shellcheck disable=SC2016 # jq's variables
	jq -r --arg policy "$1" --arg proven "$2" --argjson now "$(date +%s)" --argjson life_kept "$LIFE_KEPT" '
		def tag($name): .tags // [] | map(select(startswith($name + "="))) | first // "" | ltrimstr($name + "=");
		def has_tag($name): .tags // [] | index($name) != null;
		# Seconds of a time with an offset, as Go prints it.
		def seconds: capture("^(?<at>.{19})[.0-9]*(?<sign>[-+Z])((?<h>..):(?<m>..))?$") |
			(.at + "Z" | fromdateiso8601) -
			(if .sign == "Z" then 0 else (.h | tonumber) * 3600 + (.m | tonumber) * 60 end) *
			(if .sign == "-" then -1 else 1 end);
		def words: split("[ \\n]+"; null);
		. as $all |
		(map(select(has_tag("manifest"))) | sort_by(tag("id"))) as $backups |
		($backups | map(tag("id"))) as $ids |
		($backups | last | .time // "" ) as $newest |
		($backups | last | tag("incarnation")) as $current |
		def ended($life): map(select(tag("incarnation") == $life) | .time | seconds) | max;
		(
			[$ids[] | select(IN($policy | words[]))] +
			[$ids | last] +
			([$ids[] | select(IN($proven | words[]))] | [last]) +
			[$backups | group_by(tag("incarnation"))[] | last | tag("incarnation") as $life |
				select($life != "") |
				select($life == $current or ($all | ended($life)) > $now - $life_kept) | tag("id")] +
			[$backups | group_by(tag("series"))[] | last | select(tag("series") != "") |
				select((.time | seconds) > $now - $life_kept) | tag("id")]
		) as $kept |
		($backups | map(select(tag("id") | IN($kept[])) | tag("incarnation"))) as $lives |
		$all[] |
		if has_tag("manifest") then select(tag("id") | IN($kept[]) | not) | "manifest \(.id)"
		elif has_tag("data") then select(tag("id") | IN($kept[]) | not) | "other \(.id)"
		elif has_tag("logs") then
			# Those of an incarnation that has no backup yet are younger than the newest one.
			select(($lives | index("")) == null) |
			select(tag("incarnation") | IN($lives[]) | not) |
			select((.time | seconds) < ($newest | seconds)) | "other \(.id)"
		else empty end'
}

# retire: removes what is superfluous. First the manifests: what is left of a removal that was cut
# off is no backup. Nothing is removed unless restic has said both what there is and what it would
# keep.
retire() {
	local policy gone
	! is_append_only || return 0
	# All of them, in groups: manifests are one. What only reads needs no lock, and minds none that a
	# dead process has left.
	# shellcheck disable=SC2086 # words
	answered forget --json --dry-run --no-lock --host foobar-stack --group-by host,paths $keep || {
		why=$(reason)
		return 1
	}
	policy=$(printf '%s\n' "$said" | jq -r ".[] | select(.paths == [\"/manifest\"]) | .keep // [] | .[] | $(tag_of id)")
	if [ -z "$policy" ]; then
		why='restic keeps none of them'
		return 1
	fi
	gone=$(printf '%s\n' "$said" | jq '[.[] | .keep // [], .remove // [] | .[]]' |
		superfluous "$policy" "$(proven)") || {
		why='which these are cannot be told'
		return 1
	}
	[ -n "$gone" ] || return 0
	# shellcheck disable=SC2086 # no word, or one
	forget_of manifest && forget_of other ${prune---prune} && return
	case $said in
	*'403 Forbidden'* | *'Access Denied'*)
		printf '%s\n' "$repository" | replace "$place/append-only"
		why="$repository lets this server add, and not remove; remove them from elsewhere: restic forget"
		;;
	*) why=$(reason) ;;
	esac
	return 1
}

# with_room FUNCTION WORD...: does it, and once more if the repository was full and there was something
# to remove: a backup that fails would remove nothing, however few are to be kept. Else $why.
with_room() {
	local refused
	"$@" && return
	case $why in
	"the repository $repository is full: "*) refused=$why ;;
	*) return 1 ;;
	esac
	if make_room; then
		why=''
		"$@" && return
	else
		why=$refused
	fi
	return 1
}

# make_room: what is superfluous goes, and what backups have left that failed. To write together anew
# what is left of packs takes room itself, so that comes last, and need not succeed.
make_room() {
	local prune
	prune=''
	! is_append_only && retire && asked prune --quiet --max-repack-size 0 || return
	asked prune --quiet --max-unused 0 || true
}

# is_append_only: whether it has refused to remove anything within the last week. Restic asks again and
# again before it gives up, so this is not tried each time. The file has the address of the one that
# did, and a backup has a word of it, so that a server that is rebuilt knows it.
is_append_only() {
	[ -n "$(find "$place/append-only" -mtime -7 2>/dev/null)" ] && [ "$(cat "$place/append-only")" = "$repository" ]
}

# note_append_only: a line of the manifest, if it has.
note_append_only() {
	! is_append_only || printf 'append-only %s %s\n' "$(stat -c %Y -- "$place/append-only")" "$repository"
}

# forget_of manifest|other WORD...: those of $gone.
forget_of() {
	local kind restic_limit
	kind=$1
	shift
	# One that refuses to remove is asked for up to a quarter of an hour; what is left goes next time.
	[ "$kind" = other ] || restic_limit=60
	# shellcheck disable=SC2046 # ids
	set -- "$@" $(printf '%s\n' "$gone" | sed -n "s/^$kind //p")
	case $*:$kind in
	:* | --prune:*) return 0 ;;
	esac
	asked forget --quiet "$@"
}

# add_key FILE: a password more: the recovery key. Else $why.
add_key() {
	open_repository || return
	if ! asked key add --new-password-file "$1" --user recovery --host foobar-stack; then
		why=$(reason)
		return 1
	fi
	record recovery-key "$(date +%s)"
}

# note_recovery_key: whether the repository can be opened when this server is lost: another key was
# made for that, or this one was not made here. What was seen a day ago is looked at again.
note_recovery_key() {
	local noted
	noted=$(stat -c %Y -- "$(recorded recovery-key)" 2>/dev/null)
	[ $(($(date +%s) - ${noted:-0})) -gt 86400 ] || return 0
	if [ "$key" != given ]; then
		answered key list --json --no-lock || return
		printf '%s\n' "$said" | jq -e 'any(.[]; .userName == "recovery")' >/dev/null || {
			unrecord recovery-key
			return 0
		}
	fi
	if exists "$(recorded recovery-key)"; then
		touch -- "$(recorded recovery-key)"
	else
		record recovery-key "$(date +%s)"
	fi
}

# try_key FILE: whether this password opens it; else $why, and $said has what restic said.
try_key() {
	local restic_limit
	restic_limit=60
	said=$(repository --password-file "$1" --no-lock cat config 2>&1) && return
	case $said in
	*'wrong password'* | *'no key found'*)
		why="this key does not open the repository $repository: make another one, in a new file"
		;;
	*) why=$(reason) ;;
	esac
	return 1
}
