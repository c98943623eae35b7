# Zones, on the server; the rest stands in file.sh.

# probe_zone PATH...: the places, each file's bytes, and the last serial that a run has
# published, which may have been undone.
probe_zone() {
	local path serial
	probe_paths "$@" || return
	for path do
		# shellcheck disable=SC2153 # host.sh says where it is
		if read -r serial _ 2>/dev/null <"$STATE/serials/${path##*/}"; then
			printf 'serial\037%s\037%s\n' "$path" "$serial"
		fi
		[ -f "$path" ] || continue
		printf 'text\037%s\037' "$path"
		base64 -w 0 -- "$path" || return
		printf '\n'
	done
}

# probe_zone_keys PATH ZONE KEYS: which keys are on record for the zone, which of them are gone,
# and which others may still count on; of a signed zone the serial that BIND serves. A zone that
# was never signed costs no process.
probe_zone_keys() {
	local file key state status used value word
	file=$STATE/keys/${1##*/}
	[ -e "$file" ] || return 0
	while read -r key; do
		printf 'key\037%s\037%s\n' "$1" "$key"
		state=$3/$key.state
		if [ ! -e "$3/$key.private" ] || [ ! -e "$state" ]; then
			printf 'key-gone\037%s\037%s\n' "$1" "$key"
			continue
		fi
		used=
		while read -r word value; do
			case $word in
			*State:) [ "$value" = hidden ] || used=yes ;;
			esac
		done <"$state"
		[ -z "$used" ] || printf 'key-in-use\037%s\037%s\n' "$1" "$key"
	done <"$file"
	status=$(timeout 10 rndc zonestatus "$2" 2>/dev/null) || return 0
	case $status in
	*"signed serial: "*)
		status=${status#*signed serial: }
		printf 'signed\037%s\037%s\n' "$1" "${status%%[!0-9]*}"
		;;
	esac
}

# --- steps: no probe needs what follows ---

# record_zone_keys PATH ZONE KEYS: the keys that BIND has made to stay, once they are there.
record_zone_keys() {
	local key keys left
	left=100
	while
		keys=
		for key in "$3/K$2".+*.state; do
			key=${key##*/}
			! grep -qsx 'GoalState: omnipresent' "$3/$key" || keys="$keys ${key%.state}"
		done
		[ -z "$keys" ]
	do
		[ "$left" -gt 0 ] || fail "BIND has made no keys for $2 in $3"
		left=$((left - 1))
		sleep 0.1
	done
	mkdir -p -m 700 -- "$STATE/keys"
	# shellcheck disable=SC2086
	printf '%s\n' $keys | replace "$STATE/keys/${1##*/}"
}

# forget_zone_keys PATH ZONE KEYS: nobody counts on them any more, nor on what was signed.
forget_zone_keys() {
	local key
	rm -f -- "$STATE/keys/${1##*/}"
	for key in signed signed.jnl jbk jnl; do
		rm -f -- "$3/${1##*/}.$key"
	done
}

# begin_signing PATH KEYS: BIND loads no zone whose journal knows nothing of its file.
begin_signing() {
	rm -f -- "$2/${1##*/}.jnl"
}

# put_zone PAYLOAD PATH MODE OWNER GROUP SERIAL UNDO UNDO-SERIAL: UNDO is the payload with
# what is there now under a later serial; `-` if nothing is.
put_zone() {
	note zone "$2" "$7" "$8"
	publish_serial "$2" "$6"
	put_file "$1" "$2" "$3" "$4" "$5"
}
