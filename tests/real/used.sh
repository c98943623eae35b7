# What others have made of a server, before foobar-stack came.
# shellcheck shell=sh
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >/dev/null
set -- apt-get install -y -qq --no-install-recommends
"$@" nginx mariadb-server bind9 nftables ufw curl >/dev/null 2>&1
systemctl stop nginx
"$@" apache2 >/dev/null 2>&1
mkdir -p /var/www/mine
echo mine >/var/www/mine/index.html
echo 'server { listen 8081; root /var/www/mine; }' >/etc/nginx/sites-available/default
echo 'server { listen 80 default_server; server_name shop.example www.foobar.com; return 200 shop; }' >/etc/nginx/conf.d/shop.conf
echo '# mine' >>/etc/nginx/nginx.conf

mariadb -e "CREATE DATABASE shop; CREATE TABLE shop.orders (id INT); INSERT INTO shop.orders VALUES (7)
	; CREATE USER shop@localhost IDENTIFIED BY 'x'; GRANT ALL ON shop.* TO shop@localhost"

echo '// mine' >>/etc/bind/named.conf.options
cp /etc/resolv.conf /root/resolv.conf
echo 'nameserver 127.0.0.1' >/etc/resolv.conf

useradd --create-home --shell /bin/bash foobar
install -d -o foobar -m 700 /home/foobar/.ssh
echo 'ssh-ed25519 AAAA' >/home/foobar/.ssh/authorized_keys
install -d -o foobar /srv/foobar /srv/foobar/releases /srv/foobar/releases/20240101
echo mine >/srv/foobar/releases/20240101/app.rb
ln -s /srv/foobar/releases/20240101 /srv/foobar/current

ufw allow 22/tcp >/dev/null
ufw --force enable >/dev/null
nft -f - <<'END'
table ip docker {
	chain FORWARD {
		type filter hook forward priority filter; policy drop;
	}
}
END
systemd-run --quiet --unit=mailer python3 -m http.server --directory /var/www/mine 2525

mkdir -p /tmp/odd/DEBIAN
printf 'Package: odd\nVersion: 1\nArchitecture: all\nMaintainer: a <a@b>\nDescription: odd\n' >/tmp/odd/DEBIAN/control
printf '#!/bin/sh\nexit 1\n' >/tmp/odd/DEBIAN/postinst
chmod 755 /tmp/odd/DEBIAN/postinst
dpkg-deb -b /tmp/odd /tmp/odd.deb >/dev/null
dpkg -i /tmp/odd.deb >/dev/null 2>&1 || true
