# Has a backup made in $unit, or waits for the one that is under way, and prints what became of it.
#
# shellcheck shell=dash disable=SC2154

if systemctl start "$unit"; then
	sed 's/^/succeeded /' "$STATE/backup/record/succeeded"
else
	sed 's/^[0-9]* //' "$STATE/backup/record/failed" >&2
	exit 1
fi
