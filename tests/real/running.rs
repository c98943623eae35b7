//! What runs against what the files say: the files are as they should be, and the daemons
//! or the rules are not. And whoever cannot be asked is unknown, never in order.

use crate::drift::{Drift, ONCE, ROW, fill};
use crate::server::Server;

/// Each goes through the plan and the mending of [`drift`](crate::drift).
pub(crate) const RUNNING: &[Drift] = &[
    Drift {
        name: "Nginx runs a configuration that was put back on disk",
        make: "cp -a /etc/nginx/nginx.conf /root/kept && echo '# other' >>/etc/nginx/nginx.conf && \
               systemctl reload nginx && cp -a --remove-destination /root/kept /etc/nginx/nginx.conf",
        plan: "reload service:nginx.service",
        says: &["/etc/nginx/nginx.conf is newer than what it read"],
        ..ROW
    },
    Drift {
        name: "Nginx runs a program that was replaced on disk",
        make: "cp -a /usr/sbin/nginx /usr/sbin/nginx.new && mv /usr/sbin/nginx.new /usr/sbin/nginx",
        plan: "restart service:nginx.service",
        says: &["its program on disk is another than the one that runs"],
        alone: true,
        ..ROW
    },
    Drift {
        name: "a unit that ran with another environment than the one on disk",
        make: "cp -a /etc/systemd/system/lab.service /root/kept && \
               sed -i 's/^ExecStart/Environment=BY=hand\\n&/' /etc/systemd/system/lab.service && \
               systemctl daemon-reload && systemctl restart lab && \
               cp -a --remove-destination /root/kept /etc/systemd/system/lab.service && systemctl daemon-reload",
        plan: "restart service:lab.service",
        says: &["/etc/systemd/system/lab.service is newer than its start"],
        ..ONCE
    },
    Drift {
        name: "BIND serves a zone that was put back on disk",
        make: "cp -a {zone} /root/kept && sed -i 's/20[0-9]\\{8\\}/2099010101/' {zone} && \
               echo 'evil IN A 192.0.2.66' >>{zone} && rndc reload foobar.com >/dev/null && \
               for i in $(seq 100); do rndc zonestatus foobar.com | grep -q 2099010101 && break; sleep 0.1; done; \
               cp -a --remove-destination /root/kept {zone}",
        plan: "restart service:named.service",
        says: &["named does not serve foobar.com with the serial"],
        ..ROW
    },
    Drift {
        name: "a kernel setting that was set to something else",
        make: "echo 66 >/proc/sys/net/ipv4/tcp_fin_timeout",
        plan: "restart service:systemd-sysctl.service",
        says: &[
            "net/ipv4/tcp_fin_timeout is 66, and the files say 30",
            "\"impact\":\"none\"",
        ],
        ..ROW
    },
    Drift {
        name: "a variable of the database set to something else",
        make: "{client} -e 'SET GLOBAL max_connections = 77; SET GLOBAL long_query_time = 2'",
        plan: "reload service:{service}",
        says: &[
            "a variable was changed while it runs",
            "{\"name\":\"max_connections\",\"before\":\"77\",\"after\":\"100\"}",
            "{\"name\":\"long_query_time\",\"before\":\"2.000000\",\"after\":\"1\"}",
            "\"impact\":\"none\"",
        ],
        ..ROW
    },
    Drift {
        name: "a variable that MySQL would start with, whatever the file says",
        make: "{client} -e 'SET PERSIST_ONLY max_connections = 78'",
        plan: "reload service:{service}",
        says: &["{\"name\":\"max_connections, kept by MySQL\",\"before\":\"78\",\"after\":null}"],
        suite: Some("sid"),
        ..ROW
    },
    Drift {
        name: "BIND runs a configuration that was put back on disk",
        make: "cp -a /etc/bind/named.conf /root/kept && echo '# other' >>/etc/bind/named.conf && \
               rndc reconfig && cp -a --remove-destination /root/kept /etc/bind/named.conf",
        plan: "reload service:named.service",
        says: &["/etc/bind/named.conf is newer than what it read"],
        ..ONCE
    },
];

/// Who cannot be asked: how that comes to be, how it ends, and what the plan says.
const UNKNOWN: &[(&str, &str, &str)] = &[
    (
        "mv /run/mysqld/mysqld.sock /run/mysqld/away",
        "mv /run/mysqld/away /run/mysqld/mysqld.sock",
        "{service} does not answer",
    ),
    (
        "mv /usr/sbin/nft /usr/sbin/nft.away",
        "mv /usr/sbin/nft.away /usr/sbin/nft",
        "there is no program nft to ask",
    ),
    (
        "mv /etc/bind/rndc.key /etc/bind/rndc.key.away",
        "mv /etc/bind/rndc.key.away /etc/bind/rndc.key",
        "named runs and does not answer rndc",
    ),
    (
        "mv /usr/bin/sha256sum /usr/bin/sha256sum.away",
        "mv /usr/bin/sha256sum.away /usr/bin/sha256sum",
        "the probe of kind file failed with status 127",
    ),
];

/// A plan would be a guess: there is none, and the reason is named.
pub(crate) fn who_cannot_be_asked_is_unknown(server: &Server) {
    for (make, end, words) in UNKNOWN {
        server.on(make);
        let plan = server.run(&["plan", "--detailed-exitcode"]);
        server.on(end);
        let said = plan.exits(1).says(&[&fill(server, words)]);
        assert!(!said.out.contains("No changes."), "{}", said.said());
    }
    server.run(&["plan"]).exits(0).says(&["No changes."]);
}
