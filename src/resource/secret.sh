# Secrets, on the server. A value is never an argument and never printed.

# probe_secret PATH...: the places, and of each file a digest keyed with $salt.
probe_secret() {
	probe_paths "$@" || return
	digest_secrets "$@"
}

# digest_secrets PATH...: those digests, each as sha256sum(1) prints it.
digest_secrets() {
	local path
	for path do
		[ -f "$path" ] || continue
		printf 'salted\037%s\037' "$path"
		{ printf %s "$salt" && exec cat -- "$path"; } | sha256sum
	done
}

# --- steps: no probe needs what follows ---

# repair_secret PATH MODE OWNER GROUP: the value stays.
repair_secret() {
	keep_ownership "$1"
	own_secret "$@"
}

own_secret() {
	chown "$3:$4" -- "$1"
	chmod "$2" -- "$1"
}

# keep_secret PATH: kept for undoing alone.
keep_secret() {
	keep "$1"
	note secret "$1"
}

# generate_secret PATH MODE OWNER GROUP [BEFORE BEHIND]: 256 random bits as text, between these.
generate_secret() {
	local new
	make_parents "$1"
	keep_secret "$1"
	new=${1%/*}/.${1##*/}.foobar-stack
	(
		umask 077
		rm -f -- "$new"
		{
			printf %s "${5-}"
			head -c 32 /dev/urandom | base64 -w 0
			printf %s "${6-}"
		} >"$new"
	)
	own_secret "$new" "$2" "$3" "$4"
	sync -- "$new"
	mv -fT -- "$new" "$1"
}

# put_secret PAYLOAD PATH MODE OWNER GROUP: a value the client brought.
put_secret() {
	local new
	make_parents "$2"
	keep_secret "$2"
	new=${2%/*}/.${2##*/}.foobar-stack
	install -T -m 600 -- "$RUN/payload/$1" "$new"
	own_secret "$new" "$3" "$4" "$5"
	sync -- "$new"
	mv -fT -- "$new" "$2"
}
