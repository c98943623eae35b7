# shellcheck shell=dash
# Managed by foobar-stack (role acme): changes made here are overwritten.
#
# The record that an authority asks for: made by this server's BIND, or by a program of the user.
# A part of the program certificates.

# change_record add|delete NAME TEXT: has it made or removed, and waits until it is seen.
change_record() {
	local path
	if [ -z "$hook" ]; then
		update_record "$1" "$3"
		return
	fi
	# shellcheck disable=SC2044 # names of variables
	for path in $(find "$hook-secrets" -type f 2>/dev/null); do
		export "${path##*/}=$(cat -- "$path")"
	done
	"$hook" "$1" "$2" "$3" || return
	[ "$1" = delete ] || wait_for_record "$2" "$3"
}

# update_record add|delete TEXT: changes the record that the authority looks at (RFC 2136). named
# answers at every address but the loopback: the first one that answers for the zone is its.
update_record() {
	local address zone
	zone=_acme-challenge.$domain
	for address in $(hostname -I); do
		[ -n "$(ask_dns "@$address" "$zone" SOA +norecurse)" ] || continue
		nsupdate -k "$UPDATE_KEY" <<-END
			server $address
			zone $zone
			update $1 $zone. $([ "$1" = delete ] || echo 1) TXT "$2"
			send
		END
		return
	done
	echo "nobody answers for the zone $zone at $(hostname -I)"
	return 1
}

# wait_for_record NAME TEXT: until each name server that answers has it, for five minutes at most. The
# resolver is not asked: it would remember that there was none.
wait_for_record() {
	local missing tries
	tries=0
	while :; do
		missing=$(servers_without "$1" "$2")
		[ -n "$missing" ] || return 0
		tries=$((tries + 1))
		[ "$tries" -lt 60 ] || break
		sleep 5
	done
	echo "the hook has ended well, and after five minutes $missing does not answer with the record of $1"
	return 1
}

# servers_without NAME TEXT: the first name server that answers and does not have it.
servers_without() {
	local address said server
	for server in $(name_servers "$1"); do
		for address in $(ask_dns "$server" A | grep -E '^[0-9.]+$'); do
			said=$(dig +time=3 +tries=1 +norecurse "@$address" "$1" TXT 2>/dev/null) || continue
			case $said in
			*"\"$2\""*) ;;
			*)
				printf '%s' "$server"
				return
				;;
			esac
		done
	done
}
