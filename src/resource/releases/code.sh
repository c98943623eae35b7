# What a release was made of; mark.sh comes first.

# pack_code ROOT ID: prints it as an archive of tar, compressed.
pack_code() {
	local tab
	if ! is_release "$1" "$2"; then
		printf 'there is no release %s in %s\n' "$2" "$1" >&2
		return 1
	fi
	tab=$(printf '\t')
	sed -n "s/^[fx] [0-9a-f]\{64\}  //p; s/^l [^$tab]*$tab//p" "$1/releases/$2/.foobar-stack-manifest" |
		tar -C "$1/releases/$2" --no-recursion --verbatim-files-from --no-unquote -T - -cz
}
