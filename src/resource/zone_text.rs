//! Zone files as text: written in one fixed form, and read back whatever their form.

use super::EntryError;
use crate::types::{Fqdn, RecordName};
use hickory_proto::rr::{Name, RData};
use hickory_proto::serialize::txt::Parser;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::str::FromStr;

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
    pub(super) records: BTreeSet<String>,
}

/// Timers of the SOA record, in seconds: refresh, retry, expire and the negative answers'
/// time to live, within the ranges of RIPE-203 and RFC 2308.
const REFRESH: u32 = 86_400;
const RETRY: u32 = 7_200;
const EXPIRE: u32 = 3_600_000;
const NEGATIVE: u32 = 300;

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
            "; The zone {domain}, written by foobar-stack from the inventory. Changes made here are lost.\n\
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
            if line.contains(|c: char| c.is_control() || c == ';')
                && record.kind != "TXT"
                && record.kind != "CAA"
            {
                return Err(EntryError::field(
                    "records",
                    format!("`{line}` is not a record"),
                ));
            }
            if line.chars().any(char::is_control) {
                return Err(EntryError::field(
                    "records",
                    "a record has a control character",
                ));
            }
        }
        read(&self.render(1), &self.domain)
            .map(|_| ())
            .map_err(|why| EntryError::field("records", format!("the zone does not parse: {why}")))
    }
}

/// Reads a zone file.
///
/// `$INCLUDE` is refused: the reader would look for the file on this machine.
pub(super) fn read(text: &str, domain: &Fqdn) -> Result<ZoneContent, String> {
    if text.to_ascii_uppercase().contains("$INCLUDE") {
        return Err("it has an $INCLUDE".to_owned());
    }
    let origin = Name::from_str(&format!("{domain}.")).map_err(|error| error.to_string())?;
    let (_, sets) = Parser::new(text, None, Some(origin))
        .parse()
        .map_err(|error| error.to_string())?;
    let mut serial = None;
    let mut records = BTreeSet::new();
    for record in sets.values().flat_map(|set| set.records_without_rrsigs()) {
        let data = match &record.data {
            RData::SOA(soa) => {
                serial = Some(soa.serial);
                format!(
                    "SOA {} {} {} {} {} {}",
                    soa.mname, soa.rname, soa.refresh, soa.retry, soa.expire, soa.minimum
                )
            }
            data => format!("{} {data}", record.record_type()),
        };
        records.insert(format!("{} {} {data}", record.name, record.ttl).to_ascii_lowercase());
    }
    let serial = serial.ok_or("it has no SOA record")?;
    Ok(ZoneContent { serial, records })
}

/// The serial of a zone file that may not be readable as a whole, so that even then the next
/// one is newer: the third word after `SOA`.
pub(super) fn find_serial(text: &str) -> Option<u32> {
    let words = text
        .lines()
        .flat_map(|line| {
            line.split(';')
                .next()
                .unwrap_or_default()
                .split_whitespace()
        })
        .flat_map(|word| word.split(['(', ')']))
        .filter(|word| !word.is_empty());
    words
        .skip_while(|word| !word.eq_ignore_ascii_case("SOA"))
        .nth(3)?
        .parse()
        .ok()
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
        // RFC 1982, section 3.2: newer if the difference, modulo 2^32, is less than 2^31.
        Some(before) if (1..1 << 31).contains(&today.wrapping_sub(before)) => today,
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
            "WWW 1h IN CNAME foobar.com. ; by hand",
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
