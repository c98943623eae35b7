//! The names of addresses: each network's zone is answered, has a serial of its own, can be taken
//! to another inventory as it is, and goes when it is left out.

use crate::server::{Server, Site};
use std::path::Path;

const ZONE: &str = "113.0.203.in-addr.arpa";
const PART: &str = "64-127.100.51.198.in-addr.arpa";
const SIX: &str = "0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";

const OTHERS: &str = "[[dns.reverse]]\nnetwork = \"198.51.100.64/26\"\n\
    zone = \"64-127.100.51.198.in-addr.arpa\"\nnames = { \"198.51.100.70\" = \"a.example.net\" }\n\
    [[dns.reverse]]\nnetwork = \"2001:db8::/48\"\nnames = { \"2001:db8::10\" = \"a.example.net\" }\n";

/// As `import` writes a network, too.
const NETWORK: &str = "[[dns.reverse]]\nnetwork = \"203.0.113.0/24\"\n\n[dns.reverse.names]\n\
    \"203.0.113.10\" = \"mail.example.net\"\n\"203.0.113.25\" = \"mx.example.net\"\n";

/// The site with this at the end of its inventory.
fn with(server: &Server, name: &str, more: &str) -> Site {
    server.site_with(name, |text| format!("{text}\n{more}"))
}

/// What the server answers, without the class and the time to live.
fn answer(server: &Server, question: &str) -> String {
    let address = server.address;
    let said = server.on(&format!("dig @{address} {question} +short +norecurse"));
    said.trim().to_owned()
}

fn serial(server: &Server, zone: &str) -> u32 {
    let soa = answer(server, &format!("{zone} SOA"));
    let serial = soa.split(' ').nth(2).and_then(|word| word.parse().ok());
    serial.unwrap_or_else(|| panic!("{zone}: {soa:?}"))
}

pub(crate) fn addresses_have_names(server: &Server) {
    server.on(
        "command -v dig >/dev/null || { apt-get update -qq >/dev/null && \
         DEBIAN_FRONTEND=noninteractive apt-get install -y -qq bind9-dnsutils >/dev/null 2>&1; }",
    );
    let site = with(server, "reverse", &format!("{OTHERS}{NETWORK}"));
    let found = ["10.113.0.203.in-addr.arpa PTR", "mail.example.net."];
    site.run(&["apply", "--yes"]).exits(0).says(&found);
    site.run(&["plan"]).exits(0).says(&["No changes."]);
    assert_eq!(answer(server, "-x 203.0.113.25"), "mx.example.net.");
    assert_eq!(answer(server, "-x 203.0.113.26"), "");
    assert_eq!(answer(server, &format!("70.{PART} PTR")), "a.example.net.");
    assert_eq!(answer(server, "-x 2001:db8::10"), "a.example.net.");

    // Another name raises the serial of its zone, and no other one's.
    let before = [ZONE, PART, SIX, "foobar.com"].map(|zone| serial(server, zone));
    let renamed = NETWORK.replace("mx.example.net", "MX2.example.net");
    let site = with(server, "renamed", &format!("{OTHERS}{renamed}"));
    let plan = site.run(&["plan", "--json"]).exits(0);
    let changed: Vec<String> = plan.changes().into_iter().map(|change| change.id).collect();
    assert_eq!(changed, [&format!("zone:{ZONE}"), "service:named.service"]);
    site.run(&["apply", "--yes"]).exits(0);
    assert_eq!(answer(server, "-x 203.0.113.25"), "mx2.example.net.");
    let after = [ZONE, PART, SIX, "foobar.com"].map(|zone| serial(server, zone));
    assert_eq!(after, [before[0] + 1, before[1], before[2], before[3]]);

    // Whoever may copy it takes it to another inventory; so does whoever has its file.
    let copies = format!(
        "{OTHERS}{NETWORK}[[dns.secondaries]]\nname = \"ns2.example.net\"\naddress = \"{}\"\n",
        server.gateway()
    );
    let site = with(server, "copied", &copies);
    site.run(&["apply", "--yes"])
        .exits(3)
        .says(&["name servers of 113.0.203.in-addr.arpa"]);
    site.write(
        "zone",
        &server.on(&format!("cat /etc/bind/zones/{ZONE}.zone")),
    );
    let file = site.folder.join("zone");
    let address = server.address.to_string();
    let mut ways = vec![vec![file.to_str().unwrap_or_default()]];
    // `dig` is wanted on this machine for that.
    if Path::new("/usr/bin/dig").exists() {
        ways.push(vec!["--from", &address]);
    }
    for way in ways {
        let import = [&["import", "--zone", ZONE][..], &way].concat();
        let imported = site.run(&import).exits(0);
        assert!(
            imported.out.ends_with(&format!("\n\n{NETWORK}")),
            "{}",
            imported.said()
        );
    }

    // What is left out goes, and is answered no more.
    let site = with(server, "one", NETWORK);
    site.run(&["apply", "--yes"]).exits(0);
    assert_eq!(answer(server, "-x 203.0.113.25"), "mx.example.net.");
    let refused = server.on(&format!("dig @{} {SIX} SOA +norecurse", server.address));
    assert!(refused.contains("status: REFUSED"), "{refused}");
    server.run(&["apply", "--yes"]).exits(0);
    assert_eq!(server.on("ls /etc/bind/zones").trim(), "foobar.com.zone");
    // One that comes back has a later serial than anybody has seen.
    site.run(&["apply", "--yes"]).exits(0);
    assert!(serial(server, ZONE) > after[0]);
}
