#!/bin/sh
# Managed by foobar-stack (role acme): changes made here are overwritten.
#
# Certificates from an authority (ACME, RFC 8555): looks whether one is due, looks whether an
# order can succeed, has certbot order it, puts it where Nginx reads it, and makes sure that this
# is what visitors get.
#
#   certificates renew            all sites; what the timer runs
#   certificates order DOMAIN     one site; what a run of apply runs, which has the lock
#   certificates revoke DOMAIN REASON
#                                 declares the present one invalid (RFC 8555, section 7.6), and
#                                 orders another one with another key
#   certificates prove DOMAIN     what certbot runs to have a record made for the authority,
#   certificates withdraw DOMAIN  and to have it removed
#
# What it has to say of a site stands in $STATE/certificates/DOMAIN, a line each:
#   from DIGEST DIRECTORY   which authority issued the certificate with this digest, and the
#                           profile, if one was asked for
#   caa VALUE               what a CAA record says that allows this account alone (RFC 8657)
#   suggested TIME, asked TIME
#                           when the authority would have it renewed (RFC 9773), and when it was
#                           asked for that
#   checked TIME            when it last found that nothing is due, or got a certificate
#   tried TIME, failures NUMBER, next TIME, for AUTHORITY NAME…, because REASON
#                           what has failed since, and when it is tried again

export LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 022
# A name may begin with `*`.
set -f
# shellcheck source=/dev/null
. /usr/local/lib/foobar-stack/host.sh
# shellcheck source=/dev/null
. /usr/local/lib/foobar-stack/certificates-look.sh
# shellcheck source=/dev/null
. /usr/local/lib/foobar-stack/certificates-authority.sh
# shellcheck source=/dev/null
. /usr/local/lib/foobar-stack/certificates-records.sh

SETTINGS=/etc/foobar-stack/certificates
# Where Nginx finds the answers to challenges, below .well-known/acme-challenge.
WEBROOT=/var/www/acme
# The key that named makes when it starts, for changes of the zones that allow it.
UPDATE_KEY=/run/named/session.key
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
	challenge=http key_type=ecdsa profile='' account_id='' account_key='' hook=''
	while read -r word value; do
		case $word in
		authority) authority=$value ;;
		trust) trust=$value ;;
		contact) contact=$value ;;
		challenge) challenge=$value ;;
		hook) hook=$value ;;
		key-type) key_type=$value ;;
		account-id) account_id=$value ;;
		account-key) account_key=$value ;;
		profile) profile=$value ;;
		certificate) certificate=$value ;;
		key) key=$value ;;
		port) port=$value ;;
		address) addresses="$addresses $value" ;;
		name) names="$names $value" ;;
		esac
	done <"$SETTINGS/$domain.conf"
	# The authority, and what it calls the sort of certificate if that is not its usual one.
	source=$authority${profile:+ $profile}
	order=$source
	[ "$key_type" != rsa ] || order="$order rsa"
	# shellcheck disable=SC2086 # the names
	order=$order$(printf '%s\n' $names | sort -u | sed 's/^/ /' | tr -d '\n')
	record=$STATE/certificates/$domain
	# What certbot knows, for each authority by itself.
	home=$STATE/acme/$(printf %s "${authority#*://}" | tr -c 'A-Za-z0-9.-' _)
	issued=$home/issued/$domain${profile:+/$profile}
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

# lasting: the lines of the record that stay whatever becomes of an order.
lasting() {
	origins
	sed -n '/^caa /p; /^suggested /p; /^asked /p' "$record" 2>/dev/null
}

# succeed: nothing is due.
succeed() {
	write_record "$(lasting)" "checked $(date +%s)"
}

# fail_until SECONDS FAILURES REASON: written down, for the next plan and for `verify`.
fail_until() {
	local now reason
	now=$(date +%s)
	reason=$(printf %s "$3" | tr '\n' ' ')
	write_record "$(lasting)" "tried $now" "failures $2" "next $((now + $1))" \
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
	local from is until
	# shellcheck disable=SC2086 # the names
	[ "$(names_of "$1")" = "$(printf '%s\n' $names | sort -u)" ] || {
		why='it is for other names'
		return 1
	}
	[ "$(openssl x509 -in "$1" -noout -pubkey 2>/dev/null)" = "$(openssl pkey -in "$2" -pubout 2>/dev/null)" ] || {
		why='the key is that of another certificate'
		return 1
	}
	case $(openssl x509 -in "$1" -noout -text 2>/dev/null) in
	*'Public Key Algorithm: rsaEncryption'*) is=rsa ;;
	*) is=ecdsa ;;
	esac
	[ "$is" = "$key_type" ] || {
		why='its key is of another kind'
		return 1
	}
	from=$(date -d "$(openssl x509 -in "$1" -noout -startdate | cut -d = -f 2)" +%s)
	until=$(date -d "$(openssl x509 -in "$1" -noout -enddate | cut -d = -f 2)" +%s)
	[ $((until - $(date +%s))) -gt $(((until - from) / SHARE)) ] || {
		why="it is valid until $(date -u -d "@$until" '+%Y-%m-%d %H:%M UTC')"
		return 1
	}
}

# is_due: whether another certificate is wanted than the one that Nginx reads; sets $why, and $anew if
# one that was issued before will not do.
is_due() {
	anew=
	why='there is none yet'
	[ -e "$certificate" ] || return 0
	if ! origins | grep -qxF -- "from $(digest "$certificate") $source"; then
		why="it is not from ${authority}${profile:+, profile $profile}"
		return 0
	fi
	is_fresh "$certificate" "$key" || return 0
	ask_for_suggestion
	next=$(recorded suggested)
	[ "$(date +%s)" -ge "${next:-99999999999}" ] || return 1
	why='the authority suggests that it is renewed now' anew=yes
}

# issued_before: the youngest certificate of this authority for the domain that is still good, as
# "CERTIFICATE KEY". It may be from a backup, or from before a run that was undone.
issued_before() {
	local path
	for path in $(find "$issued" -maxdepth 1 -name '2*.pem' 2>/dev/null | sort -r); do
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
	# What the authority suggests was said of the one before.
	write_record "$(origins)" "from $(digest "$certificate") $source" \
		"$(sed '/^from /d; /^suggested /d; /^asked /d' "$record" 2>/dev/null)"
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
		if [ -z "$anew" ] && set -- $(issued_before) && [ $# = 2 ]; then
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
		note_account
		printf '%s: a certificate from %s, valid until %s\n' "$domain" "$authority" \
			"$(date -u -d "$(openssl x509 -in "$certificate" -noout -enddate | cut -d = -f 2)" '+%Y-%m-%d %H:%M UTC')"
	fi
	if serve; then succeed; else fail_until "$PAUSE" "$failures" "$why"; fi
}

# waits: whether this order has failed, and it is too early to try it again. No wait is longer than
# the longest: a clock that was wrong has written what is later.
waits() {
	local left next
	[ "$(recorded for)" = "$order" ] || return
	next=$(recorded next)
	left=$((${next:-0} - $(date +%s)))
	[ "$left" -gt 0 ] && [ "$left" -le "$LONGEST" ]
}

tend_all() {
	local path
	for path in $(find "$SETTINGS" -name '*.conf' -printf '%f\n' | sort); do
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
revoke)
	read_settings "${2:?}"
	revoke "${3:?}"
	;;
prove | withdraw)
	read_settings "${2:?}"
	if [ "$1" = prove ]; then word=add; else word=delete; fi
	change_record "$word" "_acme-challenge.${CERTBOT_DOMAIN:?}" "${CERTBOT_VALIDATION:?}"
	;;
*)
	echo 'usage: certificates renew | order DOMAIN | revoke DOMAIN REASON' >&2
	exit 64
	;;
esac
