# Folders, on the server.

# probe_readers PATH: the further groups that may enter it, as far as getfacl(1) is there.
probe_readers() {
	local acl bits group word
	if [ ! -d "$1" ] || ! command -v getfacl >/dev/null; then return 0; fi
	acl=$(getfacl --absolute-names --omit-header -- "$1")
	while IFS=: read -r word group bits; do
		case "$word:$group:$bits" in
		group::*) ;;
		group:*:r?x*) printf 'reader\037%s\037%s\n' "$1" "$group" ;;
		esac
	done <<-END
		$acl
	END
}

# --- steps: no probe needs what follows ---

# make_directory PATH MODE OWNER GROUP READER...: a reader is a further group.
make_directory() {
	local group mode own owner path reader
	path=$1 mode=$2 owner=$3 group=$4
	shift 4
	if exists "$path" && { [ -L "$path" ] || [ ! -d "$path" ]; }; then
		fail "$path is there and is not a folder; move it away"
	fi
	make_parents "$path"
	keep_ownership "$path"
	[ -d "$path" ] || mkdir -m 700 -- "$path"
	# Before the mode, so that no reader is kept out for a moment; then the mode no longer says
	# what the group may do, so that is said here, too.
	own=${mode%?}
	for reader do
		setfacl -m "g::${own#"${own%?}"},g:$reader:5" -- "$path" ||
			fail "the file system of $path takes no access control lists, which $reader needs to read there"
	done
	chown "$owner:$group" -- "$path"
	# With leading zeros chmod also takes away what a parent's set-group-id gave it.
	chmod "00$mode" -- "$path"
}

# seed_directory PATH PAYLOAD OWNER GROUP: a folder that is not there, whole, with what the payload
# has. An undo takes it away again, unless somebody has changed it since.
seed_directory() {
	local new
	! exists "$1" || return 0
	make_parents "$1"
	new=${1%/*}/.${1##*/}.foobar-stack
	rm -rf -- "$new"
	mkdir -m 700 -- "$new"
	(umask 022 && tar -x --touch --no-same-owner -f "$RUN/payload/$2" -C "$new")
	chown -hR "$3:$4" -- "$new"
	sync -f -- "$new"
	note created "$1"
	made path "$1"
	note seeded "$1" "$(digest_below "$new")"
	mv -T -- "$new" "$1"
}
