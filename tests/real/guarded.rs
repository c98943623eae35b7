//! An older server, with a MySQL that has been set up by hand, a resolver on port 53, and
//! firewalls: what is in the way is named before anything is touched, a run that fails leaves
//! the database as it was, and one that does not takes nothing of it.

use crate::server::Server;

/// What lives there.
const LIFE: &str = include_str!("guarded.sh");

/// What must be as it was, as long as no run is proven.
const BEFORE: &str = "
    mysql -N -e \"
        SELECT User, Host, plugin, HEX(authentication_string) FROM mysql.user ORDER BY 1, 2;
        SELECT @@sql_mode, @@key_buffer_size, @@max_connections, @@bind_address\"
    find /etc/mysql -type f -exec sha256sum {} + | sort -k 2
    ss -H -l -n -t -u -p '( sport = :53 or sport = :3306 or sport = :33060 or sport = :80 )' |
        sed 's/ *users:((\"\\([^\"]*\\)\".*/ \\1/' | sort
    cat /etc/resolv.conf
    iptables-legacy-save -t filter | grep -v '^[:#]'
    systemctl is-active mysql dnsmasq firewalld
";

/// Whether it all still works.
const ALIVE: &str = "
    mysql -N -e 'SELECT id FROM shop.orders' | grep -qx 7
    mysql -N -e 'SELECT id FROM foobar.notes' | grep -qx 8
    mysql -h 127.0.0.1 -ushop -px -N -e 'SELECT id FROM shop.orders' 2>/dev/null | grep -qx 7
    mysql -h 127.0.0.1 -ureport -py -N -e 'SELECT id FROM shop.orders' 2>/dev/null | grep -qx 7
    mysql -N -e 'SELECT @@sql_mode, @@key_buffer_size' | grep -qx 'NO_ENGINE_SUBSTITUTION.33554432'
    grep -qx 'nameserver 127.0.0.1' /etc/resolv.conf
    ss -H -l -n -u -p '( sport = :53 )' | grep -F 127.0.0.1:53 | grep -q dnsmasq
    systemctl is-active mysql dnsmasq firewalld >/dev/null
    iptables-legacy -S INPUT | grep -qx -e '-P INPUT DROP'
";

/// What stands in the way, each as the plan names it, with what to do.
const REFUSED: [&str; 12] = [
    "the database's port 3306: mysqld (process ",
    "accounts: report@%, shop@localhost",
    "database foobar: there is one",
    "port 53/udp: dnsmasq (process ",
    "let it listen on the loopback alone",
    "name another resolver than 127.0.0.1 in /etc/resolv.conf before it is stopped",
    "the packet filter table inet firewalld: it drops what it does not let in (firewalld is active)",
    "`firewall-cmd --permanent --add-port=80/tcp --add-port=443/tcp --add-port=53/tcp --add-port=53/udp; firewall-cmd --reload`",
    "the packet filter table filter (iptables-legacy-save): it drops",
    "unit firewalld.service: it runs; systemd would stop it to start nftables.service",
    "set firewall.enabled = false to keep it",
    "hint: nothing was changed",
];

/// What the operator does about it, but for the database.
const DECISIONS: &str = "
    printf 'listen-address=127.0.0.1\\nbind-interfaces\\n' >/etc/dnsmasq.d/loopback.conf
    systemctl restart dnsmasq
    rm -r /etc/systemd/system/firewalld.service.d
    systemctl daemon-reload
    set -- --add-port=80/tcp --add-port=443/tcp --add-port=53/tcp --add-port=53/udp
    firewall-cmd --quiet --permanent \"$@\"
    firewall-cmd --quiet --reload
    iptables-legacy -A INPUT -p udp --dport 53 -j ACCEPT
    iptables-legacy -A INPUT -p tcp -m multiport --dports 53,80,443 -j ACCEPT
";

/// A role that says no when all the others are done.
const NO: &str = "description = \"Says no\"\nafter = [\"web\"]\n\
    [[command]]\nname = \"no\"\ncommand = [\"false\"]\nkey = \"1\"\n";

pub(crate) fn what_guards_it_is_asked_first(server: &Server) {
    server.on(LIFE);
    let before = server.on(BEFORE);
    server.run(&["plan"]).exits(1).says(&REFUSED);
    server.run(&["apply", "--yes"]).exits(1).says(&REFUSED);
    assert_eq!(server.on(BEFORE), before);

    server.on(DECISIONS);
    let site = server.site_with("guarded", |text| {
        assert_eq!(text.matches("\n[database]\n").count(), 1, "{text}");
        text.replace(
            "\n[database]\n",
            "\n[database]\nadopt = true\nlisten = \"loopback\"\n",
        )
    });
    site.write("roles/no/role.toml", NO);
    let before = server.on(BEFORE);
    // The end of my.cnf is read after the stack's settings.
    site.run(&["apply", "--yes"]).exits(1).says(&[
        "the order of the settings in /etc/mysql refuses",
        "max_allowed_packet is set to 33M by what is read after",
    ]);
    assert_eq!(server.on(BEFORE), before);
    server.on("sed -i '/^\\[mysqld\\]/,$d' /etc/mysql/my.cnf");

    let before = server.on(BEFORE);
    site.run(&["apply", "--yes"])
        .exits(6)
        .says(&["files, links and services are as before"]);
    assert_eq!(server.on(BEFORE), before);

    site.write("roles/no/role.toml", "description = \"Says nothing\"\n");
    site.run(&["apply", "--yes", "--json"]).exits(0);
    server.on(ALIVE);
    assert_eq!(site.plan().changes(), []);
}
