# Services that are no longer in the inventory, on the server. show_units comes first.

# probe_retired UNIT...: in a shell of its own, since show_units takes its place.
probe_retired() {
	(show_units "$@")
}

# --- steps: no probe needs what follows ---

# end_unit UNIT: stops it for good. One that has failed, or whose job has, would be listed for ever.
end_unit() {
	systemctl disable --quiet --now -- "$1"
	systemctl reset-failed -- "$1" "${1%.*}.service" 2>/dev/null || true
}

# retire_service UNIT: while its unit file is still there.
retire_service() {
	local active boot
	boot=$(unit_property "$1" UnitFileState)
	if systemctl is-active --quiet -- "$1"; then active=active; else active=inactive; fi
	note unit "$1" "$active" "${boot:-disabled}" stop
	end_unit "$1"
}

# stop_service UNIT: the same after the proof, when nothing is undone any more.
stop_service() {
	end_unit "$1"
	forget service "$1"
}

# stop_target TARGET PROXY SECONDS: a slot of a deployment, with its instances. Requests
# that were under way when Nginx was led away from it end before.
stop_target() {
	local instances stem
	stem=${1%.target}
	instances=$(systemctl show --value -p Id -- "$stem@*.service" | sed -n 's/.*@\([0-9]*\)\.service$/\1/p')
	# shellcheck disable=SC2086
	retire_slot "$stem" "$2" "$3" $instances
	forget service "$1"
}
