# MySQL and MariaDB, on the server, as root over the socket.

# sql_client: the program of whichever is installed.
sql_client() {
	command -v mariadb || command -v mysql
}

# probe_database QUERY: `none` without a server, `down` if it does not run,
# else `up` and the answer. The client reads lines: after an account that is not
# there (1141) it goes on with the next one, and the statements of a line with an
# error are lost. Whether there were others, only their numbers say.
probe_database() {
	if ! client=$(sql_client) || ! { command -v mariadbd || command -v mysqld; } >/dev/null; then
		echo none
	elif [ ! -S /run/mysqld/mysqld.sock ]; then
		echo down
	else
		answer=$(printf '%s\n' "$1" |
			"$client" --protocol=socket --batch --raw --skip-column-names --force 2>&1) || true
		# A socket that nobody listens on is left behind by a crash.
		case $answer in
		*"(2002)"*) echo down && return ;;
		esac
		if printf '%s\n' "$answer" | grep '^ERROR ' | grep -v '^ERROR 1141 '; then
			return 1
		fi
		printf 'up\n%s\n' "$answer"
	fi
}

# run_sql STATEMENTS: without waiting for ever for who uses the same tables.
run_sql() {
	"$(sql_client)" --protocol=socket --batch -e "SET SESSION lock_wait_timeout = 30; $1"
}

# made_by_sql WORD NAME QUERY: it is ours if the server does not know it yet.
made_by_sql() {
	known=$("$(sql_client)" --protocol=socket --batch --skip-column-names -e "$3")
	[ -n "$known" ] || made "$1" "$2"
}
