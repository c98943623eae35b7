# Services, on the server.

# probe_service UNIT...: what earlier runs still owe, then what systemd says of
# each unit, all in one call.
probe_service() {
	for unit do
		if IFS= read -r reaction 2>/dev/null <"/var/lib/foobar-stack/pending/$unit"; then
			printf 'pending\037%s\037%s\n' "$unit" "$reaction"
		fi
	done
	printf 'show\n'
	systemctl show --no-pager -p LoadState -p ActiveState -p UnitFileState -p NeedDaemonReload -- "$@"
}

# activate_service UNIT enable|disable start|reload|restart|keep: at most one
# of start, reload and restart; then it must run.
activate_service() {
	boot=$(systemctl show --value -p UnitFileState -- "$1")
	if systemctl is-active --quiet -- "$1"; then active=active; else active=inactive; fi
	note unit "$1" "$active" "${boot:-disabled}" "$3"
	case $boot in
	masked*) systemctl unmask --quiet -- "$1" ;;
	esac
	systemctl "$2" --quiet -- "$1"
	case $3 in
	keep) return ;;
	start) systemctl reset-failed -- "$1" 2>/dev/null || true ;;
	esac
	since=$(date '+%Y-%m-%d %H:%M:%S')
	if ! systemctl "$3" -- "$1" || ! systemctl is-active --quiet -- "$1"; then
		systemctl status --no-pager --lines=0 -- "$1" || true
		journalctl --no-pager -o cat -n 30 --since "$since" -u "$1" || true
		fail "$1 did not $3"
	fi
	rm -f -- "$STATE/pending/$1"
}
