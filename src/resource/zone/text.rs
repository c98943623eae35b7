//! Zone files as text: written in one fixed form, and read back whatever their form.

use crate::resource::EntryError;
use crate::types::{
    Fqdn, RecordData, RecordName, WireName, compare_serials, record_type, words, zone_records,
};
use serde::Deserialize;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::ops::Range;

/// One record, as the inventory has it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ZoneRecord {
    name: RecordName,
    #[serde(rename = "type")]
    kind: String,
    value: String,
    ttl: u32,
}

/// A zone without its serial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ZoneText {
    pub(super) domain: Fqdn,
    pub(super) primary: Fqdn,
    pub(super) contact: String,
    pub(super) ttl: u32,
    pub(super) records: Vec<ZoneRecord>,
}

/// What a zone file says: the serial, and everything else with the serial taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ZoneContent {
    pub(super) serial: u32,
    pub(super) records: BTreeSet<(WireName, u32, RecordData)>,
}

/// Timers of the SOA record, in seconds: refresh, retry, expire and the negative answers'
/// time to live, within the ranges of RIPE-203 and RFC 2308.
const REFRESH: u32 = 86_400;
const RETRY: u32 = 7_200;
const EXPIRE: u32 = 3_600_000;
const NEGATIVE: u32 = 300;

/// What the first line of a zone file of ours says.
const MARK: &str = "written by foobar-stack from the inventory.";

impl ZoneText {
    /// The zone file with this serial.
    pub(super) fn render(&self, serial: u32) -> String {
        let Self {
            domain,
            primary,
            ttl,
            ..
        } = self;
        let contact = rname(&self.contact);
        let mut text = format!(
            "; The zone {domain}, {MARK} Changes made here are lost.\n\
             $ORIGIN {domain}.\n\
             $TTL {ttl}\n\
             {domain}. {ttl} IN SOA {primary}. {contact} {serial} {REFRESH} {RETRY} {EXPIRE} {NEGATIVE}\n"
        );
        for ZoneRecord {
            name,
            kind,
            value,
            ttl,
        } in &self.records
        {
            text.push_str(&format!("{name}. {ttl} IN {kind} {value}\n"));
        }
        text
    }

    /// Checks that the zone can be written at all.
    pub(super) fn check(&self) -> Result<(), EntryError> {
        for record in &self.records {
            let line = format!("{} {}", record.kind, record.value);
            if line.chars().any(char::is_control) {
                let why = "a record has a control character";
                return Err(EntryError::field("records", why));
            }
            // A comment or a parenthesis would reach into what follows.
            let origin = WireName::from(&self.domain);
            let data = record_type(&record.kind)
                .and_then(|kind| RecordData::from_words(kind, &words(&record.value)?, &origin));
            if let Err(why) = data {
                let why = format!("`{line}` is not a record: {why}");
                return Err(EntryError::field("records", why));
            }
        }
        read(&self.render(1), &self.domain)
            .map(|_| ())
            .map_err(|why| EntryError::field("records", format!("the zone does not parse: {why}")))
    }
}

/// Whether the first line of a zone file says that it is ours.
pub(super) fn is_marked(line: &str) -> bool {
    line.starts_with(';') && line.contains(MARK)
}

/// Reads a zone file: what is answered from it, byte by byte, letter case included.
///
/// `$INCLUDE` and `$GENERATE` are refused: what they stand for is elsewhere.
pub(super) fn read(text: &str, domain: &Fqdn) -> Result<ZoneContent, String> {
    let mut serial = None;
    let mut records = BTreeSet::new();
    for record in zone_records(text, domain).map_err(|error| error.to_string())? {
        let mut data = record.data.map_err(|error| error.to_string())?;
        if let Some((found, same)) = data.without_serial() {
            serial = Some(found);
            data = same;
        }
        records.insert((record.owner, record.ttl, data));
    }
    let serial = serial.ok_or("it has no SOA record")?;
    Ok(ZoneContent { serial, records })
}

/// The text with another serial, as far as it has one.
pub(super) fn with_serial(text: &str, serial: u32) -> Option<String> {
    let place = serial_place(text)?;
    Some(format!(
        "{}{serial}{}",
        &text[..place.start],
        &text[place.end..]
    ))
}

/// The serial of a zone file that may not be readable as a whole, so that even then the next
/// one is newer: the third word after `SOA`.
pub(super) fn find_serial(text: &str) -> Option<u32> {
    text[serial_place(text)?].parse().ok()
}

/// Where in the text the serial stands.
fn serial_place(text: &str) -> Option<Range<usize>> {
    let mut words = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let code = line.split(';').next().unwrap_or_default();
        let separator = |c: char| c.is_whitespace() || "()".contains(c);
        let mut begin = 0;
        for part in code.split(separator) {
            if !part.is_empty() {
                words.push(at + begin..at + begin + part.len());
            }
            // Each separator is one byte, or what follows is out of place: then it is no number.
            begin += part.len() + 1;
        }
        at += line.len();
    }
    let is_soa = |place: &Range<usize>| text[place.clone()].eq_ignore_ascii_case("SOA");
    let place = words.iter().position(is_soa)? + 3;
    words.get(place).cloned()
}

fn is_newer(one: u32, other: u32) -> bool {
    compare_serials(one, other) == Some(Ordering::Greater)
}

/// The newer of two serials, in the sense of RFC 1982.
pub(super) fn newer(one: Option<u32>, other: Option<u32>) -> Option<u32> {
    match (one, other) {
        (Some(one), Some(other)) if is_newer(other, one) => Some(other),
        (None, other) => other,
        (one, _) => one,
    }
}

/// The serial that follows `before`: that of the date (`YYYYMMDD`) if it is newer in the sense
/// of RFC 1982, else the next number. Zero is left out, which some servers take for "none".
pub(super) fn next_serial(before: Option<u32>, date: &str) -> u32 {
    let today = date
        .parse::<u32>()
        .unwrap_or(0)
        .wrapping_mul(100)
        .wrapping_add(1);
    match before {
        None => today.max(1),
        Some(before) if is_newer(today, before) => today,
        Some(before) => before.wrapping_add(1).max(1),
    }
}

/// A mail address as a name: RFC 1035, section 8: dots before the `@` are escaped.
fn rname(contact: &str) -> String {
    let (local, domain) = contact.split_once('@').unwrap_or(("hostmaster", contact));
    format!("{}.{domain}.", local.replace('.', "\\."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(name: &str, kind: &str, value: &str) -> ZoneRecord {
        ZoneRecord {
            name: RecordName::new(name).unwrap(),
            kind: kind.into(),
            value: value.into(),
            ttl: 3600,
        }
    }

    pub(super) fn zone() -> ZoneText {
        ZoneText {
            domain: Fqdn::new("foobar.com").unwrap(),
            primary: Fqdn::new("ns1.foobar.com").unwrap(),
            contact: "host.master@foobar.com".into(),
            ttl: 3600,
            records: vec![
                record("foobar.com", "NS", "ns1.foobar.com."),
                record("foobar.com", "A", "8.8.8.8"),
                record("ns1.foobar.com", "A", "8.8.8.8"),
                record("www.foobar.com", "CNAME", "foobar.com."),
                record("foobar.com", "TXT", "\"v=spf1 -all; x\""),
            ],
        }
    }

    #[test]
    fn what_is_written_reads_back_whatever_the_serial() {
        let zone = zone();
        zone.check().unwrap();
        let one = read(&zone.render(5), &zone.domain).unwrap();
        let other = read(&zone.render(6), &zone.domain).unwrap();
        assert_eq!((one.serial, other.serial), (5, 6));
        assert_eq!(one.records, other.records);
        assert_eq!(one.records.len(), 6);
    }

    #[test]
    fn form_does_not_matter_and_content_does() {
        let zone = zone();
        let text = zone.render(5);
        let short = text.replace(
            "www.foobar.com. 3600 IN CNAME foobar.com.",
            "www 1h IN CNAME @ ; by hand",
        );
        assert_eq!(
            read(&short, &zone.domain).unwrap().records,
            read(&text, &zone.domain).unwrap().records
        );
        let other = text.replace("A 8.8.8.8", "A 9.9.9.9");
        assert_ne!(
            read(&other, &zone.domain).unwrap().records,
            read(&text, &zone.domain).unwrap().records
        );
        assert!(read("$INCLUDE /etc/passwd\n", &zone.domain).is_err());
    }

    #[test]
    fn what_is_answered_differently_is_different() {
        let zone = zone();
        let text = zone.render(5);
        let records = |text: &str| read(text, &zone.domain).unwrap().records;
        // BIND answers names and texts in the letter case of its file.
        for (from, to) in [
            ("spf1 -all", "spf1 -ALL"),
            ("\"v=spf1 -all; x\"", "\"v=spf1 -all\" \"; x\""),
            ("CNAME foobar", "CNAME FooBar"),
            ("www.foobar.com. 3600", "WWW.foobar.com. 3600"),
            ("www.foobar.com. 3600", "www.foobar.com. 3601"),
            ("300\n", "301\n"),
        ] {
            assert_ne!(records(&text.replace(from, to)), records(&text), "{to}");
        }
        let more = |one: &str| records(&format!("{text}a 3600 IN {one}\n"));
        for (one, other) in [
            (
                "CAA 0 iodef \"mailto:Me@a.b\"",
                "CAA 0 iodef \"mailto:me@a.b\"",
            ),
            ("CAA 0 Issue \"a\"", "CAA 0 issue \"a\""),
            (
                "NAPTR 1 1 \"U\" \"a\" \"\" .",
                "NAPTR 1 1 \"u\" \"a\" \"\" .",
            ),
            ("HTTPS 1 . alpn=h2", "HTTPS 1 . alpn=H2"),
            ("TXT \"\\200\"", "TXT \"\\201\""),
        ] {
            assert_ne!(more(one), more(other), "{one}");
        }
        for (one, other) in [
            ("HTTPS 1 . alpn=h2 port=1", "HTTPS 1 . port=1 alpn=\"h2\""),
            ("TLSA 3 1 1 aB cd", "TLSA ( 3 1 1 ; x\n ABCD )"),
            ("TXT a\\066", "TXT \"aB\""),
            (
                "AAAA 2001:DB8:0:0::1",
                "TYPE28 \\# 16 20010db8000000000000000000000001",
            ),
        ] {
            assert_eq!(more(one), more(other), "{one}");
        }
        // The order says nothing.
        let mut turned: Vec<&str> = text.lines().collect();
        turned[4..].reverse();
        assert_eq!(records(&turned.join("\n")), records(&text));
    }

    #[test]
    fn a_serial_is_replaced_in_its_place() {
        let text = zone().render(7);
        assert_eq!(with_serial(&text, 8), Some(zone().render(8)));
        let other = "@ IN SOA a. b. ( ; SOA 1 2 3\n 9 ; serial\n 1 2 3 4)";
        assert_eq!(with_serial(other, 10), Some(other.replace(" 9 ", " 10 ")));
        assert_eq!(with_serial("ä SOA", 1), None);
        assert_eq!(newer(Some(u32::MAX), Some(1)), Some(1));
        assert_eq!(newer(Some(5), Some(4)), Some(5));
        assert_eq!(newer(None, Some(4)), Some(4));
    }

    #[test]
    fn the_serial_is_found_in_a_file_that_does_not_read() {
        let text = zone().render(7).replace("IN A", "IN WRONG");
        assert!(read(&text, &zone().domain).is_err());
        assert_eq!(find_serial(&text), Some(7));
        assert_eq!(
            find_serial("@ IN SOA a. b. (\n 9 ; serial\n 1 2 3 4)"),
            Some(9)
        );
        assert_eq!(find_serial("nothing"), None);
    }

    #[test]
    fn a_record_cannot_bring_another() {
        let mut zone = zone();
        zone.records
            .push(record("a.foobar.com", "A", "1.1.1.1\nevil IN A 6.6.6.6"));
        assert!(zone.check().is_err());
    }

    #[test]
    fn the_serial_only_moves_forward() {
        // RFC 1982, across the wrap too.
        for (before, date, after) in [
            (None, "20261122", 2_026_112_201),
            (Some(2_026_112_101), "20261122", 2_026_112_201),
            (Some(2_026_112_201), "20261122", 2_026_112_202),
            (Some(2_026_112_299), "20261122", 2_026_112_300),
            (Some(2_030_010_101), "20261122", 2_030_010_102),
            (Some(u32::MAX), "20261122", 2_026_112_201),
            (Some(4_200_000_000), "20261122", 2_026_112_201),
        ] {
            let next = next_serial(before, date);
            assert_eq!(next, after, "{before:?} {date}");
            if let Some(before) = before {
                assert!((1..1u32 << 31).contains(&next.wrapping_sub(before)));
            }
        }
        assert_eq!(
            next_serial(Some(u32::MAX), "21990101"),
            1.max(u32::MAX.wrapping_add(1))
        );
    }
}
