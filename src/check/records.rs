//! DNS messages: the question for a record, and the values an answer gives.

use crate::types::{Fqdn, RecordData};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use hickory_proto::serialize::binary::BinEncodable as _;
use std::net::IpAddr;

/// The largest datagram to ask for, in bytes: it passes every common path in one piece
/// (DNS flag day 2020).
const PAYLOAD: u16 = 1232;

/// A question for a record, without recursion: this server is to know the answer itself.
/// Who sends it gives it its number.
#[must_use]
pub fn question(name: &Fqdn, kind: RecordType) -> Message {
    let mut message = Message::new(0, MessageType::Query, OpCode::Query);
    message.metadata.recursion_desired = false;
    let mut edns = Edns::new();
    edns.set_max_payload(PAYLOAD);
    message.set_edns(edns);
    message.add_query(Query::query(absolute(name), kind));
    message
}

/// The first addresses of this type that a message gives for a name, through its CNAMEs.
#[must_use]
pub fn addresses(message: &Message, name: &Fqdn, kind: RecordType) -> Vec<IpAddr> {
    values(message, name, kind)
        .iter()
        .filter_map(|value| value.parse().ok())
        .collect()
}

/// The mnemonic of a response code, as `dig` shows it.
pub(super) fn code(code: ResponseCode) -> String {
    match code {
        ResponseCode::NoError => "NOERROR".to_owned(),
        ResponseCode::FormErr => "FORMERR".to_owned(),
        ResponseCode::ServFail => "SERVFAIL: the server could not load the zone".to_owned(),
        ResponseCode::NXDomain => "NXDOMAIN: there is no such name".to_owned(),
        ResponseCode::NotImp => "NOTIMP".to_owned(),
        ResponseCode::Refused => "REFUSED: the server does not answer this zone".to_owned(),
        other => format!("{other:?}").to_uppercase(),
    }
}

/// The values of one type that a message gives for a name, following CNAMEs in it (RFC 1034
/// section 3.6.2), in the order of the message.
pub(super) fn values(message: &Message, name: &Fqdn, kind: RecordType) -> Vec<String> {
    let mut owner = absolute(name);
    // A chain is at most as long as the answer; a circle ends there, too.
    for _ in 0..=message.answers.len() {
        let found: Vec<String> = message
            .answers
            .iter()
            .filter(|record| record.name == owner && record.record_type() == kind)
            .map(|record| shown(&record.data))
            .collect();
        let next = message
            .answers
            .iter()
            .find_map(|record| match &record.data {
                RData::CNAME(target) if record.name == owner => Some(target.0.clone()),
                _ => None,
            });
        match next {
            Some(target) if found.is_empty() => owner = target,
            _ => return found,
        }
    }
    Vec::new()
}

/// A value as in a zone file.
fn shown(data: &RData) -> String {
    let kind = data.record_type();
    let bytes = data.to_bytes().ok();
    let read = bytes.map(|bytes| RecordData::from_wire(kind, bytes));
    match read {
        Some(read) if read.is_known() => read.to_string(),
        _ => data.to_string(),
    }
}

/// A value in the form in which two are compared: the bytes of an answer, in which names have no
/// letter case and the cuts between the strings of a text do not count. Of a SOA, whose first
/// fields are enough, and of what is not read, the words in lower case.
pub(super) fn folded(kind: RecordType, value: &str) -> Vec<u8> {
    let data = match kind {
        RecordType::SOA => None,
        _ => RecordData::from_text(kind, value).ok(),
    };
    data.map_or_else(
        || {
            let words: Vec<&str> = value.split_whitespace().collect();
            words.join(" ").to_ascii_lowercase().into_bytes()
        },
        |data| data.folded(),
    )
}

fn absolute(name: &Fqdn) -> Name {
    // A checked name is one of DNS; the root is the one answerless stand-in.
    let mut name = Name::from_ascii(name.as_str()).unwrap_or_else(|_| Name::root());
    name.set_fqdn(true);
    name
}
