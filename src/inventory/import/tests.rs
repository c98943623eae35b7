use super::*;
use crate::types::{SiteName, zone_records};

/// What is made of the records, behind a SOA.
fn imported(records: &str) -> Imported {
    let zone = Fqdn::new("foobar.com").unwrap();
    let text = format!("$TTL 1h\n@ SOA ns1 hostmaster 7 1 2 3 4\n{records}");
    let options = ImportOptions {
        zone: &zone,
        site: None,
        numbered: true,
        inventory: None,
    };
    import(zone_records(&text, &zone).unwrap(), options)
}

/// The lines behind the comments, those of a record in one.
fn lines(imported: &Imported) -> Vec<String> {
    let blocks = imported.text.split("\n\n").skip(1);
    let head = "[[dns.records]]\n";
    let blocks = blocks.map(|block| block.trim_end().strip_prefix(head).unwrap());
    blocks.map(|block| block.replace('\n', ", ")).collect()
}

#[test]
fn records_are_written_as_a_person_writes_them() {
    let long = "x".repeat(300);
    let found = imported(&format!(
        "@ MX 10 Mail\nmail 5m A 203.0.113.25\n@ TXT \"v=spf1 mx -all\"\n\
         k._domainkey TXT \"{}\" \"{}\"\nt TXT \"a\" \"b\"\nq TXT \"say \\\"hi\\\"\"\n\
         *.w 90 CNAME other.example.\n@ CAA 0 issue \"ca.example\"\n\
         www.foobar.com A 203.0.113.9\nsub NS ns.example.\n\
         m A 192.0.2.1\nm 60 A 192.0.2.2\nm A 192.0.2.1\n",
        "x".repeat(255),
        "x".repeat(45)
    ));
    assert_eq!(found.refused, [""; 0]);
    let wanted = [
        r#"name = "@", type = "MX", value = "10 Mail.foobar.com.""#,
        r#"name = "mail", type = "A", value = "203.0.113.25", ttl = "5m""#,
        r#"name = "@", type = "TXT", value = "v=spf1 mx -all""#,
        &format!(r#"name = "k._domainkey", type = "TXT", value = "{long}""#),
        r#"name = "t", type = "TXT", value = '"a" "b"'"#,
        r#"name = "q", type = "TXT", value = 'say "hi"'"#,
        r#"name = "*.w", type = "CNAME", value = "other.example.", ttl = "90s""#,
        r#"name = "@", type = "CAA", value = '0 issue "ca.example"'"#,
        r#"name = "www.foobar.com.foobar.com.", type = "A", value = "203.0.113.9""#,
        r#"name = "sub", type = "NS", value = "ns.example.""#,
        r#"name = "m", type = "A", value = "192.0.2.1""#,
        // Of one name and type there is one time, that of the first.
        r#"name = "m", type = "A", value = "192.0.2.2""#,
    ];
    assert_eq!(lines(&found), wanted);
    assert_eq!(found.records, wanted.len());
}

#[test]
fn what_the_stack_makes_is_a_comment() {
    let found = imported(
        "@ NS ns1\n@ NS ns.example.\n@ A 203.0.113.1\n@ AAAA 2001:db8::1\nns1 A 203.0.113.1\n\
         www CNAME @\n@ DNSKEY 257 3 13 aaaa\n@ RRSIG A 13 2 1 1 1 1 foobar.com. aaaa\n\
         www RRSIG A 13 2 1 1 1 1 foobar.com. aaaa\n@ TYPE65534 \\# 1 00\n@ CDS 1 13 2 00\n",
    );
    assert_eq!(
        (found.records, found.refused.len()),
        (0, 0),
        "{}",
        found.text
    );
    for wanted in [
        "# The zone foobar.com: 0 records.\n",
        "#   line 2: foobar.com. 3600 SOA ns1.foobar.com. hostmaster.foobar.com. 7 1 2 3 4\n",
        "#   line 4: foobar.com. 3600 NS ns.example.\n",
        "#   line 6: foobar.com. 3600 AAAA 2001:db8::1\n",
        "#   line 8: www.foobar.com. 3600 CNAME foobar.com.\n",
        ": 1 CDS, 1 DNSKEY, 2 RRSIG, 1 TYPE65534.\n",
    ] {
        assert!(found.text.contains(wanted), "{wanted}{}", found.text);
    }
    assert!(found.text.lines().all(|line| line.starts_with('#')));
}

#[test]
fn what_an_inventory_cannot_have_is_named_with_the_reason() {
    let found = imported(
        "a LOC 1 2\nb HINFO x y\nc.example. A 192.0.2.1\nd DS 1 13 2 00\ne MX one\n\
         f MX 10 g\nh CNAME i\nh TXT x\nwww TXT y\na_b A 192.0.2.1\nfine A 192.0.2.1\n",
    );
    let wanted = [
        (
            "line 3: a.foobar.com. 3600 LOC 1 2:",
            "no records of type LOC",
        ),
        (
            "line 4: b.foobar.com. 3600 HINFO \"x\" \"y\":",
            "no records of type HINFO",
        ),
        (
            "line 5: c.example. 3600 A 192.0.2.1:",
            "outside of the zone foobar.com",
        ),
        (
            "line 6: d.foobar.com. 3600 DS 1 13 2 00:",
            "no keys of other zones",
        ),
        (
            "line 7: e.foobar.com. 3600 MX one:",
            "`one` is not a number up to 65535",
        ),
        (
            "line 8: f.foobar.com. 3600 MX 10 g.foobar.com.:",
            "which has no address",
        ),
        (
            "line 10: h.foobar.com. 3600 TXT \"x\":",
            "is a CNAME and can have no other record",
        ),
        (
            "line 11: www.foobar.com. 3600 TXT \"y\":",
            "is a CNAME and can have no other record",
        ),
        (
            "line 12: a_b.foobar.com. 3600 A 192.0.2.1:",
            "`_` is not allowed",
        ),
    ];
    let mut told = found.refused.clone();
    told.sort_by_key(|line| line[5..line.find(':').unwrap()].parse::<u32>().unwrap());
    assert_eq!(told.len(), wanted.len(), "{told:#?}");
    for (line, (place, why)) in told.iter().zip(wanted) {
        assert!(
            line.starts_with(place) && line.contains(why),
            "{line} / {why}"
        );
        assert!(found.text.contains(&format!("#   {line}\n")), "{line}");
    }
    let left = lines(&found);
    assert_eq!(
        left,
        [
            r#"name = "h", type = "CNAME", value = "i.foobar.com.""#,
            r#"name = "fine", type = "A", value = "192.0.2.1""#,
        ]
    );
}

#[test]
fn the_records_of_a_site_among_several_stand_below_its_name() {
    let zone = Fqdn::new("foobar.com").unwrap();
    let records = zone_records("a 60 A 192.0.2.1\n", &zone).unwrap();
    let site = SiteName::new("shop").unwrap();
    let options = ImportOptions {
        zone: &zone,
        site: Some(&site),
        numbered: false,
        inventory: None,
    };
    let found = import(records, options).text;
    assert!(
        found.contains("\n[[sites.shop.dns.records]]\nname = \"a\"\n"),
        "{found}"
    );
}

#[test]
fn a_zone_that_no_site_has_stands_beside_those() {
    let text = "[server]\nipv4 = \"203.0.113.10\"\n[site]\ndomain = \"foobar.com\"\n\
                aliases = [\"www.foobar.net\"]\n[app]\nenabled = false\n";
    let text = format!("{text}[backup]\nenabled = false\n");
    let inventory = parse(&Source::new("inventory.toml", text.clone())).unwrap();
    let zone = Fqdn::new("foobar.net").unwrap();
    let old = "$TTL 1h\n@ SOA ns1 hostmaster 7 1 2 3 4\n@ NS ns.example.\n@ A 192.0.2.1\n\
               www CNAME @\nmail A 192.0.2.2\n@ MX 10 mail\nx LOC 1\n";
    let options = |site| ImportOptions {
        zone: &zone,
        site,
        numbered: true,
        inventory: Some(&inventory.inventory),
    };
    let found = import(zone_records(old, &zone).unwrap(), options(None));
    let (_, lines) = found.text.split_once("\n\n").unwrap();
    assert_eq!(
        lines,
        "[[dns.zones]]\nname = \"foobar.net\"\n\n\
         [[dns.zones.records]]\nname = \"@\"\ntype = \"A\"\nvalue = \"192.0.2.1\"\n\n\
         [[dns.zones.records]]\nname = \"mail\"\ntype = \"A\"\nvalue = \"192.0.2.2\"\n\n\
         [[dns.zones.records]]\nname = \"@\"\ntype = \"MX\"\nvalue = \"10 mail.foobar.net.\"\n"
    );
    // The alias of the site leads to this server from now on.
    assert!(
        found
            .text
            .contains("#   line 5: www.foobar.net. 3600 CNAME ")
    );
    assert_eq!(found.refused.len(), 1, "{:?}", found.refused);
    let all = Source::new("inventory.toml", format!("{text}{lines}"));
    let zones = &parse(&all).unwrap().inventory.sites;
    let zones = &zones.values().next().unwrap().dns.zones;
    assert_eq!(zones[0].zone, zone);
    // A site that is to come has it.
    let new = SiteName::new("new").unwrap();
    let found = import(zone_records(old, &zone).unwrap(), options(Some(&new)));
    assert!(found.text.contains("\n[[sites.new.dns.records]]\n"));
}
