# What a probe asks of the settings of a database server; client.sh comes first.

# ask_settings UNIT PATH QUESTIONS: what the database server of this unit is known to
# have taken of the file, what the file says, and what the server answers.
ask_settings() {
	local answers line status taken
	taken=$STATE/settings/$1
	if [ -e "$taken" ]; then
		while IFS= read -r line; do printf 'noted\037%s\037%s\n' "$1" "$line"; done <"$taken"
	fi
	[ ! -f "$2" ] || printf 'settings\037%s\037%s\n' "$1" "$(base64 -w 0 -- "$2")"
	[ -S /run/mysqld/mysqld.sock ] && [ -z "${database_silent:-}" ] || return 0
	# It also answers with errors, each in its place.
	status=0
	answers=$(
		sql_in_time "$PATIENCE" --force 2>/dev/null <<-END
			$3
		END
	) || status=$?
	case $status in 124 | 137) database_silent=yes && return ;; esac
	# Lines that are blank say nothing.
	local IFS='
'
	set -f
	for line in $answers; do printf 'answers\037%s\037%s\n' "$1" "$line"; done
	set +f
}
