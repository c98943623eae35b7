# Managed by foobar-stack (role backup): changes made here are overwritten.
#
# What the database holds: dumps of it, what they are known by, and the log of what is written
# after them.
#
# shellcheck shell=dash disable=SC2154

# Where the database is asked. What is restored is asked elsewhere first.
socket=/run/mysqld/mysqld.sock

# ask_database SQL: as root, over the socket.
ask_database() {
	"$engine" --protocol=socket --socket="$socket" --default-character-set=utf8mb4 --batch --raw \
		--skip-column-names --connect-timeout=10 --execute "$1"
}

# dump_program WORD...: dumps, with everything that belongs to a database.
dump_program() {
	local program
	program=mariadb-dump
	[ "$engine" != mysql ] || program='mysqldump --set-gtid-purged=OFF'
	$program --protocol=socket --socket="$socket" --single-transaction --quick --routines --events \
		--triggers --hex-blob --default-character-set=utf8mb4 --max-allowed-packet=1G "$@"
}

# names: the databases, as a list of SQL.
names() {
	local name list
	list=''
	for name in $databases; do
		list="$list${list:+, }'$name'"
	done
	printf %s "$list"
}

# add_further: the databases that no site has and that are to be kept, too, if they are there. What is
# not there, and what is there and kept by nobody, is written down. Else $why.
add_further() {
	local name there found missing uncovered
	missing='' uncovered='' found=''
	[ -n "$databases" ] || return 0
	there=$(ask_database 'SELECT SCHEMA_NAME FROM information_schema.SCHEMATA' 2>&1) || {
		why="the database does not answer: $there"
		return 1
	}
	for name in $further; do
		if printf '%s\n' "$there" | grep -qxF -e "$name"; then
			found="$found $name"
		else
			missing="$missing${missing:+, }$name"
		fi
	done
	databases="$databases$found"
	# What a restore has kept, too, is nothing that is used.
	uncovered=$(printf '%s\n' "$there" |
		grep -vxE "mysql|sys|information_schema|performance_schema|$(printf '%s' "${databases# }" | tr ' ' '|')" |
		grep -vE '_before_[0-9]{8}_[0-9]{6}$|_being_restored$' | paste -s -d , | sed 's/,/, /g')
	note_names missing "$missing"
	note_names uncovered "$uncovered"
}

# note_names WORD NAMES: recorded, if there are any.
note_names() {
	if [ -n "$2" ]; then record "$1" "$(date +%s) $2"; else unrecord "$1"; fi
}

# data_size: of the databases, in bytes.
data_size() {
	[ -n "$databases" ] || return
	ask_database "SELECT COALESCE(SUM(DATA_LENGTH), 0) FROM information_schema.TABLES WHERE TABLE_SCHEMA IN ($(names))" 2>/dev/null
}

# digest_of_dump: of the dump in standard input: of what it holds, not of when and where in the log
# it was made. What was restored from it has the same.
digest_of_dump() {
	held_by_dump | sha256sum | cut -d ' ' -f 1
}

# held_by_dump: of the dump in standard input what it holds.
held_by_dump() {
	sed -e '/^--/d' -e '/^$/d'
}

# rows_of_dump: of the dump in standard input the rows alone. What stands around them depends on the
# version of the program that has made it.
rows_of_dump() {
	sed -n -e '/^(/!{/^INSERT INTO /!d}' -e 's/[,;]$//' -e p
}

# dump_all: the databases in one dump of one moment, and who may log in. Lines of the manifest
# say what it is.
dump_all() {
	local position source
	source=--master-data=2
	[ -n "$databases" ] || return 0
	[ "$engine" != mysql ] || source=--source-data=2
	# shellcheck disable=SC2086 # the names
	dump_program $source --databases $databases >"$spool/databases.sql" || return
	tail -n 1 -- "$spool/databases.sql" | grep -q '^-- Dump completed' || {
		echo 'the dump has no end'
		return 1
	}
	position=$(sed -n "/^-- CHANGE /{s/.*_FILE='\([^']*\)'.*_POS=\([0-9]*\).*/\1 \2/p;q}" "$spool/databases.sql")
	dump_accounts >"$spool/accounts.sql" && dump_other_accounts >"$spool/other-accounts.sql" || return
	{
		printf 'engine %s %s\n' "$engine" "$(ask_database 'SELECT VERSION()')"
		printf 'incarnation %s\nposition %s\n' "$(incarnation)" "$position"
		printf 'dump databases.sql %s %s\n' "$(digest_of_dump <"$spool/databases.sql")" "$(stat -c %s -- "$spool/databases.sql")"
		count_objects
	} >>"$spool/manifest"
}

# count_objects: of each database, as lines of the manifest.
count_objects() {
	local name
	for name in $databases; do
		ask_database "SELECT CONCAT_WS(' ', 'objects', '$name',
			'tables', (SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = '$name' AND TABLE_TYPE <> 'VIEW'),
			'views', (SELECT COUNT(*) FROM information_schema.VIEWS WHERE TABLE_SCHEMA = '$name'),
			'triggers', (SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = '$name'),
			'routines', (SELECT COUNT(*) FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = '$name'),
			'events', (SELECT COUNT(*) FROM information_schema.EVENTS WHERE EVENT_SCHEMA = '$name'))"
	done
}

# dump_accounts: the accounts of the apps with their rights, as statements.
dump_accounts() {
	local name account
	for name in $accounts; do
		for account in $(ask_database "SELECT CONCAT(QUOTE(User), '@', QUOTE(Host)) FROM mysql.user WHERE User = '$name'"); do
			create_user "$account" || return
			ask_database "SHOW GRANTS FOR $account" | sed 's/$/;/' || return
		done
	done
}

# dump_other_accounts: those that no app has, and roles, with their rights, as statements; not those
# that each database server is made with. An account may need a role that comes after it.
dump_other_accounts() {
	local kind account others name tab
	others="'mysql', 'mariadb.sys', 'debian-sys-maint', 'mysql.sys', 'mysql.session', 'mysql.infoschema'"
	for name in $accounts; do
		others="$others, '$name'"
	done
	# Of MySQL a role is an account like others.
	kind=is_role tab=$(printf '\t')
	[ "$engine" != mysql ] || kind="'N'"
	ask_database "SELECT $kind, CONCAT(QUOTE(User), IF($kind = 'Y', '', CONCAT('@', QUOTE(Host)))) FROM mysql.user
		WHERE User NOT IN ($others) AND NOT (User = 'root' AND Host = 'localhost') ORDER BY 1 DESC, 2" >"$spool/others" || return
	while IFS="$tab" read -r kind account; do
		if [ "$kind" = Y ]; then
			printf 'CREATE ROLE IF NOT EXISTS %s;\n' "$account"
		else
			create_user "$account" || return
		fi
		ask_database "SHOW GRANTS FOR $account" | sed 's/$/;/' || return
	done <"$spool/others"
	rm -f -- "$spool/others"
}

# create_user ACCOUNT: as a statement. MySQL has bytes in a digest that are no text.
create_user() {
	local as_text
	as_text=''
	[ "$engine" != mysql ] || as_text='SET SESSION print_identified_with_as_hex = ON;'
	ask_database "$as_text SHOW CREATE USER $1" | sed 's/^CREATE USER/CREATE USER IF NOT EXISTS/; s/$/;/'
}

# incarnation: which life of the database this is: the names of its logs begin again with each.
incarnation() {
	local folder
	folder=$(ask_database 'SELECT @@datadir')
	[ -s "${folder%/}/foobar-stack-incarnation" ] ||
		od -An -N 16 -t x1 /dev/urandom | tr -d ' \n' >"${folder%/}/foobar-stack-incarnation"
	cat -- "${folder%/}/foobar-stack-incarnation"
}

# ship_logs: the log of what was written goes to each repository when it has grown. Its last
# events may be half there: who reads it ends before them.
ship_logs() {
	local restic_limit
	[ -n "$databases" ] || return 0
	mkdir -p -m 700 -- "$WORK"
	exec 7<>"$WORK/logs.lock"
	flock -n 7 || return 0
	# The next one comes in a minute; systemd ends this one after ten.
	# shellcheck disable=SC2086 # addresses
	set -- $copies
	restic_limit=$((300 / ($# + 1)))
	each ship_logs_here
}

# ship_logs_here: the same, to this repository.
ship_logs_here() {
	local now base seen files
	now=$(date +%s)
	# One that was never opened gets none: the next backup says why.
	[ "$number" = 1 ] || [ -e "$place/repository" ] || return 0
	base=$(ask_database 'SELECT @@log_bin_basename' 2>&1) || {
		record logs-failed "$now the database does not answer: $base"
		return 1
	}
	set +f
	files=$(stat -c '%n %s' -- "$base".[0-9]*)
	set -f
	seen="$(incarnation)
$files"
	if [ "$seen" != "$(cat "$place/logs.seen" 2>/dev/null)" ]; then
		printf '%s\n' "$files" | sed 's/ [0-9]*$//' >"$WORK/logs.paths"
		if ! asked backup --quiet --host foobar-stack --tag "logs,incarnation=$(incarnation)" \
			--files-from-verbatim "$WORK/logs.paths"; then
			record logs-failed "$now $(reason)"
			return 1
		fi
		printf '%s\n' "$seen" | replace "$place/logs.seen"
		retire_logs
	fi
	record logs "$now"
	unrecord logs-failed
}

# logs_from SNAPSHOT LOG: the logs in the repository from this one on, a path a line.
logs_from() {
	repository ls --no-lock "$1" 2>/dev/null | grep '/[^/]*\.[0-9]*$' | sort |
		awk -v first="/$2" 'substr($0, length($0) - length(first) + 1) == first { on = 1 } on'
}

# retire_logs: each snapshot has all the logs that the server still has, so few are enough. It is
# enough to look once an hour. The last ones of an incarnation stay, so that its last moment can be
# reached: they go when its last backup does (retire).
retire_logs() {
	local last
	! is_append_only || return 0
	last=$(stat -c %Y -- "$place/logs.retired" 2>/dev/null)
	[ $(($(date +%s) - ${last:-0})) -gt 3600 ] || return 0
	: >"$place/logs.retired"
	asked forget --quiet --host foobar-stack --tag logs --group-by host,tags --keep-last 2 \
		--keep-daily 14 --keep-weekly 8 || true
}
