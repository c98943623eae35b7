# The journal of a run, and how a run is undone from it.

# note WORD...: one line of the journal, from which a run is undone. It is on disk when
# this returns: before what it speaks of is touched.
note() {
	(IFS='	' && printf '%s\n' "$*") >>"$RUN/journal"
	sync -- "$RUN/journal"
}

# noted PATH: whether the journal already says what stood there; only that was
# there before the run.
noted() {
	grep -qsxF -e "created	$1" -e "kept	$1" "$RUN/journal"
}

# keep PATH: what stands there now is kept with the run before it is replaced.
keep() {
	if noted "$1"; then
		return
	elif ! exists "$1"; then
		note created "$1"
		made path "$1"
	else
		mkdir -p -m 700 -- "$RUN/before"
		cp -a --parents -- "$1" "$RUN/before/"
		note kept "$1"
	fi
}

# make_parents PATH: the folders above it that are not there. An undo removes them.
make_parents() {
	if [ -n "${1%/*}" ] && [ ! -d "${1%/*}" ]; then
		make_parents "${1%/*}"
		keep "${1%/*}"
		mkdir -m 755 -- "${1%/*}"
	fi
}

# keep_ownership PATH: the same as `keep` for mode, owner, group and access control list alone.
# They are numbers: an owner need not have a name.
keep_ownership() {
	local acl
	if exists "$1"; then
		acl=
		if command -v getfacl >/dev/null; then
			acl=$(getfacl --absolute-names --omit-header --numeric --no-effective -- "$1" | sed '/^$/d' | paste -sd ,)
		fi
		note owned "$1" "$(stat -c '%a %u:%g' -- "$1")" "$acl"
	else
		note created "$1"
		made path "$1"
	fi
}

# remember NAME COUNT WORD...: for what is set elsewhere than in files. The first COUNT words
# are a command that prints how it is now; the others are one that sets it again when
# it gets that on its standard input.
remember() {
	local count memory
	memory=$RUN/remembered/$1 count=$2
	shift 2
	mkdir -p -m 700 -- "$RUN/remembered"
	printf '%s\0' "$@" | head -z -n "$count" | xargs -0 env >"$memory"
	printf '%s\0' "$@" | tail -z -n "+$((count + 1))" >"$memory.back"
	sync -- "$memory" "$memory.back"
	note remembered "${memory##*/}"
}

# undo_run: takes back what the journal says, the last first: configuration, then what
# services run, then what visitors were served until then. Packages, accounts and data
# stay, and are named. What cannot be taken back is named in undo-failed. Who is
# killed meanwhile leaves it to the next plan: each service owes what it would
# have done here.
undo_run() {
	local active back before boot detail had more name path payload reaction seconds serial subject target unit verb word
	: >"$RUN/undo-failed"
	undo_database inactive
	noted_of pending | while IFS='	' read -r unit reaction _; do owe "$unit" "$reaction"; done
	# What did not run before ends while its unit file is still there.
	noted_of unit | tac | while IFS='	' read -r unit active boot _; do
		[ "$active" = active ] || undo_start "$unit" "$boot" || undo_failed unit "$unit"
	done
	tac -- "$RUN/journal" | while IFS='	' read -r word subject detail more; do
		case $word in
		created) is_served "$subject" || undo_created "$subject" ;;
		kept) undo_kept "$subject" ;;
		seeded) [ "$(digest_below "$subject")" != "$detail" ] || rm -rf -- "$subject" ;;
		owned)
			chown "${detail#* }" -- "$subject" && { [ -z "$more" ] || setfacl --set "$more" -- "$subject"; } &&
				chmod "00${detail%% *}" -- "$subject"
			;;
		current) ln -sfn -- "$detail" "$subject.undo" && mv -fT -- "$subject.undo" "$subject" ;;
		*) true ;;
		esac || undo_failed "$word" "$subject"
	done
	noted_of zone | while IFS='	' read -r path payload serial; do
		! noted "$path" || undo_zone "$path" "$payload" "$serial" || undo_failed zone "$path"
	done
	systemctl daemon-reload || undo_failed unit files
	noted_of unit | while IFS='	' read -r unit active boot verb; do
		[ "$active" != active ] || undo_change "$unit" "$boot" "$verb" || undo_failed unit "$unit"
	done
	noted_of settings | while IFS='	' read -r unit path back; do
		undo_settings "$unit" "$path" "$back" || undo_failed unit "$unit"
	done
	noted_of slot | while IFS='	' read -r target had seconds unit; do
		undo_slot "$target" "$had" "$seconds" "$unit" || undo_failed slot "$target"
	done
	noted_of alone | while IFS= read -r target; do
		bring_back "$target" || undo_failed slot "$target"
	done
	undo_database active
	noted_of remembered | tac | while IFS= read -r name; do
		xargs -0 -a "$RUN/remembered/$name.back" env <"$RUN/remembered/$name" || undo_failed setting "$name"
	done
	# What still runs is not taken away from under it.
	if ! grep -qs '^slot ' "$RUN/undo-failed"; then
		noted_of making | while IFS= read -r path; do rm -rf -- "$path" || undo_failed release "$path"; done
		noted_of replaced | while IFS= read -r path; do
			mv -T -- "${path%/*}/.${path##*/}.old" "$path" || undo_failed release "$path"
		done
		# What a build has made is of use to the next run, as long as there is space.
		noted_of sharing | while IFS= read -r path; do
			! is_scarce "$path" || rm -rf -- "$path" || undo_failed release "$path"
		done
	fi
	noted_of created | tac | while IFS= read -r path; do
		! is_served "$path" || undo_created "$path" || undo_failed created "$path"
	done
	noted_of pending | while IFS='	' read -r unit _ before; do
		if ! grep -qxF "unit $unit" "$RUN/undo-failed"; then undo_pending "$unit" "$before"; fi
	done
}

# undo_database active|inactive: what the database servers were asked for that ran before, or
# did not, the last first. One that did not run before is stopped by the undo, and has to be
# asked before; of one that did, visitors are led back first.
undo_database() {
	local back holds name ran unit what word
	grep -e '^sql	' -e '^made-sql	' -- "$RUN/journal" | tac |
		while IFS='	' read -r word unit what name holds back; do
			ran=active
			if grep -qs "^unit	$unit	inactive	" -- "$RUN/journal"; then ran=inactive; fi
			[ "$ran" = "$1" ] || continue
			case $word in
			sql) undo_sql "$what" "$name" || undo_failed "$what" ;;
			*) undo_made_sql "$what" "$name" "$holds" "$back" || undo_failed "$what" "$name" ;;
			esac
		done
}

# noted_of WORD: the lines of the journal that begin with it, without it.
noted_of() {
	sed -n "s/^$1	//p" "$RUN/journal"
}

# is_served PATH: visitors may still get it until Nginx has gone back.
is_served() {
	case $1 in
	/srv/* | /var/www/*) return 0 ;;
	*) return 1 ;;
	esac
}

# clear_unfinished DIRECTORY: releases that this run was making when it was killed.
clear_unfinished() {
	local old path
	sed -n 's/^making	//p' "$1/journal" | while IFS= read -r path; do
		[ -e "$path/.foobar-stack-complete" ] || rm -rf -- "$path"
	done
	sed -n 's/^replaced	//p' "$1/journal" | while IFS= read -r path; do
		old=${path%/*}/.${path##*/}.old
		if [ ! -e "$path" ] && [ -e "$old" ]; then mv -T -- "$old" "$path"; fi
	done
}

# name_staying: what the run brought and an undo leaves.
name_staying() {
	local name packages word
	[ -e "$RUN/made" ] || return 0
	sort -u -- "$RUN/made" | while IFS='	' read -r word name; do
		grep -qsxF -e "$word	$name" -- "$STATE/made" || continue
		case $word in
		package) continue ;;
		path)
			exists "$name" || continue
			if [ -d "$name" ]; then word="folder (others' files are in it)"; fi
			;;
		service) continue ;;
		database-account) word='database account' ;;
		esac
		printf '%s %s\n' "$word" "$name"
	done
	packages=$(sed -n 's/^package	//p' "$RUN/made")
	if [ -n "$packages" ]; then
		# shellcheck disable=SC2086 # their names have no blanks
		set -- $packages
		case $# in
		1) printf 'the package %s\n' "$1" ;;
		*) printf '%s packages (%s, …)\n' $# "$1" ;;
		esac
	fi
	noted_of ran | while IFS= read -r name; do
		grep -qsxF -e "remembered	command-$name" -e "idle	$name" -- "$RUN/journal" ||
			printf 'what the command %s has done\n' "$name"
	done
}

# is_scarce PATH: less than a twentieth of its file system is free.
is_scarce() {
	local used
	used=$(df --output=pcent -- "${1%/*}" 2>/dev/null | tr -dc 0-9)
	[ "${used:-0}" -ge 95 ]
}

undo_failed() {
	printf '%s\n' "$*" >>"$RUN/undo-failed"
}

undo_created() {
	[ ! -d "${1%/*}/.foobar-stack" ] || rm -rf -- "${1%/*}/.foobar-stack"
	rm -rf -- "${1%/*}/.${1##*/}.foobar-stack"
	if [ -d "$1" ] && [ ! -L "$1" ]; then
		# What others have put into a folder in the meantime is theirs.
		rmdir -- "$1" 2>/dev/null || true
	else
		rm -f -- "$1"
	fi
	exists "$1" || unmade path "$1"
}

# digest_below FOLDER: of the names, the links and the content of all files in it.
digest_below() {
	(cd -- "$1" && find . \( -type f -exec sha256sum {} + \) -o \( -type l -printf '%l %p\n' \)) | sort | sha256sum
}

undo_kept() {
	local new
	new=${1%/*}/.${1##*/}.foobar-stack
	[ ! -d "${1%/*}/.foobar-stack" ] || rm -rf -- "${1%/*}/.foobar-stack"
	rm -rf -- "$new"
	# What is as it was needs no space on a full disk.
	! is_as_kept "$1" || return 0
	cp -a -T -- "$RUN/before$1" "$new" || return
	[ -L "$new" ] || sync -- "$new"
	mv -fT -- "$new" "$1"
}

# undo_zone PATH PAYLOAD SERIAL: its content of before under a serial that nobody has seen,
# unless BIND still serves it: then nobody has seen another content. BIND takes a file by a reload
# that is newer than the one it has read.
undo_zone() {
	local new
	[ -f "$1" ] || return 0
	if [ "$2" = - ]; then
		touch -- "$1"
		return
	fi
	! is_still_served "$1" || return 0
	new=${1%/*}/.${1##*/}.foobar-stack
	# With what is attached to it, as xattr(7) has it, which `-p` alone leaves behind.
	cp -aL -T -- "$1" "$new" && cat -- "$RUN/payload/$2" >"$new" && sync -- "$new" &&
		publish_serial "$1" "$3" && mv -fT -- "$new" "$1"
}

# is_still_served PATH: BIND serves the zone with the serial that its file has.
is_still_served() {
	local serial status type zone
	while read -r _ _ _ type _ _ serial _ && [ "$type" != SOA ]; do :; done <"$1"
	zone=${1##*/}
	status=$(timeout 10 rndc zonestatus "${zone%.zone}" 2>/dev/null) || return
	case "$status
" in
	*"serial: $serial
"*) return 0 ;;
	esac
	return 1
}

# publish_serial PATH SERIAL: no other content of this zone may have it from now on.
publish_serial() {
	mkdir -p -m 700 -- "$STATE/serials"
	printf '%s\n' "$2" | replace "$STATE/serials/${1##*/}"
}

# is_as_kept PATH: the step that kept it did not come to change it.
is_as_kept() {
	[ "$(stat -c '%f %u %g' -- "$1")" = "$(stat -c '%f %u %g' -- "$RUN/before$1")" ] || return
	if [ -L "$1" ]; then
		[ "$(readlink -- "$1")" = "$(readlink -- "$RUN/before$1")" ]
	else
		cmp -s -- "$1" "$RUN/before$1"
	fi
}

undo_pending() {
	if [ -n "$2" ]; then
		printf '%s\n' "$2" | replace "$STATE/pending/$1"
	else
		rm -f -- "$STATE/pending/$1"
	fi
}

# undo_boot UNIT BOOT: starts at boot again, or not, as before.
undo_boot() {
	[ "$(unit_property "$1" UnitFileState)" != "$2" ] || return 0
	case $2 in
	enabled) systemctl enable --quiet -- "$1" ;;
	disabled) systemctl disable --quiet -- "$1" ;;
	masked) systemctl mask --quiet -- "$1" ;;
	masked-runtime) systemctl mask --runtime --quiet -- "$1" ;;
	esac
}

# undo_start UNIT BOOT: it did not run before.
undo_start() {
	unmade service "$1"
	# One that systemd cannot even read is not stopped; it does not run, either.
	systemctl stop -- "$1" 2>/dev/null || ! systemctl is-active --quiet -- "$1" || return
	systemctl reset-failed -- "$1" 2>/dev/null
	undo_boot "$1" "$2" || ! systemctl is-enabled --quiet -- "$1" 2>/dev/null
}

# undo_change UNIT BOOT VERB: it ran before, and runs again what it ran then.
undo_change() {
	undo_boot "$1" "$2" || return
	[ "$3" != keep ] || return 0
	systemctl reset-failed -- "$1" 2>/dev/null
	if [ "$3" = reload ] && systemctl is-active --quiet -- "$1"; then
		if ! systemctl reload -- "$1" || ! undo_in_force "$1"; then systemctl restart -- "$1"; fi
	else
		systemctl restart -- "$1"
	fi
}

# undo_in_force UNIT: waits until it agrees that it runs what its files say again, if it was
# asked that when they were new.
undo_in_force() {
	local deadline
	[ -e "$RUN/asks-$1" ] || return 0
	clock
	deadline=$((now + 2000))
	until xargs -0 -a "$RUN/asks-$1" env >/dev/null 2>&1 </dev/null; do
		clock
		[ "$now" -lt "$deadline" ] || return 1
		sleep 0.1
	done
}
