# Packages, on the server.

# probe_package NAME...: name, status and version of each one dpkg knows, parted
# by tabs, since dpkg-query has no other way to say a control character.
# dpkg-query answers 1 when it does not know some of them; that is an answer.
probe_package() {
	local packages
	packages=$(dpkg-query -W -f '${Package}\t${db:Status-Abbrev}\t${Version}\n' -- "$@" 2>/dev/null)
	[ $? -le 1 ] || return
	printf '%s\n' "$packages"
	packages_to_be_had "$@"
}

# packages_to_be_had NAME...: what apt says of each that is not installed and that it
# would not install. Most have a version to install; of the others apt is asked itself,
# since a name may stand for a package that provides it. What stands in $sourced comes from a
# source that apt may not know yet.
packages_to_be_had() {
	local known name said
	for name do
		shift
		case "
$packages
" in
		*"
$name	"?i*) continue ;;
		esac
		case "
$sourced
" in
		*"
$name
"*) ;;
		*) set -- "$@" "$name" ;;
		esac
	done
	[ $# -gt 0 ] || return 0
	known=$(apt-cache policy -- "$@" | sed -n '/^[^ ]/{s/:$//;h};/^  Candidate: [^(]/{x;p}')
	for name do
		case "
$known
" in
		*"
$name
"*) continue ;;
		esac
		said=$(apt-get install --simulate -qq --no-install-recommends -- "$name" 2>&1) ||
			printf 'refused\t%s\t%s\n' "$name" "$(printf '%s\n' "$said" | sed -n 's/^E: //p' | head -n 1)"
	done
}

# --- steps: no probe needs what follows ---

# install_packages NAME...: one transaction; no service of theirs starts yet.
install_packages() {
	local fetched status
	export DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_MODE=l
	set -- -y --no-install-recommends \
		-o DPkg::Lock::Timeout=600 \
		-o Dpkg::Use-Pty=0 \
		-o Dpkg::Options::=--force-confdef \
		-o Dpkg::Options::=--force-confold \
		-- "$@"
	hold_services
	look_before_packages
	fetched=no
	lists_are_fresh || fetch_lists
	if ! apt-get install -q "$@"; then
		# An earlier run of dpkg that was cut off is ended, now that nobody else
		# holds the lock; and the lists may be older than the archive.
		if [ -n "$(ls -A /var/lib/dpkg/updates 2>/dev/null)" ]; then
			dpkg --configure -a --force-confdef --force-confold || true
		fi
		[ $fetched = yes ] || fetch_lists
		status=0
		apt-get install -q "$@" || status=$?
		brought_packages
		[ $status = 0 ] || return $status
	else
		brought_packages
	fi
	release_services
}

# fetch_lists: a source that does not answer, perhaps one we do not even need, is
# told and left to the installation.
fetch_lists() {
	fetched=yes
	apt-get update -q -o DPkg::Lock::Timeout=600 ||
		echo 'not all package lists could be fetched; going on with those that are there'
}

# lists_are_fresh: the package lists are there and were fetched within the hour.
lists_are_fresh() {
	[ -n "$(find /var/lib/apt/lists -maxdepth 1 -name '*_Packages*' -print -quit 2>/dev/null)" ] &&
		[ -n "$(find /var/lib/apt/lists/partial -maxdepth 0 -mmin -60 2>/dev/null)" ]
}
