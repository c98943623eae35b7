# The root shell of a session: runs one script after the other.
#
# It arrives on stdin ahead of the first request, so that neither it nor any
# script is an argument of a process or a file on the disk. $2 is the login's
# SSH_CONNECTION, which sudo drops.
#
# A request is a line "LENGTH PAYLOAD END", LENGTH bytes of script, PAYLOAD
# bytes for the script's stdin and, once the reply is there, an empty line.
# The reply is the output of the script, then a line "END STATUS" on stdout
# and a line "END" on stderr, each after a newline that belongs to it.
#
# shellcheck shell=dash
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C.UTF-8
SSH_CONNECTION=$2
# The same as a run has.
HOME=~root
export PATH LC_ALL SSH_CONNECTION HOME
# A file is private unless the script says otherwise.
umask 077
cd / || exit 1
exec 3<&0 </dev/null
printf '\nfoobar-stack ready 1\n'
printf '\nfoobar-stack ready 1\n' >&2

while IFS=' ' read -r length payload end <&3; do
    script=$(head -c "$length" <&3)
    {
        [ "$payload" = 0 ] || head -c "$payload" <&3
        # When the client goes away while the script runs, so does the script.
        exec >&- 2>&-
        read -r _ <&3 || kill -TERM 0
    } | {
        (
            exec 3<&-
            # The script cannot know the end line, so it cannot print it.
            eval "unset length payload end script; $script"
        )
        status=$?
        # What the script left of its payload must not be read as a request.
        [ "$payload" = 0 ] || cat >/dev/null
        printf '\n%s %s\n' "$end" "$status"
        printf '\n%s\n' "$end" >&2
    }
done
