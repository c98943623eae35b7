# How releases are made, put in place and removed; mark.sh comes first.

# make_release PATH ID DIGEST TREE LINES [BASE GONE]: makes it beside its place
# of the files in TREE and, of release BASE, all but GONE. LINES are those of the
# manifest for TREE, DIGEST is that of the whole manifest.
make_release() {
	local digest new place said
	new=$1/releases/.$2.new place=$1/releases/$2
	make_parents "$new"
	if exists "$place" && ! is_release "$1" "$2" && { [ ! -d "$place" ] || [ -n "$(ls -A -- "$place")" ]; }; then
		fail "$place is there and is no release of foobar-stack; move it away"
	fi
	note making "$new"
	is_release "$1" "$2" || note making "$place"
	rm -rf -- "$new"
	mkdir -m 755 -- "$new"
	: >"$RUN/payload/kept"
	if [ $# -gt 5 ]; then
		grep -vxF -f "$RUN/payload/$7" -- "$1/releases/$6/.foobar-stack-manifest" >"$RUN/payload/kept" || true
		# Copies, since what is made of this release must not change that one.
		sed -e 's/^[fx] .\{66\}//' -e t -e 's/^l [^	]*	//' -- "$RUN/payload/kept" | (
			cd -- "$1/releases/$6" || exit
			xargs -r -d '\n' cp -P --parents --preserve=timestamps --reflink=auto -t "$new" --
		)
	fi
	# A file is as old as its content is on this server: what tells visitors that
	# they have it already is made of its date.
	tar -x --touch --no-same-owner -f "$RUN/payload/$4" -C "$new"
	LC_ALL=C sort -- "$RUN/payload/kept" "$RUN/payload/$5" >"$RUN/payload/manifest"
	read -r digest _ <<-END
		$(sha256sum -- "$RUN/payload/manifest")
	END
	[ "$digest" = "$3" ] || fail "release ${6:-} on the server is not what the plan was made for"
	if ! said=$(sed -n 's/^[fx] //p' -- "$RUN/payload/manifest" | (cd -- "$new" && sha256sum --quiet --strict -c -) 2>&1); then
		fail "release $2 could not be made; of release ${6:-none} these are not as they were: $said"
	fi
	sed -n 's/^f .\{66\}//p' -- "$RUN/payload/manifest" | (cd -- "$new" && xargs -r -d '\n' chmod 644 --)
	sed -n 's/^x .\{66\}//p' -- "$RUN/payload/manifest" | (cd -- "$new" && xargs -r -d '\n' chmod 755 --)
}

# place_release PATH ID: puts it in its place. What was edited there stays beside it until
# the run is proven.
place_release() {
	local new place
	new=$1/releases/.$2.new place=$1/releases/$2
	# No file of the code, nor one that its preparation has made, may take the place of ours, least
	# of all a link.
	rm -rf -- "$new/.foobar-stack-manifest" "$new/.foobar-stack-complete"
	mv -f -- "$RUN/payload/manifest" "$new/.foobar-stack-manifest"
	chmod 444 -- "$new/.foobar-stack-manifest"
	sync -f "$new"
	if is_release "$1" "$2"; then
		rm -rf -- "$1/releases/.$2.old"
		note replaced "$place"
		mv -T -- "$place" "$1/releases/.$2.old"
		note making "$place"
	fi
	# An empty folder gives way.
	mv -T -- "$new" "$place"
	printf '%s\n' "$2" >"$place/.foobar-stack-complete"
	chmod 444 -- "$place/.foobar-stack-complete"
	sync -f "$place"
}

# forget_replaced PATH ID
forget_replaced() {
	rm -rf -- "$1/releases/.$2.old"
}

# prune_release PATH ID: one that has served before, or never did, if it is ours and not
# what serves.
prune_release() {
	local current
	current=$(readlink -- "$1/current" || true)
	[ "${current##*/}" != "$2" ] || fail "$1/releases/$2 serves"
	is_release "$1" "$2" || fail "$1/releases/$2 is no release of foobar-stack"
	# Half of one would pass for a whole one.
	mv -T -- "$1/releases/$2" "$1/releases/.$2.old"
	rm -rf -- "$1/releases/.$2.old" "$1/releases/$2.used"
	prune_shared "$1"
}

# prune_shared PATH: what no release has any more that is there, nor the one that is made, need not
# be kept: the next one that wants it makes it.
prune_shared() {
	local shared
	[ -d "$1/releases/.shared" ] || return 0
	cat -- "$RUN/payload/shared" "$1"/releases/*/.foobar-stack-shared 2>/dev/null |
		cut -f 1 | sort -u >"$RUN/payload/used" || true
	for shared in "$1"/releases/.shared/* "$1"/releases/.shared/.*.new; do
		[ -d "$shared" ] || continue
		grep -qxF -- "${shared##*/}" "$RUN/payload/used" || rm -rf -- "$shared"
	done
}
