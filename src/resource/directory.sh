# Folders, on the server.

# make_directory PATH MODE OWNER GROUP
make_directory() {
	if exists "$1" && { [ -L "$1" ] || [ ! -d "$1" ]; }; then
		fail "$1 is there and is not a folder; move it away"
	fi
	keep_ownership "$1"
	mkdir -p -m 755 -- "${1%/*}/"
	[ -d "$1" ] || mkdir -m 700 -- "$1"
	chown "$3:$4" -- "$1"
	# With leading zeros chmod also takes away what a parent's set-group-id gave it.
	chmod "00$2" -- "$1"
}
