# Symbolic links, on the server.

# probe_link PATH...: what stands at each path; one find for the targets of all
# links.
probe_link() {
	local path
	for path do
		shift
		if [ -L "$path" ]; then
			set -- "$@" "$path"
		elif [ -e "$path" ]; then
			printf 'other\037%s\037\n' "$path"
		else
			printf 'absent\037%s\037\n' "$path"
		fi
	done
	[ $# -eq 0 ] || find "$@" -maxdepth 0 -printf 'link\037%p\037%l\n'
}

# --- steps: no probe needs what follows ---

# put_link PATH TARGET: made beside its place, then renamed over it.
put_link() {
	local new
	if [ -d "$1" ] && [ ! -L "$1" ]; then
		fail "$1 is a folder, a link should be there; move it away"
	fi
	make_parents "$1"
	keep "$1"
	new=${1%/*}/.${1##*/}.foobar-stack
	ln -sfn -- "$2" "$new"
	mv -fT -- "$new" "$1"
}
