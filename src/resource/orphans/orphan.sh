# Orphaned data, which is no longer in the inventory, on the server. What is destroyed here is asked
# for by name, and nothing puts it back.

# probe_orphan QUERY (WORD NAME)...: of each whether it is there, and what it holds.
probe_orphan() {
	local answer name path query
	query=$1
	shift
	answer=
	case " $* " in
	*" database "* | *" database-account "*) answer=$(probe_database "$query") || return ;;
	esac
	while [ $# -gt 0 ]; do
		case $1 in
		folder)
			if [ -d "$2" ] && [ ! -L "$2" ]; then
				orphan_is "$1" "$2" there
				find "$2" -mindepth 1 -maxdepth 1 | head -n 50 | while IFS= read -r path; do
					printf 'folder\037%s\037holds\037%s\n' "$2" "$path"
				done
			else
				orphan_is "$1" "$2" absent
			fi
			;;
		tree)
			if [ -d "$2" ]; then
				orphan_is "$1" "$2" there
				others_in "$2" | head -n 50 | while IFS= read -r name; do
					printf 'tree\037%s\037holds\037%s\n' "$2" "$2/$name"
				done
			else
				orphan_is "$1" "$2" absent
			fi
			;;
		secret | state) if exists "$2"; then orphan_is "$1" "$2" there; else orphan_is "$1" "$2" absent; fi ;;
		account) probe_orphan_account "$2" ;;
		*) probe_orphan_data "$1" "$2" ;;
		esac
		shift 2
	done
}

orphan_is() {
	printf '%s\037%s\037%s\n' "$1" "$2" "$3"
}

# probe_orphan_account NAME: the folders that are its own go with it.
probe_orphan_account() {
	local folder home last line
	if ! line=$(getent passwd -- "$1"); then
		orphan_is account "$1" absent
		return
	fi
	orphan_is account "$1" there
	last=
	home=${line%:*}
	home=${home##*:}
	for folder in "/var/cache/$1" "/var/lib/$1" "$home"; do
		[ "$folder" = "$last" ] && continue
		last=$folder
		if [ -d "$folder" ] && [ "$(stat -c %U -- "$folder")" = "$1" ]; then
			printf 'account\037%s\037holds\037%s\n' "$1" "$folder"
		fi
	done
}

# probe_orphan_data WORD NAME: what a server that does not run has cannot be seen;
# it is taken to be there.
probe_orphan_data() {
	case "$answer
" in
	up*"
$1$(printf '\037')$2
"*) orphan_is "$1" "$2" there ;;
	down*) orphan_is "$1" "$2" there ;;
	none*) if [ -d /var/lib/mysql/mysql ]; then orphan_is "$1" "$2" there; else orphan_is "$1" "$2" absent; fi ;;
	*) orphan_is "$1" "$2" absent ;;
	esac
}

# others_in FOLDER: what in this folder of releases is not ours.
others_in() {
	local id name
	find "$1" -mindepth 1 -maxdepth 1 ! -name .shared -printf '%f\n' | while IFS= read -r name; do
		id=${name#.} id=${id%%.*}
		case $id in
		'' | *[!0-9a-f]*) printf '%s\n' "$name" && continue ;;
		esac
		case $name in
		"$id.used" | ".$id.new" | ".$id.old") ;;
		"$id") is_release "${1%/*}" "$id" || printf '%s\n' "$name" ;;
		*) printf '%s\n' "$name" ;;
		esac
	done
}

# --- steps: no probe needs what follows ---

# destroy_folder PATH: what others have put into it since is theirs.
destroy_folder() {
	rmdir -- "$1"
}

# destroy_releases FOLDER: what others have put into it is theirs.
destroy_releases() {
	local name
	others_in "$1" >"$RUN/others"
	find "$1" -mindepth 1 -maxdepth 1 -printf '%f\n' | while IFS= read -r name; do
		grep -qxF -e "$name" -- "$RUN/others" || rm -rf -- "${1:?}/$name"
	done
	[ -s "$RUN/others" ] || rmdir -- "$1"
}

# destroy_secret PATH
destroy_secret() {
	rm -f -- "$1"
}

# destroy_state PATH: a file, of which a journal beside it is a part, or a folder. A zone whose
# keys go with it is signed with others when it comes back.
destroy_state() {
	local gone key list
	for list in "$STATE/keys"/*; do
		[ -e "$list" ] || continue
		gone=
		while read -r key; do
			[ ! -e "$1/$key.private" ] || gone=yes
		done <"$list"
		[ -z "$gone" ] || rm -f -- "$list"
	done
	rm -rf -- "${1:?}" "$1.jnl"
}

# destroy_account NAME FOLDER...
destroy_account() {
	local folder name
	name=$1
	shift
	for folder do
		if [ "$(stat -c %U -- "$folder")" = "$name" ]; then rm -rf -- "$folder"; fi
	done
	userdel -- "$name"
	if getent group -- "$name" >/dev/null; then groupdel -- "$name"; fi
}

# with_database COMMAND WORD...: for a server that does not run it is started,
# and stopped again.
with_database() {
	local started status unit
	started=
	if [ ! -S /run/mysqld/mysqld.sock ]; then
		for unit in mariadb.service mysql.service; do
			if systemctl cat -- "$unit" >/dev/null 2>&1; then started=$unit && break; fi
		done
		[ -n "$started" ] || fail 'the database server is not installed any more; install it once more, or remove its files by hand'
		systemctl start -- "$started"
	fi
	status=0
	("$@") || status=$?
	[ -z "$started" ] || systemctl stop -- "$started"
	return "$status"
}

destroy_by_sql() {
	with_database run_sql "$1"
}

# destroy_database NAME FOLDER STATEMENT
destroy_database() {
	with_database dump_and_drop "$@"
}

# The dump is whole and on disk before anything is dropped.
dump_and_drop() {
	local dump dumper
	mkdir -p -m 700 -- "$2" || return
	dump=$2/$1.$(date -u +%Y%m%d-%H%M%S).sql
	dumper=$(command -v mariadb-dump || command -v mysqldump) || return
	(umask 077 && "$dumper" --protocol=socket --single-transaction --routines --events --triggers \
		--databases "$1" >"$dump") || return
	gzip -- "$dump" && sync -- "$dump.gz" || return
	printf 'the data of %s is in %s\n' "$1" "$dump.gz"
	run_sql "$3"
}
