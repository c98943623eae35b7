# Foreign apt sources, on the server. file.sh stands beside it.

# probe_apt_source [NAME HOST PACKAGES]...: of each its two files, the packages that are installed
# and that it may give, and files of others with a source on its host, a regular expression.
probe_apt_source() {
	local file host name packages status version
	while [ $# -gt 0 ]; do
		name=$1 host=$2 packages=$3
		shift 3
		for file in "list /etc/apt/sources.list.d/foobar-stack-$name.sources" \
			"pins /etc/apt/preferences.d/foobar-stack-$name"; do
			[ -f "${file#* }" ] || continue
			printf '%s\037%s\037' "${file%% *}" "$name"
			base64 -w 0 -- "${file#* }" || return
			printf '\n'
		done
		# They are patterns for dpkg, and not for the shell.
		(
			set -f
			# shellcheck disable=SC2086
			dpkg-query -W -f '${db:Status-Status} ${Package} ${Version}\n' -- $packages 2>/dev/null
		) | while read -r status file version; do
			[ "$status" != installed ] || printf 'installed\037%s\037%s %s\n' "$name" "$file" "$version"
		done
		grep -rlsE --include='*.list' --include='*.sources' "^[^#]*://([^/@ ]*@)?${host}[:/ ]" \
			/etc/apt/sources.list /etc/apt/sources.list.d |
			while read -r file; do
				case ${file##*/} in
				foobar-stack-*) ;;
				*) printf 'other\037%s\037%s\n' "$name" "$file" ;;
				esac
			done
		printf 'end\037%s\037\n' "$name"
	done
}

# --- steps: no probe needs what follows ---

# put_apt_source NAME PINS PATH LIST PATH PACKAGE...: first what it may give, so that there is no
# moment without. Then it must answer, be signed, and have what is named in full; what is installed
# of that becomes as new as there.
put_apt_source() {
	local missing name package source
	name=$1 source=$5
	put_file "$2" "$3" 0644 root root
	put_file "$4" "$5" 0644 root root
	shift 5
	with_source update -q || fail "the source $name cannot be used"
	missing=
	for package do
		case $package in
		*'*'*) continue ;;
		esac
		[ -n "$(with_source madison "$package")" ] || missing="$missing $package"
	done
	[ -z "$missing" ] || fail "the source $name has no package$missing for this server"
	# shellcheck disable=SC2046 # their names have no blanks
	set -- $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' -- "$@" 2>/dev/null | sed -n 's/^installed //p')
	[ $# -gt 0 ] || return 0
	DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_MODE=l \
		apt-get install -q -y --only-upgrade --no-install-recommends \
		-o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 \
		-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- "$@"
}

# with_source update | madison WORD...: apt, as if there were only the list $source.
with_source() {
	local word
	word=$1
	shift
	set -- -o Dir::Etc::sourcelist="$source" -o Dir::Etc::sourceparts=- \
		-o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= "$@"
	case $word in
	update)
		apt-get "$word" -o APT::Get::List-Cleanup=false -o APT::Update::Error-Mode=any \
			-o DPkg::Lock::Timeout=600 "$@"
		;;
	*) apt-cache "$word" "$@" ;;
	esac
}
