# What a managed server must be able to do: a line each of state, subject,
# what was found, and what to do.
#
# shellcheck shell=dash disable=SC2153,SC2154

say() {
	printf '%s\037%s\037%s\037%s\n' "$1" "$2" "$3" "${4:-}"
}

state=$(systemctl is-system-running)
case $state in
running) say good systemd "no unit has failed" ;;
degraded) say doubtful systemd "failed units: $(systemctl list-units --failed --plain --no-legend | cut -d ' ' -f 1 | tr '\n' ' ')" 'look at them with systemctl status' ;;
*) say bad systemd "the system is $state" 'wait until it has started' ;;
esac

free=$(df -Pk /var | { read -r _ && read -r _ _ _ free _ && echo "$free"; })
if [ "$free" -lt 1048576 ]; then
	say bad disk "only $((free / 1024)) MiB are free in /var" 'make room: the packages alone take about 1 GiB'
else
	say good disk "$((free / 1024)) MiB are free in /var"
fi

if unshare --mount --propagation private -- sh -c 'mount -t tmpfs none /mnt && mkdir /mnt/u /mnt/w && mount -t overlay none -o lowerdir=/etc,upperdir=/mnt/u,workdir=/mnt/w /etc' 2>/dev/null; then
	say good validation "an overlay over /etc works"
elif unshare --mount --propagation private -- true 2>/dev/null; then
	say good validation "no overlay over /etc here; a copy of it does"
else
	say bad validation "no private mount namespace can be made" 'a container needs the right to mount'
fi

if command -v fuser >/dev/null && holder=$(fuser /var/lib/dpkg/lock-frontend 2>/dev/null); then
	say doubtful apt "process$holder holds the lock of dpkg" 'apply waits for it'
else
	say good apt "nobody holds the lock of dpkg"
fi

if [ -d "$STATE/backup/record" ]; then
	if [ -e "$STATE/backup/record/recovery-key" ]; then
		say good backups "a key that is kept elsewhere opens the repository"
	elif [ -e "$STATE/backup/record/succeeded" ]; then
		say doubtful backups "there is no recovery key: the backups are lost with this server" 'make one: foobar-stack backup key FILE'
	fi
	set +f
	for path in "$STATE"/backup/record/copy.*.address; do
		[ -f "$path" ] || continue
		read -r _ address <"$path"
		path=${path%.address}
		if [ -e "$path.failed" ]; then
			say bad backups "the copy to $address failed: $(cut -d ' ' -f 2- "$path.failed")"
		elif [ -e "$path.recovery-key" ]; then
			say good backups "a key that is kept elsewhere opens $address"
		elif [ -e "$path.succeeded" ]; then
			say doubtful backups "no key that is kept elsewhere opens $address" 'have the recovery key open it: foobar-stack backup key FILE'
		fi
	done
	set -f
fi

for tool in flock systemd-run base64 sha256sum tar; do
	command -v "$tool" >/dev/null || say bad tools "$tool is missing" 'it belongs to every Debian and Ubuntu'
done
