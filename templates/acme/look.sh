# shellcheck shell=dash
# Managed by foobar-stack (role acme): changes made here are overwritten.
#
# What would make an order fail, seen before an authority is asked: a failed order counts there.
# A part of the program certificates.

# look_before_order: what would make the order fail, a line each; nothing if it may succeed.
look_before_order() {
	local header meta name now theirs token
	if ! said=$(nginx -t -q 2>&1); then
		echo "Nginx refuses its configuration: $said"
		return
	fi
	header=$(mktemp) && meta=$(mktemp) || return
	if ! said=$(curl --silent --show-error --max-time 20 ${trust:+--cacert "$trust"} \
		--dump-header "$header" --output "$meta" --fail "$authority" 2>&1); then
		echo "the authority does not answer at $authority: ${said#curl: (*) }"
		rm -f -- "$header" "$meta"
		return
	fi
	theirs=$(sed -n 's/^[Dd]ate: *//p' "$header" | tr -d '\r')
	now=$(date +%s)
	theirs=$(date -d "$theirs" +%s 2>/dev/null || echo "$now")
	if [ $((now - theirs)) -gt 300 ] || [ $((theirs - now)) -gt 300 ]; then
		echo "the clock of this server is wrong: it says $(date -u '+%Y-%m-%d %H:%M UTC'), the authority's says $(date -u -d "@$theirs" '+%Y-%m-%d %H:%M UTC')"
	fi
	identities=$(identities_in "$(cat -- "$meta")")
	if [ -n "$profile" ]; then
		tr '\n' ' ' <"$meta" | grep -q "\"profiles\"[^}]*\"$profile\" *:" ||
			echo "the authority has no profile \"$profile\""
		certbot --help all 2>&1 | grep -q -e --required-profile ||
			echo "$(certbot --version 2>&1) cannot ask for a profile: leave tls.profile out, or use a newer distribution"
	fi
	rm -f -- "$header" "$meta"
	token=foobar-stack-$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
	if [ "$challenge" = http ]; then
		look_at_pages
	elif [ -n "$hook" ]; then
		look_at_hook
	else
		look_at_records
	fi
	# Aliases share the records of one name: what is wrong is said once.
	for name in $names; do look_at_caa "$name"; done | awk -F '\t' '
		!($2 in all) { reasons[++count] = $2 }
		{ all[$2] = all[$2] (all[$2] == "" ? "" : ", ") $1 }
		END { for (i = 1; i <= count; i++) print "the CAA records that count for " all[reasons[i]] " " reasons[i] }'
}

# look_at_pages: whether each name leads to a page of this server.
look_at_pages() {
	mkdir -p -- "$WEBROOT/.well-known/acme-challenge"
	printf '%s\n' "$token" >"$WEBROOT/.well-known/acme-challenge/$token"
	for name in $names; do
		look_at_name "$name"
		look_at_servers "$name" "$name" A
	done
	rm -f -- "$WEBROOT/.well-known/acme-challenge/$token"
}

# look_at_hook: whether the user's program makes records that are seen.
look_at_hook() {
	local asked
	# shellcheck disable=SC2086 # the names
	for asked in $(printf '%s\n' $names | sed 's/^\*\.//' | sort -u); do
		said=$(change_record add "_acme-challenge.$asked" "$token" 2>&1) ||
			printf 'the hook makes no record of _acme-challenge.%s: %s\n' "$asked" "$(printf '%s' "$said" | tr '\n' ' ')"
		(change_record delete "_acme-challenge.$asked" "$token") >/dev/null 2>&1
	done
}

# look_at_records: whether a record that is made here is what is found in public under each name.
look_at_records() {
	local asked seen
	if ! said=$(update_record add "$token" 2>&1); then
		echo "BIND does not take a record for _acme-challenge.$domain: $said"
		return
	fi
	# A wildcard is asked for where its parent is.
	# shellcheck disable=SC2086 # the names
	for asked in $(printf '%s\n' $names | sed 's/^\*\.//' | sort -u); do
		seen=$(ask_dns "_acme-challenge.$asked" TXT)
		case $seen in
		*"\"$token\""*) ;;
		*) echo "_acme-challenge.$asked does not lead to this server$(who_is_asked "$asked")" ;;
		esac
		look_at_servers "$asked" "_acme-challenge.$asked" TXT
	done
	update_record delete "$token" >/dev/null 2>&1
}

# who_is_asked NAME: who has its zone, and what is missing there.
who_is_asked() {
	local servers
	servers=$(name_servers "$1")
	[ -z "$servers" ] || printf ': its zone is answered by %s' "$servers"
	case $1 in
	"$domain") ;;
	*) printf '%s' ", which need \"_acme-challenge.$1. CNAME _acme-challenge.$domain.\"" ;;
	esac
}

# ask_dns WORD...: the records alone, none if nobody answers.
ask_dns() {
	dig +short +time=3 +tries=2 "$@" 2>/dev/null | grep -v '^;'
}

# look_at_name NAME: whether each of its addresses, over IPv4 and IPv6, is this server's.
look_at_name() {
	local address found said servers
	found=
	for address in $(ask_dns "$1" A | grep -E '^[0-9.]+$') $(ask_dns "$1" AAAA | grep ':'); do
		found=yes
		said=$(fetch "$1" "$token" "$address") || echo "$1 leads to $address, where this server does not answer: $said"
	done
	[ -z "$found" ] || return 0
	said=$(dig +time=3 +tries=2 "$1" A 2>/dev/null | sed -n 's/.*status: \([A-Z]*\).*/\1/p')
	case $said in
	NXDOMAIN) said='there is no such name' ;;
	NOERROR) said='it has no address' ;;
	'') said='the resolver of this server does not answer' ;;
	esac
	servers=$(name_servers "$1")
	echo "$1 cannot be resolved, $said: it needs an A or AAAA record${servers:+ at $servers}"
}

# name_servers NAME: those of the zone that it is in.
name_servers() {
	local name servers
	name=$1
	while [ -n "$name" ]; do
		servers=$(ask_dns "$name" NS | sed 's/\.$//' | sort | tr '\n' ' ')
		if [ -n "$servers" ]; then
			printf '%s' "${servers% }"
			return
		fi
		case $name in *.*) name=${name#*.} ;; *) name='' ;; esac
	done
}

# look_at_servers NAME QUESTION TYPE: whether each name server of its zone that answers knows what is
# asked. The authority may ask any of them; for one that does not answer it asks another one.
look_at_servers() {
	local address said server
	for server in $(name_servers "$1"); do
		for address in $(ask_dns "$server" A | grep -E '^[0-9.]+$') $(ask_dns "$server" AAAA | grep ':'); do
			# What is this server's own may not be reached from here.
			case " $addresses " in *" $address "*) continue ;; esac
			said=$(dig +time=3 +tries=1 +norecurse "@$address" "$2" "$3" 2>/dev/null | sed -n 's/.*status: \([A-Z]*\).*/\1/p')
			case $said in
			NOERROR | '') ;;
			NXDOMAIN) echo "the name server $server ($address) knows no $2" ;;
			*) echo "the name server $server ($address) answers $said when it is asked for $2" ;;
			esac
		done
	done
}

# fetch NAME TOKEN ADDRESS: the token, as an authority would ask for an answer. Behind a cloud's
# NAT a server may not reach itself under its public address: what the inventory says is its own
# is asked over the loopback.
fetch() {
	local said where
	where=$3
	case $3 in *:*) where="[$3]" ;; esac
	said=$(ask_for "$1" "$2" "$where") && return
	case " $addresses " in *" $3 "*)
		case $3 in *:*) where='[::1]' ;; *) where=127.0.0.1 ;; esac
		said=$(ask_for "$1" "$2" "$where") && return
		;;
	esac
	printf '%s\n' "$said"
	return 1
}

# ask_for NAME TOKEN ADDRESS: fails, and says why, unless the token comes back.
ask_for() {
	local said
	said=$(curl --silent --show-error --max-time 10 --noproxy '*' --resolve "$1:80:$3" \
		--write-out '\n%{http_code}' "http://$1/.well-known/acme-challenge/$2" 2>&1) || {
		printf '%s\n' "$said" | sed -n 's/^curl: ([0-9]*) //p' | head -n 1
		return 1
	}
	case $said in
	"$2
"*) return 0 ;;
	esac
	printf 'something else answers there, with status %s\n' "${said##*
}"
	return 1
}

# look_at_caa NAME: whether the CAA records that count for it, those of the closest name that has
# some, allow the authority (RFC 8659), this challenge and this account (RFC 8657); if not, the name
# and what is wrong, parted by a tab.
look_at_caa() {
	local name records said word
	[ -n "$identities" ] || return 0
	name=${1#\*.} word=issue records=
	while [ -n "$name" ]; do
		# Beside the records there may be a name, that of an alias.
		records=$(ask_dns "$name" CAA | grep '^[0-9]* [a-z]')
		[ -z "$records" ] || break
		case $name in *.*) name=${name#*.} ;; *) name='' ;; esac
	done
	# For a wildcard they may say something else.
	case $1 in \*.*) ! printf '%s\n' "$records" | grep -q '^[0-9]* issuewild ' || word=issuewild ;; esac
	said=$(printf '%s\n' "$records" | awk -v "word=$word" -v "identities=$identities" \
		-v "method=$challenge-01" -v "account=$(account_of_authority)" '
		$2 == word {
			any = 1
			sub(/^[^"]*"/, ""); sub(/".*/, "")
			count = split($0, parts, ";")
			gsub(/[ \t]/, "", parts[1])
			if (parts[1] == "" || index(" " identities " ", " " parts[1] " ") == 0) next
			no = ""
			for (i = 2; i <= count; i++) {
				gsub(/[ \t]/, "", parts[i])
				at = index(parts[i], "="); value = substr(parts[i], at + 1)
				if (parts[i] ~ /^validationmethods=/ && index("," value ",", "," method ",") == 0)
					no = "only by " value ", and not by " method
				if (parts[i] ~ /^accounturi=/ && value != account)
					no = "only for the account " value ", and not for " (account == "" ? "the new one of this server" : account)
			}
			if (no == "") good = 1
			else reason = no
		}
		END {
			if (!any || good) exit
			split(identities, all, " ")
			if (reason != "") print "allow " all[1] " " reason
			else print "do not allow " identities ": add 0 " word " \"" all[1] "\""
		}')
	[ -z "$said" ] || printf '%s\t%s\n' "$1" "$said"
}
