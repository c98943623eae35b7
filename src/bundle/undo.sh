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
	fi
}

# undo_run: takes back what the journal says, the last first. Packages,
# accounts and data stay. What cannot be taken back is named in undo-failed.
undo_run() {
	: >"$RUN/undo-failed"
	tac -- "$RUN/journal" | while IFS='	' read -r word subject detail more; do
		case $word in
		created) undo_created "$subject" ;;
		kept) undo_kept "$subject" ;;
		owned) chmod "00${detail%% *}" -- "$subject" && chown "${detail#* }" -- "$subject" ;;
		current) ln -sfn -- "$detail" "$subject.undo" && mv -fT -- "$subject.undo" "$subject" ;;
		pending) undo_pending "$subject" "$detail" ;;
		*) true ;;
		esac || printf '%s %s\n' "$word" "$subject" >>"$RUN/undo-failed"
	done
	systemctl daemon-reload
	grep '^unit	' "$RUN/journal" | while IFS='	' read -r _ unit active boot verb; do
		undo_unit "$unit" "$active" "$boot" "$verb" || printf 'unit %s\n' "$unit" >>"$RUN/undo-failed"
	done
	grep '^slot	' "$RUN/journal" | while IFS='	' read -r _ target _ seconds proxy; do
		undo_slot "$target" "$seconds" "$proxy" || printf 'slot %s\n' "$target" >>"$RUN/undo-failed"
	done
}

undo_created() {
	if [ -d "$1" ] && [ ! -L "$1" ]; then
		# What others have put into a folder in the meantime is theirs.
		rmdir -- "$1" 2>/dev/null || true
	else
		rm -f -- "$1"
	fi
}

undo_kept() {
	cp -a -T -- "$RUN/before$1" "${1%/*}/.${1##*/}.foobar-stack" &&
		mv -fT -- "${1%/*}/.${1##*/}.foobar-stack" "$1"
}

undo_pending() {
	if [ -n "$2" ]; then
		printf '%s\n' "$2" >"$STATE/pending/$1"
	else
		rm -f -- "$STATE/pending/$1"
	fi
}

# undo_unit UNIT ACTIVE BOOT VERB: runs again what it ran before.
undo_unit() {
	case $3 in
	enabled) systemctl enable --quiet -- "$1" ;;
	disabled) systemctl disable --quiet -- "$1" ;;
	masked) systemctl mask --quiet -- "$1" ;;
	esac
	if [ "$2" != active ]; then
		systemctl stop -- "$1"
		systemctl reset-failed -- "$1" 2>/dev/null || true
	elif [ "$4" != keep ]; then
		systemctl reset-failed -- "$1" 2>/dev/null || true
		if [ "$4" = reload ] && systemctl is-active --quiet -- "$1"; then
			systemctl reload -- "$1" || systemctl restart -- "$1"
		else
			systemctl restart -- "$1"
		fi
	fi
}
