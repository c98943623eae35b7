# Managed by foobar-stack (role backup): changes made here are overwritten.
#
# A database server that nobody else sees, for what is restored: it is loaded, counted and dumped
# there before anything else is touched. It has its own data, a loopback of its own and no other
# network, for an app that is asked beside it; it has no log of changes, runs
# no events, and gets of the processor and the disk what visitors leave.
#
# Functions that ask a database ask the one at $socket: `in_instance FUNCTION WORD...` has them ask
# this one. A part of the program backup.
#
# shellcheck shell=dash disable=SC2154

INSTANCE=foobar-stack-backup-instance
# What it takes for /var/lib/mysql and /run/mysqld: so it cannot reach the data of the other one,
# and AppArmor, which lets MySQL write nowhere else, is content.
INSTANCE_FOLDER=$WORK/work/instance

# in_instance FUNCTION WORD...: does it with the throw-away server.
in_instance() {
	local socket
	# shellcheck disable=SC2034
	socket=$INSTANCE_FOLDER/run/mysqld.sock
	"$@"
}

# instance_start: an empty one that answers; else $why. One that was there goes.
instance_start() {
	local names
	instance_stop
	mkdir -p -m 700 -- "$INSTANCE_FOLDER" || return
	# An app that is asked finds the socket in a place of its own.
	mkdir -p -- "$INSTANCE_FOLDER/data" "$INSTANCE_FOLDER/run" && chmod 755 -- "$INSTANCE_FOLDER/run" &&
		chown mysql: "$INSTANCE_FOLDER/data" "$INSTANCE_FOLDER/run" || return
	# Whether `A` and `a` are two tables is settled when the data is made, and cannot be changed.
	names=$(ask_database 'SELECT @@lower_case_table_names' 2>/dev/null) || names=0
	case $engine in
	mysql)
		as_instance --wait -- mysqld --no-defaults --initialize-insecure --datadir=/var/lib/mysql \
			--lower-case-table-names="$names" || return
		;;
	*)
		as_instance --wait -- mariadb-install-db --no-defaults --datadir=/var/lib/mysql --skip-test-db \
			--auth-root-authentication-method=normal || return
		;;
	esac
	set -- mariadbd --no-defaults
	[ "$engine" != mysql ] || set -- mysqld --no-defaults --mysqlx=OFF --secure-file-priv=NULL --plugin-load-add=auth_socket.so
	as_instance --service-type=notify -p TimeoutStartSec=300 -- "$@" \
		--datadir=/var/lib/mysql --socket=/run/mysqld/mysqld.sock --pid-file=/run/mysqld/mysqld.pid \
		--bind-address=127.0.0.1 --skip-log-bin --event-scheduler=OFF \
		--lower-case-table-names="$names" --character-set-server=utf8mb4 --performance-schema=OFF \
		--innodb-buffer-pool-size=128M --innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0 \
		--innodb-strict-mode=OFF --max-connections=100 --max-allowed-packet=1G --default-time-zone=+00:00
}

# as_instance WORD...: a program in the place of the database server, with its own data; else $why.
as_instance() {
	local began said cause tries
	began=$(date '+%F %T') tries=0
	# One that has just ended has its name for a moment longer.
	until [ "$(unit_property "$INSTANCE.service" LoadState)" = not-found ] || [ "$tries" -gt 100 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	said=$(systemd-run --quiet --collect --unit="$INSTANCE" --uid=mysql --gid=mysql \
		-p "BindPaths=$INSTANCE_FOLDER/data:/var/lib/mysql $INSTANCE_FOLDER/run:/run/mysqld" \
		-p PrivateNetwork=yes -p PrivateTmp=yes -p ProtectHome=yes -p WorkingDirectory=/var/lib/mysql \
		-p Nice=19 -p CPUWeight=10 -p IOSchedulingClass=idle -p OOMScoreAdjust=900 -p LimitNOFILE=10000 \
		-p RuntimeMaxSec=1d "$@" 2>&1) && return
	cause=$(journalctl --quiet --no-pager --output=cat --since "$began" --unit "$INSTANCE" | grep -i error | tail -n 1)
	why="the throw-away database server does not start: ${cause:-$(printf '%s\n' "$said" | tail -n 1)}"
	return 1
}

# instance_stop: it goes, with its data; also one that a killed process has left.
instance_stop() {
	systemctl stop --quiet "$INSTANCE.service" 2>/dev/null
	systemctl reset-failed --quiet "$INSTANCE.service" 2>/dev/null
	rm -rf -- "$INSTANCE_FOLDER"
}

# load_dump FILE: into the throw-away server. Else $why.
load_dump() {
	add_definers <"$1"
	load_statements "$1"
}

# load_statements FILE: the dump, into the server at $socket, for which it is 1970: an event whose
# only time is over would be gone at once. Else $why.
load_statements() {
	tell_database --init-command="SET timestamp = 86400" <"$1" && return
	why="${1##*/} cannot be loaded: $why"
	return 1
}

# tell_database WORD...: the statements in standard input; with comments, which belong to routines.
# Else $why; behind a pipe, which is another process, `refused` gives it.
tell_database() {
	why=$("$engine" --protocol=socket --socket="$socket" --default-character-set=utf8mb4 \
		--comments --max-allowed-packet=1G "$@" 2>&1 >/dev/null) && return
	why=$(printf '%s\n' "$why" | grep ERROR | tail -n 1)
	printf '%s\n' "$why" >"$WORK/refused"
	return 1
}

# refused: why statements that came through a pipe were not executed, as $why; fails.
refused() {
	why=$(cat -- "$WORK/refused")
	rm -f -- "$WORK/refused"
	return 1
}

# definers: accounts as which the views, triggers, routines and events of the dump in standard input
# are run, a line each: without them MySQL takes a view for broken, and it cannot be dumped.
definers() {
	# shellcheck disable=SC2016 # backticks of SQL
	grep -v '^INSERT' | grep -o 'DEFINER=`[^`]*`@`[^`]*`' | sort -u | cut -d = -f 2 | grep -vx '`root`@`localhost`'
}

# add_definers: those of the dump in standard input, in the throw-away server, where nobody logs in.
add_definers() {
	local definer
	definers | while IFS= read -r definer; do
		ask_database "CREATE USER IF NOT EXISTS $definer; GRANT ALL ON *.* TO $definer" 2>/dev/null
	done
}

# lock_definers: those that are not there, in a server that goes on. Nobody can log in as one of
# them, and they may do what they like in the databases of the backup alone.
lock_definers() {
	local definer name
	definers | while IFS= read -r definer; do
		ask_database "CREATE USER $definer ACCOUNT LOCK" 2>/dev/null || continue
		for name in $databases; do
			ask_database "GRANT ALL ON \`$(printf %s "$name" | sed 's/[_%]/\\&/g')\`.* TO $definer"
		done
	done
}

# read_log WORD...: a log of changes as statements.
read_log() {
	local program
	program=mariadb-binlog
	[ "$engine" != mysql ] || program='mysqlbinlog --skip-gtids'
	TZ=UTC $program "$@"
}

# replay_logs POSITION UNTIL LOG...: does again, in the server at $socket, what the logs say from
# this position in the first of them until a moment (`YYYY-MM-DD HH:MM:SS`, UTC). Else $why.
#
# Others' databases and accounts are in the logs, and not here: what fails for that reason is passed
# over. The last log may end amid an event, since the server was at it when it was copied.
replay_logs() {
	local start until folder
	start=$1 until=$2 folder=$WORK/work
	shift 2
	: >"$folder/unread"
	{
		while [ $# -gt 1 ]; do
			read_log --start-position="$start" --stop-datetime="$until" "$1" || basename "$1" >>"$folder/unread"
			start=4
			shift
		done
		read_log --start-position="$start" --stop-datetime="$until" "$1" || true
	} 2>"$folder/said" |
		"$engine" --protocol=socket --socket="$socket" --binary-mode --comments --force \
			--max-allowed-packet=1G >/dev/null 2>"$folder/refused" || true
	if [ -s "$folder/unread" ]; then
		why="the log $(head -n 1 "$folder/unread") cannot be read: $(grep -i error "$folder/said" | tail -n 1)"
		return 1
	fi
	# What is not there: a database, a table, a routine, a trigger, an event, an account, a right.
	why=$(sed -n '/^ERROR /p' "$folder/refused" | while IFS= read -r line; do
		case $line in
		'ERROR 1008'* | 'ERROR 1049'* | 'ERROR 1051'* | 'ERROR 1146'* | 'ERROR 1305'* | 'ERROR 1360'* | 'ERROR 1539'*)
			# shellcheck disable=SC2086 # the names
			! printf '%s' "$line" | grep -qE "['\` ]($(printf '%s|' $databases)-)['\`.]" || printf '%s\n' "$line"
			;;
		'ERROR 1133'* | 'ERROR 1141'* | 'ERROR 1147'* | 'ERROR 1269'* | 'ERROR 1396'* | 'ERROR 1410'*) ;;
		*) printf '%s\n' "$line" ;;
		esac
	done | head -n 1)
	[ -z "$why" ] || {
		why="a change in the logs cannot be made again: $why"
		return 1
	}
}
