# MySQL and MariaDB, on the server, as root over the socket.

# sql_client: the program of whichever is installed.
sql_client() {
	command -v mariadb || command -v mysql
}

# probe_database QUERY: `none` without a server, `down` if it does not run,
# else `up` and the answer.
probe_database() {
	if ! client=$(sql_client) || ! { command -v mariadbd || command -v mysqld; } >/dev/null; then
		echo none
	elif [ ! -S /run/mysqld/mysqld.sock ]; then
		echo down
	else
		answer=$("$client" --protocol=socket --batch --raw --skip-column-names --force -e "$1" 2>&1) || {
			# A socket that nobody listens on is left behind by a crash.
			case $answer in
			*"(2002)"*) echo down && return ;;
			*"ERROR 1141 "*) ;;
			*) printf '%s\n' "$answer" && return 1 ;;
			esac
		}
		printf 'up\n%s\n' "$answer"
	fi
}

# run_sql STATEMENTS: without waiting for ever for who uses the same tables.
run_sql() {
	"$(sql_client)" --protocol=socket --batch -e "SET SESSION lock_wait_timeout = 30; $1"
}
