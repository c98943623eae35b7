# Services that left the inventory, on the server.

# probe_retired UNIT...: whether each runs, and whether it starts at boot.
probe_retired() {
	for unit do
		printf '%s\037%s\037%s\n' "$unit" "$(in_time systemctl is-active -- "$unit")" \
			"$(in_time systemctl is-enabled -- "$unit" 2>/dev/null)"
	done
}

# retire_service UNIT: while its unit file is still there.
retire_service() {
	boot=$(systemctl show --value -p UnitFileState -- "$1")
	if systemctl is-active --quiet -- "$1"; then active=active; else active=inactive; fi
	note unit "$1" "$active" "${boot:-disabled}" stop
	systemctl disable --quiet --now -- "$1"
}
