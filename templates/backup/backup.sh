#!/bin/sh
# Managed by foobar-stack (role backup): changes made here are overwritten.
#
# Backups of the sites, with restic: the databases, what the apps keep in files, the code that
# serves, and what this server knows (secrets, accounts with authorities, keys, serials).
#
#   backup init               makes the repository, or opens the one that is there
#   backup now                makes a backup
#   backup logs               brings what the database has written since to the repository
#   backup list               what can be restored: a line each, the newest last
#   backup manifest ID        what a backup holds
#   backup drill [ID]         proves that the newest one, or this one, can be restored
#   backup restore ID|newest|@TIME all | database NAME | table DATABASE.TABLE | folder PATH
#                             brings that back from a backup, or as it was at a time
#   backup preview ...        what that would replace
#   backup fetch ID|newest [PATH]
#                             prints a file or a folder of a backup, or which there are
#   backup add-key            a further password, which it reads, opens the repositories, too
#   backup share-key          the same, if it opens one of them
#   backup try-key            whether the password that it reads opens the repositories
#   backup restic WORD...     restic itself, with the repository and its key
#   backup from ADDRESS ...   any of these that read, with another repository
#
# Backups are made in one repository; others, if there are any, get copies of them.
#
# A backup is two snapshots: the data, and, written last, the manifest that says what they are.
# Data without a manifest is no backup, and is swept by the next one.
#
# What it has to say of itself stands in $STATE/backup/record, a file each:
#   initialised TIME          when the repository was opened first
#   succeeded TIME ID BYTES SECONDS
#                             the last backup: when it began, what it has read, how long it took
#   failed TIME REASON        what went wrong since
#   proven TIME ID            the last backup that was restored, and when
#   drill TIME TEXT           what the last drill that went well has found
#   drill-failed TIME ID REASON
#                             what went wrong with that since
#   logs TIME                 until when the log of the database is in the repository
#   logs-failed TIME REASON   what went wrong with that since
#   missing TIME NAMES        databases that backup.databases names and that are not there
#   uncovered TIME NAMES      databases of the server that are in no backup
#   recovery-key TIME         when it was seen that somebody else, too, has a key
#   copy.NUMBER.address TIME ADDRESS
#                             a further repository, the second, third, …, and when it was opened
#   copy.NUMBER.WORD          what any of the words above says of that one
# and in $STATE/backup/proven the backups that were restored, which retire spares.

export LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 077
set -f
# shellcheck source=/dev/null
. /usr/local/lib/foobar-stack/host.sh
# shellcheck source=/dev/null
. /usr/local/lib/foobar-stack/backup-repository.sh
# shellcheck source=/dev/null
. /usr/local/lib/foobar-stack/backup-dump.sh

SETTINGS=/etc/foobar-stack/backup
WORK=$STATE/backup
# shellcheck source=/dev/null
. /usr/local/lib/foobar-stack/backup-instance.sh
# shellcheck source=/dev/null
. /usr/local/lib/foobar-stack/backup-swap.sh
# shellcheck source=/dev/null
. /usr/local/lib/foobar-stack/backup-page.sh
# shellcheck source=/dev/null
. /usr/local/lib/foobar-stack/backup-ask.sh
# shellcheck source=/dev/null
. /usr/local/lib/foobar-stack/backup-drill.sh
# shellcheck source=/dev/null
. /usr/local/lib/foobar-stack/backup-restore.sh
# shellcheck source=/dev/null
. /usr/local/lib/foobar-stack/backup-fetch.sh
# shellcheck source=/dev/null
. /usr/local/lib/foobar-stack/backup-copies.sh
# How long a run or somebody else may take, in seconds, before a backup gives up.
PATIENCE=900
# How long a job of a timer waits for another one, and how long somebody who has typed it.
JOB_PATIENCE=14400 PERSON_PATIENCE=300

# read_settings: what the file of settings says.
read_settings() {
	local word value
	origin='' copies='' key='' engine='' unit='' databases='' further='' accounts='' apps='' folders='' keep='' parts=0
	while read -r word value; do
		case $word in
		repository) origin=$value ;;
		copy) copies="$copies $value" ;;
		key) key=$value ;;
		check) parts=$value ;;
		keep) keep="$keep --keep-$value" ;;
		engine) engine=$value ;;
		unit) unit=$value ;;
		database) databases="$databases $value" ;;
		further-database) further="$further $value" ;;
		account) accounts="$accounts $value" ;;
		app) apps="$apps $value" ;;
		# A path may have spaces.
		folder) folders="$folders$value
" ;;
		esac
	done <"$SETTINGS/settings"
	# `--keep-daily 7` of `daily 7`.
	keep=$(printf %s "$keep" | sed 's/\(--keep-[a-z]*\) /\1=/g')
	repository=$origin number=1 place=$WORK
}

# recorded WORD: the file that has it, of this repository.
recorded() {
	[ "$number" = 1 ] || set -- "copy.$number.$1"
	printf '%s\n' "$WORK/record/$1"
}

# record WORD TEXT: replaces what it says of that.
record() {
	mkdir -p -m 700 -- "$WORK/record"
	printf '%s\n' "$2" | tr '\n' ' ' | sed 's/ *$/\n/' | replace "$(recorded "$1")"
}

# unrecord WORD: it says nothing of that any more.
unrecord() {
	rm -f -- "$(recorded "$1")"
}

# fail REASON: written down, for `status` and `verify`; the dump does not stay.
fail() {
	rm -rf -- "$WORK/spool"
	record failed "$(date +%s) $1"
	printf 'the backup failed: %s\n' "$1" >&2
	exit 1
}

# only_one WHO SECONDS: no two backups at a time; this one ends with its process. Another one is
# waited for, so long at most, and named.
only_one() {
	mkdir -p -m 700 -- "$WORK"
	exec 8<>"$WORK/lock"
	if ! flock -n 8; then
		printf 'waiting: %s\n' "$(cat -- "$WORK/busy" 2>/dev/null)"
		if ! flock -w "$2" 8; then
			cat -- "$WORK/busy" >&2
			exit 75
		fi
	fi
	printf '%s since %s\n' "$1" "$(date -u '+%Y-%m-%d %H:%M:%S UTC')" >"$WORK/busy"
	finish_interrupted
}

# under_lock FUNCTION: while no run changes the server; waits for one that does.
under_lock() {
	local tries status holder
	tries=0
	while :; do
		status=0
		holder=$(with_lock 'a backup begins' foobar-stack-backup "$@" 2>&1) || status=$?
		[ "$status" = 75 ] || break
		tries=$((tries + 1))
		if [ $((tries * 2)) -gt "$PATIENCE" ]; then
			why="somebody else has changed the server all the time: $holder"
			return 1
		fi
		sleep 2
	done
	why=$holder
	return "$status"
}

# enough_space: for the dump, which is seldom larger than the data; a tenth more.
enough_space() {
	local need free
	need=$(data_size) || return 0
	free=$(df -Pk "$WORK" | awk 'NR == 2 { print $4 }')
	[ $((need * 11 / 10240)) -lt "$free" ] || {
		why="the dump needs about $((need / 1048576)) MB, and $((free / 1024)) MB are free where $WORK is"
		return 1
	}
}

# collect: what must not change meanwhile, into the spool: the databases first, so that no row
# names a file that comes later.
collect() {
	mkdir -p -m 700 -- "$spool/state" || return
	: >"$spool/manifest"
	# Who has which number: on another server they are others.
	cp -- /etc/passwd /etc/group "$spool/" || return
	dump_all || return
	(
		set +f
		for path in "$STATE"/*; do
			case ${path##*/} in
			backup | lock | busy | holder | runs) ;;
			*) cp -a -- "$path" "$spool/state/" || exit ;;
			esac
		done
	)
}

# paths: all that goes into a backup, a line each.
paths() {
	local app
	printf '%s\n' "$spool" /etc/foobar-stack
	[ ! -d /var/lib/bind/signed ] || echo /var/lib/bind/signed
	for app in $apps; do
		[ ! -e "$app/current" ] || printf '%s\n' "$app/current" "$(readlink -f -- "$app/current")"
	done
	printf '%s' "$folders" | while IFS= read -r folder; do
		# One that no run has made yet is in no backup.
		! exists "$folder" || printf '%s\n' "$folder"
	done
}

# make_backup: the whole of it.
make_backup() {
	local began id data files bytes app life series patience
	began=$(date +%s) id=$(date -u -d "@$began" +%Y%m%dT%H%M%SZ)
	spool=$WORK/spool
	rm -rf -- "$spool"
	mkdir -p -m 700 -- "$spool" || fail "$WORK cannot be written to"
	patience=$PATIENCE
	open_repository || fail "$why"
	keep_key
	add_further || fail "$why"
	enough_space || fail "$why"
	under_lock collect || fail "${why:-the server could not be read}"
	paths >"$WORK/paths"
	with_room store_data "$id" || fail "$why"
	# shellcheck disable=SC2046 # three words
	set -- $(summary)
	data=$1 files=$2 bytes=$3
	{
		printf 'backup %s\nmade %s\nsnapshot %s\nhost %s\n' "$id" "$began" "$data" "$(cat /proc/sys/kernel/hostname)"
		printf 'generation %s\nfiles %s %s\n' "$(cat "$STATE/generation" 2>/dev/null)" "$files" "$bytes"
		for app in $apps; do
			printf 'app %s %s\n' "$app" "$(readlink -- "$app/current" | sed 's|.*/||')"
		done
		printf '%s' "$folders" | sed 's/^/folder /'
		each note_append_only
		cat "$spool/manifest"
	} >"$WORK/manifest"
	life=$(sed -n 's/^incarnation //p' "$WORK/manifest")
	series=$(sed -n 's/^engine \([a-z]*\) \([0-9]*\.[0-9]*\).*/\1-\2/p' "$WORK/manifest")
	store_manifest "id=$id,data=$data,files=$files,bytes=$bytes${life:+,incarnation=$life}${series:+,series=$series}" <"$WORK/manifest" || fail "$why"
	rm -rf -- "$spool" "$WORK/paths" "$WORK/manifest"
	record succeeded "$began $id $bytes $(($(date +%s) - began))"
	unrecord failed
	note_recovery_key || true
	printf 'backup %s: %s files, %s MB, %s s\n' "$id" "$files" $((bytes / 1048576)) $(($(date +%s) - began))
	retire || printf 'old backups were not removed: %s\n' "$why" >&2
}

read_settings
set +f
for path in "$SETTINGS"/environment/*; do
	[ ! -f "$path" ] || export "${path##*/}=$(cat -- "$path")"
done
set -f
case ${1:-}:${3:-} in
from:now | from:init | from:logs | from:*-key) set -- '' ;;
from:*)
	enter_address "${2:?}" || {
		printf '%s\n' "$why" >&2
		exit 1
	}
	shift 2
	;;
esac
case ${1:-} in
init)
	init_repository || {
		printf '%s\n' "$why" >&2
		# Nothing was done: EX_UNAVAILABLE.
		exit 69
	}
	# What was recorded of another repository is not true of this one.
	if [ "$repository" != "$(cat "$WORK/repository" 2>/dev/null)" ]; then
		rm -rf -- "$WORK/record" "$WORK/copies" "$WORK/logs.seen" "$WORK/proven"
		mkdir -p -m 700 -- "$WORK"
		printf '%s\n' "$repository" | replace "$WORK/repository"
	fi
	keep_key
	# One that an undone run has begun.
	exists "$WORK/record/succeeded" || unrecord failed
	exists "$WORK/record/initialised" || record initialised "$(date +%s)"
	open_copies
	;;
now)
	only_one 'a backup' "$JOB_PATIENCE"
	make_backup
	make_copies
	;;
logs)
	! is_interrupted || (only_one 'the end of a restore that was cut off' 0) >/dev/null 2>&1
	ship_logs
	;;
drill)
	only_one 'a drill' "$JOB_PATIENCE"
	drill "${2:-}"
	;;
preview | restore)
	only_one "a $1" "$PERSON_PATIENCE"
	status=0
	"$1" "${2:?}" "${3:?}" "${4:-}" </dev/null || status=$?
	if [ "$status" != 0 ]; then
		printf '%s\n' "$why" >&2
		sweep
		exit 1
	fi
	sweep
	if [ "$1" = restore ]; then
		# What was restored is in no backup yet, and in no log.
		exec 8>&-
		systemctl start --no-block foobar-stack-backup.service
	fi
	;;
list) list_backups ;;
fetch)
	fetch "${2:?}" "${3:-}" || {
		printf '%s\n' "$why" >&2
		exit 1
	}
	;;
manifest) repository dump --tag "manifest,id=${2:?}" latest /manifest ;;
add-key | share-key | try-key)
	with_key "$1" || {
		status=$?
		printf '%s\n' "$why" >&2
		exit "$status"
	}
	;;
restic)
	shift
	repository "$@"
	;;
*)
	echo 'usage: backup init | now | logs | list | manifest ID | drill [ID] | restore|preview ID|newest|@TIME WHAT | fetch ID|newest [PATH] | add-key | share-key | try-key | restic WORD... | from ADDRESS ...' >&2
	exit 64
	;;
esac
