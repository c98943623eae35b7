#!/bin/sh
# The privileged half of the nspawn driver. One verb a call; every value comes as an argument.
#
#   network-up BRIDGE TABLE CIDR DNS   bridge, masquerading, forwarding (DNS: loopback server or -)
#   network-down BRIDGE TABLE          everything network-up did, taken back
#   fill DIR                           the box's own files (DIR/seed) become its root-owned layer
#   start DIR ID BRIDGE HOSTNAME       boots the box; returns at once, the box goes on
#   stop DIR ID                        ends the box as a power cut would
#   remove DIR                         forgets a box that is off
#   watch, watch-unit, box, sweep      steps of the above in namespaces of their own
#
# Nothing is mounted in the host's mount namespace, nothing is written to its /run.
set -eu

# Who may change ip_forward, and when, is a question for the whole machine, so the lock is the
# kernel's own file: it leaves nothing behind and dies with its holder.
lock_forwarding() {
	exec 9</proc/sys/net/ipv4/ip_forward
	flock 9
}

# Chains that drop what they are not told about: "family table chain", one a line.
closed_forward_chains() {
	nft list chains 2>/dev/null | awk '
		$1 == "table" { table = $2 " " $3 }
		$1 == "chain" { chain = $2 }
		/hook forward/ && /policy drop/ { print table, chain }'
}

network_up() {
	local bridge chain cidr dns family name protocol table
	bridge=$1 table=$2 cidr=$3 dns=$4
	lock_forwarding
	if ! ip link show dev "$bridge" >/dev/null 2>&1; then
		ip link add name "$bridge" type bridge
		ip address add "$cidr" dev "$bridge"
		# What has to be put back is written on the bridge itself: it goes when the bridge goes.
		if [ "$(cat /proc/sys/net/ipv4/ip_forward)" = 0 ]; then
			ip link set dev "$bridge" alias "ip_forward was 0"
			echo 1 >/proc/sys/net/ipv4/ip_forward
		fi
		# Ask more often than once a second who is there: a box comes up quicker than that.
		echo 50 >"/proc/sys/net/ipv4/neigh/$bridge/retrans_time_ms"
		ip link set dev "$bridge" up
	fi
	nft -f - <<-RULES
		table ip $table
		delete table ip $table
		table ip $table {
			chain prerouting {
				type nat hook prerouting priority -100
			}
			chain postrouting {
				type nat hook postrouting priority 100
				iifname "$bridge" oifname != "$bridge" masquerade
			}
		}
	RULES
	if [ "$dns" != - ]; then
		# The host's name server listens on its loopback only: lend it to the bridge.
		echo 1 >"/proc/sys/net/ipv4/conf/$bridge/route_localnet"
		for protocol in udp tcp; do
			nft add rule ip "$table" prerouting iifname "$bridge" ip daddr "${cidr%/*}" \
				"$protocol" dport 53 dnat to "$dns:53"
		done
	fi
	closed_forward_chains | while read -r family name chain; do
		nft list chain "$family" "$name" "$chain" | grep -qF "\"$table\"" && continue
		nft insert rule "$family" "$name" "$chain" iifname "$bridge" accept comment "\"$table\""
		nft insert rule "$family" "$name" "$chain" oifname "$bridge" ct state established,related \
			accept comment "\"$table\""
	done
}

network_down() {
	local bridge chain family handle name note other table
	bridge=$1 table=$2
	lock_forwarding
	closed_forward_chains | while read -r family name chain; do
		nft -a list chain "$family" "$name" "$chain" | grep -F "\"$table\"" |
			sed -n 's/.* # handle \([0-9]*\)$/\1/p' | while read -r handle; do
			nft delete rule "$family" "$name" "$chain" handle "$handle"
		done
	done
	if nft list table ip "$table" >/dev/null 2>&1; then
		nft delete table ip "$table"
	fi
	[ -e "/sys/class/net/$bridge" ] || return 0
	note=$(cat "/sys/class/net/$bridge/ifalias")
	ip link delete dev "$bridge"
	[ "$note" = "ip_forward was 0" ] || return 0
	# Another user's boxes may still need forwarding: the duty to put it back passes to them.
	for other in /sys/class/net/fsbr-*; do
		[ -e "$other" ] || continue
		ip link set dev "${other##*/}" alias "$note"
		return 0
	done
	echo 0 >/proc/sys/net/ipv4/ip_forward
}

# One hand at a time on a box, even if the program that sent us is gone. The lock is the directory.
lock_box() {
	exec 8<"$1"
	flock 8
}

fill() {
	local dir
	dir=$1
	lock_box "$dir"
	rm -rf "$dir/upper" "$dir/work" "$dir/root"
	mkdir -m 755 "$dir/upper" "$dir/work" "$dir/root"
	cp -R --preserve=mode "$dir/seed/." "$dir/upper/"
	chmod 755 "$dir/upper"
}

on_systemd() { [ -d /run/systemd/system ]; }

start() {
	local dir id tries
	dir=$1 id=$2
	lock_box "$dir"
	rm -f "$dir/pid"
	if on_systemd; then
		systemd-run --quiet --collect --unit="$id" --description="foobar-stack sandbox $4" \
			-p Delegate=yes -p KillMode=mixed -p KillSignal=SIGKILL -p TimeoutStopSec=10 \
			-p TasksMax=infinity -p RestartForceExitStatus=133 -p SuccessExitStatus=133 \
			-p "StandardOutput=append:$dir/console.log" -p "StandardError=append:$dir/console.log" \
			unshare --mount --propagation private sh "$dir/nspawn.sh" watch-unit "$@" 8<&-
	else
		setsid --fork unshare --mount --propagation private sh "$dir/nspawn.sh" watch "$@" \
			</dev/null >>"$dir/console.log" 2>&1 8<&-
	fi
	# Not before it can be found again by its number is the box let go.
	tries=0
	until [ -e "$dir/pid" ]; do
		tries=$((tries + 1))
		if [ "$tries" -gt 500 ]; then
			echo "the box's process did not come up" >&2
			return 1
		fi
		sleep 0.01
	done
}

# The process that stands for the box: its number and start time are how it is known again.
sign() {
	local stat
	stat=$(cat "/proc/$$/stat")
	# Field 22, counted after the command's name, which may hold blanks.
	echo "$$ $(echo "${stat##*) }" | cut -d ' ' -f 20)" >"$1/pid.new"
	mv "$1/pid.new" "$1/pid"
}

# Below systemd the unit is the watcher: it starts anew when nspawn says so.
watch_unit() {
	sign "$1"
	run_box "$@"
}

# Without systemd we are the watcher, in a control group that holds the box as well.
watch() {
	local code group
	trap '' HUP INT
	cd /
	mount_cgroup2
	group=/sys/fs/cgroup/$2
	mkdir -p "$group/watch" "$group/box"
	echo $$ >"$group/watch/cgroup.procs"
	sign "$1"
	# nspawn says by 133 that the box wants to boot again.
	code=133
	while [ "$code" = 133 ]; do
		code=0
		unshare --mount --propagation private sh "$1/nspawn.sh" box "$@" || code=$?
	done
	exit "$code"
}

# A view of the unified hierarchy, whatever the host has mounted; for a private mount namespace.
mount_cgroup2() {
	umount -R /sys/fs/cgroup 2>/dev/null || :
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
}

box() {
	echo $$ >"/sys/fs/cgroup/$2/box/cgroup.procs"
	run_box "$@"
}

# In a mount namespace of its own.
run_box() {
	local bridge dir hostname id lower
	dir=$1 id=$2 bridge=$3 hostname=$4
	# What nspawn notes of itself below /run goes with this namespace.
	if [ -d /run/systemd ]; then
		mount -t tmpfs -o mode=755 tmpfs /run/systemd
	else
		mount -t tmpfs -o mode=755 tmpfs /run
	fi
	cd "$dir"
	# Tests lay more between the base tree and the box: what they have prepared once.
	lower=base
	if [ -e layers ]; then lower=$(cat layers); fi
	if [ ! -e copied ] && ! mount -t overlay overlay \
		-o "lowerdir=$lower,upperdir=upper,workdir=work" root; then
		# No overlay on this file system: a full copy, once.
		rm -rf root.new
		cp -a --reflink=auto base/. root.new
		cp -a upper/. root.new/
		rm -rf root
		mv root.new root
		: >copied
	fi
	cd /
	unplug "$id"
	exec systemd-nspawn --quiet --boot --directory="$dir/root" --machine="$id" \
		--hostname="$hostname" --register=no --keep-unit --network-bridge="$bridge" \
		--resolv-conf=off --timezone=off --link-journal=no --console=pipe --notify-ready=no
}

# unplug ID: the kernel takes the cable away with the last process of a box, some time
# later; on a busy machine that is too late for the next boot.
unplug() {
	local tries
	tries=0
	while [ -e "/sys/class/net/vb-$1" ] && [ "$tries" -lt 50 ]; do
		tries=$((tries + 1))
		sleep 0.02
	done
	[ ! -e "/sys/class/net/vb-$1" ] || ip link delete dev "vb-$1" 2>/dev/null || :
}

stop() {
	local dir id
	dir=$1 id=$2
	lock_box "$dir"
	if on_systemd; then
		systemctl stop "$id.service" 2>/dev/null || :
		systemctl reset-failed "$id.service" 2>/dev/null || :
	else
		unshare --mount --propagation private sh "$dir/nspawn.sh" sweep "$id" 8<&-
	fi
	rm -f "$dir/pid"
	unplug "$id"
}

# Ends every process of the box's cgroup and removes it.
sweep() {
	local group tries
	mount -t tmpfs -o mode=755 tmpfs /run
	mount_cgroup2
	group=/sys/fs/cgroup/$1
	[ -d "$group" ] || return 0
	tries=0
	while grep -q 'populated 1' "$group/cgroup.events"; do
		if [ -e "$group/cgroup.kill" ]; then
			echo 1 >"$group/cgroup.kill"
		else
			find "$group" -name cgroup.procs -exec cat {} + >/run/sweep-pids
			xargs -r kill -KILL </run/sweep-pids 2>/dev/null || :
		fi
		tries=$((tries + 1))
		if [ "$tries" -gt 500 ]; then
			echo "processes of $group do not end" >&2
			return 1
		fi
		sleep 0.02
	done
	find "$group" -depth -type d -exec rmdir {} +
}

remove() {
	lock_box "$1"
	rm -rf "$1"
}

verb=$1
shift
case $verb in
network-up) network_up "$@" ;;
network-down) network_down "$@" ;;
fill) fill "$@" ;;
start) start "$@" ;;
stop) stop "$@" ;;
remove) remove "$@" ;;
watch) watch "$@" ;;
watch-unit) watch_unit "$@" ;;
box) box "$@" ;;
sweep) sweep "$@" ;;
*)
	echo "unknown verb $verb" >&2
	exit 64
	;;
esac
