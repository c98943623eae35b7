# Makes a server an ACME authority (Pebble) and the resolver of the world: what is asked of
# foobar.com is asked of its name server.
#
# $1: the address of this server; $2: the address of the name server of foobar.com; $3: how long a
# certificate is valid, in seconds. Asked again, it is another authority under the same address,
# which knows no account of before. $4, if given: the key of the account kid-1, without which it
# makes none. With `identity` or `packages` in the place of $3 only that part is done, which needs
# a while, or is known to others before it begins.
set -eu
export DEBIAN_FRONTEND=noninteractive
mkdir -p /srv/authority
cd /srv/authority
[ -e ca.pem ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=authority \
	-addext "subjectAltName=IP:$1" -keyout key.pem -out ca.pem 2>/dev/null
[ "$3" != identity ] || exit 0
command -v pebble >/dev/null || {
	apt-get update -qq
	apt-get install -y -qq pebble bind9 curl >/dev/null 2>&1
}
[ "$3" != packages ] || exit 0
resolver=$(sed -n 's/^nameserver //p' /etc/resolv.conf | head -n 1)
cat >/etc/bind/named.conf <<END
options {
	directory "/var/cache/bind";
	recursion yes;
	allow-query { any; };
	allow-recursion { any; };
	forwarders { $resolver; };
	forward only;
	dnssec-validation no;
	max-cache-ttl 0;
	max-ncache-ttl 0;
};
zone "foobar.com" { type static-stub; server-addresses { $2; }; forwarders { }; };
END
systemctl restart named
cat >config.json <<END
{ "pebble": {
	"listenAddress": "$1:14000", "managementListenAddress": "$1:15000",
	"certificate": "/srv/authority/ca.pem", "privateKey": "/srv/authority/key.pem",
	"httpPort": 80, "tlsPort": 443, "ocspResponderURL": "",
	"externalAccountBindingRequired": $([ -n "${4:-}" ] && echo true || echo false),
	"externalAccountMACKeys": { "kid-1": "${4:-zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W}" },
	"profiles": {
		"default": { "description": "usual", "validityPeriod": $3 },
		"brief": { "description": "brief", "validityPeriod": $(($3 / 2)) }
	}
} }
END
cat >/etc/systemd/system/authority.service <<END
[Service]
Environment=PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 PEBBLE_AUTHZREUSE=0
ExecStart=/usr/bin/pebble -config /srv/authority/config.json -dnsserver $1:53
END
systemctl daemon-reload
systemctl restart authority
for _ in $(seq 100); do
	! curl --silent --fail --cacert ca.pem --output /dev/null "https://$1:14000/dir" || exit 0
	sleep 0.1
done
journalctl -u authority --no-pager | tail
exit 1
