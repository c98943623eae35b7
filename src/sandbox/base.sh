#!/bin/sh
# Builds one base tree: base.sh TARGET SUITE COMPONENTS KEYRING MIRROR [OPTIONAL…]
#
# MIRROR is the archive that must answer; each OPTIONAL is "URI SUITE COMPONENTS" and is used only
# if it answers. KEYRING is a file or "-". The apt settings that decide how the host reaches the
# archive are read from standard input, one a line, and hold inside the tree too.
# TARGET appears only when it is complete.
set -eu

target=$1 suite=$2 components=$3 keyring=$4 mirror=$5
shift 5

exec 8<"${target%/*}"
flock 8
work=$target.work
tree=$work/tree
# What a killed build left is in nobody's way, but large.
rm -rf "${target%/*}"/*.work
mkdir -p "$work"
chmod 755 "$work"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
cat >"$work/apt.conf"

signed=
if [ "$keyring" != - ]; then
	signed="[signed-by=$keyring] "
fi
printf 'deb %s%s %s %s\n' "$signed" "$mirror" "$suite" "$components" >"$work/sources.list"
for optional; do
	# shellcheck disable=SC2086 # three words in one argument
	set -- $optional
	if APT_CONFIG=$work/apt.conf /usr/lib/apt/apt-helper -o Acquire::Retries=1 \
		-o Acquire::http::Timeout=10 download-file "${1%/}/dists/$2/InRelease" \
		"$work/InRelease" >/dev/null 2>&1; then
		printf 'deb %s%s\n' "$signed" "$optional" >>"$work/sources.list"
	fi
	rm -f "$work/InRelease"
done

mmdebstrap --variant=minbase --format=directory --aptopt="$work/apt.conf" \
	--include=systemd,systemd-sysv,dbus,openssh-server,sudo,iproute2,ca-certificates,apt \
	"$suite" "$tree" "$work/sources.list"

# Each box brings its own identity; the archive's keys are found by apt itself.
rm -f "$tree"/etc/ssh/ssh_host_*
: >"$tree/etc/machine-id"
rm -f "$tree/etc/resolv.conf" "$tree/etc/hostname" "$tree/var/lib/dbus/machine-id"
if [ "$keyring" != - ] && [ ! -e "$tree$keyring" ]; then
	sed -i 's/\[signed-by=[^]]*\] //' "$tree/etc/apt/sources.list"
fi

units=$tree/etc/systemd/system
mkdir -p "$units/multi-user.target.wants" "$units/network-online.target.wants"
for unit in console-getty.service getty@tty1.service autovt@.service apt-daily.timer \
	apt-daily-upgrade.timer apt-daily.service apt-daily-upgrade.service systemd-firstboot.service; do
	ln -sfn /dev/null "$units/$unit"
done
systemctl --root="$tree" enable systemd-networkd.service >/dev/null 2>&1 ||
	ln -sfn /usr/lib/systemd/system/systemd-networkd.service \
		"$units/multi-user.target.wants/systemd-networkd.service"
mkdir -p "$tree/etc/ssh/sshd_config.d" "$tree/etc/tmpfiles.d"
cat >"$tree/etc/ssh/sshd_config.d/10-sandbox.conf" <<-CONF
	PasswordAuthentication no
	KbdInteractiveAuthentication no
	PermitRootLogin prohibit-password
CONF
# Programs that write to the kernel log find it; what they write is nobody's business.
echo 'L /dev/kmsg - - - - null' >"$tree/etc/tmpfiles.d/sandbox-kmsg.conf"

sync -f "$tree"
mv "$tree" "$target"
