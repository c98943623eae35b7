# What a client runs that changes several servers, one after the other.

# take_rollout WHO: from here on no other client begins a rollout with this server, until the shell
# of this session has ended. Status 75 when somebody else is at it; it is printed who. The lock of a
# run is another one: each run takes that by itself.
take_rollout() {
	local shell
	mkdir -p -m 700 -- "$STATE" || return
	exec 8<>"$STATE/rollout"
	# Whoever has just ended lets go of it within a second or two.
	if ! flock -w 3 8; then
		head -n 1 -- "$STATE/rollout"
		return 75
	fi
	printf 'a rollout since %s by %s\n' "$(date -u '+%Y-%m-%d %H:%M:%S UTC')" "$1" >"$STATE/rollout"
	# Each script of a session is a process of its own: what has the lock outlives this one, and ends
	# with the shell.
	shell=$$
	(
		exec </dev/null >/dev/null 2>&1
		while kill -0 "$shell"; do sleep 1; done
	) &
}
