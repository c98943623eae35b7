//! The rules, on servers that have been used.

use super::*;
use crate::diagnostic::Source;
use crate::facts;
use crate::resource::{Managed, NoMaterials, Resource, Spec};

const RECORD: &str = "made\tweb\tpath\t/etc/nginx/sites-available/foobar.com.conf";

/// A server, with what makes it one that has been used.
#[derive(Clone, Copy, Default)]
struct Used {
    inventory: &'static str,
    managed: &'static str,
    packages: &'static str,
    reply: &'static str,
    service: &'static str,
}

impl Used {
    /// The subjects of the conflicts there.
    fn conflicts(&self) -> Vec<Conflict> {
        let text = format!(
            "[server]\nipv4 = \"192.0.2.7\"\n[site]\ndomain = \"foobar.com\"\n[app]\nsource = \"app\"\ncommand = \"serve\"\n{}",
            self.inventory
        );
        let parsed = crate::inventory::parse(&Source::new("inventory.toml", text));
        let inventory = parsed.unwrap().inventory;
        let printed = format!(
            "os.id debian\nos.version_id 13\nos.version_codename trixie\nos.pretty_name Debian\n\
             hostname web1\ncpus 0\nmemory 1\nnow 1795376400\nconnection a 5 b 22\nlogin root\n\
             systemd.running yes\ngeneration 0\napt yes\npackage ii |dpkg|1|amd64\n\
             package ii |systemd|257|amd64\n{}managed {}\nend facts\n",
            self.packages, self.managed
        );
        let facts = facts::parse(&printed, &[]).unwrap();
        let reply = format!("\x1ebegin occupied\n{}\x1eend 0\n", self.reply);
        let stack = Stack {
            roles: ["base", "database", "app", "dns", "firewall", "web"]
                .map(str::to_owned)
                .to_vec(),
            resources: match self.service {
                "" => Vec::new(),
                name => vec![resource("service", "name", name, "firewall")],
            },
            ..Stack::default()
        };
        Meeting {
            inventory: &inventory,
            stack: &stack,
            observed: &[],
            occupied: &read(&reply).unwrap(),
            facts: &facts,
            claims: &Claims::of(&facts),
            roles: None,
        }
        .conflicts()
    }

    #[track_caller]
    fn has(&self, subjects: &[&str]) {
        let conflicts = self.conflicts();
        let found: Vec<&str> = conflicts.iter().map(|one| one.subject.as_str()).collect();
        assert_eq!(found, subjects, "{conflicts:#?}");
    }
}

#[test]
fn another_site_is_refused_unless_it_moved() {
    let used = Used {
        managed: RECORD,
        ..Used::default()
    };
    used.has(&[]);
    let other = "made\tweb\tpath\t/etc/nginx/sites-available/old.example.conf";
    let used = Used {
        managed: other,
        ..Used::default()
    };
    used.has(&["the site of this server"]);
    let conflict = used.conflicts().remove(0);
    assert!(conflict.hint.contains("previous_domain = \"old.example\""));
}

#[test]
fn a_port_of_somebody_else_is_refused() {
    let apache = "socket\x1ftcp\x1f*:80\x1fusers:((\"apache2\",pid=7,fd=4))\n\
                  process\x1f7\x1fapache2.service\x1fapache2-bin\n";
    let used = Used {
        reply: apache,
        ..Used::default()
    };
    used.has(&["port 80/tcp"]);
    Used {
        inventory: "[web]\nhttp_port = 81\n[[firewall.allow]]\nport = 80\n",
        ..used
    }
    .has(&[]);
    // The resolver of systemd is on the loopback, where named does not listen.
    Used {
        reply: "socket\x1fudp\x1f127.0.0.53%lo:53\x1fusers:((\"systemd-resolve\",pid=7,fd=4))\n\
                process\x1f7\x1fsystemd-resolved.service\x1f\n\
                socket\x1ftcp\x1f127.0.0.1:8001\x1fusers:((\"node\",pid=8,fd=4))\n\
                process\x1f8\x1fshop.service\x1f\n",
        ..Used::default()
    }
    .has(&["port 8001/tcp"]);
    Used {
        reply: "socket\x1ftcp\x1f127.0.0.1:8000\x1fusers:((\"gunicorn\",pid=8,fd=4))\n\
                process\x1f8\x1ffoobar-app-blue@8000.service\x1f\n",
        ..Used::default()
    }
    .has(&[]);
}

#[test]
fn a_name_of_the_site_in_a_file_of_somebody_else_is_refused() {
    let reply = "nginx\x1f# configuration file /etc/nginx/nginx.conf:\n\
                 nginx\x1finclude sites-enabled/*;\n\
                 nginx\x1f# configuration file /etc/nginx/sites-enabled/foobar.com.conf:\n\
                 nginx\x1fserver { listen 80; server_name foobar.com; }\n\
                 nginx\x1f# configuration file /etc/nginx/sites-enabled/mine:\n\
                 nginx\x1fserver { listen 80; server_name mine.example\n\
                 nginx\x1f foobar.com; }\n";
    let used = Used {
        managed: "made\tweb\tpath\t/etc/nginx/sites-available/foobar.com.conf\nmanaged made\tweb\tpath\t/etc/nginx/sites-enabled/foobar.com.conf",
        reply,
        ..Used::default()
    };
    used.has(&["the server name foobar.com"]);
    let conflict = used.conflicts().remove(0);
    assert!(
        conflict
            .found
            .ends_with(" from /etc/nginx/sites-enabled/mine")
    );
    let reply = "nginx\x1f# configuration file /etc/nginx/conf.d/shop.conf:\n\
                 nginx\x1fserver { listen [::]:80 default_server; server_name shop.example; }\n";
    Used { reply, ..used }.has(&["the default server of port 80"]);
    Used {
        inventory: "[web]\nhttp_port = 81\n",
        reply,
        ..used
    }
    .has(&[]);
}

#[test]
fn http3_wants_its_port_over_udp() {
    let reply = "socket\x1fudp\x1f0.0.0.0:443\x1fusers:((\"openvpn\",pid=7,fd=4))\n\
                 process\x1f7\x1fopenvpn.service\x1fopenvpn\n\
                 socket\x1ftcp\x1f0.0.0.0:443\x1fusers:((\"nginx\",pid=8,fd=4))\n\
                 process\x1f8\x1fnginx.service\x1f\n";
    for (inventory, managed, subjects) in [
        (
            "[web]\nhttp3 = true\n",
            "made\tweb\tservice\tnginx.service",
            &["port 443/udp"][..],
        ),
        // Without it the port is as good as any other, but for the firewall.
        (
            "[firewall]\nenabled = false\n",
            "made\tweb\tservice\tnginx.service\nmanaged made\tfirewall\tservice\tnftables.service",
            &[],
        ),
    ] {
        Used {
            inventory,
            managed,
            reply,
            ..Used::default()
        }
        .has(subjects);
    }
}

#[test]
fn the_firewall_shuts_out_nobody_unasked() {
    let mail = "socket\x1ftcp\x1f0.0.0.0:25\x1fusers:((\"master\",pid=7,fd=4))\n\
                socket\x1ftcp\x1f[::]:25\x1fusers:((\"master\",pid=7,fd=4))\n\
                socket\x1ftcp\x1f0.0.0.0:22\x1fusers:((\"sshd\",pid=8,fd=4))\n\
                socket\x1fudp\x1f0.0.0.0:68\x1fusers:((\"dhclient\",pid=9,fd=4))\n\
                socket\x1fudp\x1f0.0.0.0:41234\x1fusers:((\"x\",pid=9,fd=4))\n";
    Used {
        reply: mail,
        ..Used::default()
    }
    .has(&["port 25/tcp"]);
    for (inventory, managed) in [
        ("[[firewall.allow]]\nport = 25\n", ""),
        ("[roles]\n", "adopted\tfirewall\tservice\tnftables.service"),
    ] {
        Used {
            inventory,
            managed,
            reply: mail,
            ..Used::default()
        }
        .has(&[]);
    }
}

#[test]
fn the_servers_own_resolver_stays() {
    let named = "socket\x1fudp\x1f127.0.0.1:53\x1fusers:((\"named\",pid=7,fd=4))\n\
                 resolver\x1f127.0.0.1\nchanged\x1f/etc/bind/named.conf.options\n";
    let used = Used {
        reply: named,
        ..Used::default()
    };
    used.has(&["the server's resolver", "/etc/bind/named.conf.options"]);
    Used {
        managed: "adopted\tdns\tservice\tnamed.service\treload file:/etc/bind/*",
        ..used
    }
    .has(&[]);
    Used {
        reply: "socket\x1fudp\x1f127.0.0.1:53\x1fusers:((\"unbound\",pid=7,fd=4))\nresolver\x1f127.0.0.1\n",
        ..Used::default()
    }
    .has(&[]);
    // In between is that of systemd.
    let stub = "socket\x1fudp\x1f127.0.0.1:53\x1fusers:((\"named\",pid=7,fd=4))\n\
                resolver\x1f127.0.0.53\nupstream\x1f127.0.0.1\n";
    let used = Used {
        reply: stub,
        ..Used::default()
    };
    used.has(&["the server's resolver"]);
    let hint = used.conflicts().remove(0).hint;
    assert!(hint.contains("to systemd-resolved"), "{hint}");
    Used {
        reply: "socket\x1fudp\x1f127.0.0.1:53\x1fusers:((\"named\",pid=7,fd=4))\n\
                resolver\x1f127.0.0.53\nupstream\x1f9.9.9.9\n",
        ..Used::default()
    }
    .has(&[]);
}

#[test]
fn others_who_resolve_through_it_are_named() {
    let changed = "changed\x1f/etc/bind/named.conf.options\n";
    let reply =
        format!("{changed}option\x1foptions {{\noption\x1f  allow-recursion {{ 10.0.0.0/8; }};\n");
    for (reply, found) in [
        (changed.to_owned(), "it is not as the package brought it"),
        (
            reply,
            "it lets 10.0.0.0/8 resolve names through this server (allow-recursion)",
        ),
    ] {
        let used = Used {
            reply: reply.leak(),
            ..Used::default()
        };
        used.has(&["/etc/bind/named.conf.options"]);
        assert_eq!(used.conflicts().remove(0).found, found);
    }
}

#[test]
fn the_servers_resolver_is_named_where_it_would_be_stopped() {
    let dnsmasq = "socket\x1fudp\x1f0.0.0.0:53\x1fusers:((\"dnsmasq\",pid=7,fd=4))\n\
                   process\x1f7\x1fdnsmasq.service\x1fdnsmasq-base\n";
    let used = Used {
        reply: dnsmasq,
        ..Used::default()
    };
    used.has(&["port 53/udp"]);
    let hint = used.conflicts().remove(0).hint;
    assert!(hint.contains("on the loopback alone"), "{hint}");
    assert!(!hint.contains("resolv.conf"), "{hint}");
    for (address, named) in [("127.0.0.1", true), ("192.0.2.7", true), ("9.9.9.9", false)] {
        let reply = format!("{dnsmasq}resolver\x1f{address}\n");
        let hint = Used {
            reply: reply.leak(),
            ..Used::default()
        }
        .conflicts()
        .remove(0)
        .hint;
        assert_eq!(
            hint.contains(&format!("than {address} in")),
            named,
            "{hint}"
        );
    }
    // Where the stack's own does not listen.
    Used {
        reply: "socket\x1fudp\x1f127.0.0.1:53\x1fusers:((\"dnsmasq\",pid=7,fd=4))\nresolver\x1f127.0.0.1\n",
        ..Used::default()
    }
    .has(&[]);
}

#[test]
fn a_filter_that_shuts_visitors_out_is_refused_with_what_opens_it() {
    let firewalld = "nft\x1ftable inet firewalld { # progname firewalld\n\
                     nft\x1f\tchain filter_INPUT {\n\
                     nft\x1f\t\ttype filter hook input priority filter + 10; policy accept;\n\
                     nft\x1f\t\tjump filter_INPUT_POLICIES\n\
                     nft\x1f\t\treject with icmpx admin-prohibited\n\
                     nft\x1f\t}\nnft\x1f}\n";
    let ufw = "ufw\x1factive\nnft\x1ftable ip filter {\nnft\x1f\tchain INPUT {\n\
               nft\x1f\t\ttype filter hook input priority filter; policy drop;\nnft\x1f\t}\nnft\x1f}\n";
    let legacy = "iptables-legacy-save\x1f*filter\niptables-legacy-save\x1f:INPUT DROP [0:0]\n\
                  iptables-legacy-save\x1fCOMMIT\n";
    for (reply, subject, opens) in [
        (
            firewalld,
            "the packet filter table inet firewalld",
            "`firewall-cmd --permanent --add-port=80/tcp --add-port=443/tcp --add-port=53/tcp --add-port=53/udp; firewall-cmd --reload`",
        ),
        (
            ufw,
            "the packet filter table ip filter",
            "`ufw allow 80/tcp; ufw allow 443/tcp; ufw allow 53/tcp; ufw allow 53/udp`",
        ),
        (
            legacy,
            "the packet filter table filter (iptables-legacy-save)",
            "let these ports in there",
        ),
    ] {
        let used = Used {
            reply,
            ..Used::default()
        };
        used.has(&[subject]);
        let hint = used.conflicts().remove(0).hint;
        assert!(hint.starts_with(opens), "{hint}");
        assert!(hint.contains(&format!("add \"{subject}\" to server.adopt")));
    }
}

#[test]
fn a_unit_that_would_be_stopped_for_ours_is_refused() {
    let used = Used {
        reply: "displaced\x1fnftables.service\x1ffirewalld.service\n",
        service: "nftables.service",
        ..Used::default()
    };
    used.has(&["unit firewalld.service"]);
    let hint = used.conflicts().remove(0).hint;
    assert!(hint.contains("firewall.enabled = false"), "{hint}");
    // One that is ours no longer is not started.
    Used {
        service: "",
        ..used
    }
    .has(&[]);
}

#[test]
fn a_database_that_others_use_over_tcp_is_asked_about() {
    let shop = "socket\x1ftcp\x1f127.0.0.1:3306\x1fusers:((\"mariadbd\",pid=7,fd=4))\n\
                account\x1fshop@localhost\n";
    let port = ["the database's port 3306"];
    let with = |inventory, reply| Used {
        inventory,
        reply,
        ..Used::default()
    };
    with("", shop).has(&port);
    with("[database]\nlisten = \"loopback\"\n", shop).has(&[]);
    with("[database]\nlisten = \"socket\"\n", shop).has(&[]);
    let remote = "socket\x1ftcp\x1f*:3306\x1fusers:((\"mariadbd\",pid=7,fd=4))\n\
                  client\x1f192.0.2.9:40000\n";
    with("[database]\nlisten = \"loopback\"\n", remote).has(&port);
    let by_x = "x-client\x1f127.0.0.1:40001\n";
    with("[database]\nlisten = \"socket\"\n", by_x).has(&["the database's port 33060"]);
    Used {
        managed: "made\tdatabase\tservice\tmysql.service",
        ..with("", by_x)
    }
    .has(&[]);
    // Nobody but the server's own accounts: as the package brings it.
    with("", "socket\x1ftcp\x1f127.0.0.1:3306\x1f\n").has(&[]);
}

#[test]
fn what_dpkg_left_half_way_is_mended_first() {
    let packages = "package iF |odd|1|amd64\n";
    let used = Used {
        packages,
        ..Used::default()
    };
    used.has(&["packages"]);
    Used {
        managed: "made\tweb\tpackage\todd",
        ..used
    }
    .has(&[]);
    // apt does these by itself.
    Used {
        packages: "package iU |odd|1|amd64\npackage it |even|1|amd64\n",
        ..Used::default()
    }
    .has(&[]);
}

#[test]
fn the_tree_of_another_deployment_is_refused() {
    Used {
        reply: "tree\x1f/srv/foobar/current\x1fa link to /srv/foobar/releases/1\n",
        ..Used::default()
    }
    .has(&["/srv/foobar"]);
}

fn directory(path: &str) -> Resource {
    resource("directory", "path", path, "x")
}

fn resource(kind: &str, key: &str, name: &str, role: &str) -> Resource {
    let entry = toml::Table::from_iter([(key.to_owned(), name.into())]);
    let spec = Spec::build(kind, entry, &NoMaterials).unwrap();
    Resource {
        id: spec.id(),
        role: role.to_owned(),
        site: None,
        origin: String::new(),
        spec,
    }
}

#[test]
fn the_notes_of_the_server_say_whose_a_thing_is() {
    let note = |line: &str, made: &str| Claims {
        managed: Managed::parse(line).into_iter().collect(),
        made: Managed::parse(&format!("made\t\t{made}"))
            .into_iter()
            .collect(),
    };
    for (line, made, claim) in [
        ("made\tx\tfolder\t/srv/x", "", Claim::Made),
        ("adopted\tx\tfolder\t/srv/x", "", Claim::Adopted),
        ("made\tx\tfolder\t/srv/y", "", Claim::Foreign),
        ("", "path\t/srv/x", Claim::Made),
        ("adopted\tx\tfolder\t/srv/x", "path\t/srv/x", Claim::Made),
        ("", "account\tx", Claim::Foreign),
    ] {
        let claims = note(line, made);
        assert_eq!(claims.claim(&directory("/srv/x")), claim, "{line} {made}");
    }
}
