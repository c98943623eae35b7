# Managed by foobar-stack (role backup): changes made here are overwritten.
#
# Whether a backup can be restored: it is, into a database server that nobody else sees, and must be
# what its manifest says; all its files are read from the repository. A part of the program backup.
#
# shellcheck shell=dash disable=SC2154

# free_space: in bytes, where the work is done.
free_space() {
	df -Pk "$WORK" | awk 'NR == 2 { printf "%.0f\n", $4 * 1024 }'
}

# has_room BYTES FOLDER: whether so much more can be where the folder is, with something left for what
# is live. Else $why.
has_room() {
	local free
	free=$(df -Pk -- "$2" | awk 'NR == 2 { printf "%.0f\n", $4 * 1024 }')
	[ "$(($1 + 67108864))" -gt "${free:-0}" ] || return 0
	why="it takes $(($1 / 1048576)) MB, with 64 to spare, and $((${free:-0} / 1048576)) MB are free where $2 is: make room there"
	return 1
}

# unread WHAT: $why, if that could not be read from the repository.
unread() {
	said=$(cat -- "$WORK/work/said")
	why="$1 cannot be read: $(reason)"
}

# open_backup [ID]: its manifest, or that of the newest; sets $id, $snapshot, $made, and $databases
# as they were then. Else $why.
open_backup() {
	readable || return
	rm -rf -- "$WORK/work" && mkdir -p -m 700 -- "$WORK/work" || return
	if ! repository dump --no-lock --tag "manifest${1:+,id=$1}" latest /manifest \
		>"$WORK/work/manifest" 2>"$WORK/work/said"; then
		unread "the manifest of ${1:-the newest backup}"
		case $why in
		*'no snapshot found'*) why="there is no backup${1:+ $1}; \`foobar-stack backup list\` shows which there are" ;;
		esac
		return 1
	fi
	id=$(stated backup) made=$(stated made)
	snapshot=$(as_stored "$id" "$(stated snapshot)")
	databases=$(stated objects | cut -d ' ' -f 1 | tr '\n' ' ')
}

# load_backup: the databases of the backup, in a throw-away server, and what is there is what the
# manifest says. Else $why.
load_backup() {
	local dump digest bytes wrong part
	dump=$WORK/work/databases.sql
	[ -n "${databases% }" ] || return 0
	read -r _ digest bytes <<-END
		$(stated dump)
	END
	# The dump, the data, and the second dump if they differ.
	if [ "$((bytes * 4))" -gt "$(free_space)" ]; then
		why="to restore the databases takes about $((bytes * 4 / 1048576)) MB, and $(($(free_space) / 1048576)) MB are free where $WORK is"
		return 1
	fi
	if ! repository dump --no-lock "$snapshot" "$WORK/spool/databases.sql" >"$dump" 2>"$WORK/work/said"; then
		unread "databases.sql of backup $id"
		return 1
	fi
	if [ "$(stat -c %s -- "$dump") $(digest_of_dump <"$dump")" != "$bytes $digest" ]; then
		why="databases.sql of backup $id is not what its manifest says"
		return 1
	fi
	instance_start && in_instance load_dump "$dump" || return
	in_instance count_objects | sed 's/^objects //' >"$WORK/work/objects"
	wrong=$(stated objects | diff - "$WORK/work/objects" | sed -n 's/^[<>] //p')
	if [ -n "$wrong" ]; then
		why="backup $id has another number of objects than what was restored from it: $(printf '%s\n' "$wrong" | paste -s -d '|' | sed 's/|/, and not /')"
		return 1
	fi
	part=held_by_dump
	# After an upgrade, or on a newer server.
	if [ "$(stated engine | version_of)" != "$(in_instance ask_database "SELECT CONCAT('$engine ', VERSION())" | version_of)" ]; then
		part=rows_of_dump
		digest=$("$part" <"$dump" | sha256sum | cut -d ' ' -f 1)
	fi
	# shellcheck disable=SC2086 # the names
	[ "$(in_instance dump_program --databases $databases | "$part" | sha256sum | cut -d ' ' -f 1)" = "$digest" ] || {
		name_difference
		return 1
	}
	# Who may log in is in none of the databases.
	if ! repository dump --no-lock "$snapshot" "$WORK/spool/accounts.sql" >"$WORK/work/accounts.sql" 2>"$WORK/work/said"; then
		unread "accounts.sql of backup $id"
		return 1
	fi
	in_instance tell_database <"$WORK/work/accounts.sql" && return
	why="the accounts of backup $id cannot be made: $why"
	return 1
}

# version_of: of an engine and its version in standard input, as `mariadb 11.8.9-MariaDB-log`, what
# does not depend on its settings.
version_of() {
	sed 's/-.*//'
}

# name_difference: which part of a dump is not the same after it was restored, as $why.
name_difference() {
	local line
	"$part" <"$WORK/work/databases.sql" >"$WORK/work/first.sql" && mv -- "$WORK/work/first.sql" "$WORK/work/databases.sql"
	# shellcheck disable=SC2086 # the names
	in_instance dump_program --databases $databases 2>&1 | "$part" >"$WORK/work/again.sql"
	line=$(cmp "$WORK/work/databases.sql" "$WORK/work/again.sql" | sed -n 's/.*line //p')
	# shellcheck disable=SC2016 # backticks of SQL
	why="what was restored from backup $id differs in $(head -n "${line:-1}" "$WORK/work/databases.sql" |
		grep -oE '(TABLE|INTO|VIEW|TRIGGER|FUNCTION|PROCEDURE|EVENT|DATABASE)[^`]* `[^`]*`' | tail -n 1)"
}

# read_files: every file of the backup is read, and none is missing; restic compares what it reads
# with the digests that it has. Else $why.
read_files() {
	local status found
	found=$({ repository dump --no-lock --archive tar "$snapshot" / 2>"$WORK/work/said" || echo failed >>"$WORK/work/failed"; } |
		tar --list --verbose --numeric-owner --quoting-style=escape --file=- 2>/dev/null |
		awk '/^-/ { files++; bytes += $3 } END { printf "%.0f %.0f\n", files, bytes }')
	if [ -e "$WORK/work/failed" ]; then
		unread "the files of backup $id"
		return 1
	fi
	[ "$found" = "$(stated files)" ] || {
		why="backup $id has other files than its manifest says: $found, and not $(stated files) (number, bytes)"
		return 1
	}
}

# read_packs: a part of each repository is read, and compared with its digests: so many drills
# (backup.check_weeks) read all of it, also what only older backups need. Else $why.
read_packs() {
	local wrong
	wrong=''
	[ "$parts" != 0 ] || return 0
	if [ "$number" = 1 ]; then each read_part; else read_part; fi
	why=$wrong
	[ -z "$wrong" ]
}

# read_part: the next part of this one; $wrong says which packs are damaged. One that cannot be
# reached is named by the next backup.
read_part() {
	local part packs
	[ "$number" = 1 ] || [ -e "$place/repository" ] || return 0
	part=$(cat "$place/checked" 2>/dev/null)
	part=$((${part:-0} % parts + 1))
	# Twice: somebody else may have removed what was about to be read.
	if check_part || check_part; then
		printf '%s\n' "$part" | replace "$place/checked"
		return
	fi
	packs=$(printf '%s\n' "$said" | sed -n 's/^\(error for \)\?pack \([0-9a-f]\{8,\}\).*/\2/p' | sort -u)
	case $packs:$said in
	:*'contains errors'*) packs="$(printf '%s\n' "$said" | grep -i error | head -n 1)" ;;
	:*)
		printf '%s was not read: %s\n' "$repository" "$(reason)" >&2
		return
		;;
	*) packs="pack $(printf '%s\n' "$packs" | head -n 5 | paste -s -d ' ')" ;;
	esac
	wrong="$wrong${wrong:+; }the repository $repository is damaged in its $packs, which some backups need; /usr/local/lib/foobar-stack/backup restic check --read-data on the server says what else, and how it is repaired"
	return 1
}

# check_part: what restic finds in this part. It takes no lock, which others would wait for.
check_part() {
	said=$(repository check --no-lock --read-data-subset="$part/$parts" 2>&1)
}

# drill [ID]: all of that, and what the apps say to it; written down, for `status` and `verify`.
drill() {
	local began health result
	began=$(date +%s)
	rm -f -- "$WORK/app-said"
	if ! { open_backup "${1:-}" && load_backup && read_files && ask_apps; }; then
		stop_apps
		instance_stop
		rm -rf -- "$WORK/work"
		record drill-failed "$(date +%s) ${id:-${1:-}} $why"
		printf 'the drill failed: %s\n' "$why" >&2
		exit 1
	fi
	instance_stop
	prove "$id"
	# Of the newest one: an older one says nothing of that.
	[ "$(proven | sort | tail -n 1)" != "$id" ] || record proven "$(date +%s) $id"
	if ! read_packs; then
		rm -rf -- "$WORK/work"
		why="backup $id can be restored, but $why"
		record drill-failed "$(date +%s) $id $why"
		printf '%s\n' "$why" >&2
		exit 1
	fi
	result="backup $id can be restored$([ "$number" = 1 ] || printf ' from %s' "$repository"): $(stated objects | wc -l) databases, $(stated files | cut -d ' ' -f 1) files, $(($(date +%s) - began)) s$health"
	printf '%s\n' "$result"
	record drill "$(date +%s) $result"
	rm -rf -- "$WORK/work"
	unrecord drill-failed
}
