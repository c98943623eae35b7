#!/bin/sh
# Builds one base tree: base.sh TARGET SUITE COMPONENTS KEYRING KEYS MIRROR [OPTIONAL…]
#
# MIRROR is the archive that must answer; each OPTIONAL is "URI SUITE COMPONENTS" and is used only
# if it answers. The apt settings that decide how the host reaches the archive are read from
# standard input, one a line, and hold inside the tree too.
# KEYRING is the file of the archive's keys, or "-" where mmdebstrap knows it by itself. A host
# that has it not takes it out of its own distribution's archive, whose signature it can check:
# KEYS is then "PACKAGE SUITE URI COMPONENTS", else "-".
# TARGET appears only when it is complete.
set -eu

target=$1 suite=$2 components=$3 keyring=$4 keys=$5 mirror=$6
shift 6

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

if [ "$keys" != - ]; then
	package=${keys%% *}
	keys=${keys#* }
	mmdebstrap --variant=extract --format=directory --aptopt="$work/apt.conf" \
		--include="$package" "${keys%% *}" "$work/keys" "deb ${keys#* }"
	keyring=$work/keys$keyring
fi
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

# Whom the host trusts besides its distribution's authorities, as a company's proxy, is trusted
# inside: pip, npm and others go the same way out.
if [ -n "$(find /usr/local/share/ca-certificates -name '*.crt' 2>/dev/null)" ]; then
	cp -RL /usr/local/share/ca-certificates "$tree/usr/local/share/"
	chroot "$tree" update-ca-certificates
fi
# Where people and programs look for it.
mv "$tree/etc/apt/sources.list.d/0000sources.list" "$tree/etc/apt/sources.list"
# Each box brings its own identity.
rm -f "$tree"/etc/ssh/ssh_host_*
: >"$tree/etc/machine-id"
rm -f "$tree/etc/resolv.conf" "$tree/etc/hostname" "$tree/var/lib/dbus/machine-id"
# Inside, apt finds the keys by itself.
sed -i 's/\[signed-by=[^]]*\] //' "$tree/etc/apt/sources.list"

units=$tree/etc/systemd/system
mkdir -p "$units/multi-user.target.wants" "$units/network-online.target.wants"
for unit in console-getty.service getty@tty1.service autovt@.service apt-daily.timer \
	apt-daily-upgrade.timer apt-daily.service apt-daily-upgrade.service systemd-firstboot.service; do
	ln -sfn /dev/null "$units/$unit"
done
systemctl --root="$tree" enable systemd-networkd.service >/dev/null 2>&1 ||
	ln -sfn /usr/lib/systemd/system/systemd-networkd.service \
		"$units/multi-user.target.wants/systemd-networkd.service"
mkdir -p "$tree/etc/ssh/sshd_config.d"
cat >"$tree/etc/ssh/sshd_config.d/10-sandbox.conf" <<-CONF
	PasswordAuthentication no
	KbdInteractiveAuthentication no
	PermitRootLogin prohibit-password
CONF
# There is no /dev/kmsg, on purpose: journald reads it where it exists, and no stand-in will do.

sync -f "$tree"
mv "$tree" "$target"
