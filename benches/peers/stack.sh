#!/bin/bash
# The stack by hand, the floor of what a tool can take: it checks little and undoes nothing.
#   tar -C TREE -cz . | ssh root@SERVER "PACKAGES='…' RELEASE=… bash -c \"$(cat stack.sh)\""
# The tree on standard input has the files of the stack at their places, and the code of the app
# in app/. It runs on the server.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
tar -C "$tree" -xz --no-same-owner
if ! dpkg -s $PACKAGES >/dev/null 2>&1; then
	apt-get update -qq
	apt-get install -yqq --no-install-recommends $PACKAGES >/dev/null
fi
getent passwd foobar >/dev/null ||
	useradd --system --user-group --shell /usr/sbin/nologin --home-dir /var/lib/foobar --no-create-home foobar
secret=/etc/foobar-stack/secrets/foobar.SESSION_KEY
tls=/etc/ssl/foobar-stack/foobar.com
install -d -m 750 -g foobar /srv/foobar
install -d -m 755 /srv/foobar/releases "${tls%/*}"
install -d -m 700 "${secret%/*}"
[ -e $secret ] || (umask 077 && head -c 32 /dev/urandom | base64 -w 0 >$secret)
[ -e $tls.pem ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 825 \
	-subj /CN=foobar.com -addext subjectAltName=DNS:foobar.com,DNS:www.foobar.com \
	-keyout $tls.key -out $tls.pem 2>/dev/null

# What differs takes its place; which services read it, its path says.
changed=' '
while IFS= read -r file; do
	cmp -s "$tree/$file" "/$file" && continue
	install -D -m 644 "$tree/$file" "/$file"
	changed="$changed/$file "
done < <(cd "$tree" && find etc var srv -type f 2>/dev/null)
ln -sfn ../sites-available/foobar.com.conf /etc/nginx/sites-enabled/foobar.com.conf
rm -f /etc/nginx/sites-enabled/default
release=/srv/foobar/releases/$RELEASE
[ -e "$release" ] || { cp -r "$tree/app" "$release" && chmod -R u=rwX,go=rX "$release"; }
ln -sfn "releases/$RELEASE" /srv/foobar/current
nginx -tq
named-checkconf -z >/dev/null

case $changed in *' /etc/systemd/'*) systemctl daemon-reload ;; esac
case $changed in *' /etc/mysql/'*) systemctl restart mariadb ;; esac
mariadb <<-'END'
	CREATE DATABASE IF NOT EXISTS foobar CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;
	CREATE USER IF NOT EXISTS foobar@localhost IDENTIFIED VIA unix_socket;
	GRANT ALL ON foobar.* TO foobar@localhost;
END
case $changed in *' /etc/sysctl.d/'*) systemctl restart systemd-sysctl ;; esac
case $changed in *' /etc/nftables.conf '*) systemctl enable -q nftables && systemctl restart nftables ;; esac
case $changed in *' /etc/bind/'*) systemctl reload-or-restart named ;; esac
case $changed in *' /etc/systemd/system/foobar-app-blue'*)
	systemctl start foobar-migrate
	systemctl enable -q foobar-app-blue.target
	systemctl restart foobar-app-blue.target
	;;
esac
case $changed in *' /etc/nginx/'*) systemctl reload-or-restart nginx ;; esac
for _ in $(seq 100); do
	curl -sfk --resolve foobar.com:443:127.0.0.1 https://foobar.com/ >/dev/null && exit
	sleep 0.1
done
echo 'the page does not answer' >&2
exit 1
