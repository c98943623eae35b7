# The client of MySQL and MariaDB, as root over the socket, and what of them is recorded.

# sql_client: the program of whichever is installed.
sql_client() {
	command -v mariadb || command -v mysql
}

# sql_in_time SECONDS WORD...: the client with these words, the SQL on standard input; the
# first failure to connect and the whole answer have their time. It takes the place of the
# shell, so that it is called in one of its own, as a part of a pipeline is.
sql_in_time() {
	local client seconds
	seconds=$1
	shift
	client=mysql
	! command -v mariadb >/dev/null || client=mariadb
	exec timeout --kill-after=1 "$seconds" "$client" --protocol=socket --connect-timeout="$seconds" \
		--batch --raw --skip-column-names "$@"
}

# recorded WORD: the things of this sort that the server's record has, and those that a run
# has made which never came to record them.
recorded() {
	local file line tab thing
	tab='	'
	for file in "$STATE/managed" "$STATE/made"; do
		[ -r "$file" ] || continue
		while IFS= read -r line; do
			case $line in
			"$1$tab"*) printf 'record\037made\037%s\n' "${line#*"$tab"}" ;;
			*"$tab$1$tab"*)
				# Behind how it came to be ours and the role stands what it is.
				thing=${line#*"$tab"*"$tab"}
				[ "${thing%%"$tab"*}" = "$1" ] || continue
				thing=${thing#*"$tab"}
				printf 'record\037%s\037%s\n' "${line%%"$tab"*}" "${thing%%"$tab"*}"
				;;
			esac
		done <"$file"
	done
}
