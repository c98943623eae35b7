# Self-signed certificates, on the server.

# probe_certificate CERTIFICATE KEY...: of each pair whether the key fits, who
# may read it, and the certificate itself, which is public.
probe_certificate() {
	local access der fits other own shown
	while [ $# -gt 0 ]; do
		if [ ! -e "$1" ]; then
			printf 'absent\037%s\037\037\037\n' "$1"
		else
			# The public key in PEM, then the certificate: between its lines of dashes
			# stands what the client wants, in base64 (RFC 7468).
			shown=$(openssl x509 -pubkey -in "$1" 2>/dev/null)
			own=${shown%%
-----BEGIN CERTIFICATE-----*}
			der=${shown##*-----BEGIN CERTIFICATE-----} der=${der%-----END*}
			other=$(openssl pkey -pubout -in "$2" 2>/dev/null)
			if [ -n "$own" ] && [ "$own" = "$other" ]; then fits=fits; else fits=other; fi
			access=$(stat -L -c '%a %U:%G' -- "$2" 2>/dev/null)
			printf 'certificate\037%s\037%s\037%s\037' "$1" "$fits" "$access"
			# shellcheck disable=SC2086 # the lines
			printf '%s' $der
			printf '\n'
		fi
		shift 2
	done
}

# --- steps: no probe needs what follows ---

# make_certificate CERTIFICATE KEY DAYS NAME...: makes both in the payload
# folder. The serial number is random, as RFC 5280, section 4.1.2.2, allows.
make_certificate() {
	local certificate days key name names subject
	certificate=$1 key=$2 days=$3
	shift 3
	subject=$1 names=
	for name do names=$names,DNS:$name; done
	# A common name has 64 characters at most (RFC 5280, appendix A.1), and nobody
	# looks at it; a subject there must be.
	if [ ${#subject} -gt 64 ]; then subject=/O=foobar-stack; else subject=/CN=$subject; fi
	(
		umask 077
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 \
			-days "$days" -subj "$subject" \
			-addext "subjectAltName=${names#,}" \
			-addext 'extendedKeyUsage=serverAuth' \
			-addext 'basicConstraints=critical,CA:FALSE' \
			-keyout "$RUN/payload/$key" -out "$RUN/payload/$certificate" 2>"$RUN/openssl.log"
	) || {
		cat "$RUN/openssl.log"
		return 1
	}
}
