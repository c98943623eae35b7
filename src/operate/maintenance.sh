# Maintenance: two files beside the configuration of the site, which it reads when
# they are there. host.sh and proxy.sh come first.
#
# unit: the unit of Nginx; retry: seconds; $@: addresses that pass.
#
# shellcheck shell=dash disable=SC2154

folder=/etc/nginx/maintenance

# take_over: have Nginx read it, if it can be read and there is one that runs, and
# wait until those who have read it before take no more requests.
take_over() {
	nginx -t -q >&2 || return
	reload_proxy "$unit" >&2 || {
		echo "$unit does not take it" >&2
		return 1
	}
}

maintenance_on() {
	local before
	if [ ! -e "$folder/sites" ]; then
		echo "the server has not got what it needs for that yet: apply first" >&2
		return 1
	fi
	{
		echo '# Made by foobar-stack maintenance, which removes it, too.'
		# The variables are Nginx's.
		# shellcheck disable=SC2016
		printf 'map "" $maintenance_retry {\n\tdefault %s;\n}\n' "$retry"
		# shellcheck disable=SC2016
		printf 'geo $maintenance_guest {\n\tdefault 1;\n'
		[ $# -eq 0 ] || printf '\t%s 0;\n' "$@"
		# shellcheck disable=SC2016
		printf '}\nmap "$maintenance_visitor$maintenance_guest$maintenance_page" $maintenance {\n\tvolatile;\n\tdefault 0;\n\t111 1;\n}\n'
	} >"$folder/on.new" && chmod 0644 "$folder/on.new" || return
	before=
	if [ -e "$folder/on.site" ]; then
		before=yes
		cp -p -- "$folder/on.http" "$folder/on.old" || return
	fi
	mv -f -- "$folder/on.new" "$folder/on.http" && ln -sfn -- sites "$folder/on.site" || return
	if take_over; then
		rm -f -- "$folder/on.old"
	else
		if [ -n "$before" ]; then
			mv -f -- "$folder/on.old" "$folder/on.http"
		else
			rm -f -- "$folder/on.site" "$folder/on.http"
		fi
		return 1
	fi
}

# What Nginx does not take over is put back: it stays as it was after a later reload, too.
maintenance_off() {
	local part
	for part in site http; do
		rm -f -- "$folder/off.$part"
		exists "$folder/on.$part" || continue
		mv -fT -- "$folder/on.$part" "$folder/off.$part" || return
	done
	if take_over; then
		rm -f -- "$folder/off.site" "$folder/off.http"
	else
		for part in http site; do
			exists "$folder/off.$part" || continue
			mv -fT -- "$folder/off.$part" "$folder/on.$part"
		done
		return 1
	fi
}
