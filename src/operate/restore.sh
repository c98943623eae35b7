# Makes, restores and proves backups in units, which go on if nobody listens any more.
#
# shellcheck shell=dash disable=SC2154

# say_whom: who else is at the backups, and is waited for.
say_whom() {
	[ -e "$STATE/backup/lock" ] && ! flock -n "$STATE/backup/lock" true || return 0
	printf 'waiting: %s\n' "$(cat -- "$STATE/backup/busy")"
}

# restore_in_unit WORD...: runs it, and prints what it says; its last line is the error.
restore_in_unit() {
	local said status job
	status=0
	said=$STATE/backup/said
	mkdir -p -m 700 -- "$STATE/backup"
	: >"$said"
	systemd-run --quiet --wait --collect --unit=foobar-stack-backup-restore \
		-p "StandardOutput=append:$said" -p "StandardError=append:$said" -p Nice=5 -- "$@" &
	job=$!
	tail --lines=+1 --follow --pid="$job" "$said"
	wait "$job" || status=$?
	if [ "$status" != 0 ]; then
		tail -n 1 "$said" >&2
		what_app_said
		return "$status"
	fi
}

# what_app_said: the last lines of an app that was not healthy with what was restored.
what_app_said() {
	[ ! -e "$STATE/backup/app-said" ] || cat -- "$STATE/backup/app-said" >&2
}

# start_anew: has the job of $unit done from its beginning, and waits. One that is at it already
# began before what somebody has just written, which it may not hold.
start_anew() {
	[ "$(systemctl is-active "$unit")" != activating ] || systemctl start "$unit" 2>/dev/null || true
	systemctl start "$unit" 2>/dev/null
}

# drill_in_unit: the same as the timer does.
drill_in_unit() {
	say_whom
	if ! start_anew; then
		sed 's/^[0-9]* [^ ]* //' "$STATE/backup/record/drill-failed" >&2
		what_app_said
		return 1
	fi
	sed 's/^[0-9]* //' "$STATE/backup/record/drill"
}

# why_not_backed_up: what the last one has failed for, here or on its way to other repositories.
why_not_backed_up() {
	if [ -e "$STATE/backup/record/failed" ]; then
		sed 's/^[0-9]* //' "$STATE/backup/record/failed"
		return
	fi
	printf 'backup %s was made, and not copied: ' "$(cut -d ' ' -f 2 "$STATE/backup/record/succeeded")"
	set +f
	sed 's/^[0-9]* //' "$STATE"/backup/record/copy.*.failed
	set -f
}

# backup_in_unit: makes one, and prints its result.
backup_in_unit() {
	say_whom
	if ! start_anew; then
		why_not_backed_up >&2
		return 1
	fi
	sed 's/^/succeeded /' "$STATE/backup/record/succeeded"
}
