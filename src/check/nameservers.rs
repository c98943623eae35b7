//! `[[check.nameservers]]`: whether every other name server of a zone has what this server has.

use super::dns::Heard;
use super::hop::Hop;
use super::judgement::{Defaults, Judgement};
use super::records::{code, question};
use crate::types::{Fqdn, compare_serials};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{RData, RecordType};
use serde::Deserialize;
use std::cmp::Ordering;
use std::fmt;
use std::net::IpAddr;

/// The fields.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NameServers {
    /// The zone.
    pub zone: Fqdn,
    /// The others.
    pub others: Vec<Other>,
    /// Whether this server copies the zone from the others; else they copy it from this one.
    #[serde(default)]
    pub copied: bool,
}

/// A name server on another machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Other {
    /// Its name.
    pub name: Fqdn,
    /// Where it is; left out, where its name leads.
    pub address: Option<IpAddr>,
}

/// What came of asking one of the others.
#[derive(Debug, Clone)]
pub struct Said {
    /// Its name.
    pub name: Fqdn,
    /// Where it was asked; none if its name leads nowhere.
    pub address: Option<IpAddr>,
    /// The message, or why there is none.
    pub reply: Result<Message, String>,
}

/// Its name, and where it was asked.
impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            Some(address) => write!(f, "{} ({address})", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

/// The serial that a name server has for the zone it was asked for.
fn serial(reply: &Result<Message, String>) -> Result<u32, String> {
    let message = reply.as_ref().map_err(Clone::clone)?;
    let head = &message.metadata;
    if head.response_code != ResponseCode::NoError {
        return Err(code(head.response_code));
    }
    let serial = message
        .answers
        .iter()
        .find_map(|record| match &record.data {
            RData::SOA(soa) => Some(soa.serial),
            _ => None,
        });
    match serial {
        Some(_) if !head.authoritative => Err("an answer without the authority bit".to_owned()),
        Some(serial) => Ok(serial),
        None => Err("no SOA record".to_owned()),
    }
}

/// Whether one of the others has an older zone than this server, or a newer one if this server has a
/// copy: it may be on its way.
#[must_use]
pub fn is_behind(own: &[Heard], others: &[Said], copied: bool) -> bool {
    let Some(own) = own_serial(own) else {
        return false;
    };
    let behind = if copied {
        Ordering::Greater
    } else {
        Ordering::Less
    };
    let mut serials = others.iter().filter_map(|one| serial(&one.reply).ok());
    serials.any(|serial| compare_serials(serial, own) == Some(behind))
}

fn own_serial(own: &[Heard]) -> Option<u32> {
    own.iter().find_map(|heard| serial(&heard.reply).ok())
}

impl NameServers {
    /// The question for each of them.
    #[must_use]
    pub fn question(&self) -> Message {
        question(&self.zone, RecordType::SOA)
    }

    pub(super) fn defaults(&self) -> Defaults {
        Defaults {
            title: format!("name servers of {}", self.zone),
            hop: Hop::Dns,
            needs: Vec::new(),
            unit: Some("named.service".to_owned()),
        }
    }

    pub(super) fn expected(&self) -> String {
        if self.copied {
            return "the serial of the server that it is copied from".to_owned();
        }
        "the serial of this server at every name server".to_owned()
    }

    /// Judges what this server and the others said. What is wrong with those is up to whoever
    /// runs them.
    #[must_use]
    pub fn judge(&self, own: &[Heard], others: &[Said]) -> Judgement {
        let Some(own) = own_serial(own) else {
            return Judgement::Flawed("not known: this server does not say its serial".to_owned());
        };
        let wrong: Vec<String> = others
            .iter()
            .filter_map(|one| {
                let what = match serial(&one.reply) {
                    Err(reason) => Some(format!("does not answer for the zone: {reason}")),
                    Ok(serial) if self.copied => wrong_copy(own, serial),
                    Ok(serial) => wrong(own, serial),
                };
                Some(format!("{one} {}", what?))
            })
            .collect();
        if wrong.is_empty() {
            if let Some(one) = others.first().filter(|_| self.copied) {
                return Judgement::Sound(format!("serial {own}, as {} has it", one.name));
            }
            let count = others.len();
            let word = if count == 1 { "another" } else { "others" };
            let count = if count == 1 {
                String::new()
            } else {
                format!("{count} ")
            };
            return Judgement::Sound(format!("serial {own}, at {count}{word}, too"));
        }
        Judgement::Awaited(wrong.join("; "))
    }
}

/// What is wrong with a name server that has this serial, where ours is `own`.
fn wrong(own: u32, serial: u32) -> Option<String> {
    match compare_serials(serial, own) {
        Some(Ordering::Equal) => None,
        Some(Ordering::Less) => {
            let by = own.wrapping_sub(serial);
            Some(format!(
                "is behind by {by}: its serial is {serial}, here it is {own}"
            ))
        }
        Some(Ordering::Greater) => {
            let by = serial.wrapping_sub(own);
            Some(format!(
                "is ahead by {by}: its serial is {serial}, here it is {own}, and it takes none that is lower"
            ))
        }
        None => Some(format!(
            "has the serial {serial}, here it is {own}: neither is the later one"
        )),
    }
}

/// What is wrong with a copy that has the serial `own`, where it is copied from a server that has
/// this one.
fn wrong_copy(own: u32, serial: u32) -> Option<String> {
    match compare_serials(serial, own) {
        Some(Ordering::Equal) => None,
        Some(Ordering::Greater) => {
            let by = serial.wrapping_sub(own);
            Some(format!(
                "has the serial {serial}, and the copy here {own}: it is behind by {by}"
            ))
        }
        Some(Ordering::Less) | None => Some(format!(
            "has the serial {serial}, and the copy here {own}, which takes none that is lower: \
             remove the copy in /var/lib/bind, and restart named"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::dns::Transport;
    use super::*;
    use hickory_proto::op::OpCode;
    use hickory_proto::rr::rdata::SOA;
    use hickory_proto::rr::{Name, Record};

    fn soa(serial: u32) -> Message {
        let name = |text: &str| Name::from_ascii(text).unwrap();
        let mut message = Message::response(7, OpCode::Query);
        message.metadata.authoritative = true;
        let data = SOA::new(
            name("ns1.foobar.com."),
            name("x.foobar.com."),
            serial,
            1,
            1,
            1,
            1,
        );
        message.add_answer(Record::from_rdata(
            name("foobar.com."),
            60,
            RData::SOA(data),
        ));
        message
    }

    fn judge(own: u32, others: &[Result<Message, String>]) -> Judgement {
        judge_as(false, own, others)
    }

    fn judge_as(copied: bool, own: u32, others: &[Result<Message, String>]) -> Judgement {
        let check = NameServers {
            zone: Fqdn::new("foobar.com").unwrap(),
            others: Vec::new(),
            copied,
        };
        let said: Vec<Said> = others
            .iter()
            .map(|reply| Said {
                name: Fqdn::new("ns2.example.net").unwrap(),
                address: Some("192.0.2.53".parse().unwrap()),
                reply: reply.clone(),
            })
            .collect();
        let own = Heard {
            address: "192.0.2.1".parse().unwrap(),
            transport: Transport::Udp,
            reply: Ok(soa(own)),
        };
        check.judge(&[own], &said)
    }

    #[test]
    fn who_is_behind_is_told_with_how_much() {
        let sound = |text: &str| Judgement::Sound(text.to_owned());
        let awaited =
            |text: &str| Judgement::Awaited(format!("ns2.example.net (192.0.2.53) {text}"));
        assert_eq!(judge(7, &[Ok(soa(7))]), sound("serial 7, at another, too"));
        assert_eq!(
            judge(7, &[Ok(soa(7)), Ok(soa(7))]),
            sound("serial 7, at 2 others, too")
        );
        assert_eq!(
            judge(7, &[Ok(soa(5))]),
            awaited("is behind by 2: its serial is 5, here it is 7")
        );
        // Across the end of 32 bits.
        assert_eq!(
            judge(1, &[Ok(soa(u32::MAX))]),
            awaited("is behind by 2: its serial is 4294967295, here it is 1")
        );
        assert_eq!(
            judge(5, &[Ok(soa(7))]),
            awaited(
                "is ahead by 2: its serial is 7, here it is 5, and it takes none that is lower"
            )
        );
        assert_eq!(
            judge(7, &[Err("no answer in 5 s".to_owned())]),
            awaited("does not answer for the zone: no answer in 5 s")
        );
        let mut refused = soa(7);
        refused.metadata.response_code = ResponseCode::Refused;
        assert!(matches!(judge(7, &[Ok(refused)]), Judgement::Awaited(_)));
        let mut cached = soa(7);
        cached.metadata.authoritative = false;
        assert!(matches!(judge(7, &[Ok(cached)]), Judgement::Awaited(_)));
    }

    #[test]
    fn a_copy_is_behind_where_the_other_one_is_ahead() {
        let said = |judgement| match judgement {
            Judgement::Awaited(text) => text,
            other => format!("{other:?}"),
        };
        assert!(matches!(
            judge_as(true, 7, &[Ok(soa(7))]),
            Judgement::Sound(_)
        ));
        let behind = said(judge_as(true, 5, &[Ok(soa(7))]));
        assert!(behind.ends_with("it is behind by 2"), "{behind}");
        let ahead = said(judge_as(true, 7, &[Ok(soa(5))]));
        assert!(ahead.contains("takes none that is lower"), "{ahead}");
    }
}
