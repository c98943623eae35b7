//! Configurations that Nginx, MariaDB, BIND and systemd refuse, or only find out about later.

use crate::futures::Edit::{Append, Replace, Write};
use crate::futures::Ends::{AsBefore, Stuck};
use crate::futures::{BROKEN, Broken};

const NGINX: &str = "templates/web/nginx.conf";
const SITE: &str = "templates/web/site.conf";
const MARIADB: &str = "templates/database/mariadb.cnf";
const NAMED: &str = "templates/dns/named.conf";
const UNIT: &str = "templates/app/app.service";
const ODD: &str = "roles/odd/role.toml";

const REFUSED_BY_NGINX: Broken = Broken {
    says: &["Nginx refuses the new configuration:"],
    ..BROKEN
};

pub(super) const ALL: &[Broken] = &[
    // --- Nginx --------------------------------------------------------------
    Broken {
        name: "nginx: an unknown directive",
        site: &[(NGINX, Append("nonsense 1;\n"))],
        says: &["unknown directive \"nonsense\""],
        sample: true,
        ..REFUSED_BY_NGINX
    },
    Broken {
        name: "nginx: a brace too many",
        site: &[(NGINX, Append("}\n"))],
        says: &["unexpected \"}\""],
        ..REFUSED_BY_NGINX
    },
    Broken {
        name: "nginx: a directive twice",
        site: &[(NGINX, Append("worker_processes 2;\n"))],
        says: &["\"worker_processes\" directive is duplicate"],
        ..REFUSED_BY_NGINX
    },
    Broken {
        name: "nginx: a certificate that is not there",
        site: &[(
            SITE,
            Append(
                "server { listen 8443 ssl; server_name x.test;\nssl_certificate /etc/ssl/none.pem; ssl_certificate_key /etc/ssl/none.key; }\n",
            ),
        )],
        says: &["cannot load certificate \"/etc/ssl/none.pem\""],
        ..REFUSED_BY_NGINX
    },
    Broken {
        name: "nginx: an include that is not there",
        site: &[(SITE, Append("include /etc/nginx/none.conf;\n"))],
        says: &["open() \"/etc/nginx/none.conf\" failed"],
        ..REFUSED_BY_NGINX
    },
    Broken {
        name: "nginx: an upstream that has no address",
        site: &[(
            SITE,
            Append("server { listen 8081; location / { proxy_pass http://none.invalid; } }\n"),
        )],
        says: &["host not found in upstream \"none.invalid\""],
        ..REFUSED_BY_NGINX
    },
    Broken {
        name: "nginx: a port that somebody else has",
        before: "systemd-run --quiet --collect --unit=squatter python3 -m http.server 8444\nsleep 1",
        site: &[(
            SITE,
            Append("server { listen 8444; server_name x.test; }\n"),
        )],
        ends: AsBefore(6),
        says: &["8444", "rolled back"],
        after: "systemctl stop squatter",
        ..BROKEN
    },
    Broken {
        name: "nginx: everything is forbidden",
        site: &[(SITE, Append("deny all;\n"))],
        ends: AsBefore(6),
        says: &["the page of foobar.com", "rolled back"],
        gap: true,
        sample: true,
        ..BROKEN
    },
    Broken {
        name: "nginx: a redirect to somebody else",
        site: &[(
            SITE,
            Replace(
                "{%- else %}\n\treturn 301 {{ vars.url }}$request_uri;\n{%- endif %}",
                "{%- else %}\n\treturn 302 http://example.com/;\n{%- endif %}",
            ),
        )],
        ends: AsBefore(6),
        says: &["plain HTTP leads to HTTPS", "rolled back"],
        ..BROKEN
    },
    // --- MariaDB ------------------------------------------------------------
    Broken {
        name: "mariadb: an unknown option",
        site: &[(MARIADB, Append("no_such_option = 1\n"))],
        says: &["MariaDB refuses the new configuration:", "no_such_option"],
        sample: true,
        ..BROKEN
    },
    Broken {
        name: "mariadb: a value that is none",
        site: &[(MARIADB, Append("innodb_flush_method = by-hand\n"))],
        ends: AsBefore(6),
        says: &["Error while setting value 'by-hand'", "rolled back"],
        gap: true,
        ..BROKEN
    },
    Broken {
        name: "mariadb: a page size that its files do not have",
        site: &[(MARIADB, Append("innodb_page_size = 4k\n"))],
        ends: AsBefore(6),
        says: &["mariadb.service did not restart", "rolled back"],
        gap: true,
        ..BROKEN
    },
    Broken {
        name: "mariadb: more memory than there is",
        site: &[(MARIADB, Append("innodb_buffer_pool_size = 900T\n"))],
        ends: AsBefore(6),
        says: &["rolled back"],
        gap: true,
        ..BROKEN
    },
    Broken {
        name: "mariadb: a data folder that is not there",
        site: &[(MARIADB, Append("datadir = /var/lib/none\n"))],
        ends: AsBefore(6),
        says: &["mariadb.service did not restart", "rolled back"],
        gap: true,
        ..BROKEN
    },
    Broken {
        name: "mariadb: a folder for temporary files where none can be",
        site: &[(MARIADB, Append("tmpdir = /proc\n"))],
        ends: AsBefore(6),
        says: &["mariadb.service did not restart", "rolled back"],
        gap: true,
        ..BROKEN
    },
    Broken {
        name: "mariadb: files that it may not read any more",
        before: "chown root:root /var/lib/mysql/ibdata1; chmod 600 /var/lib/mysql/ibdata1",
        site: &[(MARIADB, Append("back_log = 90\n"))],
        ends: Stuck,
        says: &[
            "NOT EVERYTHING COULD BE PUT BACK: unit mariadb.service",
            "mariadb.service did not restart",
            "ibdata1",
            "/before on the server",
        ],
        gap: true,
        after: "chown mysql:mysql /var/lib/mysql/ibdata1",
        ..BROKEN
    },
    // --- BIND ---------------------------------------------------------------
    Broken {
        name: "bind: an unknown option",
        site: &[(
            NAMED,
            Replace("\tversion none;", "\tversion none;\n\tnonsense yes;"),
        )],
        says: &[
            "BIND refuses the new configuration:",
            "unknown option 'nonsense'",
        ],
        ..BROKEN
    },
    Broken {
        name: "bind: a semicolon too few",
        site: &[(NAMED, Replace("\tversion none;", "\tversion none"))],
        says: &["BIND refuses the new configuration:"],
        ..BROKEN
    },
    Broken {
        name: "bind: a list that nobody made",
        site: &[(
            NAMED,
            Replace("allow-query { any; };", "allow-query { friends; };"),
        )],
        says: &["undefined ACL 'friends'"],
        ..BROKEN
    },
    Broken {
        name: "bind: a zone without its file",
        site: &[(
            NAMED,
            Append("zone \"bad.test\" { type primary; file \"/etc/bind/zones/none.zone\"; };\n"),
        )],
        says: &["file not found"],
        ..BROKEN
    },
    Broken {
        name: "bind: a zone twice",
        site: &[(
            NAMED,
            Append(
                "zone \"{{ sites[0].domain }}\" { type primary; file \"{{ sites[0].roles.dns.zone_file }}\"; };\n",
            ),
        )],
        says: &["BIND refuses the new configuration:", "already exists"],
        ..BROKEN
    },
    Broken {
        name: "bind: a folder that is not there",
        site: &[(
            NAMED,
            Replace(
                "directory \"/var/cache/bind\";",
                "directory \"/var/cache/none\";",
            ),
        )],
        says: &["/var/cache/none"],
        ..BROKEN
    },
    Broken {
        name: "bind: nobody is answered",
        site: &[(
            NAMED,
            Replace("allow-query { any; };", "allow-query { none; };"),
        )],
        ends: AsBefore(6),
        says: &["foobar.com", "rolled back"],
        ..BROKEN
    },
    Broken {
        name: "zone: no name server",
        site: &[(
            "roles/dns/role.toml",
            Replace(
                "path = \"{{ vars.zone_file }}\"\nttl = { expr = \"dns.ttl\" }\nnameservers = { expr = \"dns.nameservers\" }",
                "path = \"{{ vars.zone_file }}\"\nttl = { expr = \"dns.ttl\" }\nnameservers = []",
            ),
        )],
        ends: AsBefore(65),
        says: &["roles/dns/role.toml"],
        ..BROKEN
    },
    Broken {
        name: "zone: a bad record",
        site: &[(
            "inventory.toml",
            Append("\n[[dns.records]]\nname = \"x\"\ntype = \"A\"\nvalue = \"300.1.1.1\"\n"),
        )],
        ends: AsBefore(65),
        says: &["300.1.1.1"],
        ..BROKEN
    },
    Broken {
        name: "zone: a record that only BIND finds out about",
        site: &[
            (
                ODD,
                Write(
                    "[[file]]\npath = \"/etc/bind/zones/odd.zone\"\ncontent = \"@ IN SOA a b 1 2 3 4 5\\n\"\n",
                ),
            ),
            (
                NAMED,
                Append("zone \"odd.test\" { type primary; file \"/etc/bind/zones/odd.zone\"; };\n"),
            ),
        ],
        says: &["BIND refuses the new configuration:", "odd.test"],
        ..BROKEN
    },
    // --- units --------------------------------------------------------------
    Broken {
        name: "unit: a user that nobody is",
        site: &[(UNIT, Replace("User={{ app.user }}", "User=nobody-at-all"))],
        ends: AsBefore(6),
        says: &["rolled back"],
        gap: true,
        ..BROKEN
    },
    Broken {
        name: "unit: an unknown specifier",
        site: &[(
            UNIT,
            Replace("[Service]\n", "[Service]\nEnvironment=ODD=%Q\n"),
        )],
        says: &["the app's units refuses the new configuration:"],
        ..BROKEN
    },
    Broken {
        name: "unit: a program that is not there",
        site: &[(
            "inventory.toml",
            Replace("command = \"gunicorn ", "command = \"gunikorn "),
        )],
        says: &["the app's units refuses the new configuration:", "gunikorn"],
        ..BROKEN
    },
    Broken {
        name: "unit: one more, whose program is not there",
        site: &[(
            ODD,
            Write(
                "[[file]]\npath = \"/etc/systemd/system/odd.service\"\ncontent = \"[Service]\\nExecStart=/opt/none\\n[Install]\\nWantedBy=multi-user.target\\n\"\n[[service]]\nname = \"odd.service\"\n",
            ),
        )],
        ends: AsBefore(6),
        says: &["odd.service", "rolled back"],
        ..BROKEN
    },
    Broken {
        name: "unit: one more, which dies after three seconds",
        site: &[(
            ODD,
            Write(
                "[[file]]\npath = \"/etc/systemd/system/odd.service\"\ncontent = \"[Service]\\nExecStart=sh -c 'echo my last words; sleep 3; exit 1'\\n[Install]\\nWantedBy=multi-user.target\\n\"\n[[service]]\nname = \"odd.service\"\n",
            ),
        )],
        ends: AsBefore(6),
        says: &[
            "odd.service does not stay up",
            "my last words",
            "rolled back",
        ],
        sample: true,
        ..BROKEN
    },
    Broken {
        name: "unit: one more, whose file has no unit in it",
        site: &[(
            ODD,
            Write(
                "[[file]]\npath = \"/etc/systemd/system/odd.service\"\ncontent = \"nonsense\\n\"\n[[service]]\nname = \"odd.service\"\n",
            ),
        )],
        ends: AsBefore(6),
        says: &["odd.service", "rolled back"],
        ..BROKEN
    },
    Broken {
        name: "unit: one more, which wants a unit that is not there",
        site: &[(
            ODD,
            Write(
                "[[file]]\npath = \"/etc/systemd/system/odd.service\"\ncontent = \"[Unit]\\nRequires=none.service\\n[Service]\\nExecStart=sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n\"\n[[service]]\nname = \"odd.service\"\n",
            ),
        )],
        ends: AsBefore(6),
        says: &["none.service", "rolled back"],
        ..BROKEN
    },
];
