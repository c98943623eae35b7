# Managed by foobar-stack (role backup): changes made here are overwritten.
#
# What a backup holds comes back: beside what is live first, compared there, and swapped with it;
# what was live is kept. A part of the program backup.
#
# shellcheck shell=dash disable=SC2153,SC2154

# What is left of a swap of folders.
FOLDER_SWAP=$WORK/folder-swap
# What stands beside what is live, and is about to take its place: all of it is there before the first
# does, so that a restore of several is never half. An entry each, a folder with
#   what          `database` or `folder`, LIVE, BESIDE, OLD, and of a database its TABLE or nothing,
#                 a line each
#   code          what is to be made in a database afterwards
#   done          what is said when it has taken its place
# $SWAPS.new is the same while it is prepared: what is beside is swept then.
SWAPS=$WORK/swaps

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

# prepare WHAT LIVE BESIDE OLD [TABLE]: the next entry of $SWAPS.new, which says what is about to be
# made beside what is live; $entry is its folder.
prepare() {
	entry=$SWAPS.new/$(($(entries "$SWAPS.new" | wc -l) + 1))
	mkdir -m 700 -- "$entry" && printf '%s\n' "$1" "$2" "$3" "$4" "${5:-}" >"$entry/what"
}

# prepare_database LIVE SUFFIX [TABLE]: from the throw-away server, beside the live one. Else $why.
prepare_database() {
	local beside old table want have entry
	beside=$1_being_restored old=$1_before_$2 table=${3:-}
	if [ -z "$(in_instance ask_database "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '$1'")" ]; then
		why="backup $id has no database $1"
		return 1
	fi
	if [ -n "$table" ] && ! is_alone "$1" "$table"; then return 1; fi
	is_free "$1" || return
	has_room_for_database "$1" "$table" || return
	prepare database "$1" "$beside" "$old" "$table" || return
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
	if ! in_instance code_of "$1" ${table:+"$table"} >"$entry/code" 2>"$WORK/work/said"; then
		# A backup has no views that are broken; a moment between two may.
		why=$(tail -n 1 "$WORK/work/said")
		[ -n "$later" ] || return 1
		printf 'left out, since it was broken then: %s\n' "$why"
	fi
	printf 'restored the %s, as of %s; what was there is in the database %s\n' \
		"${table:+table $1.}${table:-database $1}" "$(time_of "$moment")" "$old" >"$entry/done"
}

# has_room_for_database DATABASE TABLE: beside the live one, and as statements on the way there. Else
# $why.
has_room_for_database() {
	local size data
	data=$(ask_database 'SELECT @@datadir')
	size="SELECT COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) FROM information_schema.TABLES
		WHERE TABLE_SCHEMA = '$1' AND '$2' IN ('', TABLE_NAME)"
	size=$(in_instance ask_database "$size") || return
	if ! has_room "$((size * 2))" "$WORK" || ! has_room "$size" "$data"; then
		why="the database $1 cannot be restored beside the live one: $why"
		return 1
	fi
}

# has_room_for_folder PATH: beside the live one. Else $why.
has_room_for_folder() {
	local size above
	above=${1%/*}
	size=$(repository ls --json --no-lock --recursive "$snapshot" "$1" 2>/dev/null |
		jq -n 'reduce (inputs | select(.type == "file") | .size // 0) as $size (0; . + $size)') || return
	while [ -n "$above" ] && [ ! -d "$above" ]; do
		above=${above%/*}
	done
	# What is live goes to where it is kept, too, if that is another disk.
	[ ! -d "$1" ] || [ "$(stat -c %d -- "$1")" = "$(stat -c %d -- "${above:-/}")" ] ||
		size=$((size + $(du -sb -- "$1" | cut -f 1)))
	has_room "${size:-0}" "${above:-/}" && return
	why="$1 cannot be restored beside the live one: $why"
	return 1
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

# prepare_folder PATH SUFFIX: beside the live one. Else $why.
prepare_folder() {
	local beside old into entry
	beside=$1.restored old=$1.before-$2 into=$(unpacked "$1")
	has_room_for_folder "$1" || return
	prepare folder "$1" "$beside" "$old" || return
	rm -rf -- "$beside" "$into" && mkdir -p -m 700 -- "$into" || return
	if ! asked restore --no-lock --verify --include "$1" --target "$into" "$snapshot"; then
		why="$1 cannot be read from backup $id: $(reason)"
		return 1
	fi
	if ! exists "$into$1"; then
		why="backup $id does not hold $1"
		return 1
	fi
	mv -T -- "$into$1" "$beside" && rm -rf -- "$into" || return
	printf 'restored %s, as of %s; what was there is in %s\n' "$1" "$(time_of "$made")" "$old" >"$entry/done"
}

# unpacked PATH: where a folder is unpacked: in the file system that it is for.
unpacked() {
	printf '%s\n' "${1%/*}/.foobar-stack-restored"
}

# take_places: all that was made beside takes its place, one after the other; also what is left of
# it when a process was killed amid that. Else $why, and what has not taken its place never will.
take_places() {
	local number what live beside old table status
	if ! finish_swap || ! finish_folder; then
		leave_places
		return 1
	fi
	[ -d "$SWAPS" ] || return 0
	for number in $(entries "$SWAPS"); do
		# Its removal may have been cut off.
		if read_entry "$SWAPS/$number"; then
			status=0
			is_beside || status=$?
			[ "$status" != 2 ] || return 1
			if [ "$status" = 0 ] && ! take_place; then
				leave_places
				return 1
			fi
			cat -- "$SWAPS/$number/done"
		fi
		rm -rf -- "${SWAPS:?}/$number"
	done
	rm -rf -- "$SWAPS"
}

# entries FOLDER: their numbers, in order.
entries() {
	find "$1" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort -n
}

# read_entry FOLDER: what stands there, into the variables of the caller, if it is whole.
read_entry() {
	[ -e "$1/what" ] && { read -r what && IFS= read -r live && IFS= read -r beside && IFS= read -r old && IFS= read -r table; } <"$1/what"
}

# is_beside: whether it is there still: it goes when it has taken its place. Status 2, and $why, if
# that cannot be told.
is_beside() {
	local found
	case $what in
	database)
		found=$(ask_database "SELECT COUNT(*) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '$beside'") || {
			why='the database does not answer'
			return 2
		}
		[ "$found" = 1 ]
		;;
	*) exists "$beside" ;;
	esac
}

# take_place: that of the entry that was read.
take_place() {
	case $what in
	database) swap_database "$live" "$beside" "$old" "$SWAPS/$number/code" "$table" ;;
	*) printf 'out\n%s\n%s\n%s\n' "$live" "$beside" "$old" | replace "$FOLDER_SWAP" && finish_folder ;;
	esac
}

# leave_places: nothing more takes its place, unless something is in the middle of that.
leave_places() {
	[ -d "$SWAP" ] || [ -e "$FOLDER_SWAP" ] || [ ! -d "$SWAPS" ] || mv -T -- "$SWAPS" "$SWAPS.new"
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
	local number what live beside old table
	stop_apps
	instance_stop
	rm -rf -- "$WORK/work" "$SWAP.new"
	[ -d "$SWAPS.new" ] || return 0
	for number in $(entries "$SWAPS.new"); do
		read_entry "$SWAPS.new/$number" || continue
		case $what in
		database) echo "DROP DATABASE IF EXISTS \`$beside\`;" | unlogged || return ;;
		*) rm -rf -- "$beside" "$(unpacked "$live")" ;;
		esac
	done
	rm -rf -- "$SWAPS.new"
}

# is_interrupted: whether a restore is under way, or was killed.
is_interrupted() {
	[ -d "$WORK/work" ] || [ -d "$SWAPS.new" ] || [ -d "$SWAPS" ] || [ -d "$SWAP" ] || [ -e "$FOLDER_SWAP" ]
}

# finish_interrupted: what a process that was killed has begun.
finish_interrupted() {
	if [ -d "$WORK/work" ] || [ -d "$SWAPS.new" ]; then sweep; fi
	take_places || printf 'a restore was interrupted, and cannot be completed: %s\n' "$why" >&2
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
	mkdir -p -m 700 -- "$SWAPS.new"
	while read -r what name; do
		case $what in
		database) prepare_database "$name" "$suffix" ;;
		table) prepare_database "${name%%.*}" "$suffix" "${name#*.}" ;;
		folder) prepare_folder "$name" "$suffix" ;;
		esac || return
	done <"$WORK/work/affected"
	sync -f -- "$SWAPS.new" && under_lock aloud begin_swaps || return
	printf '%s\n' "$why"
}

# begin_swaps: from here on it is completed, whatever happens.
begin_swaps() {
	mv -T -- "$SWAPS.new" "$SWAPS" && take_places
}
