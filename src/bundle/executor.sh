# The executor: runs on the server as a transient unit, one step after the
# other, and says in $RUN/events what it does. The kinds' functions and the
# steps of the plan follow below it; `main` at the very end starts it.

set -eu
export LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022

# emit WORD...: one event; its fields are parted by tabs.
emit() {
	(IFS='	' && printf '%s\n' "$*") >>"$RUN/events"
}

# fail MESSAGE: ends the step.
fail() {
	printf '%s\n' "$1"
	exit 1
}

# exists PATH: true for anything at PATH, a dangling link, too.
exists() {
	[ -e "$1" ] || [ -L "$1" ]
}

# keep PATH: a copy of what stands there, with the run, before it is replaced.
keep() {
	if exists "$1"; then
		mkdir -p -m 700 -- "$RUN/before"
		cp -a --parents -- "$1" "$RUN/before/"
	fi
}

# clock: hundredths of a second since the machine started, in $now; no process.
clock() {
	read -r now _ </proc/uptime
	now=${now%.*}${now#*.}
}

# step NUMBER FUNCTION: its output goes to the events; a failure ends the run.
step() {
	clock
	began=$now
	emit begin "$1"
	{
		(
			set -e
			"$2"
		) 2>&1 </dev/null
		echo $? >"$RUN/status"
	} | sed -u "s/^/log	$1	/" >>"$RUN/events"
	read -r status <"$RUN/status"
	if [ "$status" != 0 ]; then
		emit failed-step "$1" "$status"
		emit failed
		exit 1
	fi
	clock
	emit end "$1" $((now - began))
}

# begin_run RUN GENERATION WHO: takes the lock, or says who has it; refuses when
# the server has seen another run since the plan was made.
begin_run() {
	mkdir -p -m 700 -- "$STATE"
	exec 9<>"$STATE/lock"
	if ! flock -n 9; then
		emit locked "$(cat "$STATE/holder" 2>/dev/null || true)"
		exit 75
	fi
	printf 'run %s, started %s by %s\n' "$1" "$(date -u '+%Y-%m-%d %H:%M:%S UTC')" "$3" >"$STATE/holder"
	generation=$2
	actual=$(cat "$STATE/generation" 2>/dev/null || echo 0)
	if [ "$actual" != "$generation" ]; then
		emit moved "$actual"
		exit 75
	fi
	generation=$((generation + 1))
	printf '%s\n' "$generation" >"$STATE/.generation.new"
	mv -f "$STATE/.generation.new" "$STATE/generation"
	emit started "$1"
	trap clean_up EXIT
}

# clean_up: nothing of a run stays that should not, however it ends. The unit
# does the same for a run that is killed.
clean_up() {
	rm -rf -- "$RUN/payload"
	if command -v release_services >/dev/null; then release_services; fi
}

# end_run: the newest twenty runs stay for who wants to look.
end_run() {
	emit finished "$generation"
	find "$STATE/runs" -mindepth 1 -maxdepth 1 | sort -r | tail -n +21 | while read -r old; do
		rm -rf -- "$old"
	done
}

# mark_pending UNIT REACTION: noted before a file is touched, forgotten when the
# service has its new configuration. A restart that is owed is not forgotten
# for a reload.
mark_pending() {
	mkdir -p -m 700 -- "$STATE/pending"
	if [ "$(cat "$STATE/pending/$1" 2>/dev/null)" != restart ]; then
		printf '%s\n' "$2" >"$STATE/pending/$1"
		sync -- "$STATE/pending/$1" "$STATE/pending"
	fi
}

# read_units: systemd reads its unit files again.
read_units() {
	systemctl daemon-reload
}

# in_the_future: shows the validators an /etc in which the staged files are
# already in place. Nothing outside this mount namespace sees it.
in_the_future() {
	unshare --mount --propagation private -- sh "$RUN/program" future
}

# make_future: an overlay over /etc; where the kernel has none, a copy of it.
make_future() {
	mkdir -p -- "$RUN/future"
	mount -t tmpfs -o mode=755 foobar-stack "$RUN/future"
	mkdir -- "$RUN/future/upper" "$RUN/future/work"
	if ! mount -t overlay foobar-stack \
		-o "lowerdir=/etc,upperdir=$RUN/future/upper,workdir=$RUN/future/work" /etc 2>/dev/null; then
		cp -a /etc "$RUN/future/etc"
		mount --bind "$RUN/future/etc" /etc
	fi
}

future_file() {
	rm -rf -- "$1"
	mkdir -p -- "${1%/*}/"
	install -T -m 644 -- "$RUN/payload/$2" "$1"
}

future_link() {
	mkdir -p -- "${1%/*}/"
	ln -sfn -- "$2" "$1"
}

future_absent() {
	rm -f -- "$1"
}

future_directory() {
	mkdir -p -- "$1"
}

# validator NAME WORD...: what it says is shown only when it says no.
validator() {
	name=$1
	shift
	if ! said=$("$@" 2>&1 </dev/null); then
		printf '%s refuses the new configuration:\n%s\n' "$name" "$said"
		refused=yes
	fi
}
