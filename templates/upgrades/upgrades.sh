#!/bin/sh
# Managed by foobar-stack (role upgrades): changes made here are overwritten.
#
# Packages are upgraded by unattended-upgrade(8), which reads the settings below /etc/apt/apt.conf.d.
#
#   upgrades daily      all but those of the database server
#   upgrades window     those, too; then the server is restarted, if it needs to be and may
#
# A database server becomes one of another series only after a backup was made and restored: there is
# no other way back from that.
#
# Nothing is upgraded while a run of foobar-stack is under way: it is waited for, an hour at most.
# What became of it is in $STATE/upgrades: `ran TIME`, `upgraded TIME PACKAGE...` of the last time
# that there was anything to do, and `failed TIME WHY`, which goes when it works again.

export LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none
umask 022
# shellcheck source=/dev/null
. /usr/local/lib/foobar-stack/host.sh

SETTINGS=/etc/foobar-stack/upgrades
RECORD=$STATE/upgrades
BACKUP=/usr/local/lib/foobar-stack/backup
HOUR=3600

when=${1:-}
case $when in
daily) unit=foobar-stack-upgrades.service ;;
window) unit=foobar-stack-upgrades-window.service ;;
*)
	echo 'usage: upgrades daily|window' >&2
	exit 64
	;;
esac

# failed WHY: it is written down, and said last, as the reason.
failed() {
	printf '%s %s\n' "$(date +%s)" "$1" | replace "$RECORD/failed"
	printf '%s\n' "$1" >&2
	return 1
}

# versions: the packages that are there, with their versions.
versions() {
	# shellcheck disable=SC2016
	dpkg-query -W -f '${Package} ${Version}\n'
}

# engine WORD...: unattended-upgrade with our settings; what it says goes to the journal, too.
engine() {
	local status
	status=0
	said=$(APT_CONFIG=$SETTINGS/$when.conf unattended-upgrade --verbose "$@" 2>&1 9>&-) || status=$?
	printf '%s\n' "$said"
	return "$status"
}

# upgrade: while nothing else changes the server. Others who use apt are waited for here, since
# unattended-upgrade itself gives up at once.
upgrade() {
	local after before left names why
	left=3
	before=$(versions)
	while :; do
		# It installs nothing, once nobody else has the lock.
		apt-get install -qq -o DPkg::Lock::Timeout=600 9>&- || true
		! engine || break
		left=$((left - 1))
		case $said in
		*'ock could not be acquired'*) [ "$left" = 0 ] || continue ;;
		esac
		# What it says last is what it has kept back.
		why=$(printf '%s\n' "$said" | grep -iE 'error|fail|could not|prompt|exiting' | tail -n 1)
		failed "unattended-upgrade: ${why:-$(printf '%s\n' "$said" | grep . | tail -n 1)}"
		return
	done
	after=$(versions)
	names=$(printf '%s\n' "$after" | grep -vxF -e "$before" | cut -d ' ' -f 1 | tr '\n' ' ')
	now=$(date +%s)
	[ -z "$names" ] || printf '%s %s\n' "$now" "${names% }" | replace "$RECORD/upgraded"
	printf '%s\n' "$now" | replace "$RECORD/ran"
}

# another_series: `PACKAGE SERIES SERIES`, if the database server that can be had is of another series
# than the one that is installed.
another_series() {
	apt-cache policy mariadb-server mysql-server 2>/dev/null | awk '
		function series(version, part) {
			sub(/^[0-9]+:/, "", version)
			split(version, part, ".")
			return part[1] + 0 "." part[2] + 0
		}
		/^[^ ]/ { name = $1; sub(/:$/, "", name) }
		$1 == "Installed:" { installed = $2 }
		$1 == "Candidate:" && installed != "(none)" && series(installed) != series($2) {
			print name, series(installed), series($2)
			exit
		}'
}

# has_way_back PACKAGE SERIES SERIES: a backup is made and proven, if the package is about to be
# upgraded. Else $held says why it stays as it is.
has_way_back() {
	engine --dry-run >/dev/null || true
	printf '%s\n' "$said" | grep '^Packages that will be upgraded' | grep -qw -e "$1" || return 0
	if [ ! -x "$BACKUP" ]; then
		held="$1 stays at $2, and does not become $3, since this server has no backups, and without one there is no way back: add [backup], or upgrade it by hand"
		return 1
	fi
	printf '%s %s becomes %s: a backup is made and proven before\n' "$1" "$2" "$3"
	if "$BACKUP" now && "$BACKUP" drill; then return; fi
	held="$1 stays at $2, and does not become $3, since no backup could be made and proven: \`foobar-stack logs upgrades\` says why"
	return 1
}

# finish_data PACKAGE: the tables of the system are those of the new series, too. MySQL sees to that
# by itself; so does MariaDB's package, in the background, which is waited for.
finish_data() {
	[ "$1" = mariadb-server ] || return 0
	[ -n "$(another_series)" ] || mariadb-upgrade --silent ||
		failed 'the database server is of another series, and its tables are not: run mariadb-upgrade on the server'
}

# What need not be alone comes first, since it may take long.
fetched=yes
apt-get update -q -o DPkg::Lock::Timeout=600 -o APT::Update::Error-Mode=any || fetched=no
engine --download-only >/dev/null || true

held='' series=''
if [ "$when" = window ]; then
	series=$(another_series)
	# The database may be restarted now (needrestart asks).
	export FOOBAR_STACK_WINDOW=yes
	# shellcheck disable=SC2086 # three words
	[ -z "$series" ] || has_way_back $series || when=daily
fi
begin=$(date +%s)
while :; do
	status=0
	with_lock 'an unattended upgrade' "$unit" upgrade || status=$?
	[ "$status" = 75 ] || break
	[ $(($(date +%s) - begin)) -lt "$HOUR" ] || break
	sleep 20
done
[ "$status" != 75 ] || failed 'a run of foobar-stack was under way for an hour'
[ "$status" = 0 ] || exit 1
[ -z "$series" ] || [ -n "$held" ] || finish_data "${series%% *}" || exit
[ "$fetched" = yes ] || failed 'not all package lists could be fetched' || exit
[ -z "$held" ] || failed "$held" || exit
rm -f -- "$RECORD/failed"
if [ "$when" = window ] && [ -e "$SETTINGS/reboot" ] && [ -e /run/reboot-required ]; then
	shutdown -r +1 'An upgrade needs it'
fi
