# Serves the root and com, each at an address of its own, and delegates foobar.com; prints where the
# root is. The caller assigns the addresses of its name servers (site, other) and ds.
set -- $(hostname -I)
root=${1%.*}.253 com=${1%.*}.252
for address in "$root" "$com"; do
	ip address replace "$address/24" dev host0
done
mkdir -p /var/lib/bind/top
cat >/var/lib/bind/top/root <<END
\$TTL 60
@ IN SOA root.test. hostmaster.root.test. $(date +%s%N | tail -c 10) 60 60 600 60
@ IN NS root.test.
root.test. IN A $root
com. IN NS a.nic.com.
a.nic.com. IN A $com
END
cat >/var/lib/bind/top/com <<END
\$TTL 60
@ IN SOA a.nic.com. hostmaster.nic.com. $(date +%s%N | tail -c 10) 60 60 600 60
@ IN NS a.nic.com.
a.nic.com. IN A $com
foobar.com. IN NS ns1.foobar.com.
foobar.com. IN NS ns2.foobar.com.
ns1.foobar.com. IN A $site
ns2.foobar.com. IN A $other
$ds
END
cat >/etc/bind/named.conf <<END
options {
	directory "/var/cache/bind"; listen-on-v6 { none; };
	recursion no; dnssec-validation no; allow-query { any; };
};
view "root" { match-destinations { $root; }; zone "." { type primary; file "/var/lib/bind/top/root"; }; };
view "com" { match-destinations { $com; }; zone "com" { type primary; file "/var/lib/bind/top/com"; }; };
END
named-checkconf -z >/dev/null
systemctl restart named
echo "$root"
