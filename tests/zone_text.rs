//! Generated records in BIND's eyes: the zone that is made of an inventory is loaded, and says
//! what the same records say as they were written.
//!
//! Where `named-checkzone` is missing (package bind9-utils) this is left out, and a line says so.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use proptest::prelude::*;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const HEAD: &str = "[server]\nipv4 = \"203.0.113.10\"\n[site]\ndomain = \"foobar.com\"\n\
                    [app]\nenabled = false\n[database]\nenabled = false\n";

/// What the file of a zone begins with. The records of interest are at names like `r0`.
const ZONE: &str = "$TTL 3600\n@ IN SOA ns1 hostmaster 1 86400 7200 3600000 300\n\
                    @ IN NS ns1\nns1 IN A 203.0.113.10\n";

/// The type and the data of a record, as a person writes it and as BIND reads it.
fn record() -> impl Strategy<Value = (&'static str, String)> {
    let name = "([a-z0-9]{1,9}\\.){1,3}example\\.";
    let text = "\"([ !#-\\[\\]-~]|\\\\\"|\\\\\\\\|\\\\[01][0-9][0-9]){0,40}\"";
    let digest = "[0-9a-fA-F]{64}";
    prop_oneof![
        any::<[u8; 4]>().prop_map(|[a, b, c, d]| ("A", format!("{a}.{b}.{c}.{d}"))),
        any::<u128>().prop_map(|bits| ("AAAA", std::net::Ipv6Addr::from(bits).to_string())),
        name.prop_map(|name| ("CNAME", name)),
        name.prop_map(|name| ("PTR", name)),
        (any::<u16>(), name).prop_map(|(number, name)| ("MX", format!("{number} {name}"))),
        prop::collection::vec(text, 1..4).prop_map(|all| ("TXT", all.join(" "))),
        (any::<[u16; 3]>(), name).prop_map(|([a, b, c], name)| ("SRV", format!("{a} {b} {c} {name}"))),
        (any::<u8>(), "[a-zA-Z]{1,9}", text).prop_map(|(flags, tag, text)| ("CAA", format!("{flags} {tag} {text}"))),
        (0_u8..2, digest).prop_map(|(selector, hex)| ("TLSA", format!("3 {selector} 1 {hex}"))),
        (1_u8..5, digest).prop_map(|(algorithm, hex)| ("SSHFP", format!("{algorithm} 2 {hex}"))),
        (any::<[u16; 2]>(), "[A-Za-z]?", "[A-Z0-9+:]{0,9}", name)
            .prop_map(|([a, b], flags, service, name)| ("NAPTR", format!("{a} {b} \"{flags}\" \"{service}\" \"\" {name}"))),
        (any::<u16>(), "[a-z@:]{1,9}").prop_map(|(a, to)| ("NAPTR", format!("{a} 1 \"u\" \"E2U+sip\" \"!^.*$!sip:{to}!i\" ."))),
        (1_u16.., name, any::<u16>(), any::<[u8; 4]>(), "[a-zA-Z0-9-]{1,9}").prop_map(
            |(priority, name, port, [a, b, c, d], protocol)| {
                let all = format!("port={port} alpn=\"{protocol},h2\" ipv4hint={a}.{b}.{c}.{d},1.2.3.4 key65400=\"{protocol}\"");
                ("HTTPS", format!("{priority} {name} {all}"))
            }
        ),
        (1_u16.., any::<u128>()).prop_map(|(priority, bits)| {
            let hint = std::net::Ipv6Addr::from(bits);
            ("SVCB", format!("{priority} . mandatory=ipv6hint ipv6hint={hint}"))
        }),
        name.prop_map(|name| ("HTTPS", format!("0 {name}"))),
    ]
}

fn named_checkzone() -> Command {
    Command::new("named-checkzone")
}

/// What BIND reads in a zone file, of the records at names like `r0`.
fn in_binds_eyes(file: &Path) -> Vec<String> {
    let mut command = named_checkzone();
    // Names outside of the zone are not looked for.
    command.args(["-i", "local", "-D", "-o", "-", "foobar.com"]);
    let output = command.arg(file).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let zone = std::fs::read_to_string(file).unwrap();
    assert!(output.status.success(), "{said}{text}{zone}");
    let ours = |line: &&str| line.starts_with('r') || line.starts_with("_443");
    let mut lines: Vec<String> = text.lines().filter(ours).map(str::to_owned).collect();
    lines.sort();
    lines
}

fn holds(records: &[(&'static str, String)]) {
    let folder = tempfile::tempdir().unwrap();
    let (mut inventory, mut zone) = (HEAD.to_owned(), ZONE.to_owned());
    for (at, (kind, value)) in records.iter().enumerate() {
        let name = match *kind {
            "TLSA" => format!("_443._tcp.r{at}"),
            _ => format!("r{at}"),
        };
        writeln!(zone, "{name} {kind} {value}").unwrap();
        write!(
            inventory,
            "[[dns.records]]\nname = \"{name}\"\ntype = \"{kind}\"\nvalue = '''{value}'''\n"
        )
        .unwrap();
    }
    let [written, described] =
        ["written.zone", "inventory.toml"].map(|name| folder.path().join(name));
    std::fs::write(&written, zone).unwrap();
    std::fs::write(&described, &inventory).unwrap();
    let made = folder.path().join("made");
    let wanted = in_binds_eyes(&written);
    assert!(wanted.len() >= records.len(), "{wanted:?}");
    assert_eq!(in_binds_eyes(&rendered(&described, &made)), wanted);
    // And back: what is imported of the file makes the same zone.
    let mut import = Command::new(env!("CARGO_BIN_EXE_foobar-stack"));
    import.args(["import", "--zone", "foobar.com"]);
    let output = import.arg(&written).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{lines}");
    let [imported, made] = ["imported.toml", "again"].map(|name| folder.path().join(name));
    std::fs::write(&imported, format!("{HEAD}{lines}")).unwrap();
    assert_eq!(in_binds_eyes(&rendered(&imported, &made)), wanted);
}

/// The zone file that the inventory makes.
fn rendered(inventory: &Path, made: &Path) -> PathBuf {
    let mut render = Command::new(env!("CARGO_BIN_EXE_foobar-stack"));
    render.args(["render", "--os", "debian-13", "-i"]);
    let output = render.arg(inventory).arg(made).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let text = std::fs::read_to_string(inventory).unwrap();
    assert!(output.status.success(), "{said}{text}");
    made.join("etc/bind/zones/foobar.com.zone")
}

#[test]
fn bind_reads_the_records_that_were_written() {
    let mut asked = named_checkzone();
    asked.arg("-v").stdout(Stdio::null()).stderr(Stdio::null());
    if asked.status().is_err() {
        eprintln!("left out: there is no named-checkzone");
        return;
    }
    let config = ProptestConfig {
        cases: 12,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let records = prop::collection::vec(record(), 10..60);
    proptest!(config, |(records in records)| holds(&records));
}
