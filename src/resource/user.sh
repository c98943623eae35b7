# Accounts, on the server.

# probe_user NAME...: the passwd line of each, and whether there is no group of its name or, for
# one of this server (not of a directory service), no line in /etc/shadow; then each of its groups.
probe_user() {
	local accounts group groups home line members name shadowed
	shadowed=' '
	# Only the names are kept.
	[ ! -r /etc/shadow ] || while IFS=: read -r name _; do
		shadowed="$shadowed$name "
	done </etc/shadow
	# getent answers 2 when it does not know some of them; that is an answer.
	accounts=$(getent passwd -- "$@") || true
	groups=$(getent group) || true
	while IFS= read -r line; do
		printf 'user\037%s\n' "$line"
		home=${line%:*} home=${home##*:}
		if [ "$home" != / ] && has_something "$home"; then printf 'in_use\037%s\n' "${line%%:*}"; fi
		case "
$groups" in
		*"
${line%%:*}:"*) ;;
		*) printf 'groupless\037%s\n' "${line%%:*}" ;;
		esac
		case "$shadowed" in
		' ' | *" ${line%%:*} "*) ;;
		*) ! is_local "$line" || printf 'shadowless\037%s\n' "${line%%:*}" ;;
		esac
	done <<-END
		$accounts
	END
	while IFS=: read -r group _ _ members; do
		for name do
			case ",$members," in
			*",$name,"*) printf 'group\037%s\037%s\n' "$group" "$name" ;;
			esac
		done
	done <<-END
		$groups
	END
}

# has_something FOLDER
has_something() {
	local path
	for path in "$1"/* "$1"/.[!.]* "$1"/..?*; do
		! exists "$path" || return 0
	done
	return 1
}

# is_local LINE: whether this line of passwd is this server's own (not a directory service's), with
# its password in /etc/shadow.
is_local() {
	local line
	while IFS= read -r line; do
		case "$line" in
		"${1%%:*}":x:*) return 0 ;;
		esac
	done </etc/passwd
	return 1
}

# --- steps: no probe needs what follows ---

# adopt_user NAME HOME SHELL GROUPS: one that is there stays as it is.
adopt_user() {
	if getent passwd -- "$1" >/dev/null; then
		make_own_group "$1"
		[ -z "$4" ] || usermod --append --groups "$4" -- "$1"
	else
		make_user "$@"
	fi
}

# make_own_group NAME: the group of the account's name, which a useradd that was cut off has not
# written any more; with the number that the account has for it, unless that is another group's.
make_own_group() {
	local number
	! getent group -- "$1" >/dev/null || return 0
	number=$(id -g -- "$1")
	if getent group -- "$number" >/dev/null; then
		groupadd --system -- "$1"
	else
		groupadd --system --gid "$number" -- "$1"
	fi
}

# make_user NAME HOME SHELL GROUPS: makes a system account, or repairs it.
make_user() {
	local own
	if getent passwd -- "$1" >/dev/null; then
		make_own_group "$1"
		if grep -q -- "^$1:" /etc/shadow; then
			usermod --home "$2" --shell "$3" -- "$1"
		else
			# What useradd was to write next; without a date usermod makes no line.
			usermod --home "$2" --shell "$3" --expiredate '' --password '!' -- "$1"
		fi
	else
		if getent group -- "$1" >/dev/null; then own="--gid $1"; else own=--user-group; fi
		made account "$1"
		# shellcheck disable=SC2086 # two words, or one
		useradd --system $own --home-dir "$2" --no-create-home --shell "$3" -- "$1"
	fi
	[ -z "$4" ] || usermod --append --groups "$4" -- "$1"
}
