# A site comes back on an empty server, from a backup: what the server knew, the files, the release
# that served, the databases. What else belongs to the site, an apply makes afterwards.
#
# On standard input: the key of the repository, and what restic finds in its environment, a line
# each. $repository, $copies, where else backups are, and $wanted, the id of the backup or nothing,
# are set by the script around this.
# Done again after it was cut off, it begins anew.
#
# shellcheck shell=dash disable=SC2154

# Where it works, and what is left if it was cut off.
WORK=/var/lib/foobar-stack-rebuild
SETTINGS=$WORK/given
# Which of the repositories that is does not matter.
number=1 place=$WORK
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

# say TEXT: how far it is.
say() {
	printf '%s\n' "$1"
}

# give_up REASON: it can be tried again; nothing that must not be seen stays until then.
give_up() {
	clear_up
	printf '%s\n' "$1" >&2
	exit 1
}

# clear_up: but for the mark that it was begun.
clear_up() {
	rm -rf -- "$SETTINGS" "$WORK/files" "$WORK/spool" "$WORK/work"
}

# look_whether_empty: nothing that would be lost may be here. What a rebuild has left that was cut
# off does not count, unless a run has ended well since.
look_whether_empty() {
	local path
	if [ -e "$WORK/begun" ]; then
		[ "$STATE/generation" -nt "$WORK/begun" ] || return 0
		[ ! -e "$WORK/of-a-copy" ] || systemctl start --no-block foobar-stack-backup.service
		rm -rf -- "$WORK"
		# shellcheck disable=SC2016
		give_up 'this server is not empty: the rebuild that was cut off had brought everything, and a run has ended well since; `foobar-stack apply` does what is left, and `foobar-stack verify` proves it'
	fi
	for path in "$STATE/generation" /etc/foobar-stack /var/lib/mysql/ibdata1; do
		[ ! -e "$path" ] || give_up "this server is not empty: it has $path. Only an empty one can be rebuilt"
	done
	mkdir -p -m 700 -- "$WORK"
	: >"$WORK/begun"
}

# read_given: the key and the environment, which are kept for the time of the rebuild alone.
read_given() {
	local line
	mkdir -p -m 700 -- "$SETTINGS"
	IFS= read -r line
	(umask 077 && printf '%s' "$line" >"$SETTINGS/key")
	while IFS= read -r line; do
		# shellcheck disable=SC2163 # NAME=VALUE
		export "$line"
	done
}

# install NAME...: packages of the distribution; what they start has the distribution's settings.
install() {
	apt-get -q -o DPkg::Lock::Timeout=600 install -y --no-install-recommends "$@" >"$WORK/said" 2>&1 ||
		give_up "cannot install $*: $(grep '^E: ' "$WORK/said" | tail -n 1)"
}

# find_backup: $id and $data, the snapshot; the newest one if none is wanted.
find_backup() {
	readable || give_up "$why"
	snapshots manifest | jq -r "\"\\($(tag_of id)) \\($(tag_of data))\"" >"$WORK/list"
	read -r id data <<-END
		$(grep "^$wanted" "$WORK/list" | sort | tail -n 1)
	END
	[ -n "$data" ] || give_up "the repository $repository has no backup${wanted:+ $wanted}"
	read -r data <<-END
		$(as_stored "$id" "$data")
	END
	mkdir -p -m 700 -- "$WORK/work"
	repository dump --no-lock --tag "manifest,id=$id" latest /manifest >"$WORK/work/manifest" || give_up "the manifest of backup $id cannot be read"
}

# take PATH...: from the backup, below $WORK/files.
take() {
	local path
	for path do
		set -- "$@" --include "$path"
		shift
	done
	rm -rf -- "$WORK/files"
	repository restore --no-lock --quiet --target "$WORK/files" "$@" "$data" >"$WORK/said" 2>&1 ||
		give_up "backup $id cannot be read: $(tail -n 1 "$WORK/said")"
}

# put_back PATH: from the backup to where it was; a file or a folder as it is now is replaced.
put_back() {
	[ -e "$WORK/files$1" ] || return 0
	make_parent "${1%/*}"
	rm -rf -- "$1"
	mv -T -- "$WORK/files$1" "$1"
	own "$1"
}

# make_parent FOLDER: as it was, and those above it, if they are not there.
make_parent() {
	[ ! -d "${1:-/}" ] || return 0
	make_parent "${1%/*}"
	mkdir -- "$1"
	chown --reference="$WORK/files$1" -- "$1"
	chmod --reference="$WORK/files$1" -- "$1"
	own "$1"
}

# own PATH: accounts and groups have other numbers here: each file goes to who had it by name.
own() {
	local kind list number name here
	for kind in passwd group; do
		[ "$kind" = passwd ] && list=U || list=G
		find "$1" -printf "%$list\n" | sort -un >"$WORK/numbers"
		while read -r number; do
			name=$(awk -F : -v number="$number" '$3 == number { print $1; exit }' "$WORK/spool/$kind")
			here=$(getent "$kind" -- "${name:-none}" | cut -d : -f 3)
			# By way of a number that nobody has, so that two can change places.
			[ -z "$here" ] || [ "$here" = "$number" ] || printf '%s %s\n' "$number" "$here"
		done <"$WORK/numbers" >"$WORK/moves"
		while read -r number here; do
			change_owner "$1" "$kind" "$number" $((here + 2000000))
		done <"$WORK/moves"
		while read -r number here; do
			change_owner "$1" "$kind" $((here + 2000000)) "$here"
		done <"$WORK/moves"
	done
}

# change_owner PATH passwd|group NUMBER NUMBER: of what has the first of them.
change_owner() {
	if [ "$2" = passwd ]; then
		find "$1" -uid "$3" -exec chown -h "$4" {} +
	else
		find "$1" -gid "$3" -exec chown -h ":$4" {} +
	fi
}

# make_accounts: those of the apps, before anything is theirs; an apply makes them right.
make_accounts() {
	local app name
	sed -n 's/^account //p' "$WORK/settings" | while read -r app; do
		getent passwd -- "$app" >/dev/null ||
			useradd --system --user-group --home-dir "/var/lib/$app" --no-create-home --shell /usr/sbin/nologin -- "$app"
	done
}

# first_repository: that in which backups are made.
first_repository() {
	if [ -e "$WORK/of-a-copy" ]; then sed -n 's/^repository //p' "$WORK/settings"; else printf '%s\n' "$repository"; fi
}

# bring_files: what the server knew, and the files.
bring_files() {
	local spool app release
	spool=$STATE/backup/spool
	take "$spool" /etc/foobar-stack /var/lib/bind/signed
	rm -rf -- "$WORK/spool"
	mv -T -- "$WORK/files$spool" "$WORK/spool" || give_up "backup $id does not hold what the server knew"
	cp -- "$WORK/files/etc/foobar-stack/backup/settings" "$WORK/settings"
	make_accounts
	put_back /etc/foobar-stack
	if [ -d "$WORK/files/var/lib/bind/signed" ]; then
		install bind9
		put_back /var/lib/bind/signed
	fi
	# What was the server's own of that: which units run with what, runs, and what was pending.
	rm -rf -- "$STATE" "$WORK/spool/state/settings" "$WORK/spool/state/pending" "$WORK/spool/state/deployments"
	# The apply opens the repository anew, and has a backup made of what is here then; but not if it
	# was a copy that all came from: the first one may be out of reach, and the site comes first.
	rm -f -- "$WORK/of-a-copy"
	if grep -qxF "copy $repository" "$WORK/settings"; then
		: >"$WORK/of-a-copy"
	else
		rm -f -- "$WORK/spool/state/commands/backup-repository"
	fi
	mv -T -- "$WORK/spool/state" "$STATE"
	own "$STATE"
	chmod 700 -- "$STATE"
	stated folder >"$WORK/folders"
	stated app | while read -r app release; do
		[ -z "$release" ] || printf '%s\n' "$app/releases/$release"
	done >>"$WORK/folders"
	set --
	while IFS= read -r path; do
		set -- "$@" "$path"
	done <"$WORK/folders"
	[ $# -gt 0 ] || return 0
	take "$@"
	while IFS= read -r path; do
		put_back "$path"
	done <"$WORK/folders"
}

# bring_databases: into a server that has none of them.
bring_databases() {
	local name life
	engine='' databases=$(stated objects | cut -d ' ' -f 1 | tr '\n' ' ')
	read -r engine _ <<-END
		$(stated engine)
	END
	[ -n "$engine" ] || return 0
	say "installing $engine-server"
	install "$engine-server"
	systemctl start "$engine.service" || give_up "$engine.service does not start"
	socket=/run/mysqld/mysqld.sock
	say 'loading the databases'
	for name in $databases; do
		ask_database "DROP DATABASE IF EXISTS \`$name\`" || give_up "the database $name cannot be made anew"
	done
	ask_database 'SET GLOBAL event_scheduler = OFF'
	tell_database <"$WORK/spool/accounts.sql" || give_up "the accounts cannot be made: $why"
	# Views need those that they are run as, and rights what they are for.
	bring_other_accounts >/dev/null
	lock_definers <"$WORK/spool/databases.sql"
	load_statements "$WORK/spool/databases.sql" || give_up "$why"
	bring_other_accounts
	bring_logs
}

# bring_other_accounts: those that no app has, if they are in the backup; what cannot be done is said.
bring_other_accounts() {
	[ -e "$WORK/spool/other-accounts.sql" ] || return 0
	"$engine" --protocol=socket --socket="$socket" --default-character-set=utf8mb4 --force \
		<"$WORK/spool/other-accounts.sql" >/dev/null 2>"$WORK/said" || true
	! grep -q '^ERROR' "$WORK/said" || say "some rights of accounts that no app has were not given again: $(grep '^ERROR' "$WORK/said" | head -n 1)"
}

# bring_logs: what was written after the backup, as far as it is in the repository.
bring_logs() {
	local life log first position name last
	life=$(stated incarnation)
	log=$(snapshots logs | jq -r "select($(tag_of incarnation) == \"$life\") | .short_id" | tail -n 1)
	read -r first position <<-END
		$(stated position)
	END
	[ -n "$log" ] && [ -n "$first" ] && [ -z "$wanted" ] || return 0
	logs_from "$log" "$first" >"$WORK/names"
	[ -s "$WORK/names" ] || {
		say "what was written after the backup is not in the repository: the log $first is missing"
		return 0
	}
	last=$(snapshots logs | jq -r "select(.short_id == \"$log\") | .time")
	say "doing again what was written until $(date -u -d "$last" '+%Y-%m-%d %H:%M:%S UTC')"
	set --
	while IFS= read -r name; do
		set -- "$@" "$WORK/work/${name##*/}"
		repository dump --no-lock "$log" "$name" >"$WORK/work/${name##*/}" 2>"$WORK/said" ||
			give_up "the log ${name##*/} cannot be read: $(tail -n 1 "$WORK/said")"
	done <"$WORK/names"
	replay_logs "$position" "$(date -u -d '1 day' '+%Y-%m-%d %H:%M:%S')" "$@" || give_up "$why"
}

# keep_refusals: which repositories have refused to remove anything: to learn that anew takes a minute.
keep_refusals() {
	local since address number
	stated append-only | while read -r since address; do
		number=$(sed -n 's/^copy //p' "$WORK/settings" | grep -nxF -- "$address" | cut -d : -f 1)
		set -- "$STATE/backup${number:+/copies/$((number + 1))}"
		mkdir -p -m 700 -- "$STATE/backup/copies" "$1"
		printf '%s\n' "$address" >"$1/append-only"
		touch -d "@$since" -- "$1/append-only"
	done
}

# open_repository_here: with what it takes for that; $id and $data are the backup.
open_repository_here() {
	look_whether_empty
	read_given
	say 'installing restic'
	apt-get -q update >"$WORK/said" 2>&1 || give_up "the package lists cannot be read: $(grep '^E: ' "$WORK/said" | tail -n 1)"
	case $repository in
	sftp:*) install restic jq openssh-client ;;
	*) install restic jq ;;
	esac
	find_backup
}

# look_inside: the generations that the server kept, and nothing else, for somebody who has no
# inventory. `rebuild` replaces them by the same.
look_inside() {
	local spool
	spool=$STATE/backup/spool
	open_repository_here
	take "$spool/state"
	[ -d "$WORK/files$spool/state" ] || give_up "backup $id does not hold what the server knew"
	rm -rf -- "$STATE"
	mv -T -- "$WORK/files$spool/state" "$STATE"
	chmod 700 -- "$STATE"
	clear_up
}

# rebuild: the whole of it; the last line says from what.
rebuild() {
	local made
	open_repository_here
	say "bringing backup $id"
	bring_files
	bring_databases
	# It was restored: retire spares it.
	mkdir -p -m 700 -- "$STATE/backup"
	first_repository >"$STATE/backup/repository"
	printf '%s\n' "$id" >"$STATE/backup/proven"
	keep_refusals
	if [ -e "$WORK/of-a-copy" ]; then
		# The first backup begins when all is through.
		mkdir -p -m 700 -- "$STATE/backup/record"
		date +%s >"$STATE/backup/record/initialised"
	fi
	made=$(stated made)
	clear_up
	printf 'rebuilt %s %s\n' "$id" "$made"
}
