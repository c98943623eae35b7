# Certificates from an authority, on the server. certificate.sh comes first.

# probe_acme_certificate DOMAIN CERTIFICATE KEY...: of each the certificate, and what the program
# that orders it has recorded.
probe_acme_certificate() {
	local line
	while [ $# -gt 0 ]; do
		probe_certificate "$2" "$3"
		if [ -r "$STATE/certificates/$1" ]; then
			while IFS= read -r line; do
				printf 'acme\037%s\037%s\n' "$1" "$line"
			done <"$STATE/certificates/$1"
		fi
		shift 3
	done
}

# --- steps: no probe needs what follows ---

# guard_key KEY: root's alone.
guard_key() {
	keep_ownership "$1"
	chown root:root -- "$1"
	chmod 600 -- "$1"
}

# order_certificate DOMAIN CERTIFICATE KEY: what prevents it is recorded, and does not end the run:
# the site serves with what it has.
order_certificate() {
	keep "$2"
	keep_secret "$3"
	note pending nginx.service reload "$(cat "$STATE/pending/nginx.service" 2>/dev/null)"
	sh /usr/local/lib/foobar-stack/certificates order "$1" || true
}
