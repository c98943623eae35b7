# Managed by foobar-stack (role backup): changes made here are overwritten.
#
# What was restored takes the place of what is live: the tables of a database change places in one
# statement, so that nobody sees a mixture. Triggers and views cannot be moved to another database,
# and routines and events stay where they are: all of these are made again, from text. Until they
# are, nobody but root may write.
#
# $SWAP is there from the moment on from which a swap is completed, whatever happens. It holds
#   names         LIVE BESIDE OLD [TABLE]
#   code-live     what is to be made in LIVE, code-old in OLD
# A part of the program backup.
#
# shellcheck shell=dash disable=SC2154

SWAP=$WORK/swap
# In BESIDE before the tables have changed places, and in OLD after.
SWAP_MARK=foobar_stack_swap

# unlogged WORD...: tell_database, and what it does is not in the log of changes: that begins anew.
unlogged() {
	tell_database --init-command='SET SESSION sql_log_bin = 0, SESSION lock_wait_timeout = 60' "$@"
}

# create_database NAME LIKE: with the same character set as another one, if that is there.
create_database() {
	ask_database "SELECT CONCAT('CREATE DATABASE IF NOT EXISTS \`$1\` CHARACTER SET ',
		DEFAULT_CHARACTER_SET_NAME, ' COLLATE ', DEFAULT_COLLATION_NAME)
		FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = '$2'"
}

# views_of DATABASE: their names, a line each.
views_of() {
	ask_database "SELECT TABLE_NAME FROM information_schema.VIEWS WHERE TABLE_SCHEMA = '$1'"
}

# with_lines FILE PREFIX WORD...: does it with the lines of a file, each after the prefix, as further
# words.
with_lines() {
	local file prefix line
	file=$1 prefix=$2
	shift 2
	while IFS= read -r line; do
		set -- "$@" "$prefix$line"
	done <"$file"
	"$@"
}

# tables_of DATABASE [TABLE]: the tables with their rows, as statements without the name of the
# database.
tables_of() {
	views_of "$1" >"$WORK/work/views" || return
	with_lines "$WORK/work/views" "--ignore-table=$1." dump_program --skip-triggers --skip-routines --skip-events "$@"
}

# code_of DATABASE [TABLE]: the triggers, routines, events and views in the same way; of a table its
# triggers. Routines first: views may use them.
code_of() {
	if [ -n "${2:-}" ]; then
		dump_program --no-data --no-create-info --skip-routines --skip-events "$@"
		return
	fi
	dump_program --force --no-data --no-create-info "$1"
	views_of "$1" >"$WORK/work/views"
	[ ! -s "$WORK/work/views" ] || with_lines "$WORK/work/views" '' \
		dump_program --force --no-data --skip-triggers --skip-routines --skip-events "$1"
}

# drop_code DATABASE [TABLE]: statements that remove the same.
drop_code() {
	local name trigger view routine event
	name="REPLACE(%s, '\`', '\`\`'), '\`;'"
	# shellcheck disable=SC2059
	trigger=$(printf "$name" TRIGGER_NAME) view=$(printf "$name" TABLE_NAME) \
		routine=$(printf "$name" ROUTINE_NAME) event=$(printf "$name" EVENT_NAME)
	# shellcheck disable=SC2016 # quotes of SQL
	ask_database "SELECT CONCAT('DROP TRIGGER IF EXISTS \`$1\`.\`', $trigger) FROM information_schema.TRIGGERS
		WHERE TRIGGER_SCHEMA = '$1'${2:+ AND EVENT_OBJECT_TABLE = '$2'}"
	[ -z "${2:-}" ] || return 0
	ask_database "SELECT CONCAT('DROP VIEW IF EXISTS \`$1\`.\`', $view) FROM information_schema.VIEWS
		WHERE TABLE_SCHEMA = '$1'
		UNION ALL SELECT CONCAT('DROP ', ROUTINE_TYPE, ' IF EXISTS \`$1\`.\`', $routine) FROM information_schema.ROUTINES
		WHERE ROUTINE_SCHEMA = '$1'
		UNION ALL SELECT CONCAT('DROP EVENT IF EXISTS \`$1\`.\`', $event) FROM information_schema.EVENTS
		WHERE EVENT_SCHEMA = '$1'"
}

# moves FROM TO [TABLE]: `FROM.NAME TO TO.NAME` of each table.
moves() {
	local name
	name="REPLACE(TABLE_NAME, '\`', '\`\`')"
	# shellcheck disable=SC2016 # quotes of SQL
	ask_database "SELECT CONCAT('\`$1\`.\`', $name, '\` TO \`$2\`.\`', $name, '\`') FROM information_schema.TABLES
		WHERE TABLE_SCHEMA = '$1' AND TABLE_TYPE <> 'VIEW' AND TABLE_NAME <> '$SWAP_MARK'
		${3:+AND TABLE_NAME = '$3'}"
}

# is_there DATABASE TABLE: whether there is such a table.
is_there() {
	[ "$(ask_database "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '$1' AND TABLE_NAME = '$2'")" = 1 ]
}

# is_free DATABASE: whether no foreign key of another one refers to it: it would follow the table
# that it refers to. Else $why.
is_free() {
	local foreign
	foreign=$(ask_database "SELECT CONCAT(TABLE_SCHEMA, '.', TABLE_NAME) FROM information_schema.KEY_COLUMN_USAGE
		WHERE REFERENCED_TABLE_SCHEMA = '$1' AND TABLE_SCHEMA <> '$1' LIMIT 1") || return
	[ -z "$foreign" ] || {
		why="a foreign key of $foreign refers to $1"
		return 1
	}
}

# swap_database LIVE BESIDE OLD CODE [TABLE]: the tables of BESIDE, or one of them, take the place
# of those of LIVE, which go to OLD; CODE is a file with what else is to be in LIVE. Else $why, and
# LIVE is as it was.
swap_database() {
	rm -rf -- "$SWAP.new" && mkdir -p -m 700 -- "$SWAP.new" || return
	{
		create_database "$1" "$2" && echo ';' && create_database "$3" "$2" &&
			echo "; CREATE TABLE IF NOT EXISTS \`$2\`.$SWAP_MARK (n INT);"
	} | unlogged || refused || return
	# What is broken in LIVE is passed over.
	if [ -n "${5:-}" ] && ! is_there "$1" "$5"; then
		# A table that was dropped has left nothing.
		echo '-- Dump completed' >"$SWAP.new/code-old"
	else
		code_of "$1" ${5:+"$5"} >"$SWAP.new/code-old" 2>/dev/null || true
	fi
	grep -q '^-- Dump completed' "$SWAP.new/code-old" || {
		why="what is in $1 cannot be read"
		return 1
	}
	cat -- "$4" >"$SWAP.new/code-live" || return
	printf '%s %s %s %s\n' "$1" "$2" "$3" "${5:-}" >"$SWAP.new/names"
	sync -- "$SWAP.new/code-old" "$SWAP.new/code-live" "$SWAP.new/names" && mv -T -- "$SWAP.new" "$SWAP" && sync -- "$WORK" && finish_swap
}

# mark_is_beside: 1 until the tables have changed places, 0 after.
mark_is_beside() {
	ask_database "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '$beside' AND TABLE_NAME = '$SWAP_MARK'"
}

# change_places: in one statement, all of it or nothing.
change_places() {
	{
		moves "$live" "$old" "$table" && moves "$beside" "$live" "$table" &&
			echo "\`$beside\`.$SWAP_MARK TO \`$old\`.$SWAP_MARK"
	} >"$SWAP/moves" || {
		why='the database does not say which tables there are'
		return 1
	}
	sed '1s/^/RENAME TABLE /; $!s/$/,/' "$SWAP/moves" | unlogged || refused
}

# loosen: statements that remove foreign keys of OLD that refer to LIVE: where the table that they
# referred to was gone, they take that which was restored for it.
loosen() {
	local name
	name="REPLACE(%s, '\`', '\`\`')"
	# shellcheck disable=SC2059
	ask_database "SELECT DISTINCT CONCAT('ALTER TABLE \`$old\`.\`', $(printf "$name" TABLE_NAME),
		'\` DROP FOREIGN KEY \`', $(printf "$name" CONSTRAINT_NAME), '\`;')
		FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = '$old' AND REFERENCED_TABLE_SCHEMA = '$live'"
}

# finish_swap: completes a swap that was begun, also by a process that was killed. One whose tables
# cannot change places is taken back. Else $why.
finish_swap() {
	local live beside old table folder waiting
	[ -d "$SWAP" ] || return 0
	read -r live beside old table <"$SWAP/names"
	if ! ask_database 'SET GLOBAL read_only = ON' || ! waiting=$(mark_is_beside); then
		why='the database does not answer'
		return 1
	fi
	if [ "$waiting" = 1 ]; then
		if ! { drop_code "$live" "$table" | unlogged || refused; } || ! change_places; then
			take_back "$why"
			return 1
		fi
	fi
	{ drop_code "$live" "$table" && echo "USE \`$live\`;" && cat -- "$SWAP/code-live"; } | unlogged || {
		refused
		why="the tables of $live are restored, and its views, triggers, routines and events are not: $why"
		ask_database 'SET GLOBAL read_only = OFF'
		return 1
	}
	loosen | unlogged || true
	# What was broken in LIVE cannot be made in OLD either; and nothing there happens by itself.
	{
		drop_code "$old" && echo "USE \`$old\`;" &&
			sed '/EVENT/s/\( ON COMPLETION \(NOT \)\?PRESERVE\) ENABLE/\1 DISABLE/' "$SWAP/code-old"
	} | unlogged --force || true
	# None of this is in the log: what follows in it is another life.
	folder=$(ask_database 'SELECT @@datadir') && rm -f -- "${folder%/}/foobar-stack-incarnation" || return
	echo "DROP DATABASE IF EXISTS \`$beside\`; DROP TABLE IF EXISTS \`$old\`.$SWAP_MARK;
		FLUSH BINARY LOGS; SET GLOBAL read_only = OFF;" | unlogged || refused || return
	rm -rf -- "$SWAP"
}

# take_back REASON: nothing has changed places: what was taken out of LIVE comes back.
take_back() {
	{ drop_code "$live" "$table" && echo "USE \`$live\`;" && cat -- "$SWAP/code-old"; } | unlogged --force
	echo "SET GLOBAL read_only = OFF; DROP DATABASE IF EXISTS \`$old\`; DROP DATABASE IF EXISTS \`$beside\`;" | unlogged
	rm -rf -- "$SWAP"
	why="$live is as it was: $1"
}
