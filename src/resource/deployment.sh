# Deployments, on the server.

# probe_deployment PATH...: which release is current.
probe_deployment() {
	for path do
		current=$(readlink -- "$path/current" || true)
		printf 'current\037%s\037%s\n' "$path" "${current##*/}"
	done
}

# switch_release PATH ID
switch_release() {
	if old=$(readlink -- "$1/current"); then
		note current "$1/current" "$old"
	else
		note created "$1/current"
	fi
	ln -sfn -- "releases/$2" "$1/.current.foobar-stack"
	mv -fT -- "$1/.current.foobar-stack" "$1/current"
	# The newest by this date are kept when old ones go.
	touch -- "$1/releases/$2.used"
}
