# What runs on the server and since when: lines of fields. After look.sh and upgrades.sh.
#
# units, http_port: see there; releases, certificates, orders (those of the certificates that the
# server orders by itself): paths, a line each; zone_keys: signed zones with the folder of the keys.
#
# shellcheck shell=dash disable=SC2154

# replaced_files GROUP NAME: says it if one of its processes runs a program or a library that is not
# on the disk any more, as after an upgrade.
replaced_files() {
	local name process processes
	processes=/sys/fs/cgroup$1/cgroup.procs name=$2
	[ -r "$processes" ] || return 0
	set --
	while read -r process; do
		set -- "$@" "/proc/$process/maps"
	done <"$processes"
	[ $# -gt 0 ] || return 0
	! grep -qsE ' /(usr/)?(s?bin|lib(64|32)?)/[^ ]* \(deleted\)$' -- "$@" || printf 'replaced\037%s\n' "$name"
}

# show_zone_keys ZONE FOLDER: the public keys that a registrar is to name: those for which BIND
# has published a CDS record (RFC 7344), and before there is one those it means to keep. Then the
# key that goes and the one in its place, while BIND waits to be told of the registrar.
show_zone_keys() {
	local coming file goal key line named new old place removed value word
	named='' coming='' old='' new=''
	set +f
	for file in "$2/K$1".+*.state; do
		[ -r "$file" ] || continue
		goal='' place='' removed=''
		while read -r word value; do
			case $word in
			GoalState:) goal=$value ;;
			DSState:) place=$value ;;
			DSRemoved:) removed=yes ;;
			esac
		done <"$file"
		key=${file%.state}
		case $place in
		rumoured | omnipresent) named="$named $key.key" new=${key##*+} ;;
		unretentive) [ -n "$removed" ] || old=${key##*+} ;;
		esac
		[ "$goal" != omnipresent ] || coming="$coming $key.key"
	done
	set -f
	for key in ${named:-$coming}; do
		[ -r "$key" ] || continue
		while IFS= read -r line; do
			printf 'dnskey\037%s\037%s\n' "$1" "$line"
		done <"$key"
	done
	[ -z "$old" ] || [ -z "$new" ] || printf 'rollover\037%s\037%s\037%s\n' "$1" "$old" "$new"
}

# changed_drop_ins UNIT: when a file that says how systemd runs it was last put there.
changed_drop_ins() {
	local unit
	unit=$1
	set +f
	set -- "/etc/systemd/system/$1.d"/*.conf
	set -f
	[ ! -e "$1" ] || stat -c "drop-in$separator$unit$separator%Z" -- "$@" | sort -r | head -n 1
}

set -f
separator=$(printf '\037')
printf 'now\037%s\n' "$(date +%s)"
printf 'uptime\037%s\n' "$(first /proc/uptime)"
printf 'load\037%s\n' "$(first /proc/loadavg)"
printf 'memory\037%s\037%s\n' "$(value /proc/meminfo MemTotal:)" "$(value /proc/meminfo MemAvailable:)"
# shellcheck disable=SC2086
shown=$(show_units $units)
printf '%s\n' "$shown" | groups | while IFS="$tab" read -r group name; do
	unit_sample "$group" "$name"
	replaced_files "$group" "$name"
	changed_drop_ins "$name"
done
nginx_sample
for path in $releases; do
	printf 'release\037%s\037%s\037%s\n' "$path" "$(readlink -- "$path/current")" "$(stat -c %Z -- "$path/current" 2>/dev/null)"
done
for path in $certificates; do
	[ ! -r "$path" ] || printf 'certificate\037%s\037%s\n' "$path" "$(base64 -w 0 -- "$path")"
done
for path in $orders; do
	file=${path##*/}
	file=$STATE/certificates/${file%.pem}
	[ -r "$file" ] || continue
	while IFS= read -r line; do
		printf 'order\037%s\037%s\n' "$path" "$line"
	done <"$file"
done
printf '%s\n' "$zone_keys" | while read -r zone folder; do
	[ -r "$STATE/keys/$zone.zone" ] || continue
	show_zone_keys "$zone" "$folder"
done
df -Pk / /var/lib /var/log 2>/dev/null | sort -u | while read -r _ all _ free _ place; do
	case $all in
	*[!0-9]*) ;;
	*) printf 'disk\037%s\037%s\037%s\n' "$place" "$all" "$free" ;;
	esac
done
set +f
for path in "$STATE"/pending/*; do
	[ ! -f "$path" ] || printf 'pending\037%s\037%s\n' "${path##*/}" "$(first "$path")"
done
set -f
set +f
for path in "$STATE"/backup/record/*; do
	[ ! -f "$path" ] || printf 'backup\037%s\037%s\n' "${path##*/}" "$(cat -- "$path")"
done
for path in "$STATE"/upgrades/*; do
	[ ! -f "$path" ] || printf 'unattended\037%s\037%s\n' "${path##*/}" "$(cat -- "$path")"
done
set -f
[ ! -e /run/reboot-required ] || printf 'reboot\037%s\n' "$(sort -u /run/reboot-required.pkgs 2>/dev/null | tr '\n' ' ')"
set +f
set -- /etc/nginx/maintenance/on.site/*.conf
set -f
# Only while some sites are closed and not every one, there are settings of each.
for path; do
	[ -e "$path" ] || continue
	file=${path%.*}.settings
	if [ -e "$file" ]; then
		path=${path##*/}
		printf 'maintenance\037%s\037%s\n' "$(stat -c %Y -- "$file")" "${path%.*}"
	else
		printf 'maintenance\037%s\n' "$(stat -c %Y /etc/nginx/maintenance/on.http)"
		break
	fi
done
set +f
newer_versions
wait
set -f
printf 'units\n%s\nhistory\n' "$shown"
