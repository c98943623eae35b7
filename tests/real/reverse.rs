//! Zones that no site has. The names of addresses: each network's zone is answered, has a serial of
//! its own, can be taken to another inventory as it is, and goes when it is left out. A domain
//! without a site leads to one, is signed, and does not go while others count on its keys.

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
    a_domain_without_a_site_is_signed_and_stays_while_its_keys_count(server);
}

const PARKED: &str = "parked.example";
const KEY: &str = "Kparked.example.+013+";

/// The site with a domain that leads to it, and with a network; both are signed like this.
fn parked(server: &Server, name: &str, dnssec: &str) -> Site {
    server.site_with(name, |text| {
        let aliases = "aliases = [\"www.foobar.com\", \"parked.example\", \"www.parked.example\"]";
        let text = text.replacen("[site]\n", &format!("[site]\n{aliases}\n"), 1);
        let signed = format!("\ndnssec = {dnssec}\n\n[dns.reverse.names]");
        let network = NETWORK.replace("\n\n[dns.reverse.names]", &signed);
        format!(
            "{text}\n[[dns.zones]]\nname = \"{PARKED}\"\ndnssec = {dnssec}\nmail = false\n{network}"
        )
    })
}

fn a_domain_without_a_site_is_signed_and_stays_while_its_keys_count(server: &Server) {
    let site = parked(server, "parked", "true");
    site.run(&["apply", "--yes"]).exits(0).says(&[
        "for the registrar: parked.example. IN DS ",
        "for the registrar: 113.0.203.in-addr.arpa. IN DS ",
        "parked.example MX",
    ]);
    site.run(&["plan"]).exits(0).says(&["No changes."]);
    let address = server.address.to_string();
    assert_eq!(answer(server, &format!("{PARKED} A")), address);
    assert_eq!(answer(server, &format!("www.{PARKED} A")), address);
    assert_eq!(answer(server, &format!("{PARKED} MX")), "0 .");
    for zone in [PARKED, ZONE] {
        let signed = answer(server, &format!("{zone} SOA +dnssec"));
        assert_eq!(signed.lines().count(), 2, "{signed}");
    }
    let status = site.run(&["status"]).exits(0);
    status.says(&["parked.example. IN DS "]);
    site.write(
        "zone",
        &server.on(&format!("cat /etc/bind/zones/{PARKED}.zone")),
    );
    let file = site.folder.join("zone");
    let file = file.to_str().unwrap_or_default();
    let lines = ["[[dns.zones]]\nname = \"parked.example\"\n"];
    let imported = site.run(&["import", "--zone", PARKED, file]).exits(0);
    let imported = imported.says(&lines).out;
    // What the alias of the site leads to is made.
    assert_eq!(imported.matches("[[dns.zones.records]]").count(), 3);

    // As long as others may count on its keys, it goes with nothing: neither when its lines are
    // deleted, nor when this server is to answer for no zone any more.
    let gone = format!("the zone {PARKED} is signed, and its keys are in use: {KEY}");
    let network = format!("the zone {ZONE} is signed, and its keys are in use: K{ZONE}.+013+");
    let refused = [
        "this must not be done:",
        &gone,
        &network,
        "rndc dnssec -checkds",
    ];
    let none = server.site_with("silent", |text| {
        text.replace("[dns]\n", "[dns]\nenabled = false\n")
    });
    for site in [&server.site, &none] {
        site.run(&["plan"]).exits(1).says(&refused);
    }
    let insecure = parked(server, "insecure", "\"insecure\"");
    let leaving = "kept → taken back by BIND, in the safe order";
    insecure.run(&["plan"]).exits(0).says(&[leaving]);
    // Whoever knows that nobody does says so.
    server.on(&format!(
        "rm /var/lib/foobar-stack/keys/{PARKED}.zone /var/lib/foobar-stack/keys/{ZONE}.zone"
    ));
    server.run(&["apply", "--yes"]).exits(0);
    assert_eq!(server.on("ls /etc/bind/zones").trim(), "foobar.com.zone");
    // The keys are data, and stay.
    server.on(&format!(
        "rm /var/lib/bind/signed/{KEY}* /var/lib/bind/signed/K{ZONE}.*"
    ));
}
