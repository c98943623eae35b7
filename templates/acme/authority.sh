# shellcheck shell=dash
# Managed by foobar-stack (role acme): changes made here are overwritten.
#
# What is asked of an authority: an order, when to renew, a revocation. A part of the program
# certificates.

# order: has certbot get a certificate for a key of its own; what it says goes to the journal, why it
# failed to $why. certbot is given a request (CSR), so that it keeps no lineage with links, which
# do not survive every backup: what was issued is kept here, in files named by the time.
order() {
	local name new path
	new=$issued/.new
	mkdir -p -m 700 -- "$STATE/acme" "$home" "$home/issued" "$home/issued/$domain" "$issued"
	rm -f -- "$new.key" "$new.csr" "$new.ini" "$new.cert" "$new.chain" "$new.pem"
	if [ "$key_type" = rsa ]; then set -- rsa:2048; else set -- ec -pkeyopt ec_paramgen_curve:prime256v1; fi
	# shellcheck disable=SC2086 # the names
	name=$(printf ',DNS:%s' $names)
	if ! said=$(umask 077 && openssl req -new -newkey "$@" -nodes -sha256 \
		-subj / -addext "subjectAltName=${name#,}" -keyout "$new.key" -out "$new.csr" 2>&1); then
		why="openssl makes no request: $said"
		return 1
	fi
	ask_certbot "$new" || case $said in *"Account "*" not found"* | *accountDoesNotExist*)
		# The authority does not know the account any more: a new one is as good.
		printf '%s\n' "$said"
		rm -rf -- "$home/accounts.unknown"
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
	mv -fT -- "$new.key" "$issued/$name.key" && mv -fT -- "$new.pem" "$issued/$name.pem" && sync -- "$issued"
	rm -f -- "$new.csr" "$new.ini" "$new.cert" "$new.chain"
	find "$issued" -maxdepth 1 -name '2*.pem' | sort -r | tail -n +6 | while read -r path; do
		rm -f -- "$path" "${path%.pem}.key"
	done
}

# ask_certbot REQUEST: what it says in $said; the certificate beside the request.
ask_certbot() {
	local request
	request=$1
	if [ "$challenge" = dns ]; then
		set -- --manual --preferred-challenges dns \
			--manual-auth-hook "$0 prove $domain" --manual-cleanup-hook "$0 withdraw $domain"
	else
		set -- --webroot --webroot-path "$WEBROOT"
	fi
	[ -z "$profile" ] || set -- "$@" --required-profile "$profile"
	if [ -n "$account_id" ]; then
		# From a file, so that no list of processes shows the key.
		(umask 077 && printf 'eab-kid = %s\neab-hmac-key = %s\n' "$account_id" "$(cat -- "$account_key")" >"$request.ini")
		set -- "$@" --config "$request.ini"
	fi
	run_certbot certonly --agree-tos --no-eff-email --email "$contact" --max-log-backups 9 --no-directory-hooks "$@" \
		--csr "$request.csr" --cert-path "$request.cert" --chain-path "$request.chain" --fullchain-path "$request.pem"
}

# run_certbot WORD...: with what it knows of this authority; what it says in $said.
run_certbot() {
	said=$(
		[ -z "$trust" ] || export REQUESTS_CA_BUNDLE="$trust"
		certbot "$@" --non-interactive --server "$authority" --config-dir "$home" --work-dir "$home/work" \
			--logs-dir "$home/logs" 2>&1
	)
}

# ask_for_suggestion: when the authority would have the certificate renewed (RFC 9773), which may be
# at once when it has to revoke it. A moment in the window that it names, by chance, so that not
# all come together; asked every six hours.
ask_for_suggestion() {
	local asked end identifier now start url window
	now=$(date +%s)
	asked=$(recorded asked)
	# What a wrong clock has put into the future does not count.
	[ "$now" -ge $((${asked:-0} + 21600)) ] || [ "$now" -lt "${asked:-0}" ] || return 0
	identifier=$(certificate_identifier "$certificate") || return 0
	url=$(ask_authority "$authority" | tr -d '\n' | sed -n 's/.*"renewalInfo" *: *"\([^"]*\)".*/\1/p')
	if [ -n "$url" ]; then window=$(ask_authority "$url/$identifier" | tr -d '\n'); else window=''; fi
	start=$(printf %s "$window" | sed -n 's/.*"start" *: *"\([^"]*\)".*/\1/p')
	end=$(printf %s "$window" | sed -n 's/.*"end" *: *"\([^"]*\)".*/\1/p')
	set -- "$(sed '/^asked /d; /^suggested /d' "$record" 2>/dev/null)" "asked $now"
	if start=$(date -d "${start:-nothing}" +%s 2>/dev/null) && end=$(date -d "${end:-nothing}" +%s 2>/dev/null) &&
		[ "$end" -ge "$start" ]; then
		set -- "$@" "suggested $((start + $(od -An -N 4 -t u4 /dev/urandom) % (end - start + 1)))"
	fi
	write_record "$@"
}

# ask_authority URL: what it answers, nothing if it does not.
ask_authority() {
	curl --silent --max-time 20 --fail ${trust:+--cacert "$trust"} "$1" 2>/dev/null
}

# certificate_identifier FILE: as RFC 9773, section 4.1, has it: the identifier of the authority's key
# and the serial number.
certificate_identifier() {
	local own serial
	own=$(openssl x509 -in "$1" -noout -ext authorityKeyIdentifier 2>/dev/null |
		sed -n 's/^ *\(keyid:\)\{0,1\}\([0-9A-F:]\{11,\}\)$/\2/p' | tr -d ':')
	serial=$(openssl x509 -in "$1" -noout -serial | cut -d = -f 2)
	# A number of DER has a sign.
	case $serial in [89A-F]*) serial=00$serial ;; esac
	[ -n "$own" ] && [ -n "$serial" ] || return
	printf '%s.%s' "$(to_base64url "$own")" "$(to_base64url "$serial")"
}

to_base64url() {
	printf %s "$1" | basenc --base16 --decode | basenc --base64url --wrap 0 | tr -d =
}

# note_account: the CAA record that would allow this account of the authority, and nobody else.
note_account() {
	local account identities
	account=$(account_of_authority)
	[ -n "$account" ] || return 0
	identities=$(identities_in "$(ask_authority "$authority")")
	[ -n "$identities" ] || return 0
	write_record "$(sed '/^caa /d' "$record" 2>/dev/null)" "caa ${identities%% *}; accounturi=$account"
}

# account_of_authority: the URL of our account there (RFC 8555, section 7.3), if there is one.
account_of_authority() {
	find "$home/accounts" -name regr.json -exec cat {} + 2>/dev/null |
		sed -n 's/.*"uri": *"\([^"]*\)".*/\1/p' | head -n 1
}

# identities_in DIRECTORY: what the authority calls itself in CAA records (RFC 8555, section 7.1.1).
identities_in() {
	printf %s "$1" | tr '\n' ' ' | sed -n 's/.*"caaIdentities"[^[]*\[\([^]]*\)\].*/\1/p' | tr -d '" ' | tr , ' '
}

# revoke REASON: of the present certificate, by its own key: no account is needed. It and all that
# have its key are of no use any more.
revoke() {
	local digest path
	digest=$(digest "$certificate")
	if ! origins | grep -qF -- "from $digest $authority"; then
		echo "the certificate of $domain is not from $authority"
		return 1
	fi
	if ! run_certbot revoke --no-delete-after-revoke --reason "$1" --cert-path "$certificate" --key-path "$key"; then
		printf 'the authority does not revoke it: %s\n' "$(printf '%s\n' "$said" | grep -v '^ *$\|^Ask for help\|^Saving debug log' | tail -n 1)"
		return 1
	fi
	find "$home/issued/$domain" -name '2*.key' | while read -r path; do
		! cmp -s -- "$path" "$key" || rm -f -- "$path" "${path%.key}.pem"
	done
	write_record "$(sed "/^from $digest /d; /^next /d; /^asked /d; /^suggested /d" "$record")"
	printf '%s: the certificate is revoked\n' "$domain"
	tend "$domain"
}
