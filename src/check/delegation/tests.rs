//! What servers above a zone say, and what that comes to.

use super::super::dns::Transport;
use super::*;
use hickory_proto::op::OpCode;
use hickory_proto::rr::Record;
use hickory_proto::rr::rdata::{A, AAAA, NS, NULL};

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

/// `owner TYPE value`, of types NS, A, AAAA and, in hexadecimal, DS, DNSKEY and CDS.
fn record(line: &str) -> Record {
    let words: Vec<&str> = line.split(' ').collect();
    let bytes = |code| RData::Unknown {
        code,
        rdata: NULL::with(
            (0..words[2].len() / 2)
                .map(|at| u8::from_str_radix(&words[2][2 * at..2 * at + 2], 16).unwrap())
                .collect(),
        ),
    };
    let data = match words[1] {
        "NS" => RData::NS(NS(name(words[2]))),
        "A" => RData::A(A(words[2].parse().unwrap())),
        "AAAA" => RData::AAAA(AAAA(words[2].parse().unwrap())),
        "DS" => bytes(RecordType::DS),
        "DNSKEY" => bytes(RecordType::DNSKEY),
        "CDS" => bytes(RecordType::CDS),
        other => panic!("{other}"),
    };
    Record::from_rdata(name(words[0]), 60, data)
}

fn reply(answers: &[&str], authorities: &[&str], additionals: &[&str]) -> Message {
    let mut message = Message::response(7, OpCode::Query);
    message
        .answers
        .extend(answers.iter().map(|line| record(line)));
    message
        .authorities
        .extend(authorities.iter().map(|line| record(line)));
    message
        .additionals
        .extend(additionals.iter().map(|line| record(line)));
    message
}

#[test]
fn each_reply_leads_on_or_ends_the_way() {
    let zone = Fqdn::new("foobar.com").unwrap();
    let step = |message: &Message, at: &str| step(message, &zone, &name(at));
    let com = reply(
        &[],
        &["com. NS A.gtld.net.", "com. NS b.gtld.net."],
        &["a.gtld.net. A 192.0.2.1"],
    );
    let servers = vec![
        (name("a.gtld.net."), vec!["192.0.2.1".parse().unwrap()]),
        (name("b.gtld.net."), vec![]),
    ];
    assert_eq!(step(&com, "."), Step::Down(name("com."), servers));
    assert_eq!(
        step(&com, "com."),
        Step::Failed("it leads back up".to_owned())
    );
    let other = reply(&[], &["net. NS a.gtld.net."], &[]);
    assert_eq!(
        step(&other, "."),
        Step::Failed("it leads back up".to_owned())
    );
    let own = reply(&[], &["Foobar.com. NS ns1.foobar.com."], &[]);
    assert_eq!(step(&own, "com."), Step::Delegated);
    assert_eq!(step(&own, "."), Step::Delegated);
    assert_eq!(step(&reply(&[], &[], &[]), "com."), Step::Nowhere);
    let there = reply(&["foobar.com. NS ns1.foobar.com."], &[], &[]);
    assert_eq!(step(&there, "com."), Step::There);
    let mut refused = com;
    refused.metadata.response_code = ResponseCode::Refused;
    assert!(matches!(step(&refused, "."), Step::Failed(_)));
    refused.metadata.response_code = ResponseCode::NXDomain;
    assert_eq!(step(&refused, "."), Step::Nowhere);
}

/// The data of a DNSKEY record of foobar.com, and of the DS record that names it (RFC 4034 section
/// 5.1.4), as another program computes it.
const KEY: &str = "0101030d000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f";
const DS: &str = "e8110d02acafe92890e784ef677c54ac5e004108cff4d6c24f9587f7700d060031d96a97";

/// What is told of replies: the authority and additional section of one about the name servers,
/// and the answer of one about DS records.
fn told(signed: bool, above: &[(&[&str], &[&str], &[&str])]) -> String {
    told_of(signed, &[&format!("foobar.com. DNSKEY {KEY}")], &[], above)
}

/// The same of a zone with these keys and CDS records.
fn told_of(
    signed: bool,
    keys: &[&str],
    entries: &[&str],
    above: &[(&[&str], &[&str], &[&str])],
) -> String {
    let check = Delegation {
        zone: Fqdn::new("foobar.com").unwrap(),
        servers: vec![
            Named {
                name: Fqdn::new("ns1.foobar.com").unwrap(),
                addresses: vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()],
            },
            Named {
                name: Fqdn::new("ns2.example.net").unwrap(),
                addresses: Vec::new(),
            },
        ],
        signed,
        roots: Vec::new(),
    };
    let said = above
        .iter()
        .zip(1..)
        .map(|((servers, glue, ds), number)| Above {
            name: name(&format!("{number}.gtld.net.")),
            address: format!("192.0.2.{number}").parse().unwrap(),
            servers: Ok(reply(&[], servers, glue)),
            ds: Ok(reply(ds, &[], &[])),
        });
    let heard = |lines: &[&str]| Heard {
        address: "192.0.2.1".parse().unwrap(),
        transport: Transport::Udp,
        reply: Ok(reply(lines, &[], &[])),
    };
    let followed = Followed {
        parent: name("com."),
        said: Ok(said.collect()),
        keys: vec![heard(keys)],
        entries: vec![heard(entries)],
    };
    match check.judge(&followed) {
        Judgement::Sound(text) => format!("sound: {text}"),
        Judgement::Awaited(text) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_registrar_must_be_given_is_told_word_for_word() {
    let servers = &[
        "foobar.com. NS ns1.foobar.com.",
        "foobar.com. NS NS2.example.net.",
    ][..];
    let one = &[
        "foobar.com. NS ns1.foobar.com.",
        "foobar.com. NS old.example.org.",
    ][..];
    let glue = &["ns1.foobar.com. A 192.0.2.1"][..];
    let old = &[
        "ns1.foobar.com. A 192.0.2.9",
        "old.example.org. A 192.0.2.8",
    ][..];
    let ds = format!("foobar.com. DS {DS}");
    let ds = &[ds.as_str()][..];
    let foreign = &["foobar.com. DS 0001080100"][..];
    let six = "1.gtld.net (192.0.2.1) of com:\nmissing, to be given to the registrar:\n  \
               ns1.foobar.com. IN AAAA 2001:db8::1";
    assert_eq!(told(false, &[(servers, glue, &[])]), six);
    assert_eq!(told(true, &[(servers, glue, ds)]), six);
    assert_eq!(
        told(true, &[(&[], &[], &[])]),
        "1.gtld.net (192.0.2.1) of com:\nmissing, to be given to the registrar:\n  \
         foobar.com. IN NS ns1.foobar.com.\n  foobar.com. IN NS ns2.example.net.\n  \
         ns1.foobar.com. IN A 192.0.2.1\n  ns1.foobar.com. IN AAAA 2001:db8::1\n  foobar.com. IN DS 59409 13 2 ACAFE92890E784EF677C54AC5E004108CFF4D6C24F9587F7700D060031D96A97"
    );
    assert_eq!(
        told(false, &[(one, old, foreign), (one, old, foreign)]),
        "1.gtld.net (192.0.2.1), 2.gtld.net (192.0.2.2) of com:\nmissing, to be given to the registrar:\n  \
         foobar.com. IN NS ns2.example.net.\n  ns1.foobar.com. IN A 192.0.2.1\n  \
         ns1.foobar.com. IN AAAA 2001:db8::1\nwrong, to be taken out there:\n  \
         foobar.com. IN NS old.example.org.\n  ns1.foobar.com. IN A 192.0.2.9\n  \
         foobar.com. IN DS 1 8 1 00"
    );
    // One that is no longer signed is signed for those who have the record.
    let said = told(false, &[(servers, glue, ds)]);
    assert!(said.ends_with("wrong, to be taken out there:\n  foobar.com. IN DS 59409 13 2 ACAFE92890E784EF677C54AC5E004108CFF4D6C24F9587F7700D060031D96A97"), "{said}");
}

#[test]
fn a_new_key_is_wanted_of_the_registrar_when_the_zone_names_it() {
    let servers = &[
        "foobar.com. NS ns1.foobar.com.",
        "foobar.com. NS ns2.example.net.",
    ][..];
    let glue = &[
        "ns1.foobar.com. A 192.0.2.1",
        "ns1.foobar.com. AAAA 2001:db8::1",
    ][..];
    let (old, new) = (
        format!("foobar.com. DNSKEY {KEY}"),
        "foobar.com. DNSKEY 0101030d01",
    );
    let keys = &[old.as_str(), new][..];
    let parent = format!("foobar.com. DS {DS}");
    let ds = [parent.as_str()];
    let above = &[(servers, glue, &ds[..])][..];
    let cds_of_old = format!("foobar.com. CDS {DS}");
    let said = told_of(true, keys, &[&cds_of_old], above);
    assert_eq!(
        said,
        "sound: com names ns1.foobar.com, ns2.example.net, and its key; a key rollover is under \
         way (`status` says the next step): no DS record is for the key 1294"
    );
    // The parent still names the old one.
    let said = told_of(true, keys, &["foobar.com. CDS 050e0d0200"], above);
    let (missing, wrong) = said.split_once("wrong, to be taken out there:").unwrap();
    assert!(
        missing.contains("missing, to be given to the registrar:\n  foobar.com. IN DS 1294 13 2 "),
        "{said}"
    );
    assert!(
        wrong.starts_with("\n  foobar.com. IN DS 59409 13 2 "),
        "{said}"
    );
}
