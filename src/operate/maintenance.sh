# Maintenance: what Nginx reads beside the configuration of the sites, when it is there.
# host.sh and proxy.sh come first.
#
# on.http has the variables. on.site is a link, to `sites` while every site is closed, those
# that come later, too; otherwise to closed.1 or closed.2, which have of each closed site
# DOMAIN.conf, a link to what `sites` has of it, and DOMAIN.settings, a line: the seconds after
# which programs may come back, and the addresses that pass.
#
# unit: the unit of Nginx; sites: the domains to switch, all if it is empty; retry: seconds;
# $@: addresses that pass. The variables in text in single quotes are Nginx's.
#
# shellcheck shell=dash disable=SC2154,SC2016

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

# guests NAME ADDRESS...: a variable of Nginx that is 0 for these addresses.
guests() {
	printf 'geo $%s {\n\tdefault 1;\n' "$1"
	shift
	[ $# -eq 0 ] || printf '\t%s 0;\n' "$@"
	echo '}'
}

# by_site NAME DEFAULT: a variable of Nginx with a value for each site: lines of the domain and
# the value come on standard input.
by_site() {
	printf 'map $server_name $%s {\n\tdefault %s;\n' "$1" "$2"
	sed 's/[.]/[.]/g; s/^\([^ ]*\) \(.*\)/\t"~^\1$" \2;/'
	echo '}'
}

# variables [FOLDER]: what on.http has: for every site, or for those that are closed in FOLDER.
variables() {
	local number passing path wait
	echo '# Made by foobar-stack maintenance, which removes it, too.'
	if [ $# -eq 0 ]; then
		printf 'map "" $maintenance_retry {\n\tdefault %s;\n}\n' "$retry"
		# shellcheck disable=SC2086
		guests maintenance_guest $allow
	else
		number=0
		for path in "$1"/*.settings; do
			number=$((number + 1))
			read -r wait passing <"$path"
			# shellcheck disable=SC2086
			guests "maintenance_guest_$number" $passing
		done
		for path in "$1"/*.settings; do
			read -r wait passing <"$path"
			echo "$(domain "$path") $wait"
		done | by_site maintenance_retry 600
		number=0
		for path in "$1"/*.settings; do
			number=$((number + 1))
			echo "$(domain "$path") \$maintenance_guest_$number"
		done | by_site maintenance_guest 1
	fi
	printf 'map "$maintenance_visitor$maintenance_guest$maintenance_page" $maintenance {\n\tvolatile;\n\tdefault 0;\n\t111 1;\n}\n'
}

# domain PATH: of a file that is called after it.
domain() {
	set -- "${1##*/}"
	echo "${1%.*}"
}

# closed_now FOLDER: puts the settings of the sites that are closed now into it.
closed_now() {
	local passing path wait
	case $(readlink -- "$folder/on.site") in
	'') ;;
	sites)
		# As `variables` has written them.
		wait=$(sed -n '3s/[^0-9]//gp' "$folder/on.http")
		passing=$(sed -n 's/^\t\(.*[.:].*\) 0;$/\1/p' "$folder/on.http" | tr '\n' ' ')
		for path in "$folder"/sites/*.conf; do
			path=$1/$(domain "$path").settings
			echo "$wait $passing" >"$path" || return
			touch -r "$folder/on.http" -- "$path" || return
		done
		;;
	*)
		for path in "$folder"/on.site/*.settings; do
			# The site may have gone.
			[ ! -e "${path%.*}.conf" ] || cp -p -- "$path" "$1" || return
		done
		;;
	esac
}

# tidy: removes what is not in force.
tidy() {
	local now path
	rm -f -- "$folder"/new.* "$folder"/old.*
	now=$(readlink -- "$folder/on.site")
	for path in "$folder"/closed.*; do
		[ "${path##*/}" = "$now" ] || rm -rf -- "$path"
	done
}

# place NAME: puts NAME.http and NAME.site in the places of on.http and on.site, or removes these
# if there are none. on.site is never there without on.http, which it needs.
place() {
	if exists "$folder/$1.site"; then
		mv -fT -- "$folder/$1.http" "$folder/on.http" &&
			mv -fT -- "$folder/$1.site" "$folder/on.site"
	else
		rm -f -- "$folder/on.site" && rm -f -- "$folder/on.http"
	fi
}

# put_in_force: has Nginx take new.http and new.site. What it does not take is put back: it stays
# as it was after a later reload, too.
put_in_force() {
	local part status
	for part in http site; do
		! exists "$folder/on.$part" || cp -a -- "$folder/on.$part" "$folder/old.$part" || return
	done
	status=0
	if ! { place new && take_over; }; then
		place old
		status=1
	fi
	tidy
	return "$status"
}

# switch_sites FUNCTION: puts in force what it makes of the settings of the sites that are closed.
switch_sites() {
	local any new path
	new=closed.1
	[ "$(readlink -- "$folder/on.site")" != "$new" ] || new=closed.2
	mkdir -- "$folder/$new" && closed_now "$folder/$new" && "$1" "$folder/$new" || return
	any=
	for path in "$folder/$new"/*.settings; do
		[ -e "$path" ] || continue
		any=yes
		path=$(domain "$path").conf
		ln -s -- "../sites/$path" "$folder/$new/$path" || return
	done
	if [ -n "$any" ]; then
		variables "$folder/$new" >"$folder/new.http" && ln -s -- "$new" "$folder/new.site" || return
	fi
	put_in_force
}

close_sites() {
	local site
	for site in $sites; do
		echo "$retry $allow" >"$1/$site.settings" || return
	done
}

open_sites() {
	local site
	for site in $sites; do
		rm -f -- "$1/$site.settings" || return
	done
}

unprepared() {
	echo "the server has not got what it needs for that yet: apply first" >&2
	return 1
}

maintenance_on() {
	local allow site
	[ -e "$folder/sites" ] || unprepared || return
	for site in $sites; do
		[ -e "$folder/sites/$site.conf" ] || unprepared || return
	done
	umask 022
	allow=$*
	tidy
	if [ -n "$sites" ]; then
		switch_sites close_sites
	else
		variables >"$folder/new.http" && ln -s -- sites "$folder/new.site" && put_in_force
	fi
}

maintenance_off() {
	umask 022
	[ -e "$folder" ] || return 0
	tidy
	if [ -n "$sites" ]; then
		switch_sites open_sites
	else
		put_in_force
	fi
}
