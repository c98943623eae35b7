# shellcheck shell=dash
# FOLDER: the time, and the name and the line of each file of the record.
printf 'now %s\n' "$(date +%s)"
for file in "$1"/*; do
  [ ! -f "$file" ] || printf '%s %s\n' "${file##*/}" "$(cat -- "$file")"
done
