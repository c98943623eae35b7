# Files, on the server.

# probe_file PATH...: the places; then of each file `same` if its digest stands
# in $known, else its digest and, unless it is large, its bytes. Of a file in
# $sensitive only a digest keyed with $salt. `shipped`: as a package has brought it.
probe_file() {
	local digest path
	probe_paths "$@" || return
	for path do
		shift
		[ -f "$path" ] || continue
		case "
$sensitive" in
		*"
$path
"*)
			digest=$({ printf %s "$salt" && cat -- "$path"; } | sha256sum) || return
			printf 'digest\037%s\037%s\n' "${digest%% *}" "$path"
			;;
		*) set -- "$@" "$path" ;;
		esac
	done
	[ $# -gt 0 ] || return 0
	sha256sum -- "$@" | while read -r digest path; do
		case "$known" in
		*"$digest  $path
"*) printf 'same\037%s\n' "$path" ;;
		*)
			printf 'digest\037%s\037%s\n' "$digest" "$path"
			! is_as_shipped "$path" || printf 'shipped\037%s\n' "$path"
			if [ "$(stat -c %s -- "$path")" -le 131072 ]; then
				printf 'text\037%s\037' "$path"
				base64 -w 0 -- "$path"
				printf '\n'
			fi
			;;
		esac
	done
}

# --- steps: no probe needs what follows ---

# put_file PAYLOAD PATH MODE OWNER GROUP: written beside its place with owner
# and mode set, on disk, then renamed; what stood there is kept with the run.
put_file() {
	local new
	if [ -d "$2" ] && [ ! -L "$2" ]; then
		fail "$2 is a folder, a file should be there; move it away"
	fi
	make_parents "$2"
	keep "$2"
	new=${2%/*}/.${2##*/}.foobar-stack
	install -T -m "$3" -o "$4" -g "$5" -- "$RUN/payload/$1" "$new"
	sync -- "$new"
	mv -fT -- "$new" "$2"
}
