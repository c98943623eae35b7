# The journal of a run, and how a run is undone from it.

# note WORD...: one line of the journal, from which a run is undone.
note() {
	(IFS='	' && printf '%s\n' "$*") >>"$RUN/journal"
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

# keep_ownership PATH: the same for mode, owner and group alone.
keep_ownership() {
	if exists "$1"; then
		note owned "$1" "$(stat -c '%a %U:%G' -- "$1")"
	else
		note created "$1"
		made path "$1"
	fi
}

# undo_run: takes back what the journal says, the last first. Packages,
# system accounts and data stay, and are named. What cannot be taken back is named in
# undo-failed. Who is killed meanwhile leaves it to the next plan: each service owes what
# it would have done here.
undo_run() {
	: >"$RUN/undo-failed"
	undo_database inactive
	noted_of pending | while IFS='	' read -r unit reaction _; do owe "$unit" "$reaction"; done
	# What did not run before ends while its unit file is still there.
	noted_of unit | tac | while IFS='	' read -r unit active boot _; do
		[ "$active" = active ] || undo_start "$unit" "$boot" || undo_failed unit "$unit"
	done
	tac -- "$RUN/journal" | while IFS='	' read -r word subject detail more; do
		case $word in
		created) undo_created "$subject" ;;
		kept) undo_kept "$subject" ;;
		owned) chmod "00${detail%% *}" -- "$subject" && chown "${detail#* }" -- "$subject" ;;
		current) ln -sfn -- "$detail" "$subject.undo" && mv -fT -- "$subject.undo" "$subject" ;;
		*) true ;;
		esac || undo_failed "$word" "$subject"
	done
	systemctl daemon-reload || undo_failed unit files
	noted_of unit | while IFS='	' read -r unit active boot verb; do
		[ "$active" != active ] || undo_change "$unit" "$boot" "$verb" || undo_failed unit "$unit"
	done
	noted_of settings | while IFS='	' read -r unit path back; do
		undo_settings "$unit" "$path" "$back" || undo_failed unit "$unit"
	done
	noted_of slot | while IFS='	' read -r target _ seconds proxy; do
		undo_slot "$target" "$seconds" "$proxy" || undo_failed slot "$target"
	done
	undo_database active
	noted_of pending | while IFS='	' read -r unit _ before; do
		if ! grep -qxF "unit $unit" "$RUN/undo-failed"; then undo_pending "$unit" "$before"; fi
	done
}

# undo_database active|inactive: what the database servers were asked for that ran before, or
# did not, the last first. One that did not run before is stopped by the undo, and has to be
# asked before; of one that did, visitors are led back first.
undo_database() {
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

undo_failed() {
	printf '%s\n' "$*" >>"$RUN/undo-failed"
}

undo_created() {
	rm -f -- "${1%/*}/.${1##*/}.foobar-stack"
	if [ -d "$1" ] && [ ! -L "$1" ]; then
		# What others have put into a folder in the meantime is theirs.
		rmdir -- "$1" 2>/dev/null || true
	else
		rm -f -- "$1"
	fi
	exists "$1" || unmade path "$1"
}

undo_kept() {
	new=${1%/*}/.${1##*/}.foobar-stack
	rm -rf -- "$new"
	# What is as it was needs no space on a full disk.
	! is_as_kept "$1" || return 0
	cp -a -T -- "$RUN/before$1" "$new" || return
	[ -L "$new" ] || sync -- "$new"
	mv -fT -- "$new" "$1"
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
		systemctl reload -- "$1" || systemctl restart -- "$1"
	else
		systemctl restart -- "$1"
	fi
}
