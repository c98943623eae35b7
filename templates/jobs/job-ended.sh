#!/bin/sh
# Managed by foobar-stack (role jobs): changes made here are overwritten.
#
# Somebody is told when a job of this server (a backup, a drill, the certificates, upgrades) begins to fail,
# and once more when it is good again: not each time that it fails, which is every minute for some.
# What goes on failing, `status` and `verify` show. Who could not be told is told the next time. The
# job itself does not fail by it, and waits no longer than a minute.
#
#   job-ended UNIT            what systemd runs when a job has ended (ExecStopPost=), with
#                             $SERVICE_RESULT and $INVOCATION_ID
#
# Jobs that fail have a file in $STATE/jobs: `SINCE WAY...`, the ways that have told so: on-failure,
# webhook. So one that is broken does not have the other one say it again.

export LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 077
# shellcheck source=/dev/null
. /usr/local/lib/foobar-stack/host.sh

SETTINGS=/etc/foobar-stack/jobs
job=${1:?}
file=$STATE/jobs/$job
now=$(date +%s)
# How long it must have failed, in seconds: what runs each minute may miss a few.
patience=0
[ "$job" != foobar-stack-backup-logs.service ] || patience=600

# failure: why the job is not good; nothing if it is.
failure() {
	local said
	case $job in
	foobar-stack-certificates.service)
		# An order that has failed waits, and the job that waits has not failed.
		grep -sH '^because ' "$STATE"/certificates/* | sed 's|^.*/\([^/:]*\):because |\1: |' | paste -s -d ';' | sed 's/;/; /g'
		;;
	esac
	[ "${SERVICE_RESULT:-success}" = success ] && return
	# What it has just said is on its way.
	journalctl --sync 2>/dev/null
	said=$(journalctl --quiet --no-pager --output=cat "_SYSTEMD_INVOCATION_ID=${INVOCATION_ID:-none}" | grep . | tail -n 1)
	printf '%s\n' "${said:-it ended with $SERVICE_RESULT ${EXIT_STATUS:-}}"
}

# tell WAY failed|recovered SINCE MESSAGE: whether it could be told in that way.
tell() {
	local server since text body status
	server=$(cat /proc/sys/kernel/hostname)
	since=$(date -u -d "@$3" '+%Y-%m-%dT%H:%M:%SZ')
	text="$server: ${job%.service} has failed since $since: $4"
	[ "$2" = failed ] || text="$server: ${job%.service} is good again; it had failed since $since"
	status=0
	case $1 in
	on-failure)
		printf '%s\n' "$text" | SERVER=$server JOB=$job STATE=$2 SINCE=$since MESSAGE=$4 \
			timeout 20 sh "$SETTINGS/on-failure" || status=$?
		;;
	webhook)
		body=$(mktemp)
		# Chats show `text`.
		jq -n --arg text "$text" --arg server "$server" --arg job "$job" --arg state "$2" \
			--arg since "$since" --arg message "$4" '$ARGS.named' >"$body"
		# The URL may be a secret: no argument, and in no message.
		sed 's/[\\"]/\\&/g; s/^/url = "/; s/$/"/; q' "$SETTINGS/webhook" |
			curl --config - --proto =https --silent --fail --max-time 20 --output /dev/null \
				--header 'Content-Type: application/json' --data-binary "@$body" || status=$?
		rm -f -- "$body"
		;;
	esac
	[ "$status" = 0 ] || printf 'the %s of [jobs] could not tell it: status %s\n' "$1" "$status"
	return "$status"
}

# has WAY: whether it has told that the job fails.
has() {
	case " $told " in *" $1 "*) return 0 ;; esac
	return 1
}

since=$now told=''
[ ! -e "$file" ] || read -r since told <"$file"
message=$(failure)
[ -n "$message" ] || [ -e "$file" ] || exit 0
left=''
for way in on-failure webhook; do
	if [ ! -e "$SETTINGS/$way" ]; then
		continue
	elif [ -n "$message" ]; then
		if has "$way" || { [ $((now - since)) -ge "$patience" ] && tell "$way" failed "$since" "$message"; }; then left="$left $way"; fi
	elif has "$way" && ! tell "$way" recovered "$since" ''; then
		left="$left $way"
	fi
done
if [ -z "$message$left" ]; then
	rm -f -- "$file"
else
	mkdir -p -m 700 -- "$STATE/jobs"
	printf '%s%s\n' "$since" "$left" | replace "$file"
fi
