# Makes a backup in $unit, or waits for the one that is running, and prints its result.
#
# shellcheck shell=dash disable=SC2154

if systemctl start "$unit"; then
	sed 's/^/succeeded /' "$STATE/backup/record/succeeded"
else
	sed 's/^[0-9]* //' "$STATE/backup/record/failed" >&2
	exit 1
fi
