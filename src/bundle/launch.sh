# Receives, starts and follows a run.

# launch_run DIRECTORY UNIT: the archive comes on standard input. The unit is
# systemd's child, not ours: it goes on when the connection is gone. What a
# killed run leaves behind, the unit takes away. Who stops the unit, or the machine,
# lets it undo what it did: only the run itself is told, and its children end with their
# step. A run has its folder only when
# all of it is there, with some space for its last words should the disk be full.
launch_run() {
	local new
	umask 077
	new=${1%/*}/.${1##*/}
	mkdir -p -- "${1%/*}" || return
	remember_client
	find "${1%/*}" -mindepth 1 -maxdepth 1 -name '.*' -mmin +60 -exec rm -rf -- {} +
	if ! receive_run "$new" || ! mv -T -- "$new" "$1" ||
		! systemd-run --quiet --collect --unit="$2" --service-type=exec \
			--description='foobar-stack applies a plan' \
			--property=OOMScoreAdjust=-500 \
			--property=KillMode=mixed --property=TimeoutStopSec=300 \
			--property="ExecStopPost=/bin/sh $1/program clean_up_after" \
			/bin/sh "$1/program"; then
		rm -rf -- "$new" "$1"
		return 1
	fi
}

# remember_client: the address that we are reached from is one of the last twenty in a list, for
# what must never keep us out (the role fail2ban).
remember_client() {
	local client
	client=${SSH_CONNECTION%% *}
	[ -n "$client" ] && ! grep -qsxF -e "$client" "$STATE/clients" || return 0
	{
		[ ! -e "$STATE/clients" ] || tail -n 19 -- "$STATE/clients"
		printf '%s\n' "$client"
	} >"$STATE/.clients.new" && mv -fT -- "$STATE/.clients.new" "$STATE/clients"
}

# receive_run DIRECTORY: what does not fit on the disk does not begin.
receive_run() {
	mkdir -- "$1" && tar -x -z -f - -C "$1" && : >"$1/events" &&
		head -c 262144 /dev/zero >"$1/reserve"
}

# follow_run DIRECTORY UNIT LINE: tail sleeps until the file grows, and ends
# when the run's process has ended. What that process had started may outlive it by
# a moment, with the lock in its hands: only when the unit is through is nothing left.
follow_run() {
	local pid
	pid=$(systemctl show --value -p MainPID -- "$2")
	if [ "${pid:-0}" != 0 ]; then
		tail -n "+$3" -s 0.1 --pid="$pid" -f "$1/events"
		while [ "$(systemctl show --value -p ActiveState -- "$2")" = deactivating ]; do
			sleep 0.1
		done
	else
		tail -n "+$3" "$1/events"
	fi
}

# say_verdict DIRECTORY WORD FLAW: put in place at once, so that no half of it
# is read. On a full disk it takes the space that was set aside for such words.
say_verdict() {
	write_verdict "$@" 2>/dev/null || {
		rm -f -- "$1/reserve"
		write_verdict "$@"
	}
}

write_verdict() {
	printf '%s\n%s\n' "$2" "$3" >"$1/verdict.new" && mv -f -- "$1/verdict.new" "$1/verdict"
}

# stop_run DIRECTORY
stop_run() {
	: >"$1/stop"
}

# current_run: the run that is under way, else the last one, each as it has signed
# itself: the names of runs sort by a clock that may have been wrong.
current_run() {
	local last
	[ -e "$STATE/holder" ] || return 0
	read -r _ last _ <"$STATE/holder"
	last=$STATE/runs/${last%,}
	[ -e "$last/titles" ] || return 0
	printf '%s\n' "${last##*/}"
	cat -- "$last/prover" "$last/titles"
}

# reach_run DIRECTORY: somebody has come over a new connection.
reach_run() {
	: >"$1/reached"
}

# print_history: the runs, then which generations are kept.
print_history() {
	local kept
	[ ! -e "$STATE/history" ] || cat -- "$STATE/history" || return
	for kept in "$STATE"/generations/*.json.gz; do
		[ -e "$kept" ] || continue
		kept=${kept##*/}
		printf 'kept\t%s\n' "${kept%.json.gz}"
	done
}

# print_generation NUMBER
print_generation() {
	gzip -dc -- "$STATE/generations/$1.json.gz"
}

# approve_run RUN: the line of the run says `proven` from now on, where it said
# `unverified`. Only the last run can be proven later: what one sees is what that one made.
approve_run() {
	local last
	take_lock || return
	last=$(tail -n 1 -- "$STATE/history") || return
	case $last in
	*"	$1	"*"	unverified	"*) ;;
	*) return 1 ;;
	esac
	{
		sed '$d' -- "$STATE/history" &&
			printf '%s\n' "${last%	unverified	*}	proven	${last##*	unverified	}"
	} >"$STATE/.history.new" && sync -- "$STATE/.history.new" &&
		mv -f -- "$STATE/.history.new" "$STATE/history" && rm -f -- "$STATE/unverified" && sync -- "$STATE"
}
