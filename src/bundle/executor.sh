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

# note WORD...: one line of the journal, from which a run is undone.
note() {
	(IFS='	' && printf '%s\n' "$*") >>"$RUN/journal"
}

# noted PATH: whether the journal already says what stood there; only that was
# there before the run.
noted() {
	grep -qsxF -e "created	$1" -e "kept	$1" "$RUN/journal"
}

# keep PATH: what stands there now is kept with the run before it is replaced.
keep() {
	if noted "$1"; then
		return
	elif ! exists "$1"; then
		note created "$1"
	else
		mkdir -p -m 700 -- "$RUN/before"
		cp -a --parents -- "$1" "$RUN/before/"
		note kept "$1"
	fi
}

# keep_ownership PATH: the same for mode, owner and group alone.
keep_ownership() {
	if exists "$1"; then
		note owned "$1" "$(stat -c '%a %U:%G' -- "$1")"
	else
		note created "$1"
	fi
}

# clock: hundredths of a second since the machine started, in $now; no process.
clock() {
	read -r now _ </proc/uptime
	now=${now%.*}${now#*.}
}

# step NUMBER FUNCTION: its output goes to the events; a failure ends the run.
# Between two steps somebody may have asked to stop.
step() {
	if [ -e "$RUN/stop" ]; then
		emit stopped "$1"
		exit 1
	fi
	clock
	began=$now
	emit begin "$1"
	{
		# Else the first failure would end this group, too, before the status is
		# written, and the status of the step before would be taken for it.
		set +e
		(
			set -e
			"$2"
		) 2>&1 </dev/null
		echo $? >"$RUN/status"
	} | sed -u "s/^/log	$1	/" >>"$RUN/events"
	read -r status <"$RUN/status"
	if [ "$status" != 0 ]; then
		emit failed-step "$1" "$status"
		give_up
	fi
	clock
	emit end "$1" $((now - began))
}

# give_up: the end of a run that failed. What it has touched goes back.
give_up() {
	if [ "$touched" = yes ]; then
		emit undoing
		undo_run
		if [ -s "$RUN/undo-failed" ]; then
			while IFS= read -r line; do emit undo-failed "$line"; done <"$RUN/undo-failed"
		else
			emit undone
		fi
	else
		emit failed
	fi
	exit 1
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
	touched=no
	trap clean_up EXIT
	release_services
}

# clean_up: nothing of a run stays that should not, however it ends. The unit
# does the same for a run that is killed.
clean_up() {
	rm -rf -- "$RUN/payload"
	release_services
}

# hold_services: says "not now" to every start that the installation of a
# package asks for (policy-rc.d of invoke-rc.d(8)), so that no service runs
# with the distribution's configuration in between. The link leads to /run:
# after a power cut it leads nowhere, which is no policy.
hold_services() {
	policy=/usr/sbin/policy-rc.d
	if exists "$policy" && [ "$(readlink -- "$policy")" != /run/foobar-stack/policy-rc.d ]; then
		mv -f -- "$policy" "$policy.kept-by-foobar-stack"
	fi
	mkdir -p -- /run/foobar-stack
	printf '#!/bin/sh\n# foobar-stack: services start when their configuration is there\nexit 101\n' \
		>/run/foobar-stack/policy-rc.d
	chmod 755 -- /run/foobar-stack/policy-rc.d
	ln -sfn -- /run/foobar-stack/policy-rc.d "$policy"
}

# release_services: takes that back.
release_services() {
	policy=/usr/sbin/policy-rc.d
	if [ "$(readlink -- "$policy")" = /run/foobar-stack/policy-rc.d ]; then
		rm -f -- "$policy" /run/foobar-stack/policy-rc.d
	fi
	if exists "$policy.kept-by-foobar-stack"; then
		mv -f -- "$policy.kept-by-foobar-stack" "$policy"
	fi
}

# touch_server: from here on a failure is undone.
touch_server() {
	touched=yes
	: >"$RUN/journal"
}

# prove WATCH DEADLINE UNDECIDED UNIT...: asks whoever follows for a verdict,
# and watches meanwhile for WATCH seconds that the units this run started or
# restarted stay up. Without a verdict in DEADLINE seconds UNDECIDED is it:
# `confirm`, or `undo` where nobody may be able to reach the server any more.
prove() {
	watch=$1 wait=$2 verdict=$3 flaw=
	shift 3
	emit proving
	clock
	began=$now
	[ $# -eq 0 ] || before=$(lives "$@")
	while :; do
		if [ $# -gt 0 ] && [ "$(lives "$@")" != "$before" ]; then
			died "$before" "$@"
			give_up
		fi
		if [ -e "$RUN/verdict" ]; then
			{ IFS= read -r verdict && IFS= read -r flaw; } <"$RUN/verdict"
			wait=0
		fi
		[ "$verdict" != undo ] || [ "$wait" != 0 ] || break
		clock
		if [ $((now - began)) -ge $((watch * 100)) ] && [ $((now - began)) -ge $((wait * 100)) ]; then break; fi
		sleep 0.1
	done
	if [ "$verdict" != confirm ]; then
		emit unproven "${flaw:-nobody confirmed over a new connection in time}"
		give_up
	fi
}

# lives UNIT...: which life each unit is in; another one means that it died.
lives() {
	systemctl show -p Id -p ActiveState -p InvocationID -p NRestarts -- "$@"
}

# died BEFORE UNIT...: says which units did not stay up, with their last words.
died() {
	before=$1
	shift
	for unit do
		case $before in
		*"$(lives "$unit")"*) ;;
		*)
			emit unproven "$unit does not stay up"
			journalctl --no-pager -o cat -n 20 -u "$unit" | while IFS= read -r line; do emit said "$line"; done
			;;
		esac
	done
}

# undo_run: takes back what the journal says, the last first. Packages,
# accounts and data stay. What cannot be taken back is named in undo-failed.
undo_run() {
	: >"$RUN/undo-failed"
	tac -- "$RUN/journal" | while IFS='	' read -r word subject detail more; do
		case $word in
		created) undo_created "$subject" ;;
		kept) undo_kept "$subject" ;;
		owned) chmod "00${detail%% *}" -- "$subject" && chown "${detail#* }" -- "$subject" ;;
		current) ln -sfn -- "$detail" "$subject.undo" && mv -fT -- "$subject.undo" "$subject" ;;
		pending) undo_pending "$subject" "$detail" ;;
		*) true ;;
		esac || printf '%s %s\n' "$word" "$subject" >>"$RUN/undo-failed"
	done
	systemctl daemon-reload
	grep '^unit	' "$RUN/journal" | while IFS='	' read -r _ unit active boot verb; do
		undo_unit "$unit" "$active" "$boot" "$verb" || printf 'unit %s\n' "$unit" >>"$RUN/undo-failed"
	done
}

undo_created() {
	if [ -d "$1" ] && [ ! -L "$1" ]; then
		# What others have put into a folder in the meantime is theirs.
		rmdir -- "$1" 2>/dev/null || true
	else
		rm -f -- "$1"
	fi
}

undo_kept() {
	cp -a -T -- "$RUN/before$1" "${1%/*}/.${1##*/}.foobar-stack" &&
		mv -fT -- "${1%/*}/.${1##*/}.foobar-stack" "$1"
}

undo_pending() {
	if [ -n "$2" ]; then
		printf '%s\n' "$2" >"$STATE/pending/$1"
	else
		rm -f -- "$STATE/pending/$1"
	fi
}

# undo_unit UNIT ACTIVE BOOT VERB: runs again what it ran before.
undo_unit() {
	case $3 in
	enabled) systemctl enable --quiet -- "$1" ;;
	disabled) systemctl disable --quiet -- "$1" ;;
	masked) systemctl mask --quiet -- "$1" ;;
	esac
	if [ "$2" != active ]; then
		systemctl stop -- "$1"
		systemctl reset-failed -- "$1" 2>/dev/null || true
	elif [ "$4" != keep ]; then
		systemctl reset-failed -- "$1" 2>/dev/null || true
		if [ "$4" = reload ] && systemctl is-active --quiet -- "$1"; then
			systemctl reload -- "$1" || systemctl restart -- "$1"
		else
			systemctl restart -- "$1"
		fi
	fi
}

# record_managed: writes down what foobar-stack owns on this server. What the
# client does not know, the journal says: what was not there before this run
# was made by it.
record_managed() {
	journal=
	[ ! -e "$RUN/journal" ] || journal=$(cat -- "$RUN/journal")
	while IFS='	' read -r made role kind name; do
		if [ "$made" = new ]; then
			made=taken
			case "
$journal
" in
			*"
created	$name
"* | *"
unit	$name	inactive	"*) made=made ;;
			esac
		fi
		printf '%s\t%s\t%s\t%s\n' "$made" "$role" "$kind" "$name"
	done <"$RUN/payload/managed" >"$STATE/.managed.new"
	mv -f -- "$STATE/.managed.new" "$STATE/managed"
}

# end_run SUMMARY WHO: the run is proven. What it replaced stays for who wants
# to look, except secrets; so do the newest twenty runs.
end_run() {
	record_managed
	printf '%s\t%s\t%s\t%s\t%s\n' "$generation" "$(date +%s)" "$2" "${RUN##*/}" "$1" >>"$STATE/history"
	if [ -e "$RUN/journal" ]; then
		grep '^secret	' "$RUN/journal" | while IFS='	' read -r _ path; do rm -f -- "$RUN/before$path"; done
	fi
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
	note pending "$1" "$(cat "$STATE/pending/$1" 2>/dev/null)"
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
