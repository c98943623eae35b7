# Releases, on the server. A release is root's and read-only for the app. Its
# .foobar-stack-manifest says of what it was made; .foobar-stack-complete in it is
# written last, so that what changed after it was changed by hand, and has the
# release's id: a folder in which it does not stand is somebody else's.

# is_release PATH ID: our mark is in it. Earlier versions left that file empty.
is_release() {
	local marked
	[ -f "$1/releases/$2/.foobar-stack-complete" ] && [ ! -L "$1/releases/$2" ] || return
	marked=
	read -r marked <"$1/releases/$2/.foobar-stack-complete" || true
	case $2 in *[!0-9a-f]*) return 1 ;; esac
	[ "${marked:-$2}" = "$2" ] && [ -f "$1/releases/$2/.foobar-stack-manifest" ]
}
