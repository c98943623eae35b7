# The executor: runs on the server as a transient unit, one step after the
# other, and says in $RUN/events what it does. host.sh stands before it; the kinds'
# functions and the steps of the plan follow below it; `main` at the very end starts it.

set -eu
export LC_ALL=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
# The probe and the run read the same files of root's, as .my.cnf: a transient unit has no
# HOME, and a login's is whatever sudo leaves of it.
HOME=$(getent passwd 0 | cut -d : -f 6)
export HOME
umask 022

# emit WORD...: one event; its fields are parted by tabs. On a full disk it takes
# the space that was set aside: a run does not end without its last words.
emit() {
	(IFS='	' && printf '%s\n' "$*") >>"$RUN/events" 2>/dev/null || {
		rm -f -- "$RUN/reserve"
		(IFS='	' && printf '\n%s\n' "$*") >>"$RUN/events" || true
	}
}

# fail MESSAGE: ends the step.
fail() {
	printf '%s\n' "$1"
	exit 1
}

# step NUMBER FUNCTION: its output goes to the events; a failure ends the run.
# Between two steps somebody may have asked to stop. What follows the proof is
# not undone: where one of its steps fails, the others are still made, and the
# next plan shows what is left.
step() {
	local began status
	if [ "$terminated" = yes ] && [ "$proven" = no ]; then
		not_proven 'the run was told to end, by systemd or by hand'
	fi
	if [ -e "$RUN/stop" ] && [ "$proven" = no ]; then
		emit stopped "$1"
		ended=yes
		exit 1
	fi
	clock
	began=$now step_number=$1
	emit begin "$1"
	status=$(
		{
			{
				# Else the first failure would end this group, too, before the
				# status is said.
				set +e
				(
					set -e
					"$2"
				) 2>&1 </dev/null 3>&-
				echo $? >&3
			} | sed -u "s/^/log	$1	/" >>"$RUN/events" 3>&-
		} 3>&1
	) || rm -f -- "$RUN/reserve"
	status=${status:-137}
	if [ "$status" != 0 ]; then
		emit failed-step "$1" "$status"
		[ "$proven" = no ] || return 0
		give_up
	fi
	clock
	emit end "$1" $((now - began))
}

# give_up: the end of a run that failed. What it has touched goes back, and what runs before it
# have touched that nothing has proven: the server is then as the last proven run left it.
give_up() {
	local line
	# From here on a failure must not keep the rest from going back.
	set +e
	ended=yes
	rm -f -- "$RUN/reserve"
	if [ "$touched" = yes ]; then
		emit undoing
		undo_run
		name_staying | while IFS= read -r line; do emit stays "$line"; done
		settle "$RUN"
		undo_unproven_runs
		name_full_file_systems | while IFS= read -r line; do emit said "$line"; done
		if [ -s "$RUN/undo-failed" ]; then
			while IFS= read -r line; do emit undo-failed "$line"; done <"$RUN/undo-failed"
		else
			emit undone
		fi
	else
		name_full_file_systems | while IFS= read -r line; do emit said "$line"; done
		emit failed
	fi
	exit 1
}

# name_full_file_systems: those of which less than a hundredth is free. The failure may come from
# there, and what an undo cannot free, as what a database has written, keeps services down: MariaDB
# ends itself at each start until it has space to roll back what was cut short.
name_full_file_systems() {
	local free mounted size used
	df -l -B 1 -x squashfs -x iso9660 -x erofs -x devtmpfs -x efivarfs \
		--output=pcent,avail,size,target 2>/dev/null |
		while read -r used free size mounted; do
			[ "$used" = 100% ] || continue
			printf 'the file system of %s is full: %s of %s MB are free; services that write there may not run before there is space\n' \
				"$mounted" $((free / 1000000)) $((size / 1000000))
		done
}

# undo_unproven_runs: undoes the runs that were killed or stopped since the last proven one, the
# last first.
undo_unproven_runs() {
	local earlier journal number
	for journal in "$STATE"/runs/*/journal; do
		[ -e "$journal" ] || continue
		earlier=${journal%/*}
		# Of one that was killed just after it was recorded, only the settling is missing.
		! grep -qs "	${earlier##*/}	" "$STATE/history" || continue
		# By generation: the clock that a run is named by may have been wrong.
		number=$(cat "$earlier/generation" 2>/dev/null)
		printf '%s\t%s\n' "${number:-0}" "$earlier"
	done | sort -rn >"$RUN/unproven"
	while IFS='	' read -r _ earlier; do
		# By its own program, which has what its journal needs.
		sh "$earlier/program" undo_alone </dev/null || undo_failed run "${earlier##*/}"
		[ ! -s "$earlier/undo-failed" ] || cat "$earlier/undo-failed" >>"$RUN/undo-failed"
	done <"$RUN/unproven"
}

# undo_alone: undoes this run long after its end.
undo_alone() {
	set +e
	undo_run
	settle "$RUN"
}

# last_word: however the run ends, it says so, and nothing of it stays that should
# not. A command of the executor itself that fails, as on a full disk, is a failure
# like that of a step.
last_word() {
	local line
	if [ "$ended" = no ] && [ "$proven" = yes ]; then
		emit finished "$generation"
	elif [ "$ended" = no ]; then
		emit unproven "the executor could not go on"
		while IFS= read -r line; do emit said "$line"; done <"$RUN/complaints"
		# What it exits with is our status, too; the trap is not run again.
		(give_up)
	fi
	clean_up
}

# How long a run waits for a job that has the lock, in seconds: an order takes a minute or two.
JOB_SECONDS=300

say_waiting() {
	emit waiting "$1"
}

# begin_run RUN GENERATION WHO: takes the lock, or says who has it; refuses when
# the server has seen another run since the plan was made.
begin_run() {
	local actual journal
	if ! await_lock "$JOB_SECONDS" say_waiting; then
		emit locked "$(lock_holder)"
		exit 75
	fi
	generation=$2
	actual=$(cat "$STATE/generation" 2>/dev/null || echo 0)
	if [ "$actual" != "$generation" ]; then
		emit moved "$actual"
		exit 75
	fi
	exec 2>"$RUN/complaints"
	touched=no proven=no ended=no unverified=no terminated=no
	trap last_word EXIT
	# A step is never cut short by this: only what follows it hears of it.
	trap 'terminated=yes' TERM
	printf 'run %s, started %s by %s\n' "$1" "$(date -u '+%Y-%m-%d %H:%M:%S UTC')" "$3" |
		replace "$STATE/holder"
	generation=$((generation + 1))
	printf '%s\n' "$generation" | replace "$STATE/generation"
	printf '%s\n' "$generation" >"$RUN/generation"
	emit started "$1"
	# What earlier runs left that were killed together with their end.
	find "$STATE/runs" -mindepth 2 -maxdepth 2 ! -path "$RUN/*" \
		\( -name payload -o -name reserve \) -exec rm -rf -- {} +
	for journal in "$STATE"/runs/*/journal; do
		[ ! -e "$journal" ] || clear_unfinished "${journal%/*}"
	done
	brought_packages
	rm -f -- "$RUN/made"
	# What is made on the server goes there, too, beside what travelled.
	mkdir -p -m 700 -- "$RUN/payload"
	release_services
}

# clean_up: takes away what only a run that is under way needs. The unit does the
# same for a run that is killed; another one may then be under way already.
clean_up() {
	rm -rf -- "$RUN/payload" "$RUN/reserve"
	# What a power cut has kept from taking its place.
	rm -f -- "$STATE"/.*.new "$STATE"/*/.*.new
	release_services
}

clean_up_after() {
	if take_lock; then clean_up; else rm -rf -- "$RUN/payload" "$RUN/reserve"; fi
}

# hold_services: says "not now" to every start that the installation of a
# package asks for (policy-rc.d of invoke-rc.d(8)), so that no service runs
# with the distribution's configuration in between. Whether it says so stands in
# /run: after a power cut it allows all, which is no policy. The program itself
# cannot stand there: many systems execute nothing below /run.
hold_services() {
	local policy
	policy=/usr/sbin/policy-rc.d
	if exists "$policy" && ! is_our_policy "$policy"; then
		mv -f -- "$policy" "$policy.kept-by-foobar-stack"
	fi
	mkdir -p -- /run/foobar-stack
	: >/run/foobar-stack/hold-services
	printf '%s\n' '#!/bin/sh' \
		'# foobar-stack: services start when their configuration is there' \
		'[ ! -e /run/foobar-stack/hold-services ] || exit 101' >"$policy.new"
	chmod 755 -- "$policy.new"
	mv -f -- "$policy.new" "$policy"
}

# is_our_policy PATH: hold_services wrote it.
is_our_policy() {
	grep -qs '^# foobar-stack: services start' -- "$1"
}

# release_services: takes that back.
release_services() {
	local policy
	policy=/usr/sbin/policy-rc.d
	rm -f -- /run/foobar-stack/hold-services "$policy.new"
	if is_our_policy "$policy"; then
		rm -f -- "$policy"
	fi
	if exists "$policy.kept-by-foobar-stack"; then
		mv -f -- "$policy.kept-by-foobar-stack" "$policy"
	fi
}

# touch_server: from here on a failure is undone.
touch_server() {
	: >"$RUN/journal"
	sync -- "$RUN/journal" "$RUN" "$STATE/runs" "$STATE"
	touched=yes
}

# is_known UNIT: systemd has a file of it.
is_known() {
	[ "$(unit_property "$1" LoadState)" != not-found ]
}

# made WORD NAME...: a run of ours makes these; they were not there. That is on disk before
# they are made, until a proven run records it, so that neither a kill nor a power
# cut turns what is ours into what was there before.
made() {
	local name word
	word=$1
	shift
	for name do printf '%s\t%s\n' "$word" "$name"; done | tee -a -- "$STATE/made" >>"$RUN/made"
	sync -- "$STATE/made" "$STATE"
}

# unmade WORD NAME: it was undone.
unmade() {
	[ -e "$STATE/made" ] || return 0
	{ grep -vxF -- "$1	$2" "$STATE/made" || true; } | replace "$STATE/made"
}

installed_packages() {
	dpkg-query -W -f '${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p'
}

# look_before_packages: what is installed, before a run of ours installs more. It is on
# disk, since what a run that is killed brings is ours, too.
look_before_packages() {
	installed_packages | replace "$STATE/packages-before"
}

# brought_packages: writes down what is installed now and was not then. Without a list
# from then, nothing is taken for ours.
brought_packages() {
	[ -s "$STATE/packages-before" ] || return 0
	# shellcheck disable=SC2046 # their names have no blanks
	set -- $(installed_packages | grep -vxF -f "$STATE/packages-before")
	[ $# -eq 0 ] || made package "$@"
	rm -f -- "$STATE/packages-before"
}

# record_format: which version the record is of, what a program must know to change it, and
# who wrote it ($RECORD); on disk before the record is. That of a later program stays.
record_format() {
	local known
	known=0
	[ ! -e "$STATE/format" ] || read -r known _ <"$STATE/format"
	[ "${known:-0}" -ge "${RECORD%% *}" ] || printf '%s\n' "$RECORD" | replace "$STATE/format"
}

# say_who_made: a line that begins with = is as it should be; one that begins with ? and the sort
# of a thing was made by a run of ours if the notes say so.
say_who_made() {
	MADE=$STATE/made awk '
		BEGIN {
			FS = OFS = "\t"
			while ((getline line < ENVIRON["MADE"]) > 0) made[line]
		}
		/^=/ { print substr($0, 2); next }
		{ $1 = ((substr($1, 2) FS $4) in made) ? "made" : "adopted"; print }
	'
}

# record_managed: writes down what foobar-stack owns on this server. What the
# client does not know, the notes say: whether a run of ours has made it. A line that
# the client does not understand stays as it is.
record_managed() {
	local kind line made more name role sort
	: >>"$STATE/made"
	while IFS= read -r line; do
		case $line in
		"as-is	"*)
			printf '=%s\n' "${line#as-is	}"
			continue
			;;
		esac
		IFS='	' read -r made role kind name more <<-END
			$line
		END
		case $kind in
		path | secret | folder | tree | state) sort=path ;;
		*) sort=$kind ;;
		esac
		if [ "$made" = gone ]; then
			# What goes after the proof is ours until then.
			case $sort in
			path) exists "$name" || continue ;;
			*) systemctl is-active --quiet -- "$name" || systemctl is-enabled --quiet -- "$name" 2>/dev/null || continue ;;
			esac
			made=made
		elif [ "$made" = new ]; then
			# Not there yet: a run of a part of the plan.
			[ "$sort" != path ] || exists "$name" || continue
			[ "$kind" != service ] || is_known "$name" || continue
			made="?$sort"
		else
			made="=$made"
		fi
		printf '%s\t%s\n' "$sort" "$name" >>"$RUN/payload/recorded"
		printf '%s\t%s\t%s\t%s\n' "$made" "$role" "$kind" "$name${more:+	$more}"
	done <"$RUN/payload/managed" | say_who_made | replace "$STATE/managed"
	: >>"$RUN/payload/recorded"
	{ grep -vxF -f "$RUN/payload/recorded" -- "$STATE/made" || true; } | replace "$STATE/made"
}

# record_commands: the keys of the commands that ran. The last fifty are remembered:
# who goes back to one of them has had it already.
record_commands() {
	local keys ran
	for ran in "$RUN"/payload/ran-*; do
		[ -e "$ran" ] || continue
		mkdir -p -m 700 -- "$STATE/commands"
		keys=$STATE/commands/${ran##*/ran-}
		{
			cat -- "$ran"
			grep -vxF -f "$ran" -- "$keys" 2>/dev/null | head -n 49 || true
		} | replace "$keys"
	done
}

# forget WORD NAME...: they are gone, and not ours any more.
forget() {
	local word
	word=$1
	shift
	# It is written beside its place.
	# shellcheck disable=SC2094
	printf '%s\n' "$@" | WORD=$word awk -F '\t' '
		NR == FNR { gone[ENVIRON["WORD"] "\t" $0]; next }
		!(($3 "\t" $4) in gone)
	' - "$STATE/managed" | replace "$STATE/managed"
}

# record_run SUMMARY WHO DIGEST STANDING BACK: the run counts, and the server
# remembers it. What it rested on is kept for the newest twenty; what it replaced
# stays for who wants to look, except secrets.
record_run() {
	local kept old run standing
	standing=$4
	[ "$unverified" = no ] || [ "$standing" != proven ] || standing=unverified
	record_format
	record_managed
	record_commands
	mkdir -p -m 700 -- "$STATE/generations"
	kept=$STATE/generations/$generation.json.gz
	(umask 077 && gzip -n <"$RUN/payload/generation" >"$kept.new")
	sync -- "$kept.new"
	mv -f -- "$kept.new" "$kept"
	find "$STATE/generations" -name '*.json.gz' -printf '%f\n' | sort -rn | tail -n +21 | while read -r old; do
		rm -f -- "$STATE/generations/$old"
	done
	printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$generation" "$(date +%s)" "$2" "${RUN##*/}" "$1" "$3" "$standing" "$5" \
		>>"$STATE/history"
	if [ "$standing" = unverified ]; then
		printf '%s\t%s\n' "${RUN##*/}" "$3" | replace "$STATE/unverified"
	else
		rm -f -- "$STATE/unverified"
	fi
	sync -- "$STATE/history" "$STATE"
	proven=yes
	for run in "$STATE"/runs/*; do
		if [ -e "$run/journal" ]; then settle "$run"; fi
	done
	# Those that had to be kept for a failed undo, too.
	forget_secrets "$STATE"/runs/*
}

# settle DIRECTORY: what a run's journal says counts no longer, and how somebody logged in
# to the database before is nobody's business. What could not be put back is kept until
# the next run that is proven.
settle() {
	sed -i '/^sql	/d' -- "$1/journal" || true
	[ -s "$1/undo-failed" ] || forget_secrets "$1"
	mv -f -- "$1/journal" "$1/journal.settled"
}

# forget_secrets RUN...: what runs kept for undoing alone: secrets, and whatever not everybody may
# read.
forget_secrets() {
	local directory path
	for directory do
		shift
		if [ -d "$directory/before" ]; then set -- "$@" "$directory/before"; fi
	done
	[ $# -gt 0 ] || return 0
	find "$@" -type f ! -perm -004 -exec rm -f -- {} +
	for directory do
		shift
		set -- "$@" "${directory%before}journal" "${directory%before}journal.settled"
	done
	# The folder of a run has no tab or colon in its name.
	grep -Hs '^secret	' -- "$@" | while IFS='	' read -r directory path; do
		rm -f -- "${directory%/journal*}/before$path"
	done
}

# end_run: all is done. The newest twenty runs are kept.
end_run() {
	local old
	emit finished "$generation"
	ended=yes
	# By name, but for this one: the clock may have been wrong.
	find "$STATE/runs" -mindepth 1 -maxdepth 1 ! -name "${RUN##*/}" ! -name '.*' |
		sort -r | tail -n +20 | while read -r old; do
		rm -rf -- "$old"
	done
}

# mark_pending UNIT REACTION: noted before a file is touched, forgotten when the
# service has its new configuration.
mark_pending() {
	note pending "$1" "$2" "$(cat "$STATE/pending/$1" 2>/dev/null)"
	owe "$1" "$2"
}

# owe UNIT REACTION: on disk when this returns. A restart that is owed is not
# forgotten for a reload.
owe() {
	mkdir -p -m 700 -- "$STATE/pending"
	if [ "$(cat "$STATE/pending/$1" 2>/dev/null)" != restart ]; then
		printf '%s\n' "$2" | replace "$STATE/pending/$1"
		sync -- "$STATE"
	fi
}

# read_units: systemd reads its unit files again.
read_units() {
	systemctl daemon-reload
}
