# Nginx while it reloads; host.sh comes first.

# proxy_workers PROXY: the worker processes of Nginx, with what each is called.
proxy_workers() {
	local called main parent pid process
	main=$(unit_property "$1" MainPID)
	[ "${main:-0}" != 0 ] || return 0
	for process in /proc/[0-9]*; do
		{ read -r pid _ _ parent _ <"$process/stat"; } 2>/dev/null || continue
		[ "$parent" = "$main" ] || continue
		called=$(tr -d '\0' <"$process/cmdline" 2>/dev/null) || continue
		case $called in
		*"worker process"*) printf '%s %s\n' "$pid" "$called" ;;
		esac
	done
}

# reload_proxy PROXY: until its new workers have taken over, and the old ones
# accept nothing new. One that does not run yet will read the file at its start.
reload_proxy() {
	local before deadline
	systemctl is-active --quiet -- "$1" || return 0
	before=$(proxy_workers "$1" | cut -d ' ' -f 1)
	systemctl reload -- "$1" || return
	[ -n "$before" ] || return 0
	clock
	deadline=$((now + 3000))
	until taken_over "$1"; do
		clock
		[ "$now" -lt "$deadline" ] || return 1
		sleep 0.05
	done
}

# taken_over PROXY: none of the workers $before accepts, and another one is there.
taken_over() {
	local called new pid
	new=no
	while read -r pid called; do
		[ -n "$pid" ] || continue
		case "
$before
" in
		*"
$pid
"*) case $called in *"shutting down"*) ;; *) return 1 ;; esac ;;
		*) new=yes ;;
		esac
	done <<-END
		$(proxy_workers "$1")
	END
	[ $new = yes ]
}
