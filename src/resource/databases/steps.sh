# What steps change in MySQL and MariaDB, and how that is undone; client.sh comes first.

# run_sql STATEMENTS: without waiting for ever for who uses the same tables, or for a server
# that answers nothing.
run_sql() {
	local status
	status=0
	printf '%s\n' "SET SESSION lock_wait_timeout = 30; $1" | sql_in_time "${sql_seconds:-120}" || status=$?
	case $status in
	124 | 137) echo "the database server has not answered in ${sql_seconds:-120} s" ;;
	esac
	return "$status"
}

# change_sql UNIT WHAT STATEMENTS BACK [KNOWN]: what brings back WHAT is on disk before it
# changes. If KNOWN finds something, it was there already: the server did not run when the
# plan was made.
change_sql() {
	local known
	known=
	[ -z "${5:-}" ] || known=$(run_sql "$5")
	[ -n "$known" ] || note sql "$1" "$2" "$(printf '%s' "$4" | base64 -w 0)"
	run_sql "$3"
}

# make_by_sql UNIT WORD NAME adopt|refuse KNOWN STATEMENTS HOLDS BACK: it is ours if the server
# does not know it yet, and then BACK takes it away with a run that is undone, if HOLDS counts
# nothing in it. What a server that did not run when the plan was made turns out to have may
# be somebody else's.
make_by_sql() {
	local known
	known=$(run_sql "$5")
	if [ -z "$known" ]; then
		made "$2" "$3"
		note made-sql "$1" "$2" "$3" "$(printf '%s' "$7" | base64 -w 0)" "$(printf '%s' "$8" | base64 -w 0)"
	elif [ "$4" = refuse ] && ! recorded "$2" | grep -q "$(printf '\037')$3\$"; then
		fail "the $2 $3 is there, and no run of foobar-stack made it; with database.adopt = true the app uses it as it is"
	fi
	run_sql "$6"
}

# change_login UNIT WHAT ACCOUNT HOW: how it logs in, as the server itself would write it
# down. That has a digest of its password: only root reads a journal, and a settled one has
# it no more.
change_login() {
	local before
	# MariaDB has no such variable, and needs none.
	before=$(run_sql "SET SESSION sql_mode = @@sql_mode /*!80017 , SESSION print_identified_with_as_hex = ON */; SHOW CREATE USER $3")
	change_sql "$1" "$2" "ALTER USER $3 $4" "ALTER ${before#CREATE }"
}

# undo_sql WHAT BACK: a right that was never given cannot be taken (1141).
undo_sql() {
	local answer
	answer=$(printf '%s' "$2" | base64 -d | sql_in_time 60 --force 2>&1) || true
	if printf '%s\n' "$answer" | grep '^ERROR ' | grep -qv '^ERROR 1141 '; then return 1; fi
	emit put-back "$1"
}

# undo_made_sql WORD NAME HOLDS BACK: what has become somebody's data stays.
undo_made_sql() {
	local held
	held=$(printf '%s' "$3" | base64 -d | sql_in_time 60) || return
	[ "$held" = 0 ] || return 0
	printf '%s' "$4" | base64 -d | sql_in_time 60 || return
	unmade "$1" "$2"
}
