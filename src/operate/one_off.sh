# A one-off command runs as the app does: in the release that serves, with the account, the
# environment, the secrets and the limits of the unit that serves, but in a unit of its own.
#
# name, upstream: what the units of the deployment are called, and the file that says which slot
# serves; unit: what the command's unit is called; file: where its program is written; options: what
# systemd-run is told besides; program: how it is started. All are assigned before.
#
# shellcheck shell=dash disable=SC2154

# Nothing serves.
NOT_SERVING=3

# properties_of FILE: the settings of the unit in FILE that are not about how it is started, stopped
# and watched, as words of sh. What names the instance (%i) is the instance's own. A property is
# taken as it is, while systemd reads `%%` in a unit's file as `%`.
properties_of() {
	awk '
		/^\[/ { service = $0 == "[Service]"; next }
		!service || !/^[A-Z][A-Za-z]*=/ || /%i/ { next }
		/^(Type|NotifyAccess|WatchdogSec|Exec[A-Za-z]*|Timeout[A-Za-z]*|KillMode|Restart[A-Za-z]*|SyslogIdentifier|OOMPolicy)=/ { next }
		/^Environment=SOCKET=/ { next }
		{
			gsub(/%%/, "%")
			gsub(/\047/, "\047\\\047\047")
			printf "set -- \"$@\" \047--property=%s\047\n", $0
		}' "$1"
}

# secrets_of FILE: what comes before the command of the unit in FILE, if its secrets are in its
# environment, as words of sh, after the end of the options.
secrets_of() {
	echo 'set -- "$@" --'
	sed -n "s|^ExecStart=\(/bin/sh -c '[^']*' with-secrets \).*|set -- \"\$@\" \1|p" "$1"
}

# write_one_off: the program, which removes itself. It is a file, so that what the user typed need
# not pass through the shell of the login.
write_one_off() {
	local served slot
	slot=$(sed -n '1s/^# Slot: //p' "$upstream" 2>/dev/null)
	case $slot in
	blue | green) ;;
	*) return "$NOT_SERVING" ;;
	esac
	served=/etc/systemd/system/$name-$slot@.service
	mkdir -p "${file%/*}"
	{
		echo "rm -f -- $file"
		echo 'set --'
		properties_of "$served" || return
		printf '%s' "$options"
		secrets_of "$served" || return
		printf '%s' "$program"
	} >"$file"
}

# guard_one_off: waits until the client goes away, which ends this with SIGTERM, and ends the command
# if it still runs.
guard_one_off() {
	trap 'rm -f -- "$file"; systemctl stop "$unit" 2>/dev/null; exit' TERM HUP EXIT
	sleep infinity &
	wait "$!"
}
