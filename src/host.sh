# What every program on the server shares. STATE: the folder of what the server knows.

# exists PATH: true for anything at PATH, a dangling link, too.
exists() {
	[ -e "$1" ] || [ -L "$1" ]
}

# clock: hundredths of a second since the machine started, in $now; no process.
clock() {
	read -r now _ </proc/uptime
	now=${now%.*}${now#*.}
}

# replace PATH: puts what comes on standard input in the place of a file, whole or
# not at all, whatever dies in between. It is on disk when this returns.
replace() {
	cat >"${1%/*}/.${1##*/}.new"
	sync -- "${1%/*}/.${1##*/}.new"
	mv -fT -- "${1%/*}/.${1##*/}.new" "$1"
	sync -- "${1%/*}"
}

# unit_property UNIT NAME: what systemd says of it.
unit_property() {
	systemctl show --value -p "$2" -- "$1"
}

# take_lock: from here on nobody else changes the server, until this shell and what it has
# started have ended. Fails when somebody else is at it.
take_lock() {
	mkdir -p -m 700 -- "$STATE" || return
	exec 9<>"$STATE/lock"
	flock -n 9 || return
	# Who signed it, and was killed.
	rm -f -- "$STATE/busy"
}

# await_lock SECONDS [FUNCTION]: the same. A job of the server itself, which signs with the name of
# its unit, is soon through and is waited for, so long at most; the function is told who it is. It
# is not waited for a person.
await_lock() {
	local deadline told
	take_lock && return
	told=
	clock
	deadline=$((now + $1 * 100))
	while :; do
		case $(lock_holder) in
		*' by foobar-stack-'*) ;;
		*) return 1 ;;
		esac
		clock
		[ "$now" -lt "$deadline" ] || return
		if [ -z "$told" ]; then ${2:+"$2" "$(lock_holder)"}; fi
		told=yes
		! flock -w 1 9 || break
	done
	rm -f -- "$STATE/busy"
}

# lock_holder: who has the lock, as they have signed.
lock_holder() {
	cat -- "$STATE/busy" "$STATE/holder" 2>/dev/null | head -n 1
}

# with_lock WHAT WHO FUNCTION WORD...: does it while nothing else changes the server: a run
# puts files in place one by one, and nobody must read them before all are there. WHO is a person,
# or the unit foobar-stack-… of a job. Status 75, when somebody else is at it; it is printed who.
with_lock() (
	if ! await_lock 60; then
		lock_holder
		exit 75
	fi
	printf '%s since %s by %s\n' "$1" "$(date -u '+%Y-%m-%d %H:%M:%S UTC')" "$2" >"$STATE/busy"
	shift 2
	status=0
	"$@" || status=$?
	rm -f -- "$STATE/busy"
	exit "$status"
)
