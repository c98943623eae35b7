# The validators, and the view of the future /etc that they are shown.

# in_the_future: shows the validators an /etc in which the staged files are
# already in place. Nothing outside this mount namespace sees it.
in_the_future() {
	unshare --mount --propagation private -- sh "$RUN/program" future
}

# make_future: what /etc will look like.
make_future() {
	mkdir -p -- "$RUN/future"
	mount -t tmpfs -o mode=755 foobar-stack "$RUN/future"
	cover /etc
}

# cover FOLDER: what is changed in it from here on is seen in this namespace alone. It is an
# overlay; where the kernel has none, a copy.
cover() {
	local own
	own=$RUN/future$1
	[ ! -d "$own" ] || return 0
	mkdir -p -- "$own/upper" "$own/work"
	if ! mount -t overlay foobar-stack \
		-o "lowerdir=$1,upperdir=$own/upper,workdir=$own/work" "$1" 2>/dev/null; then
		cp -a "$1" "$own/copy"
		mount --bind "$own/copy" "$1"
	fi
}

future_file() {
	rm -rf -- "$1"
	mkdir -p -- "${1%/*}/"
	install -T -m 644 -- "$RUN/payload/$2" "$1"
}

# future_files FOLDER PAYLOAD...: the last part of a payload's name is that of the file.
future_files() {
	local folder payload
	folder=$1
	shift
	mkdir -p -- "$folder/"
	for payload do
		shift
		[ ! -d "$folder/${payload##*/}" ] || rm -rf -- "${folder:?}/${payload##*/}"
		set -- "$@" "$RUN/payload/$payload"
	done
	install -m 644 -t "$folder" -- "$@"
}

# future_state PATH PAYLOAD: it may be anywhere.
future_state() {
	[ -d "${1%/*}" ] || return 0
	cover "${1%/*}"
	future_file "$@"
}

future_link() {
	mkdir -p -- "${1%/*}/"
	ln -sfn -- "$2" "$1"
}

future_absent() {
	rm -f -- "$1"
}

future_directory() {
	mkdir -p -- "$1"
}

# validator NAME SHOWN WORD...: what it says is shown only when it says no.
validator() {
	local name path said shown
	name=$1 shown=$2
	shift 2
	if ! said=$("$@" 2>&1 </dev/null); then
		printf '%s refuses %s:\n%s\n' "$name" "$shown" "$said"
		for path in $(printf '%s\n' "$said" | grep -o '/etc/[A-Za-z0-9_./@+-]*[A-Za-z0-9_]' | sort -u); do
			[ ! -f "$path" ] || is_managed "$path" ||
				printf '%s is not managed by foobar-stack: correct or remove it on the server\n' "$path"
		done
		refused=yes
	fi
}

# is_managed PATH: it is ours, or would be after this run.
is_managed() {
	local field
	while IFS= read -r field; do
		[ "$field" != "$1" ] || return 0
	done <<-END
		$(cut -s -f 4- -- "$RUN/payload/managed" | tr '\t' '\n')
	END
	return 1
}
