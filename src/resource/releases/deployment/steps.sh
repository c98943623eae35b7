# Deployments, on the server. A slot is called NAME-blue or NAME-green; its target
# starts and stops its instances, which are called by their ports, or, where they listen on
# Unix sockets, counted from 1.

# switch_release ROOT ID
switch_release() {
	local old
	[ "$(readlink -- "$1/current")" != "releases/$2" ] || return 0
	if old=$(readlink -- "$1/current"); then
		note current "$1/current" "$old"
	else
		note created "$1/current"
		made path "$1/current"
	fi
	ln -sfn -- "releases/$2" "$1/.current.foobar-stack"
	mv -fT -- "$1/.current.foobar-stack" "$1/current"
}

# keep_previous ROOT ID: what serves until now can be found as the one before: pages of it that
# are still open ask for its files.
keep_previous() {
	local before old
	old=$(readlink -- "$1/current") || return 0
	[ "$old" != "releases/$2" ] || return 0
	if before=$(readlink -- "$1/previous"); then
		[ "$before" != "$old" ] || return 0
		note current "$1/previous" "$before"
	else
		note created "$1/previous"
		made path "$1/previous"
	fi
	ln -sfn -- "$old" "$1/.previous.foobar-stack"
	mv -fT -- "$1/.previous.foobar-stack" "$1/previous"
}

# remember_release ROOT ID: it has served and was proven. The newest by this date are
# kept when old ones go, and are what one can go back to.
remember_release() {
	touch -- "$1/releases/$2.used"
}

# room_for_two PATTERN: for a moment both slots run; the new one is taken to need
# what the instances of the old one (PATTERN) have in use.
room_for_two() {
	local available bytes group kilobytes need pid word
	need=0
	for group in $(unit_property "$1" ControlGroup); do
		if [ -r "/sys/fs/cgroup$group/memory.stat" ]; then
			while read -r word bytes; do
				case $word in
				anon | shmem) need=$((need + bytes)) ;;
				esac
			done <"/sys/fs/cgroup$group/memory.stat"
		else
			# Nobody counts for the group: what each of its processes has to itself.
			while read -r pid; do
				bytes=$(sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status" 2>/dev/null || true)
				need=$((need + ${bytes:-0} * 1024))
			done <"/sys/fs/cgroup$group/cgroup.procs"
		fi
	done
	while read -r word kilobytes _; do
		[ "$word" != MemAvailable: ] || available=$((kilobytes / 1024))
	done </proc/meminfo
	need=$((need / 1048576))
	if [ $((need + 16)) -gt "$available" ]; then
		fail "the new release would run beside the old one for a moment: that takes about $need MB more memory, and $available MB are available"
	fi
}

# deploy PAYLOAD PATH: starts $slot, waits until it is healthy, and switches
# $proxy to it by the upstream file PATH.
deploy() {
	local enabled first had healthy instance invocations since units until why
	# A run that was killed may have left Nginx with this slot, though the file names
	# the other one already.
	if systemctl is-active --quiet -- "$slot@*.service" && systemctl is-active --quiet -- "$other@*.service"; then
		reload_proxy "$proxy" || fail "$proxy does not reload"
	fi
	# What is left there may still answer somebody. An undo of this run brings it back: where the
	# run before was killed, it is what was proven last.
	had=inactive
	if systemctl is-active --quiet -- "$slot.target"; then had=active; fi
	# It must be alone: the slot that serves ends first, and an undo brings that back in the end.
	if [ -n "$alone" ] && systemctl is-active --quiet -- "$other@*.service"; then
		note alone "$other.target"
		systemctl stop -- "$other@*.service"
	fi
	note slot "$slot.target" "$had" "$drain" "$proxy"
	# shellcheck disable=SC2086
	stop_slot "$slot" "$proxy" "$drain" $instances
	units=
	for instance in $instances; do
		if [ "$listen" = port ] && connections "$instance" 0A >/dev/null; then
			fail "port $instance is taken: what else listens on it?"
		fi
		units="$units $slot@$instance.service"
	done
	made service "$slot.target"
	since=$(date '+%Y-%m-%d %H:%M:%S')
	clock
	until=$((now + timeout * 100))
	asking=
	# The names of units have no blanks.
	# shellcheck disable=SC2086
	systemctl start -- $units || fail_unhealthy "it does not start"
	# shellcheck disable=SC2086
	invocations=$(invocations_of $units)
	if [ "$known" = yes ] && grep -qsxF -e "$configuration" -- "$STATE/deployments/$name"; then settle=0; fi
	start_asking
	healthy=0 first=$now enabled='' why='it does not answer'
	until [ "$healthy" -ge 3 ] && [ "$now" -ge $((first + settle * 100)) ]; do
		# shellcheck disable=SC2086
		if [ "$(invocations_of $units)" != "$invocations" ]; then fail_unhealthy "it does not stay up"; fi
		clock
		if [ "$now" -gt "$until" ]; then fail_unhealthy "it is not healthy after $timeout s: $why"; fi
		if instances_are_healthy; then
			[ "$healthy" -gt 0 ] || first=$now
			healthy=$((healthy + 1))
			# Before the file says that it serves: after a power cut that one must start. While
			# it settles, since systemd reads all its units for that.
			[ -n "$enabled" ] || enable_slot "$slot"
			enabled=yes
		else
			healthy=0
		fi
		sleep 0.2
	done
	stop_asking
	switch_upstream "$1" "$2"
	answers_through_proxy
}

# enable_slot SLOT: starts at boot.
enable_slot() {
	systemctl enable --quiet -- "$1.target"
	systemctl start -- "$1.target"
}

# fail_unhealthy WHY: the end of a start that failed; with what its instances said.
fail_unhealthy() {
	[ -z "$asking" ] || tail -n 2 -- "$asked/log" 2>/dev/null || true
	stop_asking
	journalctl --sync || true
	journalctl --no-pager -o cat -n 200 --since "$since" -u "$slot@*" || true
	fail "the new release in $slot: $1"
}

# start_asking: an app that does not speak HTTP is asked through an Nginx of this run alone.
start_asking() {
	asking=
	if [ -z "$ask" ] || ! command -v nginx >/dev/null; then return 0; fi
	asked=/run/$slot-asked
	rm -rf -- "$asked"
	mkdir -m 700 -- "$asked"
	nginx -e "$asked/log" -c "$RUN/payload/$ask" >/dev/null 2>&1 &
	asking=$!
}

# stop_asking: and nothing of it is left.
stop_asking() {
	[ -n "$asking" ] || return 0
	kill "$asking" 2>/dev/null || true
	wait "$asking" || true
	rm -rf -- "$asked"
	asking=
}

# instances_are_healthy: all of them; else $why says what one of them said.
instances_are_healthy() {
	local at instance
	for instance in $instances; do
		at=$(socket_of "$slot" "$instance")
		if [ "$listen" = socket ]; then may_connect "$at" || return 1; fi
		if [ -n "$asking" ]; then
			is_healthy "$page of $slot@$instance" "http://localhost$page" --unix-socket "$asked/$instance.sock"
		elif [ -n "$page" ] && [ -z "$ask" ]; then
			case $listen in
			socket) is_healthy "$page of $slot@$instance" "http://localhost$page" --unix-socket "$at" ;;
			*) is_healthy "http://127.0.0.1:$instance$page" "http://127.0.0.1:$instance$page" ;;
			esac
		elif [ "$listen" = port ]; then
			bash -c ": </dev/tcp/127.0.0.1/$instance" 2>/dev/null
		fi || return 1
	done
}

# socket_of SLOT INSTANCE: the socket of an instance that listens on no port.
socket_of() {
	printf '/run/%s-%s/app.sock' "$1" "$2"
}

# may_connect SOCKET: somebody listens on it, and Nginx may connect. Root may connect to
# anything, so that its own success says nothing of that.
may_connect() {
	why="nobody listens on $1"
	sockets "$1" '00010000 0001 01' >/dev/null || return 1
	why="$proxy_user may not connect to $1"
	setpriv --reuid "$proxy_user" --regid "$proxy_user" --init-groups test -w "$1"
}

# switch_upstream PAYLOAD PATH: the upstream file, and the reload that puts it in force.
switch_upstream() {
	note switched "$proxy"
	put_file "$1" "$2" 644 root root
	sync -- "${2%/*}"
	reload_proxy "$proxy" || fail "$proxy does not take the new upstream"
	# Its own step later in this run need not do it again.
	: >"$RUN/reloaded-$proxy"
}

# answers_through_proxy: what visitors will see. The old workers accept no new
# connection any more, so that the new release is what answers.
answers_through_proxy() {
	local healthy until
	systemctl is-active --quiet -- "$proxy" && [ -n "$page" ] || return 0
	healthy=0
	clock
	until=$((now + 2000))
	until [ "$healthy" -ge 3 ]; do
		clock
		if [ "$now" -gt "$until" ]; then fail "the new release does not answer through $proxy: $why"; fi
		if is_healthy "$url$page" "$url$page" --insecure --connect-to ::127.0.0.1:; then
			healthy=$((healthy + 1))
		else
			healthy=0
			sleep 0.2
		fi
	done
}

# remember_deployment NAME DIGEST: what has served well need not show that again.
remember_deployment() {
	mkdir -p -m 700 -- "$STATE/deployments"
	{
		printf '%s\n' "$2"
		grep -vxF -e "$2" -- "$STATE/deployments/$1" 2>/dev/null | head -n 49 || true
	} >"$STATE/deployments/.$1.new"
	mv -fT -- "$STATE/deployments/.$1.new" "$STATE/deployments/$1"
}

# connections PORT STATE: the lines of the kernel's tables of TCP for this local
# port in this state: 01 for a connection, 0A for a listener (proc_pid_net(5)).
connections() {
	grep -hsE "^ *[0-9]+: [0-9A-F]+:$(printf '%04X' "$1") [0-9A-F]+:[0-9A-F]{4} $2 " /proc/net/tcp /proc/net/tcp6
}

# sockets SOCKET WORDS: the lines of the kernel's table of Unix sockets for this path with
# these flags, type and state: 00010000 and 01 for a listener, 02 and 03 for a connection
# that waits, or is taken (proc_pid_net(5)).
sockets() {
	grep -sE "^[^:]*: [0-9A-F]+ [0-9A-F]+ $2 +[0-9]+ $1\$" /proc/net/unix
}

# connected SLOT INSTANCE: how many connections it has.
connected() {
	local at
	at=$(socket_of "$1" "$2")
	if [ -S "$at" ]; then sockets "$at" '00000000 0001 0[23]'; else connections "$2" 01; fi | wc -l
}

# stop_slot SLOT PROXY SECONDS INSTANCE...: when nobody is connected to it any more, and
# no worker of Nginx is left that might be, or when that many seconds have passed.
stop_slot() {
	local busy by deadline instance said seconds stem
	stem=$1 by=$2 seconds=$3
	shift 3
	clock
	deadline=$((now + seconds * 100)) said=
	while systemctl is-active --quiet -- "$stem@*.service" && [ "$now" -lt "$deadline" ]; do
		busy=0
		for instance do
			busy=$((busy + $(connected "$stem" "$instance")))
		done
		if [ "$busy" = 0 ]; then
			case $(proxy_workers "$by") in
			*"shutting down"*) ;;
			*) break ;;
			esac
		fi
		if [ "$busy" != "$said" ]; then
			printf '%s: %s connections are left\n' "$stem" "$busy"
			said=$busy
		fi
		sleep 0.2
		clock
	done
	systemctl stop -- "$stem@*.service"
	if systemctl is-active --quiet -- "$stem.target"; then systemctl stop -- "$stem.target"; fi
	systemctl reset-failed -- "$stem@*.service" 2>/dev/null || true
}

# retire_slot SLOT PROXY SECONDS INSTANCE...: it serves no more, and does not start at
# boot.
retire_slot() {
	systemctl disable --quiet -- "$1.target"
	stop_slot "$@"
}

# undo_slot TARGET HAD SECONDS PROXY: visitors are led back first, then it goes; what ran there
# before, if HAD is `active`, runs there again.
undo_slot() {
	local instances stem wait
	stem=${1%.target} wait=0
	if grep -qsxF -e "switched	$4" "$RUN/journal"; then
		reload_proxy "$4" || return
		wait=$3
	fi
	instances=$(systemctl show --value -p Id -- "$stem@*.service" | sed -n 's/.*@\([0-9]*\)\.service$/\1/p')
	if [ "$2" != active ]; then
		systemctl disable --quiet -- "$1" 2>/dev/null || rm -f -- "/etc/systemd/system/multi-user.target.wants/$1"
	fi
	# shellcheck disable=SC2086
	stop_slot "$stem" "$4" "$wait" $instances
	[ "$2" != active ] || bring_back "$1"
}

# bring_back TARGET: starts a slot as its files are now, and waits until its instances listen.
bring_back() {
	local deadline instance instances
	systemctl enable --quiet -- "$1" && systemctl start -- "$1" || return
	instances=$(systemctl show --value -p Wants -p Requires -- "$1" | tr ' ' '\n' |
		sed -n 's/.*@\([0-9]*\)\.service$/\1/p')
	clock
	deadline=$((now + 6000))
	for instance in $instances; do
		until listens "${1%.target}" "$instance"; do
			clock
			[ "$now" -lt "$deadline" ] || return 1
			sleep 0.1
		done
	done
}

# listens SLOT INSTANCE: somebody takes connections there.
listens() {
	connections "$2" 0A >/dev/null || sockets "$(socket_of "$1" "$2")" '00010000 0001 01' >/dev/null
}
