# What a probe asks MySQL and MariaDB; client.sh comes first.

# probe_database QUERY: `none` without a server, `down` if it does not run,
# else `up` and the answer. The client reads lines: after an account that is not
# there (1141) it goes on with the next one, and the statements of a line with an
# error are lost. Whether there were others, only their numbers say. A server that did
# not answer once is not waited for again.
probe_database() {
	local answer status
	if ! sql_client >/dev/null || ! { command -v mariadbd || command -v mysqld; } >/dev/null; then
		echo none
	elif [ ! -S /run/mysqld/mysqld.sock ]; then
		echo down
	else
		if [ -z "${database_silent:-}" ]; then
			status=0
			answer=$(
				sql_in_time "$PATIENCE" --force 2>&1 <<-END
					$1
				END
			) || status=$?
			case $status in 124 | 137) database_silent=yes ;; esac
		fi
		if [ -n "${database_silent:-}" ]; then
			printf 'the database server has not answered in %s s\n' "$PATIENCE"
			return 9
		fi
		case $answer in
		# A socket that nobody listens on is left behind by a crash.
		*"(2002)"*) echo down && return ;;
		*"ERROR 1045 "* | *"ERROR 1698 "*)
			echo 'root cannot log in to the database server; if root has a password there, /root/.my.cnf must have it'
			return 9
			;;
		esac
		case $answer in *"ERROR "*)
			if printf '%s\n' "$answer" | grep '^ERROR ' | grep -v '^ERROR 1141 '; then
				return 1
			fi
			;;
		esac
		printf 'up\n%s\n' "$answer"
	fi
}

# probe_schemas QUERY, probe_accounts QUERY: what is there, and what of it is recorded.
probe_schemas() {
	probe_database "$1" && recorded database
}

probe_accounts() {
	probe_database "$1" && recorded database-account && echo databases && recorded database
}
