# What a probe asks of services; show_units comes first.

# compare_service UNIT WORD...: whether the command agrees that the unit runs
# what its files say; beside the rest, since it has daemons to wait for.
compare_service() {
	local said status unit
	unit=$1
	shift
	{
		status=0
		said=$(in_time "$@" 2>&1 </dev/null) || status=$?
		case $status in 124 | 137) said=$(late "$status" "$1") ;; esac
		printf 'compared\037%s\037%s\037%s\n' "$unit" "$status" "${said%%
*}"
	} &
	comparing="$comparing $!"
}

# probe_service UNIT... -- PATH...: what earlier runs still owe, when each path
# was last changed, then what systemd says of each unit, all in one call.
probe_service() {
	local line path reaction shown status units
	units=
	while [ "$1" != -- ]; do
		if IFS= read -r reaction 2>/dev/null <"$STATE/pending/$1"; then
			printf 'pending\037%s\037%s\n' "$1" "$reaction"
		fi
		units="$units $1"
		shift
	done
	shift
	for path do
		shift
		if exists "$path"; then set -- "$@" "$path"; fi
	done
	[ $# -eq 0 ] || stat --printf 'changed\037%.9Z\037%n\n' -- "$@" || return
	# The names of units have no blanks.
	# shellcheck disable=SC2086
	set -- $units
	status=0
	shown=$(show_units "$@") || status=$?
	if [ "$status" != 0 ]; then
		printf '%s\n' "$shown"
		late "$status" systemctl
		return 9
	fi
	set --
	for line in $shown; do
		case $line in
		MainPID=[1-9]*) set -- "$@" "/proc/${line#MainPID=}/exe" ;;
		esac
	done
	# One that has ended by now is no failure.
	[ $# -eq 0 ] || find "$@" -maxdepth 0 -printf 'program\037%p\037%l\n' 2>/dev/null || true
	# shellcheck disable=SC2086
	[ -z "$comparing" ] || wait $comparing
	printf 'show\n%s\n' "$shown"
}
