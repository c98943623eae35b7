# How a release is made ready, part by part. It is seen in its place already, where programs
# remember that they are; nobody else sees it.
#
# A part that makes the same for many releases makes it once. What it made is kept in
# releases/.shared/KEY, and every release has it as hard links: whatever becomes of the others, a
# release has all of its own. The files are root's and read-only from then on, so no release
# can change what another one has; a later command can put another file in the place of one, since
# the folders are the release's own. Where the path of a release stands in a file, as in the
# first line of a script, each release gets a copy with its own path, which is as long.

# prepare_release PATH ID USER PACKAGE...: hands it to the account. Packages are those whose
# versions decide what is made.
prepare_release() {
	local new place user
	new=$1/releases/.$2.new place=$1/releases/$2 user=$3
	exists "$place" || mkdir -m 755 -- "$place"
	chown -R -h -- "$user:$user" "$new"
	: >"$RUN/payload/shared"
	shift 3
	describe_runtime "$@" >"$RUN/payload/runtime"
}

# describe_runtime PACKAGE...: what of this server decides what is made of the same code.
describe_runtime() {
	local folder program
	uname -m
	grep -E '^(ID|VERSION_ID|VERSION_CODENAME)=' /etc/os-release || true
	# shellcheck disable=SC2016 # the words of dpkg-query
	[ $# -eq 0 ] || dpkg-query -W -f '${Package} ${Version}\n' "$@" 2>/dev/null || true
	for program in python3 node bun deno ruby php perl java go rustc; do
		for folder in /usr/local/bin /usr/bin; do
			[ ! -x "$folder/$program" ] || stat -L -c '%n %s %Y' -- "$folder/$program"
		done
	done
}

# run_part UNIT TITLE...: runs it, and hands on what it says while it says it. A title belongs to a
# command of the unit.
run_part() {
	local bus end job status ticks unit
	unit=$1
	shift
	bus=$(printf '%s' "$unit" | sed 's/_/_5f/g; s/-/_2d/g; s/\./_2e/g')
	: >"$RUN/payload/told"
	: >"$RUN/payload/commands"
	journalctl --quiet --no-pager --output=cat --lines=1 --show-cursor 2>/dev/null |
		sed -n '$s/^-- cursor: //p' >"$RUN/payload/cursor"
	[ -s "$RUN/payload/cursor" ] || rm -f -- "$RUN/payload/cursor"
	: >"$RUN/payload/runs"
	{
		status=0
		systemctl start -- "$unit" || status=$?
		# This works on a full disk, too.
		rm -f -- "$RUN/payload/runs"
		exit "$status"
	} &
	job=$!
	ticks=0
	while [ -e "$RUN/payload/runs" ]; do
		[ $((ticks % 3)) != 1 ] || tell_part "$unit" "$bus" 0 "$@" || true
		ticks=$((ticks + 1))
		sleep 0.2
	done
	status=0
	wait "$job" || status=$?
	end=0
	if [ "$status" = 0 ]; then
		clock
		end=$now
	fi
	journalctl --sync || true
	tell_part "$unit" "$bus" "$end" "$@" || true
	[ "$status" != 0 ] || return 0
	systemctl reset-failed -- "$unit" || true
	if [ -s "$RUN/payload/shared" ] &&
		grep -qE "^log	$step_number	.*(EACCES|[Pp]ermission denied)" "$RUN/events"; then
		printf 'other releases have the same files in %s: a command may add some and put others in their place, but not write into one\n' \
			"$(cut -f 2 -- "$RUN/payload/shared" | paste -s -d , -)"
	fi
	fail 'the release was not made ready, and is removed again'
}

# tell_part UNIT BUS END TITLE...: what is new of it: lines that it wrote, and which commands began or
# ended. END: when all of them had ended well, in hundredths of a second; 0 before.
tell_part() {
	local begun bus end ended lines title unit
	unit=$1 bus=$2 end=$3
	shift 3
	# Of each command, since when and until when, in microseconds: realtime and monotonic. systemd
	# forgets them when the unit has ended well.
	lines=$(busctl get-property org.freedesktop.systemd1 "/org/freedesktop/systemd1/unit/$bus" \
		org.freedesktop.systemd1.Service ExecStart 2>/dev/null |
		grep -oE '" (true|false)( [0-9]+){7}' | cut -d ' ' -f 4,6 | grep -v '^0 ') || true
	[ -z "$lines" ] || printf '%s\n' "$lines" >"$RUN/payload/commands"
	while [ $# -gt 0 ]; do
		begun=0 ended=0
		read -r begun ended || [ "$end" != 0 ] || break
		: "${begun:=$((end * 10000))}" "${ended:=0}"
		title=$1
		shift
		printf 'started\t%s\n' "$title"
		if [ "$ended" = 0 ] && [ "$end" != 0 ]; then ended=$((end * 10000)); fi
		[ "$ended" = 0 ] || printf 'ended %s\t%s\n' $(((ended - begun) / 10000)) "$title"
	done <"$RUN/payload/commands" >"$RUN/payload/telling"
	# What the first command says comes after its name.
	[ -s "$RUN/payload/told" ] || tell_commands 1
	journalctl --quiet --no-pager --all --output=cat --cursor-file="$RUN/payload/cursor" \
		"_SYSTEMD_UNIT=$unit" 2>/dev/null | sed "s/^/log	$step_number	/" >>"$RUN/events" || true
	tell_commands "$(wc -l <"$RUN/payload/telling")"
}

# tell_commands COUNT: so many lines of what is to be told, without those that were.
tell_commands() {
	local line title
	head -n "$1" -- "$RUN/payload/telling" | tail -n "+$(($(wc -l <"$RUN/payload/told") + 1))" |
		while IFS='	' read -r line title; do
			case $line in
			started) emit command "$step_number" started "$title" ;;
			*) emit command "$step_number" "$line" "$title" ;;
			esac
			echo told >>"$RUN/payload/told"
		done
}

# share_part PATH ID USER UNIT DIGEST COUNT MAKES... TITLE...: the same for one that makes COUNT
# files and folders of the release. DIGEST is that of all that decides what they are, but for the
# runtime.
share_part() {
	local began count id key left made new root unit user
	root=$1 id=$2 user=$3 unit=$4 count=$6
	new=$1/releases/.$2.new
	key=$(printf '%s\n' "$5" | cat - "$RUN/payload/runtime" | sha256sum | cut -c 1-32)
	shift 6
	left=$count
	: >"$RUN/payload/makes"
	while [ "$left" -gt 0 ]; do
		printf '%s\n' "$1" >>"$RUN/payload/makes"
		shift
		left=$((left - 1))
	done
	clock
	began=$now
	if is_shared_whole "$root" "$key"; then
		take_shared "$root" "$id" "$key"
		clock
		emit command "$step_number" "same $((now - began))" "$(paste -s -d ' ' -- "$RUN/payload/makes")"
	else
		run_part "$unit" "$@"
		share_made "$root" "$id" "$key"
	fi
	sed "s/^/$key	/" -- "$RUN/payload/makes" >>"$RUN/payload/shared"
	# From here on it is the account's again, but for the files.
	while IFS= read -r made; do
		find "$new/$made" -type d -exec chown -- "$user:$user" {} +
		while [ "${made%/*}" != "$made" ]; do
			made=${made%/*}
			chown -- "$user:$user" "$new/$made"
		done
	done <"$RUN/payload/makes"
}

# is_shared_whole PATH KEY: it is there, and nobody has changed it.
is_shared_whole() {
	local complete shared
	shared=$1/releases/.shared/$2
	complete=$shared/.foobar-stack-complete
	[ -f "$complete" ] || return
	# That another file has the same content by a new name changes the date of the content alone.
	[ -z "$(find "$shared/tree" \( -type d -newercc "$complete" -o ! -type d -newermc "$complete" \) -print -quit)" ]
}

# holds FOLDER PATH: the path leads into the folder, and over no link.
holds() {
	local at rest
	at=$1 rest=$2
	while [ -n "$rest" ]; do
		at=$at/${rest%%/*}
		[ ! -L "$at" ] || return
		case $rest in
		*/*) rest=${rest#*/} ;;
		*) rest= ;;
		esac
	done
}

# take_over PATH: from here on it and all in it is root's, for everybody to read. What is so already,
# as most of what is shared, is not written to.
take_over() {
	find "$1" \( ! -user root -o ! -group root \) -exec chown -h root:root -- {} +
	find "$1" ! -type l ! \( -type d -perm 755 \) ! \( -type f \( -perm 644 -o -perm 755 \) \) \
		-exec chmod u=rwX,go=rX,a-st -- {} +
}

# link_tree FROM TO: the same files by another name; copies where there can be none.
link_tree() {
	mkdir -p -m 755 -- "${2%/*}"
	rm -rf -- "$2"
	cp -al -T -- "$1" "$2" 2>/dev/null && return
	rm -rf -- "$2"
	cp -a --reflink=auto -T -- "$1" "$2"
}

# take_shared PATH ID KEY: gives it to the release.
take_shared() {
	local made new old place shared
	new=$1/releases/.$2.new place=$1/releases/$2 shared=$1/releases/.shared/$3
	while IFS= read -r made; do
		holds "$new" "$made" || fail "$made leads out of the release"
		link_tree "$shared/tree/$made" "$new/$made"
	done <"$RUN/payload/makes"
	read -r old <"$shared/place"
	[ "$old" = "$place" ] || (
		cd -- "$new" || exit
		# A file that is changed gives way to another one.
		LC_ALL=C xargs -r -d '\n' sed -i -e "s|$old|$place|g" -- <"$shared/paths"
	)
}

# share_made PATH ID KEY: keeps what was made in the release for others.
share_made() {
	local made new shared
	new=$1/releases/.$2.new shared=$1/releases/.shared/.$3.new
	while IFS= read -r made; do
		holds "$new" "$made" || fail "$made leads out of the release"
		[ -e "$new/$made" ] || fail "$made should have been made, and is not there"
		take_over "$new/$made"
		# Else it would seem to be changed for so long.
		find "$new/$made" -newermt now -exec touch -h -- {} +
	done <"$RUN/payload/makes"
	mkdir -p -m 755 -- "${shared%/*}"
	note making "$shared"
	rm -rf -- "$shared" "$1/releases/.shared/${3:?}"
	mkdir -p -m 755 -- "$shared/tree"
	while IFS= read -r made; do
		link_tree "$new/$made" "$shared/tree/$made"
	done <"$RUN/payload/makes"
	# What is compiled notices that its source has another date.
	(cd -- "$shared/tree" && grep -rlF --exclude='*.pyc' -e "$1/releases/$2" .) >"$shared/paths" || true
	printf '%s\n' "$1/releases/$2" >"$shared/place"
	: >"$shared/.foobar-stack-complete"
	sync -f "$shared"
	note sharing "${shared%/*}/$3"
	mv -T -- "$shared" "${shared%/*}/$3"
}

# seal_release PATH ID: it is made ready. From here on it is root's.
seal_release() {
	local new
	new=$1/releases/.$2.new
	take_over "$new"
	rm -rf -- "$new/.foobar-stack-shared"
	if [ -s "$RUN/payload/shared" ]; then
		cp -- "$RUN/payload/shared" "$new/.foobar-stack-shared"
	fi
	prune_shared "$1"
	# What of the code is another now cannot be copied for the next release.
	(
		cd -- "$new" || exit
		sed -n 's/^[fx] //p' -- "$RUN/payload/manifest" |
			sha256sum --quiet -c - 2>/dev/null | sed -n 's/: FAILED.*$//p' >"$RUN/payload/altered"
		find . -type l -printf 'l %l\t%P\n' >"$RUN/payload/links"
	)
	awk 'FILENAME == ARGV[1] { altered[$0]; next }
		FILENAME == ARGV[2] { links[$0]; sub(/^l [^\t]*\t/, ""); altered[$0]; next }
		/^l / ? ($0 in links) : !(substr($0, 69) in altered)' \
		"$RUN/payload/altered" "$RUN/payload/links" "$RUN/payload/manifest" >"$RUN/payload/unaltered"
	mv -f -- "$RUN/payload/unaltered" "$RUN/payload/manifest"
}
