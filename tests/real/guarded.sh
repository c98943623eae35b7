# What an older server has: MySQL with settings, data and accounts, a resolver, two firewalls.
# shellcheck shell=sh
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq >/dev/null
apt-get install -y -qq --no-install-recommends mysql-server dnsmasq firewalld iptables curl >/dev/null 2>&1

cat >/etc/mysql/mysql.conf.d/mysqld.cnf <<'END'
[mysqld]
user = mysql
bind-address = 0.0.0.0
key_buffer_size = 32M
max_connections = 77
sql_mode = NO_ENGINE_SUBSTITUTION
END
printf '[mysqld]\nmax-allowed-packet = 33M\n' >>/etc/mysql/my.cnf
systemctl restart mysql
mysql -e "CREATE DATABASE shop; CREATE TABLE shop.orders (id INT); INSERT INTO shop.orders VALUES (7)
	; CREATE USER shop@localhost IDENTIFIED BY 'x'; GRANT ALL ON shop.* TO shop@localhost
	; CREATE USER report@'%' IDENTIFIED WITH caching_sha2_password BY 'y'; GRANT SELECT ON shop.* TO report@'%'
	; CREATE DATABASE foobar; CREATE TABLE foobar.notes (id INT); INSERT INTO foobar.notes VALUES (8)"

sed -n 's/^nameserver /server=/p' /etc/resolv.conf >/etc/dnsmasq.d/upstream.conf
echo no-resolv >>/etc/dnsmasq.d/upstream.conf
systemctl disable --now systemd-resolved >/dev/null 2>&1 || true
rm /etc/resolv.conf
echo 'nameserver 127.0.0.1' >/etc/resolv.conf
systemctl restart dnsmasq

# As in Ubuntu's package.
mkdir -p /etc/systemd/system/firewalld.service.d
printf '[Unit]\nConflicts=nftables.service\n' >/etc/systemd/system/firewalld.service.d/conflicts.conf
systemctl daemon-reload
systemctl enable --now firewalld >/dev/null 2>&1
iptables-legacy -A INPUT -i lo -j ACCEPT
iptables-legacy -A INPUT -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT
iptables-legacy -A INPUT -p tcp --dport 22 -j ACCEPT
iptables-legacy -P INPUT DROP
