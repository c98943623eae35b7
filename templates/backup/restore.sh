# Managed by foobar-stack (role backup): changes made here are overwritten.
#
# What a backup holds comes back: beside what is live first, compared there, and swapped with it;
# what was live is kept. A part of the program backup.
#
# shellcheck shell=dash disable=SC2154

# What is left of a swap of folders.
FOLDER_SWAP=$WORK/folder-swap

# choose MOMENT: of $said, the backup that a moment is reached from, as an id: the newest before it.
choose() {
	local limit
	limit=$(date -u -d "@$1" +%Y%m%dT%H%M%SZ)
	printf '%s\n' "$said" | jq -r ".[] | $(tag_of id)" | sort | awk -v limit="$limit" '$1 <= limit { last = $1 } END { print last }'
}

# time_of SECONDS: for people.
time_of() {
	date -u -d "@$1" '+%Y-%m-%d %H:%M:%S UTC'
}

# replay_until MOMENT: what the logs in the repository say from the backup on, in the throw-away
# server. Else $why.
replay_until() {
	local log line time life first position name
	[ -n "${databases% }" ] || return 0
	# The last minute is not there yet.
	ship_logs || true
	snapshots logs | jq -r "\"\\(.time) \\(.short_id) \\($(tag_of incarnation))\"" >"$WORK/work/logs"
	log='' time='' life=''
	while read -r line name life; do
		log=$name time=$(date -d "$line" +%s)
		[ "$time" -lt "$1" ] || break
	done <"$WORK/work/logs"
	# The log has not grown since.
	[ "${time:-0}" -ge "$1" ] || time=$(cat "$(recorded logs)" 2>/dev/null)
	if [ "${time:-0}" -lt "$1" ]; then
		why="the log in the repository ends at $(time_of "${time:-$made}")"
		return 1
	fi
	if [ "$life" != "$(stated incarnation)" ]; then
		why="between $(time_of "$made"), the last backup before it, and $(time_of "$1") the database was restored: choose a moment before that, or after the next backup"
		return 1
	fi
	read -r first position <<-END
		$(stated position)
	END
	logs_from "$log" "$first" >"$WORK/work/names"
	if [ ! -s "$WORK/work/names" ]; then
		why="the log $first, which backup $id ends in, is not in the repository any more"
		return 1
	fi
	mkdir -p -m 700 -- "$WORK/work/logs.d"
	set -- "$1"
	while IFS= read -r name; do
		set -- "$@" "$WORK/work/logs.d/${name##*/}"
		if ! repository dump --no-lock "$log" "$name" >"$WORK/work/logs.d/${name##*/}" 2>"$WORK/work/said"; then
			unread "the log ${name##*/}"
			return 1
		fi
	done <"$WORK/work/names"
	line=$(date -u -d "@$1" '+%Y-%m-%d %H:%M:%S')
	shift
	in_instance replay_logs "$position" "$line" "$@"
}

# restore_database LIVE SUFFIX [TABLE]: from the throw-away server, beside the live one, and swapped
# with it. Else $why.
restore_database() {
	local beside old table want have
	beside=$1_being_restored old=$1_before_$2 table=${3:-}
	if [ -z "$(in_instance ask_database "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '$1'")" ]; then
		why="backup $id has no database $1"
		return 1
	fi
	if [ -n "$table" ] && ! is_alone "$1" "$table"; then return 1; fi
	{ echo "DROP DATABASE IF EXISTS \`$beside\`;" && in_instance create_database "$beside" "$1"; } | unlogged || refused || return
	in_instance tables_of "$1" ${table:+"$table"} >"$WORK/work/tables.sql" 2>"$WORK/work/said" || {
		why=$(tail -n 1 "$WORK/work/said")
		return 1
	}
	unlogged "$beside" <"$WORK/work/tables.sql" || return
	want=$(digest_of_dump <"$WORK/work/tables.sql")
	have=$(tables_of "$beside" ${table:+"$table"} | digest_of_dump)
	if [ "$want" != "$have" ]; then
		why="what was restored is not the same in $beside as it was in the backup"
		return 1
	fi
	rm -f -- "$WORK/work/tables.sql"
	if ! in_instance code_of "$1" ${table:+"$table"} >"$WORK/work/code.sql" 2>"$WORK/work/said"; then
		# A backup has no views that are broken; a moment between two may.
		why=$(tail -n 1 "$WORK/work/said")
		[ -n "$later" ] || return 1
		printf 'left out, since it was broken then: %s\n' "$why"
	fi
	under_lock aloud swap_database "$1" "$beside" "$old" "$WORK/work/code.sql" "$table" || return
	printf 'restored the %s, as of %s; what was there is in the database %s\n' \
		"${table:+table $1.}${table:-database $1}" "$(time_of "$moment")" "$old"
}

# aloud FUNCTION WORD...: says why it failed.
aloud() {
	"$@" || {
		printf '%s\n' "$why"
		return 1
	}
}

# is_alone DATABASE TABLE: whether no foreign key ties it to another table: these follow the tables
# that they refer to, wherever those go.
is_alone() {
	local other
	[ -n "$(in_instance ask_database "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = '$1' AND TABLE_NAME = '$2' AND TABLE_TYPE <> 'VIEW'")" ] || {
		why="backup $id has no table $1.$2"
		return 1
	}
	other="SELECT CONCAT(TABLE_NAME, ' and ', REFERENCED_TABLE_NAME) FROM information_schema.KEY_COLUMN_USAGE
		WHERE TABLE_SCHEMA = '$1' AND REFERENCED_TABLE_NAME <> TABLE_NAME AND '$2' IN (TABLE_NAME, REFERENCED_TABLE_NAME) LIMIT 1"
	other=$(ask_database "$other"; in_instance ask_database "$other")
	[ -z "$other" ] || {
		why="a foreign key ties $(printf '%s\n' "$other" | head -n 1): a table of these cannot be restored by itself; restore the database"
		return 1
	}
}

# restore_folder PATH SUFFIX: beside the live one, and swapped with it. Else $why.
restore_folder() {
	local beside old into
	beside=$1.restored old=$1.before-$2 into=${1%/*}/.foobar-stack-restored
	rm -rf -- "$beside" "$into" && mkdir -p -m 700 -- "$into" || return
	if ! asked restore --no-lock --verify --include "$1" --target "$into" "$snapshot"; then
		why="$1 cannot be read from backup $id: $(reason)"
		rm -rf -- "$into"
		return 1
	fi
	if ! exists "$into$1"; then
		why="backup $id does not hold $1"
		rm -rf -- "$into"
		return 1
	fi
	mv -T -- "$into$1" "$beside" && rm -rf -- "$into" || return
	printf 'out\n%s\n%s\n%s\n' "$1" "$beside" "$old" | replace "$FOLDER_SWAP"
	under_lock aloud finish_folder || return
	printf 'restored %s, as of %s; what was there is in %s\n' "$1" "$(time_of "$made")" "$old"
}

# finish_folder: completes a swap of folders that was begun. The folder itself stays: whoever has
# it open, or mounted, sees what comes.
finish_folder() {
	local phase live beside old
	exists "$FOLDER_SWAP" || return 0
	{ read -r phase && IFS= read -r live && IFS= read -r beside && IFS= read -r old; } <"$FOLDER_SWAP"
	if [ -d "$live" ] && [ ! -L "$live" ] && [ -d "$beside" ]; then
		if [ "$phase" = out ]; then
			[ -d "$old" ] || { mkdir -m 700 -- "$old" && chown --reference="$live" -- "$old" && chmod --reference="$live" -- "$old"; } || return
			find "$live" -mindepth 1 -maxdepth 1 -exec mv -t "$old" -- {} + || return
			printf 'in\n%s\n%s\n%s\n' "$live" "$beside" "$old" | replace "$FOLDER_SWAP"
		fi
		find "$beside" -mindepth 1 -maxdepth 1 -exec mv -t "$live" -- {} + && rmdir -- "$beside" || return
	elif exists "$beside"; then
		! exists "$live" || mv -T -- "$live" "$old" || return
		mv -T -- "$beside" "$live" || return
	fi
	rm -f -- "$FOLDER_SWAP"
}

# sweep: what work leaves behind, also that of a process that was killed.
sweep() {
	local name
	stop_apps
	instance_stop
	rm -rf -- "$WORK/work" "$SWAP.new"
	[ ! -d "$SWAP" ] && [ -n "${databases% }" ] || return 0
	for name in $databases; do
		ask_database "SELECT 'DROP DATABASE \`${name}_being_restored\`;' FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '${name}_being_restored'"
	done | unlogged
}

# is_interrupted: whether a restore is under way, or was killed.
is_interrupted() {
	[ -d "$WORK/work" ] || [ -d "$SWAP" ] || [ -e "$FOLDER_SWAP" ]
}

# finish_interrupted: what a process that was killed has begun.
finish_interrupted() {
	[ ! -d "$WORK/work" ] || sweep
	if [ -d "$SWAP" ]; then finish_swap || printf 'a restore was interrupted, and cannot be completed: %s\n' "$why" >&2; fi
	finish_folder
}

# open_wanted ID|newest|@MOMENT: the backup to begin with, as open_backup does; and $moment, which
# may be later.
open_wanted() {
	local wanted
	wanted=$1
	moment=''
	case $wanted in
	@*)
		moment=${wanted#@}
		backups || return
		wanted=$(choose "$moment")
		[ -n "$wanted" ] || {
			why="there is no backup from before $(time_of "$moment")"
			return 1
		}
		;;
	newest) wanted='' ;;
	esac
	open_backup "$wanted" || return
	later=$moment
	moment=${moment:-$made}
}

# affected WHAT [NAME]: what would be restored, a line each: `database NAME`, `folder PATH`.
affected() {
	case $1 in
	all)
		# shellcheck disable=SC2086 # the names
		[ -z "${databases% }" ] || printf 'database %s\n' $databases
		stated folder | sed 's/^/folder /'
		;;
	table) printf 'table %s\n' "$2" ;;
	*) printf '%s %s\n' "$1" "$2" ;;
	esac
}

# preview ID|newest|@MOMENT WHAT [NAME]: of what time it would be, and what would be replaced; of a
# folder also how many of its files are younger.
preview() {
	open_wanted "$1" || return
	printf 'backup %s %s\n' "$id" "$moment"
	affected "$2" "${3:-}" | while IFS= read -r line; do
		case $line in
		folder*) line="$line $(find "${line#folder }" -type f -newermt "@$made" 2>/dev/null | wc -l)" ;;
		esac
		printf '%s\n' "$line"
	done
}

# restore ID|newest|@MOMENT all | database NAME | table NAME.TABLE | folder PATH. Else $why.
restore() {
	local suffix what name
	open_wanted "$1" || return
	printf 'backup %s, of %s\n' "$id" "$(time_of "$made")"
	suffix=$(date -u +%Y%m%d_%H%M%S)
	if [ "$2" != folder ]; then
		load_backup || return
		prove "$id"
		# What was written until now can be asked for afterwards, too.
		ship_logs || true
		if [ -n "$later" ]; then replay_until "$later" || return; fi
	fi
	affected "$2" "${3:-}" >"$WORK/work/affected"
	while read -r what name; do
		case $what in
		database) restore_database "$name" "$suffix" ;;
		table) restore_database "${name%%.*}" "$suffix" "${name#*.}" ;;
		folder) restore_folder "$name" "$suffix" ;;
		esac || return
	done <"$WORK/work/affected"
}
