#!/bin/sh
# Managed by foobar-stack (role acme): changes made here are overwritten.
#
# Certificates from an authority (ACME, RFC 8555): looks whether one is due, looks whether an
# order can succeed, has certbot order it, puts it where Nginx reads it, and makes sure that this
# is what visitors get.
#
#   certificates renew            all sites; what the timer runs
#   certificates order DOMAIN     one site; what a run of apply runs, which has the lock
#
# What it has to say of a site stands in $STATE/certificates/DOMAIN, a line each:
#   from DIGEST DIRECTORY   which authority issued the certificate with this digest
#   checked TIME            when it last found that nothing is due, or got a certificate
#   tried TIME, failures NUMBER, next TIME, for AUTHORITY NAME…, because REASON
#                           what has failed since, and when it is tried again

export LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022
# shellcheck source=/dev/null
. /usr/local/lib/foobar-stack/host.sh

SETTINGS=/etc/foobar-stack/certificates
# Where Nginx finds the answers to challenges, below .well-known/acme-challenge.
WEBROOT=/var/www/acme
# Ordered again when less than this share of its lifetime is left.
SHARE=3
# How long to wait, in seconds: after something that has cost no order; after the first order that
# failed, twice as long after each further one; at most. An authority lets a name fail five times
# an hour.
PAUSE=60
BACKOFF=900
LONGEST=86400

# read_settings DOMAIN: sets what its file says.
read_settings() {
	local value word
	domain=$1 names='' order='' addresses='' authority='' contact='' certificate='' key='' port=443 trust=''
	while read -r word value; do
		case $word in
		authority) authority=$value ;;
		trust) trust=$value ;;
		contact) contact=$value ;;
		certificate) certificate=$value ;;
		key) key=$value ;;
		port) port=$value ;;
		address) addresses="$addresses $value" ;;
		name) names="$names $value" ;;
		esac
	done <"$SETTINGS/$domain.conf"
	# shellcheck disable=SC2086 # the names
	order=$authority$(printf '%s\n' $names | sort -u | sed 's/^/ /' | tr -d '\n')
	record=$STATE/certificates/$domain
	# What certbot knows, for each authority by itself.
	home=$STATE/acme/$(printf %s "${authority#*://}" | tr -c 'A-Za-z0-9.-' _)
}

# recorded WORD: what the record says of it.
recorded() {
	sed -n "s/^$1 //p" "$record" 2>/dev/null
}

# write_record LINE...: everything but these lines is forgotten.
write_record() {
	mkdir -p -m 700 -- "$STATE/certificates"
	printf '%s\n' "$@" | sed '/^$/d' | replace "$record"
}

# origins: the lines of the record that say who issued which certificate. Some of before stay: a
# run that is undone puts the last one back.
origins() {
	sed -n '/^from /p' "$record" 2>/dev/null | tail -n 9
}

# succeed: nothing is due.
succeed() {
	write_record "$(origins)" "checked $(date +%s)"
}

# fail_until SECONDS FAILURES REASON: written down, for the next plan and for `verify`.
fail_until() {
	local now reason
	now=$(date +%s)
	reason=$(printf %s "$3" | tr '\n' ' ')
	write_record "$(origins)" "tried $now" "failures $2" "next $((now + $1))" \
		"for $order" "because $reason" \
		"$(sed -n '/^checked /p' "$record" 2>/dev/null)"
	printf '%s: %s\n' "$domain" "$reason"
}

# digest FILE: of its first certificate.
digest() {
	openssl x509 -in "$1" -outform DER 2>/dev/null | sha256sum | cut -d ' ' -f 1
}

# names_of FILE: the names of its first certificate, sorted.
names_of() {
	openssl x509 -in "$1" -noout -ext subjectAltName 2>/dev/null | tr , '\n' | sed -n 's/^ *DNS://p' | sort -u
}

# is_fresh FILE KEY: for exactly these names, with its own key, and less of its life is over than
# would make it due.
is_fresh() {
	local from until
	# shellcheck disable=SC2086 # the names
	[ "$(names_of "$1")" = "$(printf '%s\n' $names | sort -u)" ] || {
		why='it is for other names'
		return 1
	}
	[ "$(openssl x509 -in "$1" -noout -pubkey 2>/dev/null)" = "$(openssl pkey -in "$2" -pubout 2>/dev/null)" ] || {
		why='the key is that of another certificate'
		return 1
	}
	from=$(date -d "$(openssl x509 -in "$1" -noout -startdate | cut -d = -f 2)" +%s)
	until=$(date -d "$(openssl x509 -in "$1" -noout -enddate | cut -d = -f 2)" +%s)
	[ $((until - $(date +%s))) -gt $(((until - from) / SHARE)) ] || {
		why="it is valid until $(date -u -d "@$until" '+%Y-%m-%d %H:%M UTC')"
		return 1
	}
}

# is_due: whether another certificate is wanted than the one that Nginx reads; sets $why.
is_due() {
	why='there is none yet'
	[ -e "$certificate" ] || return 0
	if ! origins | grep -qxF -- "from $(digest "$certificate") $authority"; then
		why='it is not from this authority'
		return 0
	fi
	! is_fresh "$certificate" "$key"
}

# --- what would make an order fail -------------------------------------------

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
	# What the authority calls itself in CAA records (RFC 8555, section 7.1.1).
	identities=$(sed -n 's/.*"caaIdentities"[^[]*\[\([^]]*\)\].*/\1/p' <<-END | tr -d '" ' | tr , ' '
		$(tr '\n' ' ' <"$meta")
	END
	)
	rm -f -- "$header" "$meta"
	mkdir -p -- "$WEBROOT/.well-known/acme-challenge"
	token=foobar-stack-$(head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n')
	printf '%s\n' "$token" >"$WEBROOT/.well-known/acme-challenge/$token"
	for name in $names; do
		look_at_name "$name" "$token"
		look_at_caa "$name"
	done
	rm -f -- "$WEBROOT/.well-known/acme-challenge/$token"
}

# ask_dns WORD...: the records alone, none if nobody answers.
ask_dns() {
	dig +short +time=3 +tries=2 "$@" 2>/dev/null | grep -v '^;'
}

# look_at_name NAME TOKEN: whether each of its addresses, over IPv4 and IPv6, is this server's.
look_at_name() {
	local address found said servers
	found=
	for address in $(ask_dns "$1" A | grep -E '^[0-9.]+$') $(ask_dns "$1" AAAA | grep ':'); do
		found=yes
		said=$(fetch "$1" "$2" "$address") || echo "$1 leads to $address, where this server does not answer: $said"
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

# look_at_caa NAME: whether the CAA records that count for it allow the authority (RFC 8659).
look_at_caa() {
	local allowed identity name records
	[ -n "$identities" ] || return 0
	name=$1
	while [ -n "$name" ]; do
		records=$(ask_dns "$name" CAA)
		[ -z "$records" ] || break
		case $name in *.*) name=${name#*.} ;; *) name='' ;; esac
	done
	allowed=$(printf '%s\n' "$records" | sed -n 's/^[0-9]* issue "\([^";]*\).*/\1/p' | tr -d ' ')
	printf '%s\n' "$records" | grep -q '^[0-9]* issue ' || return 0
	for identity in $identities; do
		! printf '%s\n' "$allowed" | grep -qxF -- "$identity" || return 0
	done
	echo "$1 has CAA records (of $name) that do not allow ${identities}: add \"0 issue ${identities%% *}\""
}

# --- the order ---------------------------------------------------------------

# order: has certbot get a certificate for a key of its own; what it says goes to the journal, why it
# failed to $why. certbot is given a request (CSR), so that it keeps no lineage with links, which
# do not survive every backup: what was issued is kept here, in files named by the time.
order() {
	local folder name new path
	folder=$home/issued/$domain new=$home/issued/$domain/.new
	mkdir -p -m 700 -- "$STATE/acme" "$home" "$home/issued" "$folder"
	rm -f -- "$new".*
	# shellcheck disable=SC2086 # the names
	name=$(printf ',DNS:%s' $names)
	if ! said=$(umask 077 && openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 \
		-subj / -addext "subjectAltName=${name#,}" -keyout "$new.key" -out "$new.csr" 2>&1); then
		why="openssl makes no request: $said"
		return 1
	fi
	ask_certbot "$new" || case $said in *"Account "*" not found"* | *accountDoesNotExist*)
		# The authority does not know the account any more: a new one is as good.
		printf '%s\n' "$said"
		mv -fT -- "$home/accounts" "$home/accounts.unknown" && ask_certbot "$new"
		;;
	*) false ;;
	esac || {
		printf '%s\n' "$said"
		why=$(printf '%s\n' "$said" | awk '
			/^ *(Domain|Identifier): / { name = $2 }
			/^ *Detail: / { sub(/^ *Detail: /, ""); printf "%s%s: %s", parted, name, $0; parted = "; " }')
		[ -n "$why" ] || why=$(printf '%s\n' "$said" | grep -v '^ *$\|^Ask for help\|^Saving debug log\|^- - -' | tail -n 1)
		return 1
	}
	name=$(date -u +%Y%m%d-%H%M%S)
	sync -- "$new.key" "$new.pem"
	mv -fT -- "$new.key" "$folder/$name.key" && mv -fT -- "$new.pem" "$folder/$name.pem" && sync -- "$folder"
	rm -f -- "$new".*
	find "$folder" -name '2*.pem' | sort -r | tail -n +6 | while read -r path; do
		rm -f -- "$path" "${path%.pem}.key"
	done
}

# ask_certbot REQUEST: what it says in $said; the certificate beside the request.
ask_certbot() {
	said=$(
		[ -z "$trust" ] || export REQUESTS_CA_BUNDLE="$trust"
		certbot certonly --non-interactive --agree-tos --no-eff-email --email "$contact" \
			--server "$authority" --config-dir "$home" --work-dir "$home/work" --logs-dir "$home/logs" \
			--max-log-backups 9 --no-directory-hooks --webroot --webroot-path "$WEBROOT" --csr "$1.csr" \
			--cert-path "$1.cert" --chain-path "$1.chain" --fullchain-path "$1.pem" 2>&1
	)
}

# issued_before: the youngest certificate of this authority for the domain that is still good, as
# "CERTIFICATE KEY". It may be from a backup, or from before a run that was undone.
issued_before() {
	local path
	for path in $(find "$home/issued/$domain" -name '2*.pem' 2>/dev/null | sort -r); do
		if is_fresh "$path" "${path%.pem}.key"; then
			printf '%s %s\n' "$path" "${path%.pem}.key"
			return
		fi
	done
	return 1
}

# install_certificate CERTIFICATE KEY: where Nginx reads it; what Nginx does not take goes back.
install_certificate() {
	local before
	before=$STATE/acme/before
	rm -rf -- "$before" && mkdir -p -m 700 -- "$before"
	! exists "$certificate" || cp -a -- "$certificate" "$before/certificate"
	! exists "$key" || cp -a -- "$key" "$before/key"
	put "$1" "$certificate" 644 && put "$2" "$key" 600 && renew_links || return
	if ! said=$(nginx -t -q 2>&1); then
		! exists "$before/certificate" || cp -a -- "$before/certificate" "$certificate"
		! exists "$before/key" || cp -a -- "$before/key" "$key"
		why="Nginx does not take it: $said"
		return 1
	fi
	rm -rf -- "$before"
	write_record "$(origins)" "from $(digest "$certificate") $authority" "$(sed '/^from /d' "$record" 2>/dev/null)"
}

# put FILE PATH MODE: beside its place, on disk; renew_links puts both there.
put() {
	(umask 077 && cat -- "$1" >"$2.new") && chmod "$3" -- "$2.new" && sync -- "$2.new"
}

# renew_links: one right after the other, since one without the other is of no use.
renew_links() {
	mv -fT -- "$key.new" "$key" && mv -fT -- "$certificate.new" "$certificate" && sync -- "${certificate%/*}"
}

# serve: has Nginx read the certificate, until visitors get it.
serve() {
	local tries
	is_served && return
	if ! said=$(systemctl reload nginx.service 2>&1); then
		why="Nginx could not be reloaded: $said"
		return 1
	fi
	tries=0
	until is_served; do
		tries=$((tries + 1))
		if [ "$tries" -gt 50 ]; then
			why="Nginx was reloaded and still serves another certificate: $(tail -n 1 /var/log/nginx/error.log 2>/dev/null)"
			return 1
		fi
		sleep 0.2
	done
}

# is_served: whether the certificate on disk is the one that visitors get.
is_served() {
	local served
	served=$(timeout 10 openssl s_client -connect "127.0.0.1:$port" -servername "$domain" </dev/null 2>/dev/null |
		openssl x509 -outform DER 2>/dev/null | sha256sum | cut -d ' ' -f 1)
	[ "$served" = "$(digest "$certificate")" ]
}

# --- what is asked for -------------------------------------------------------

# tend DOMAIN: all that is to be done for a site.
tend() {
	local failures pause wrong
	read_settings "$1"
	failures=0
	# What has failed was another order, if another one is wanted now.
	[ "$(recorded for)" != "$order" ] || failures=$(recorded failures)
	if is_due; then
		if waits; then return 0; fi
		printf '%s: a certificate is due: %s\n' "$domain" "$why"
		# shellcheck disable=SC2046 # two paths without spaces
		if set -- $(issued_before) && [ $# = 2 ]; then
			printf '%s: one that was issued before is still good\n' "$domain"
		else
			wrong=$(look_before_order)
			if [ -n "$wrong" ]; then
				fail_until "$PAUSE" "$failures" "$(printf '%s\n' "$wrong" | sed '$!s/$/;/')"
				return 0
			fi
			if ! order; then
				pause=$((BACKOFF << (failures < 7 ? failures : 7)))
				[ "$pause" -le "$LONGEST" ] || pause=$LONGEST
				fail_until "$pause" $((failures + 1)) "$why"
				return 0
			fi
			# shellcheck disable=SC2046
			set -- $(issued_before)
			if [ $# != 2 ]; then
				fail_until "$BACKOFF" $((failures + 1)) 'the authority gave another certificate than was asked for'
				return 0
			fi
		fi
		if ! install_certificate "$@"; then
			fail_until "$PAUSE" "$failures" "$why"
			return 0
		fi
		printf '%s: a certificate from %s, valid until %s\n' "$domain" "$authority" \
			"$(date -u -d "$(openssl x509 -in "$certificate" -noout -enddate | cut -d = -f 2)" '+%Y-%m-%d %H:%M UTC')"
	fi
	if serve; then succeed; else fail_until "$PAUSE" "$failures" "$why"; fi
}

# waits: whether this order has failed, and it is too early to try it again.
waits() {
	local next
	[ "$(recorded for)" = "$order" ] || return
	next=$(recorded next)
	[ "$(date +%s)" -lt "${next:-0}" ]
}

tend_all() {
	local path
	for path in "$SETTINGS"/*.conf; do
		[ -e "$path" ] || continue
		path=${path##*/}
		# What goes wrong with one site keeps no other from its certificate.
		(tend "${path%.conf}") 9>&-
	done
}

case ${1:-} in
renew)
	with_lock 'certificates are renewed' foobar-stack-certificates tend_all
	status=$?
	# Whoever changes the server now is through when the timer is back.
	[ "$status" = 75 ] || exit "$status"
	;;
order) tend "${2:?}" ;;
*)
	echo 'usage: certificates renew | order DOMAIN' >&2
	exit 64
	;;
esac
