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
	sed -n -e "s/^\([a-z]*\)	[^	]*	$1	\([^	]*\).*/record\o037\1\o037\2/p" \
		-e "s/^$1	/record\o037made\o037/p" \
		"$STATE/managed" "$STATE/made" 2>/dev/null || true
}
