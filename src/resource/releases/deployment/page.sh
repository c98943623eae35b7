# A page that says whether an app is healthy, as the server itself asks for it.
#
# $host is the site's name, and $url begins with its scheme; $wanted is the status, $words what the
# page must contain, $json what it must have as JSON; the last two may be empty. $RUN is a folder for
# what comes. With $within, a file of a network namespace, it is asked from there.
#
# shellcheck shell=dash disable=SC2154

# is_healthy NAME URL WORD...: the page has the status, and what it must contain. The
# words are further options of curl(1). Else $why.
is_healthy() {
	local address called status
	called=$1 address=$2
	shift 2
	rm -f -- "$RUN/page"
	if ! status=$(${within:+nsenter "--net=$within"} curl --silent --show-error --noproxy '*' --max-time 5 --max-filesize 4194304 \
		--header "Host: $host" --header "X-Forwarded-Proto: ${url%%:*}" --header "X-Forwarded-Host: $host" \
		--output "$RUN/page" --write-out '%{http_code}' "$@" -- "$address" 2>"$RUN/page.error"); then
		why="$called: $(sed 's/^curl: ([0-9]*) //' -- "$RUN/page.error")"
		return 1
	fi
	why="$called says $status, not $wanted"
	[ "$status" = "$wanted" ] || return 1
	if [ -n "$words" ]; then
		why="$called does not contain $words"
		grep -qsF -e "$words" -- "$RUN/page" || return 1
	fi
	if [ -n "$json" ]; then
		why="$called is not JSON with $json"
		jq -e --argjson wanted "$json" 'def has_all($w):
			if ($w | type) == "object" and type == "object" then
				. as $o | all($w | keys[]; . as $k | ($o | has($k)) and ($o[$k] | has_all($w[$k])))
			else . == $w end;
			has_all($wanted)' "$RUN/page" >/dev/null 2>&1 || return 1
	fi
}
