//! `[[check.dns]]`: a record, as this server answers it over UDP and over TCP.

use super::hop::Hop;
use super::judgement::{Defaults, Judgement};
use super::records::{code, folded, values};
use crate::types::RecordName;
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;
use serde::{Deserialize, Deserializer, de};
use std::fmt;
use std::net::IpAddr;

pub use super::records::{addresses, question};

/// The fields.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dns {
    /// Owner of the record. Of a wildcard a name is asked that nobody else has.
    pub name: RecordName,
    /// Type of the record.
    #[serde(rename = "type", deserialize_with = "record_type")]
    pub kind: RecordType,
    /// Every value, as in a zone file with full names; none for "any". Of a SOA the first
    /// fields are enough.
    #[serde(default)]
    pub expect: Vec<String>,
}

fn record_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RecordType, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse()
        .map_err(|_| de::Error::custom(format!("`{text}` is not a type of DNS record")))
}

/// What carried a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// One datagram each way.
    Udp,
    /// A connection (RFC 7766).
    Tcp,
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        })
    }
}

/// What one address of the server answered over one transport.
#[derive(Debug, Clone)]
pub struct Heard {
    /// The address asked.
    pub address: IpAddr,
    /// The transport.
    pub transport: Transport,
    /// The message, or why there is none.
    pub reply: Result<Message, String>,
}

impl Dns {
    /// The question, without recursion.
    #[must_use]
    pub fn question(&self) -> Message {
        question(&self.name.example(), self.kind)
    }

    pub(super) fn defaults(&self) -> Defaults {
        Defaults {
            title: format!("{} {}", self.name, self.kind),
            hop: Hop::Dns,
            needs: Vec::new(),
            unit: Some("named.service".to_owned()),
        }
    }

    pub(super) fn expected(&self) -> String {
        if self.expect.is_empty() {
            "any value, authoritative".to_owned()
        } else {
            format!("{}, authoritative", self.expect.join(", "))
        }
    }

    /// Judges what was heard over each transport. Only an address that cannot be had over UDP
    /// breaks what comes after.
    #[must_use]
    pub fn judge(&self, heard: &[Heard]) -> Judgement {
        let mut wrong = Vec::new();
        let mut seen = None;
        let mut severed = false;
        for one in heard {
            // A long answer does not fit into a datagram; that over TCP counts (RFC 2181
            // section 9).
            let cut = |message: &Message| message.metadata.truncation;
            if one.transport == Transport::Udp && one.reply.as_ref().is_ok_and(cut) {
                continue;
            }
            match one.reply.clone().and_then(|message| self.read(&message)) {
                Ok(values) => seen = Some(values),
                Err(reason) => {
                    severed |= one.transport == Transport::Udp;
                    match wrong
                        .iter_mut()
                        .find(|(address, _, other)| *address == one.address && *other == reason)
                    {
                        Some((_, transports, _)) => {
                            *transports = format!("{transports} and {}", one.transport);
                        }
                        None => wrong.push((one.address, one.transport.to_string(), reason)),
                    }
                }
            }
        }
        let wrong: Vec<String> = wrong
            .iter()
            .map(|(address, transports, reason)| format!("{address} over {transports}: {reason}"))
            .collect();
        let leads_on = matches!(
            self.kind,
            RecordType::A | RecordType::AAAA | RecordType::CNAME
        );
        match (wrong.is_empty(), seen) {
            (true, Some(values)) => Judgement::Sound(values),
            (true, None) => Judgement::Flawed("there is no whole answer".to_owned()),
            (false, _) if severed && leads_on => Judgement::Broken(wrong.join("; ")),
            (false, _) => Judgement::Flawed(wrong.join("; ")),
        }
    }

    /// The values in a message, if they are the right ones.
    fn read(&self, message: &Message) -> Result<String, String> {
        let head = &message.metadata;
        if head.response_code != ResponseCode::NoError {
            return Err(code(head.response_code));
        }
        if head.truncation {
            return Err("truncated".to_owned());
        }
        let found = values(message, &self.name.example(), self.kind);
        let shown = if found.is_empty() {
            format!("no {} record", self.kind)
        } else {
            found.join(", ")
        };
        if !head.authoritative {
            return Err(format!("{shown}, without the authority bit"));
        }
        let mut wanted: Vec<Vec<u8>> = self
            .expect
            .iter()
            .map(|text| folded(self.kind, text))
            .collect();
        wanted.sort();
        let mut found: Vec<Vec<u8>> = found.iter().map(|text| folded(self.kind, text)).collect();
        found.sort();
        let right = if wanted.is_empty() {
            !found.is_empty()
        } else if self.kind == RecordType::SOA {
            matches!((&found[..], &wanted[..]), ([found], [wanted])
                if [found, &b" "[..]].concat().starts_with(&[wanted, &b" "[..]].concat()))
        } else {
            found == wanted
        };
        if right { Ok(shown) } else { Err(shown) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Fqdn;
    use hickory_proto::op::OpCode;
    use hickory_proto::rr::rdata::{A, AAAA, CNAME, MX, NS, SOA, TXT};
    use hickory_proto::rr::{Name, RData, Record};

    fn name(text: &str) -> Name {
        Name::from_ascii(text).unwrap()
    }

    fn check(owner: &str, kind: RecordType, expect: &[&str]) -> Dns {
        Dns {
            name: RecordName::new(owner).unwrap(),
            kind,
            expect: expect.iter().map(|&text| text.to_owned()).collect(),
        }
    }

    /// An authoritative answer with these records.
    fn answer(records: Vec<(&str, RData)>) -> Message {
        let mut message = Message::response(7, OpCode::Query);
        message.metadata.authoritative = true;
        for (owner, data) in records {
            message.add_answer(Record::from_rdata(name(owner), 3600, data));
        }
        message
    }

    fn heard(transport: Transport, reply: Result<Message, String>) -> Heard {
        Heard {
            address: "192.0.2.1".parse().unwrap(),
            transport,
            reply,
        }
    }

    fn both(message: &Message) -> Vec<Heard> {
        [Transport::Udp, Transport::Tcp]
            .map(|transport| heard(transport, Ok(message.clone())))
            .into()
    }

    fn a(text: &str) -> RData {
        RData::A(A(text.parse().unwrap()))
    }

    fn soa() -> RData {
        RData::SOA(SOA::new(
            name("ns1.foobar.com."),
            name("hostmaster.foobar.com."),
            2_025_010_101,
            3600,
            600,
            604_800,
            300,
        ))
    }

    #[test]
    fn right_records_are_sound() {
        let www = vec![
            ("www.foobar.com.", RData::CNAME(CNAME(name("foobar.com.")))),
            ("foobar.com.", a("192.0.2.1")),
        ];
        for (check, records, want) in [
            (
                check("foobar.com", RecordType::A, &["192.0.2.1"]),
                vec![("FOOBAR.com.", a("192.0.2.1"))],
                "192.0.2.1",
            ),
            (
                check("foobar.com", RecordType::A, &["192.0.2.2", "192.0.2.1"]),
                vec![
                    ("foobar.com.", a("192.0.2.1")),
                    ("foobar.com.", a("192.0.2.2")),
                ],
                "192.0.2.1, 192.0.2.2",
            ),
            (
                check("foobar.com", RecordType::AAAA, &["2001:DB8:0::1"]),
                vec![(
                    "foobar.com.",
                    RData::AAAA(AAAA("2001:db8::1".parse().unwrap())),
                )],
                "2001:db8::1",
            ),
            (
                check("www.foobar.com", RecordType::CNAME, &["foobar.com."]),
                www.clone(),
                "foobar.com.",
            ),
            (
                check("www.foobar.com", RecordType::A, &["192.0.2.1"]),
                www,
                "192.0.2.1",
            ),
            (
                check("foobar.com", RecordType::NS, &["NS1.foobar.com."]),
                vec![("foobar.com.", RData::NS(NS(name("ns1.foobar.com."))))],
                "ns1.foobar.com.",
            ),
            (
                check("foobar.com", RecordType::MX, &["10  mx.example.net."]),
                vec![(
                    "foobar.com.",
                    RData::MX(MX::new(10, name("mx.example.net."))),
                )],
                "10 mx.example.net.",
            ),
            (
                check("foobar.com", RecordType::TXT, &["\"v=spf1 \" \"-all\""]),
                vec![(
                    "foobar.com.",
                    RData::TXT(TXT::new(vec!["v=spf1 -all".to_owned()])),
                )],
                "\"v=spf1 -all\"",
            ),
            (
                check(
                    "foobar.com",
                    RecordType::SOA,
                    &["ns1.foobar.com. hostmaster.foobar.com."],
                ),
                vec![("foobar.com.", soa())],
                "ns1.foobar.com. hostmaster.foobar.com. 2025010101 3600 600 604800 300",
            ),
            (
                check("foobar.com", RecordType::SOA, &[]),
                vec![("foobar.com.", soa())],
                "ns1.foobar.com. hostmaster.foobar.com. 2025010101 3600 600 604800 300",
            ),
        ] {
            assert_eq!(
                check.judge(&both(&answer(records))),
                Judgement::Sound(want.to_owned()),
                "{check:?}"
            );
        }
    }

    #[test]
    fn wrong_answers_are_told_apart() {
        let right = answer(vec![("foobar.com.", a("192.0.2.1"))]);
        let with = |change: fn(&mut Message)| {
            let mut message = right.clone();
            change(&mut message);
            message
        };
        let check_a = check("foobar.com", RecordType::A, &["192.0.2.1"]);
        for (message, want) in [
            (answer(vec![("foobar.com.", a("192.0.2.9"))]), "192.0.2.9"),
            (answer(vec![("other.com.", a("192.0.2.1"))]), "no A record"),
            (
                answer(vec![
                    ("foobar.com.", a("192.0.2.1")),
                    ("foobar.com.", a("192.0.2.9")),
                ]),
                "192.0.2.1, 192.0.2.9",
            ),
            (answer(vec![]), "no A record"),
            (
                answer(vec![
                    ("foobar.com.", RData::CNAME(CNAME(name("www.foobar.com.")))),
                    ("www.foobar.com.", RData::CNAME(CNAME(name("foobar.com.")))),
                ]),
                "no A record",
            ),
            (
                with(|message| message.metadata.authoritative = false),
                "192.0.2.1, without the authority bit",
            ),
            (
                with(|message| message.metadata.response_code = ResponseCode::NXDomain),
                "NXDOMAIN: there is no such name",
            ),
            (
                with(|message| message.metadata.response_code = ResponseCode::Refused),
                "REFUSED: the server does not answer this zone",
            ),
        ] {
            let heard = [heard(Transport::Udp, Ok(message))];
            assert_eq!(
                check_a.judge(&heard),
                Judgement::Broken(format!("192.0.2.1 over udp: {want}"))
            );
        }
    }

    #[test]
    fn only_an_address_that_is_not_had_over_udp_breaks_what_comes_after() {
        let right = answer(vec![("foobar.com.", a("192.0.2.1"))]);
        let check_a = check("foobar.com", RecordType::A, &["192.0.2.1"]);
        let silent = || Err("timed out".to_owned());
        assert_eq!(
            check_a.judge(&[
                heard(Transport::Udp, Ok(right.clone())),
                heard(Transport::Tcp, silent())
            ]),
            Judgement::Flawed("192.0.2.1 over tcp: timed out".to_owned())
        );
        assert_eq!(
            check_a.judge(&[
                heard(Transport::Udp, silent()),
                heard(Transport::Tcp, Ok(right.clone()))
            ]),
            Judgement::Broken("192.0.2.1 over udp: timed out".to_owned())
        );
        let mut cut = right.clone();
        cut.metadata.truncation = true;
        let tcp = |message: &Message| heard(Transport::Tcp, Ok(message.clone()));
        let udp = || heard(Transport::Udp, Ok(cut.clone()));
        assert_eq!(
            check_a.judge(&[udp(), tcp(&right)]),
            Judgement::Sound("192.0.2.1".to_owned())
        );
        assert!(matches!(
            check_a.judge(&[udp(), tcp(&cut)]),
            Judgement::Flawed(_)
        ));
        assert!(matches!(check_a.judge(&[udp()]), Judgement::Flawed(_)));
        let mx = check("foobar.com", RecordType::MX, &["10 mx.example.net."]);
        assert_eq!(
            mx.judge(&both(&answer(vec![]))),
            Judgement::Flawed("192.0.2.1 over udp and tcp: no MX record".to_owned())
        );
        let other_soa = check("foobar.com", RecordType::SOA, &["ns1.foobar.co"]);
        assert!(matches!(
            other_soa.judge(&both(&answer(vec![("foobar.com.", soa())]))),
            Judgement::Flawed(_)
        ));
        assert!(matches!(check_a.judge(&[]), Judgement::Flawed(_)));
    }

    #[test]
    fn a_question_is_one_name_without_recursion() {
        let message = check("foobar.com", RecordType::A, &[]).question();
        assert!(!message.metadata.recursion_desired);
        assert_eq!(message.queries.len(), 1);
        assert_eq!(message.queries[0].name().to_string(), "foobar.com.");
    }

    #[test]
    fn the_address_of_a_name_is_found_through_its_cname() {
        let message = answer(vec![
            ("www.foobar.com.", RData::CNAME(CNAME(name("foobar.com.")))),
            ("foobar.com.", a("192.0.2.1")),
        ]);
        let www = Fqdn::new("www.foobar.com").unwrap();
        assert_eq!(
            addresses(&message, &www, RecordType::A),
            ["192.0.2.1".parse::<IpAddr>().unwrap()]
        );
        assert!(addresses(&answer(vec![]), &www, RecordType::A).is_empty());
    }
}
