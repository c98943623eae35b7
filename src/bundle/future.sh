# The validators, and the view of the future /etc that they are shown.

# in_the_future: shows the validators an /etc in which the staged files are
# already in place. Nothing outside this mount namespace sees it.
in_the_future() {
	unshare --mount --propagation private -- sh "$RUN/program" future
}

# make_future: an overlay over /etc; where the kernel has none, a copy of it.
make_future() {
	mkdir -p -- "$RUN/future"
	mount -t tmpfs -o mode=755 foobar-stack "$RUN/future"
	mkdir -- "$RUN/future/upper" "$RUN/future/work"
	if ! mount -t overlay foobar-stack \
		-o "lowerdir=/etc,upperdir=$RUN/future/upper,workdir=$RUN/future/work" /etc 2>/dev/null; then
		cp -a /etc "$RUN/future/etc"
		mount --bind "$RUN/future/etc" /etc
	fi
}

future_file() {
	rm -rf -- "$1"
	mkdir -p -- "${1%/*}/"
	install -T -m 644 -- "$RUN/payload/$2" "$1"
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

# validator NAME WORD...: what it says is shown only when it says no.
validator() {
	local name said
	name=$1
	shift
	if ! said=$("$@" 2>&1 </dev/null); then
		printf '%s refuses the new configuration:\n%s\n' "$name" "$said"
		refused=yes
	fi
}
