# Releases, on the server. A release is root's and read-only for the app; the
# file .foobar-stack-complete in it is written last, so that what changed
# after it was changed by hand.

# probe_release PATH ID...: whether release ID is there, whole, and which of its
# files were changed since (ten at most).
probe_release() {
	while [ $# -gt 0 ]; do
		marker=$1/releases/$2/.foobar-stack-complete
		if [ -e "$marker" ]; then
			printf 'wanted\037%s\037present\n' "$1"
			find "$1/releases/$2" -mindepth 1 -newercc "$marker" ! -name .foobar-stack-complete \
				-printf 'edited\037'"$1"'\037%P\n' | sort | head -n 10
		else
			printf 'wanted\037%s\037absent\n' "$1"
			for kept in "$1"/releases/*/.foobar-stack-complete; do
				[ -e "$kept" ] || continue
				kept=${kept%/*}
				printf 'kept\037%s\037%s\n' "$1" "${kept##*/}"
			done
		fi
		shift 2
	done
}

# unpack_release PAYLOAD PATH ID: beside its place, then renamed.
unpack_release() {
	new=$2/releases/.$3.new
	mkdir -p -m 755 -- "$2/releases"
	rm -rf -- "$new"
	mkdir -m 755 -- "$new"
	tar -x --no-same-owner -f "$RUN/payload/$1" -C "$new"
	: >"$new/.foobar-stack-complete"
	chmod 444 -- "$new/.foobar-stack-complete"
	sync -f "$new"
	if [ -e "$2/releases/$3" ]; then
		rm -rf -- "$2/releases/.$3.old"
		mv -T -- "$2/releases/$3" "$2/releases/.$3.old"
	fi
	mv -T -- "$new" "$2/releases/$3"
	rm -rf -- "$2/releases/.$3.old"
}

# prune_releases PATH KEEP: the current one and the KEEP that served last stay. A
# release that has served has a file beside it, .used, whose date says when.
prune_releases() {
	current=$(readlink -- "$1/current")
	find "$1/releases" -mindepth 1 -maxdepth 1 -name '*.used' ! -name "${current##*/}.used" \
		-printf '%T@ %f\n' | sort -rn | tail -n "+$(($2 + 1))" | while read -r _ old; do
		rm -rf -- "$1/releases/${old%.used}" "$1/releases/$old"
	done
}
