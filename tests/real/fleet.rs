//! Two servers of one inventory: the zone moves from the server that has everything to one of its
//! own, both are changed one after the other, and the first failure ends it.

use crate::note;
use crate::server::Server;
use std::time::Instant;
use toml::{Table, Value};

/// The inventory of the only server as that of two: `app1`, with these roles, and `ns1`.
fn inventory(text: &str, other: &Server, roles: &[&str], edit: impl Fn(&mut Table)) -> String {
    let mut table: Table = text.parse().unwrap_or_default();
    let mut second: Table = other
        .site
        .read("inventory.toml")
        .parse()
        .unwrap_or_default();
    let mut servers = Table::new();
    for (name, from, roles) in [
        ("app1", &mut table, roles),
        ("ns1", &mut second, &["dns"][..]),
    ] {
        if let Some(Value::Table(mut server)) = from.remove("server") {
            server.insert("roles".to_owned(), roles.to_vec().into());
            servers.insert(name.to_owned(), server.into());
        }
    }
    table.insert("servers".to_owned(), servers.into());
    edit(&mut table);
    toml::to_string(&table).unwrap_or_default()
}

/// Sets a key of a section.
fn set(table: &mut Table, section: &str, key: &str, value: impl Into<Value>) {
    let section = table.entry(section).or_insert_with(|| Table::new().into());
    if let Value::Table(section) = section {
        section.insert(key.to_owned(), value.into());
    }
}

/// Of each server that a run is on, its name: in the order in which the runs end.
fn changed(lines: &[serde_json::Value]) -> Vec<String> {
    let finished = lines
        .iter()
        .filter(|line| line["type"] == "run" && line["state"] == "finished");
    let names = finished.map(|line| line["server"].as_str().unwrap_or_default().to_owned());
    names.collect()
}

pub(crate) fn the_zone_gets_a_server_of_its_own(server: &Server) {
    // Two minutes and a second machine: when somebody asks for it by its name.
    if !std::env::var("CHAPTERS").is_ok_and(|only| only.contains("fleet")) {
        return;
    }
    let began = Instant::now();
    let other = Server::up("trixie");
    let with = |name: &str, edit: &dyn Fn(&mut Table)| {
        let roles = ["web", "app", "database"];
        server.site_with(name, |text| inventory(&text, &other, &roles, edit))
    };
    let two = with("two", &|_| ());
    // The new one first: names are answered there before they are no longer answered here.
    let moved = two.run(&["apply", "--yes", "--json"]).exits(0);
    assert_eq!(changed(&moved.json()), ["ns1", "app1"], "{}", moved.said());
    let running = "systemctl is-active named.service || true";
    assert_eq!(server.on(running).trim(), "inactive");
    assert_eq!(other.on(running).trim(), "active");
    let zone = other.on("cat /etc/bind/zones/*.zone");
    for (name, address) in [("ns1", other.address), ("", server.address)] {
        let record = format!("IN A {address}");
        let found = zone
            .lines()
            .any(|line| line.starts_with(name) && line.ends_with(&record));
        assert!(found, "{record} of {name:?} in\n{zone}");
    }
    let rules = "nft list chain inet foobar_stack input";
    assert!(!other.on(rules).contains("443"), "{}", other.on(rules));
    assert!(
        !server.on(rules).contains("53 accept"),
        "{}",
        server.on(rules)
    );
    two.run(&["plan", "--detailed-exitcode"])
        .exits(0)
        .says(&["server app1\nNo changes.", "server ns1\nNo changes."]);
    two.run(&["verify"])
        .exits(0)
        .says(&["server app1", "server ns1"]);

    // One client at a time.
    let hold = "exec 8<>/var/lib/foobar-stack/rollout; flock -n 8 || exit; \
                echo 'a rollout by somebody' >&8; (exec >/dev/null 2>&1; exec sleep 60) & echo $!";
    let holder = other.on(hold);
    let change = |table: &mut Table| set(table, "dns", "ttl", 600);
    with("locked", &change)
        .run(&["apply", "--yes"])
        .exits(5)
        .says(&["a rollout by somebody, on ns1"]);
    other.on(&format!("kill {holder}"));

    // What fails first ends it: the second one is not touched, and the first one is as before.
    let broken = with("broken", &|table| {
        change(table);
        set(table, "app", "command", "/bin/false");
    });
    broken
        .run(&["apply", "--yes"])
        .exits(6)
        .says(&["the rollout ends at app1; not begun: ns1"]);
    assert_eq!(other.on("cat /etc/bind/zones/*.zone"), zone);
    two.run(&["plan", "--detailed-exitcode"]).exits(0);

    // Those that serve: what is named changes before its name does.
    let both = with("both", &|table| {
        change(table);
        set(table, "web", "max_body", "3m");
    });
    let done = both.run(&["apply", "--yes", "--json"]).exits(0);
    assert_eq!(changed(&done.json()), ["app1", "ns1"], "{}", done.said());
    the_zone_is_on_both(server, &other);
    note(&format!(
        "two servers: {:.1} s",
        began.elapsed().as_secs_f64()
    ));
}

/// The zone comes back, and the server that has had it copies it.
fn the_zone_is_on_both(server: &Server, other: &Server) {
    let with = |name: &str, ttl: i64| {
        let roles = ["web", "app", "database", "dns"];
        let edit = |table: &mut Table| set(table, "dns", "ttl", ttl);
        server.site_with(name, |text| inventory(&text, other, &roles, edit))
    };
    let copied = with("copied", 600);
    let done = copied.run(&["apply", "--yes", "--json"]).exits(0);
    assert_eq!(changed(&done.json()), ["app1", "ns1"], "{}", done.said());
    copied.run(&["plan", "--detailed-exitcode"]).exits(0);
    copied.run(&["verify"]).exits(0).says(&["as ns1."]);
    let key = "cat /etc/bind/keys/*.key";
    let first = server.on(key);
    assert!(first.contains("hmac-sha256") && first == other.on(key));
    let secret = first.split('"').nth(3).unwrap_or_default();
    let traced = copied.run(&["-vv", "plan"]).exits(0).said();
    assert!(secret.len() > 40 && !traced.contains(secret), "{traced}");

    // What changes there comes here.
    let changed = with("changed", 1200);
    changed.run(&["apply", "--yes"]).exits(0);
    changed.run(&["verify"]).exits(0);

    // A key that is no longer the same: that of the server that visitors come to counts.
    other.on("sed -i 's/secret \"...../secret \"AAAAA/' /etc/bind/keys/*.key; rndc reload");
    changed.run(&["plan"]).exits(0).says(&[
        "server app1\nNo changes.",
        "it differs from that of another server",
    ]);
    changed.run(&["apply", "--yes"]).exits(0);
    assert_eq!((server.on(key), other.on(key)), (first.clone(), first));

    // The copy answers while nobody else does.
    server.on("systemctl stop named.service");
    let alone = changed.run(&["verify"]).exits(3).said();
    let mut lines = alone.lines();
    let answers = lines.any(|line| line.contains("✓ dns") && line.contains(" SOA "));
    assert!(answers, "{alone}");
    assert!(alone.contains("does not answer for the zone"), "{alone}");
    server.on("systemctl start named.service");
}
