//! `[[check.dnssec]]`: whether a zone is signed at every name server, and until when; and what
//! those who delegate it must name (DNSSEC, RFC 4034).

use super::dns::Heard;
use super::hop::Hop;
use super::judgement::{Defaults, Judgement};
use super::nameservers::{Other, Said};
use super::records::{code, question};
use crate::types::{AbsolutePath, Digest, Fqdn, day};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Record, RecordType};
use hickory_proto::serialize::binary::BinEncodable as _;
use serde::Deserialize;

/// The fields.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dnssec {
    /// The zone.
    pub zone: Fqdn,
    /// The name servers on other machines.
    #[serde(default)]
    pub others: Vec<Other>,
    /// Where BIND keeps the keys.
    pub keys: AbsolutePath,
}

/// What was heard of a signed zone.
#[derive(Debug, Clone)]
pub struct Signed {
    /// What this server says of the keys.
    pub keys: Vec<Heard>,
    /// What this server says of those that are to be named above it.
    pub entries: Vec<Heard>,
    /// What this server says of the zone.
    pub own: Vec<Heard>,
    /// What the others say of the zone.
    pub others: Vec<Said>,
}

/// How long signatures must at least be valid, in seconds: BIND makes new ones five days before
/// the old ones end.
const AT_LEAST: i64 = 3 * 86_400;

/// The flags of a key that the zone is entered by (RFC 4034 section 2.1.1).
const ENTRY: [u8; 2] = [1, 1];

/// The records of a type in an answer, as bytes.
fn data(message: &Message, kind: RecordType) -> Vec<Vec<u8>> {
    let right = |record: &&Record| record.record_type() == kind;
    let records = message.answers.iter().filter(right);
    records
        .filter_map(|record| record.data.to_bytes().ok())
        .collect()
}

/// When the first of the signatures in an answer ends, in seconds since 1970.
fn signed_until(reply: &Result<Message, String>) -> Result<i64, String> {
    let message = reply.as_ref().map_err(Clone::clone)?;
    let head = &message.metadata;
    if head.response_code != ResponseCode::NoError {
        return Err(code(head.response_code));
    }
    // The end stands behind the type, the algorithm, the labels and the time to live (RFC 4034
    // section 3.1).
    let end = |data: &Vec<u8>| {
        let bytes = data.get(8..12)?.try_into().ok()?;
        Some(i64::from(u32::from_be_bytes(bytes)))
    };
    let ends = data(message, RecordType::RRSIG);
    let first = ends.iter().filter_map(end).min();
    first.ok_or_else(|| "no signature in its answer".to_owned())
}

/// What is wrong with signatures, if anything.
fn wrong(until: &Result<i64, String>, now: i64) -> Option<String> {
    match until {
        Err(reason) => Some(reason.clone()),
        Ok(until) if *until <= now => Some(format!("its signatures ended on {}", day(*until))),
        Ok(until) if *until < now + AT_LEAST => {
            Some(format!("its signatures end on {} already", day(*until)))
        }
        Ok(_) => None,
    }
}

/// The key tag (RFC 4034 appendix B).
fn tag(key: &[u8]) -> u16 {
    let sum: u32 = key
        .iter()
        .enumerate()
        .map(|(place, byte)| match place % 2 {
            0 => u32::from(*byte) << 8,
            _ => u32::from(*byte),
        })
        .sum();
    (sum + (sum >> 16)) as u16
}

/// The DS record that names a key, with SHA-256 (RFC 4509): as it is given to a registrar. `key`
/// is the data of the DNSKEY record.
#[must_use]
pub fn ds_record(zone: &Fqdn, key: &[u8]) -> Option<String> {
    let algorithm = key.get(3)?;
    let mut bytes = Vec::new();
    for label in zone.as_str().split('.') {
        bytes.push(u8::try_from(label.len()).ok()?);
        bytes.extend(label.to_ascii_lowercase().bytes());
    }
    bytes.push(0);
    bytes.extend(key);
    let digest = Digest::of(&bytes).to_string().to_ascii_uppercase();
    Some(format!("{zone}. IN DS {} {algorithm} 2 {digest}", tag(key)))
}

/// The DS record for a line of a file with a public key, if the zone is entered by that: it ends
/// with flags, protocol, algorithm and the key in base64, which may have spaces.
#[must_use]
pub fn ds_record_of_line(zone: &Fqdn, line: &str) -> Option<String> {
    let (_, fields) = line.split_once(" DNSKEY ")?;
    let mut words = fields.split_whitespace();
    let flags: u16 = words.next()?.parse().ok()?;
    let mut data = flags.to_be_bytes().to_vec();
    data.push(words.next()?.parse().ok()?);
    data.push(words.next()?.parse().ok()?);
    let key: String = words.collect();
    data.extend(BASE64_STANDARD.decode(key).ok()?);
    data.starts_with(&ENTRY)
        .then(|| ds_record(zone, &data))
        .flatten()
}

/// What those who delegate a zone are to name of its keys.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Entries {
    /// The DS records, in the form of [`ds_record`].
    pub(super) ds: Vec<String>,
    /// The tags of the other keys that the zone could be entered by: there are some while one
    /// takes the place of another.
    pub(super) others: Vec<u16>,
}

impl Entries {
    /// By the first reply with the keys, and the first with the CDS records (RFC 7344): BIND
    /// names a new key there as soon as everybody has it, and the old one no more. A zone has
    /// none in its first days; then all its keys count.
    pub(super) fn of(zone: &Fqdn, keys: &[Heard], entries: &[Heard]) -> Self {
        let first = |heard: &[Heard], kind| {
            let message = heard.iter().find_map(|heard| heard.reply.as_ref().ok());
            message.map_or_else(Vec::new, |message| data(message, kind))
        };
        let keys = first(keys, RecordType::DNSKEY);
        let keys = keys.iter().filter(|key| key.starts_with(&ENTRY));
        // The tag and the algorithm.
        let head = |key: &Vec<u8>| {
            let [high, low] = tag(key).to_be_bytes();
            key.get(3).map(|algorithm| [high, low, *algorithm])
        };
        let named = first(entries, RecordType::CDS);
        let is_named = |key: &&Vec<u8>| {
            head(key).is_some_and(|head| named.iter().any(|one| one.starts_with(&head)))
        };
        let (mut wanted, mut others): (Vec<_>, Vec<_>) = keys.partition(is_named);
        if wanted.is_empty() {
            std::mem::swap(&mut wanted, &mut others);
        }
        let ds = wanted.into_iter().filter_map(|key| ds_record(zone, key));
        Self {
            ds: ds.collect(),
            others: others.into_iter().map(|key| tag(key)).collect(),
        }
    }

    /// What is to be said of the other keys, behind something else.
    pub(super) fn rollover(&self) -> String {
        let others: Vec<String> = self.others.iter().map(u16::to_string).collect();
        match others.is_empty() {
            true => String::new(),
            false => format!(
                "; a key rollover is under way (`status` says the next step): no DS record is for the key {}",
                others.join(", ")
            ),
        }
    }
}

impl Dnssec {
    /// The questions: for the keys, for those that are to be named above it, and for the zone.
    #[must_use]
    pub fn questions(&self) -> [Message; 3] {
        [RecordType::DNSKEY, RecordType::CDS, RecordType::SOA].map(|kind| {
            let mut message = question(&self.zone, kind);
            if let Some(edns) = &mut message.edns {
                edns.set_dnssec_ok(true);
            }
            message
        })
    }

    pub(super) fn defaults(&self) -> Defaults {
        Defaults {
            title: format!("{} is signed", self.zone),
            hop: Hop::Dns,
            needs: Vec::new(),
            unit: Some("named.service".to_owned()),
        }
    }

    pub(super) fn expected(&self) -> String {
        "signatures that do not end soon, at every name server".to_owned()
    }

    /// Judges what was heard.
    #[must_use]
    pub fn judge(&self, signed: &Signed, now: i64) -> Judgement {
        let all = signed.keys.iter().chain(&signed.own);
        let own: Vec<Result<i64, String>> = all.map(|heard| signed_until(&heard.reply)).collect();
        if let Some(wrong) = own.iter().find_map(|until| wrong(until, now)) {
            return Judgement::Flawed(format!("this server: {wrong}"));
        }
        let Some(until) = own.into_iter().filter_map(Result::ok).min() else {
            return Judgement::Flawed("not known: it was not asked".to_owned());
        };
        let entries = Entries::of(&self.zone, &signed.keys, &signed.entries);
        if entries.ds.is_empty() {
            return Judgement::Flawed("there is no key to enter the zone by".to_owned());
        }
        let others = signed.others.iter().filter_map(|one| {
            let wrong = wrong(&signed_until(&one.reply), now)?;
            Some(format!("{one}: {wrong}"))
        });
        let others: Vec<String> = others.collect();
        if !others.is_empty() {
            return Judgement::Awaited(others.join("; "));
        }
        let (until, ds) = (day(until), entries.ds.join("; "));
        let rollover = entries.rollover();
        Judgement::Sound(format!("until {until}; for the registrar: {ds}{rollover}"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::dns::Transport;
    use super::*;
    use hickory_proto::op::OpCode;
    use hickory_proto::rr::rdata::NULL;
    use hickory_proto::rr::{Name, RData};

    /// The key of RFC 4509 section 2.3, and the DS record that it has there.
    const KEY: &str = "AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYw\
                       YqUSdjMmmAphXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmAD\
                       jFDc2w/rljwvFw==";
    const DS: &str = "dskey.example.com. IN DS 60485 5 2 \
                      D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A";

    fn key() -> Vec<u8> {
        let mut key = vec![1, 0, 3, 5];
        key.extend(BASE64_STANDARD.decode(KEY).unwrap());
        key
    }

    #[test]
    fn a_ds_record_is_that_of_the_standard() {
        let zone = Fqdn::new("dskey.example.com").unwrap();
        assert_eq!(ds_record(&zone, &key()).as_deref(), Some(DS));
        // What dnssec-dsfromkey of BIND says of a key that BIND has made.
        let zone = Fqdn::new("foobar.com").unwrap();
        let line = "foobar.com. 3600 IN DNSKEY 257 3 13 IVf/ooVVpyVWWX37yCAu3Fe4PQN6rPh5knXwiCzOgXctnZ9ADft4jM9t Proo9iz+5clJzePqwbNUfETVt0n8+A=="
            .to_owned();
        let ds = "foobar.com. IN DS 12359 13 2 E414D381D833B3A81BFBBAAC6C6DFC5D2D9C5246783B2274C4DCCF2622790F8A";
        assert_eq!(ds_record_of_line(&zone, &line).as_deref(), Some(ds));
        for other in [
            "; This is a key-signing key, keyid 12359, for foobar.com.".to_owned(),
            line.replace("257", "256"),
            line.replace("DNSKEY", "KEY"),
            line.replace('V', "*"),
        ] {
            assert_eq!(ds_record_of_line(&zone, &other), None, "{other}");
        }
    }

    fn answer(records: Vec<(RecordType, Vec<u8>)>) -> Heard {
        let mut message = Message::response(7, OpCode::Query);
        for (kind, bytes) in records {
            let data = RData::Unknown {
                code: kind,
                rdata: NULL::with(bytes),
            };
            let name = Name::from_ascii("foobar.com.").unwrap();
            message.add_answer(Record::from_rdata(name, 60, data));
        }
        Heard {
            address: "192.0.2.1".parse().unwrap(),
            transport: Transport::Udp,
            reply: Ok(message),
        }
    }

    /// A signature that ends then.
    fn signature(end: u32) -> (RecordType, Vec<u8>) {
        let mut bytes = vec![0, 6, 13, 2, 0, 0, 14, 16];
        bytes.extend(end.to_be_bytes());
        bytes.extend([0; 8]);
        (RecordType::RRSIG, bytes)
    }

    #[test]
    fn signatures_that_end_soon_are_told_and_whose_they_are() {
        const DAY: u32 = 86_400;
        let check = Dnssec {
            zone: Fqdn::new("foobar.com").unwrap(),
            others: Vec::new(),
            keys: AbsolutePath::new("/k").unwrap(),
        };
        let judge = |own: u32, other: Option<u32>| {
            let mut entry = key();
            entry[1] = 1;
            let keys = answer(vec![(RecordType::DNSKEY, entry), signature(own)]);
            let other = answer(other.map(signature).into_iter().collect());
            let other = Said {
                name: Fqdn::new("ns2.example.net").unwrap(),
                address: Some("192.0.2.53".parse().unwrap()),
                reply: other.reply,
            };
            let signed = Signed {
                keys: vec![keys],
                entries: Vec::new(),
                own: vec![answer(vec![signature(own)])],
                others: vec![other],
            };
            check.judge(&signed, i64::from(100 * DAY))
        };
        let Judgement::Sound(text) = judge(110 * DAY, Some(110 * DAY)) else {
            panic!("{:?}", judge(110 * DAY, Some(110 * DAY)));
        };
        assert!(
            text.starts_with("until 1970-04-21; for the registrar: foobar.com. IN DS 60486 5 2 "),
            "{text}"
        );
        let flawed = |text: &str| Judgement::Flawed(text.to_owned());
        assert_eq!(
            judge(101 * DAY, Some(110 * DAY)),
            flawed("this server: its signatures end on 1970-04-12 already")
        );
        assert_eq!(
            judge(99 * DAY, Some(110 * DAY)),
            flawed("this server: its signatures ended on 1970-04-10")
        );
        let awaited = |text: &str| Judgement::Awaited(text.to_owned());
        assert_eq!(
            judge(110 * DAY, Some(99 * DAY)),
            awaited("ns2.example.net (192.0.2.53): its signatures ended on 1970-04-10")
        );
        assert_eq!(
            judge(110 * DAY, None),
            awaited("ns2.example.net (192.0.2.53): no signature in its answer")
        );
    }

    #[test]
    fn of_two_keys_the_registrar_has_the_one_that_the_zone_names() {
        let zone = Fqdn::new("dskey.example.com").unwrap();
        let key = |last: u8| {
            let mut key = key();
            (key[1], key[4]) = (1, last);
            key
        };
        let (old, new) = (key(1), key(2));
        let ds = |key: &[u8]| ds_record(&zone, key).unwrap();
        // A CDS record is written like a DS record: the tag, the algorithm, and the digest.
        let cds = |key: &[u8]| {
            let [high, low] = tag(key).to_be_bytes();
            (RecordType::CDS, vec![high, low, 5, 2, 0xab])
        };
        let both = || {
            let keys = [&old, &new].map(|key| (RecordType::DNSKEY, key.clone()));
            [answer(keys.to_vec())]
        };
        for (named, wanted, other) in [
            (&old, vec![ds(&old)], Some(&new)),
            (&new, vec![ds(&new)], Some(&old)),
        ] {
            let entries = Entries::of(&zone, &both(), &[answer(vec![cds(named)])]);
            assert_eq!(entries.ds, wanted);
            let tag = other.map(|key| tag(key)).unwrap();
            assert_eq!(
                entries.rollover(),
                format!(
                    "; a key rollover is under way (`status` says the next step): no DS record is for the key {tag}"
                )
            );
        }
        // As long as it names none, and where all are to go (RFC 8078 section 4).
        let delete = (RecordType::CDS, vec![0, 0, 0, 0, 0]);
        for named in [vec![], vec![answer(vec![])], vec![answer(vec![delete])]] {
            let entries = Entries::of(&zone, &both(), &named);
            assert_eq!(entries.ds, [ds(&old), ds(&new)]);
            assert_eq!(entries.rollover(), "");
        }
    }
}
