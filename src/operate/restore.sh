# Restores and proves in units of their own, which go on if nobody listens any more.
#
# shellcheck shell=dash disable=SC2154

# restore_in_unit WORD...: runs it, and prints what it said; its last line is the error.
restore_in_unit() {
	local said status
	status=0
	said=$STATE/backup/said
	mkdir -p -m 700 -- "$STATE/backup"
	: >"$said"
	systemd-run --quiet --wait --collect --unit=foobar-stack-backup-restore \
		-p "StandardOutput=append:$said" -p "StandardError=append:$said" -p Nice=5 -- "$@" || status=$?
	if [ "$status" != 0 ]; then
		tail -n 1 "$said" >&2
		return "$status"
	fi
	cat -- "$said"
}

# drill_in_unit: the same as the timer does.
drill_in_unit() {
	if ! systemctl start "$unit"; then
		sed 's/^[0-9]* [^ ]* //' "$STATE/backup/record/drill-failed" >&2
		return 1
	fi
	sed 's/^[0-9]* \(.*\)/backup \1 can be restored/' "$STATE/backup/record/proven"
}
