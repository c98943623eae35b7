# shellcheck shell=dash
# CLIENT ACCOUNT DATABASE LOGIN SQL: writes and reads as the account, where it authenticates by
# the socket; LOGIN is the statement that asks how it does. One that was adopted may have a
# password, which nobody here knows: then root writes, and says so, and that it could have
# where nobody else can.
how=$("$1" --protocol=socket --connect-timeout=3 --batch --raw --skip-column-names --execute "$4" 2>/dev/null) || how=
case $how in
'' | *auth_socket* | *unix_socket*)
  # Left to itself, the client of MySQL takes who logged in on the terminal.
  exec runuser -u "$2" -- "$1" --user "$2" --protocol=socket --batch --skip-column-names \
    --connect-timeout=3 --database "$3" --execute "$5"
  ;;
esac
echo 'as root'
exec "$1" --protocol=socket --batch --skip-column-names --connect-timeout=3 --database "$3" \
  --execute "SELECT CONCAT('read-only ', @@GLOBAL.read_only); $5"
