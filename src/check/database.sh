# shellcheck shell=dash
# CLIENT ACCOUNT DATABASE LOGIN SQL: writes and reads as the account, where it authenticates by
# the socket; LOGIN has the statements that ask how it does, and for a line `version VERSION FOLDER` of
# the server. One that was adopted may have a
# password, which nobody here knows: then root writes, and says so, and that it could have
# where nobody else can.
how=$("$1" --protocol=socket --connect-timeout=3 --batch --raw --skip-column-names --execute "$4" 2>/dev/null) || how=
# MariaDB writes there which version's mariadb-upgrade has been through; before 11.0 the file had
# the other name. MySQL does not answer before it has upgraded itself.
case $1:$how in
mariadb:*"
version "*)
  version=${how##*"
version "} upgraded=
  # A version may have spaces.
  folder=/${version#* /}
  for file in "$folder/mariadb_upgrade_info" "$folder/mysql_upgrade_info"; do
    # It has no end of line.
    if [ -z "$upgraded" ] && [ -f "$file" ]; then read -r upgraded <"$file" || :; fi
  done
  version=${version%%-*} upgraded=${upgraded%%-*}
  [ "${upgraded:-$version}" = "$version" ] || printf 'upgraded %s %s\n' "${upgraded%.*}" "${version%.*}"
  ;;
esac
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
