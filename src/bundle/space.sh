# Whether all that a run puts on the server fits there, before anything is touched.

# check_space (PATH BYTES)...: of each file system that gets something.
check_space() {
	local at bytes device full place sum system
	: >"$RUN/payload/space"
	while [ $# -gt 0 ]; do
		need_space "$1" "$2"
		shift 2
	done
	sort -n -- "$RUN/payload/space" | {
		system='' sum=0 full=no
		while read -r device bytes at; do
			if [ "$device" != "$system" ]; then
				fits "$sum" "${place:-}" || full=yes
				system=$device sum=0
			fi
			sum=$((sum + bytes)) place=$at
		done
		fits "$sum" "${place:-}" || full=yes
		[ $full = no ]
	}
}

# need_space PATH BYTES: on the file system of PATH, or of what of it is there.
need_space() {
	local at
	at=$1
	until [ -e "$at" ]; do
		at=${at%/*}
		at=${at:-/}
	done
	printf '%s %s %s\n' "$(stat -c %d -- "$at")" "$2" "$at" >>"$RUN/payload/space"
}

# fits BYTES PLACE: whether that much is free there; says so if it is not.
fits() {
	local blocks free size
	[ "$1" -gt 0 ] || return 0
	read -r blocks size <<-END
		$(stat -f -c '%a %S' -- "$2")
	END
	free=$((blocks * size))
	[ "$1" -gt "$free" ] || return 0
	printf 'the file system of %s is too full: this run needs %s MB there, and %s MB are free\n' \
		"$2" $(($1 / 1000000 + 1)) $((free / 1000000))
	return 1
}

# check_space_for_packages NAME...: what apt says that they and what they need take. Where
# it cannot say so, the installation will tell why.
check_space_for_packages() {
	# shellcheck disable=SC2046 # names and versions have no blanks
	set -- $(apt-get -s -q --no-install-recommends install -- "$@" 2>/dev/null |
		sed -n 's/^Inst \([^ ]*\) .*(\([^ ]*\) .*/\1=\2/p')
	[ $# -gt 0 ] || return 0
	# shellcheck disable=SC2046 # four words
	check_space $(apt-cache show --no-all-versions -- "$@" 2>/dev/null | awk '
		$1 == "Installed-Size:" { installed += $2 }
		$1 == "Size:" { fetched += $2 }
		END { printf "/usr %d /var/cache/apt/archives %d", installed * 1024, fetched }')
}
