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

# probe_zone_keys PATH ZONE KEYS: which keys are on record for the zone, which of them BIND means
# to keep, which are gone, and which others may still count on; which it keeps that are not on
# record; of a signed zone the serial that BIND serves. A zone that was never signed costs no
# process.
probe_zone_keys() {
	local file goal key recorded relied state status
	file=$STATE/keys/${1##*/}
	[ -e "$file" ] || return 0
	recorded=' '
	while read -r key; do
		recorded="$recorded$key "
		printf 'key\037%s\037%s\n' "$1" "$key"
		state=$3/$key.state
		if [ ! -e "$3/$key.private" ] || [ ! -e "$state" ]; then
			printf 'key-gone\037%s\037%s\n' "$1" "$key"
			continue
		fi
		read_key_state "$state"
		[ "$goal" != omnipresent ] || printf 'key-kept\037%s\037%s\n' "$1" "$key"
		[ -z "$relied" ] || printf 'key-in-use\037%s\037%s\n' "$1" "$key"
	done <"$file"
	for state in "$3/K$2".+*.state; do
		key=${state##*/} key=${key%.state}
		case $recorded in *" $key "*) continue ;; esac
		[ -e "$state" ] || continue
		read_key_state "$state"
		[ "$goal" != omnipresent ] || printf 'key-new\037%s\037%s\n' "$1" "$key"
	done
	status=$(timeout 10 rndc zonestatus "$2" 2>/dev/null) || return 0
	case $status in
	*"signed serial: "*)
		status=${status#*signed serial: }
		printf 'signed\037%s\037%s\n' "$1" "${status%%[!0-9]*}"
		;;
	esac
}

# read_key_state FILE: $goal is what BIND means to do with the key; $relied is not empty while others may
# count on it.
read_key_state() {
	local value word
	goal='' relied=''
	while read -r word value; do
		case $word in
		GoalState:) goal=$value ;;
		*State:) ;;
		*) continue ;;
		esac
		[ "$value" = hidden ] || relied=yes
	done <"$1"
}

# --- steps: no probe needs what follows ---

# record_zone_keys PATH ZONE KEYS: the keys that BIND has made to stay, once they are there, and
# those before them that others may still count on.
record_zone_keys() {
	local goal keys kept left state relied
	left=100
	while
		keys='' kept=''
		for state in "$3/K$2".+*.state; do
			[ -e "$state" ] || continue
			read_key_state "$state"
			[ "$goal" != omnipresent ] || kept=yes
			[ -z "$relied" ] || keys="$keys ${state##*/}"
		done
		[ -z "$kept" ]
	do
		[ "$left" -gt 0 ] || fail "BIND has made no keys for $2 in $3"
		left=$((left - 1))
		sleep 0.1
	done
	mkdir -p -m 700 -- "$STATE/keys"
	# shellcheck disable=SC2086
	printf '%s\n' $keys | sed 's/[.]state$//' | replace "$STATE/keys/${1##*/}"
}

# await_leaving_keys PATH ZONE KEYS: BIND has noted of every key that it goes.
await_leaving_keys() {
	local goal kept left state relied
	left=100
	while
		kept=
		for state in "$3/K$2".+*.state; do
			[ -e "$state" ] || continue
			read_key_state "$state"
			[ "$goal" != omnipresent ] || kept=${state##*/}
		done
		[ -n "$kept" ]
	do
		[ "$left" -gt 0 ] || fail "BIND does not take back the key ${kept%.state} of $2"
		left=$((left - 1))
		sleep 0.1
	done
}

# keep_zone_keys ZONE KEYS: what BIND writes about its keys from now on goes with an undo: with
# a key that it has given up it would not go on.
keep_zone_keys() {
	local path
	for path in "$2/K$1".+*; do
		[ ! -e "$path" ] || keep "$path"
	done
}

# expect_ds_records ZONE KEYS: BIND takes its signatures back at once where it thinks that nobody
# has a DS record. The registrar may have been given it long ago: it waits until it is told. With
# a key that is everywhere it also takes back the CDS record of it, beside which that of the end
# may not stand: such a zone would not be loaded.
expect_ds_records() {
	local state
	for state in "$2/K$1".+*.state; do
		[ ! -e "$state" ] || ! grep -qx 'GoalState: omnipresent' "$state" ||
			sed -i 's/State: \(hidden\|rumoured\)$/State: omnipresent/' "$state"
	done
}

# recall_leaving_keys ZONE KEYS: BIND would go on without a key that it has given up, and the DS
# records may name it still: it stays instead, and the zone says again that they are to.
recall_leaving_keys() {
	local goal key relied state
	for state in "$2/K$1".+*.state; do
		[ -e "$state" ] || continue
		read_key_state "$state"
		[ -n "$relied" ] || continue
		key=${state##*/}
		dnssec-settime -s -K "$2" -g OMNIPRESENT -d OMNIPRESENT now -I none -D none -P sync now -D sync none \
			"${key%.state}" >/dev/null ||
			fail "the key ${key%.state} of $1 cannot be kept"
		chown --reference="$2" -- "${state%.state}".*
	done
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
