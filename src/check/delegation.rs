//! `delegation`: whether those above a zone name its name servers, their addresses and its key as
//! the zone has them (RFC 1034 section 4.2.1, RFC 4035 section 2.4). What they name is what a
//! registrar has been given.

use super::dns::Heard;
use super::dnssec::Entries;
use super::hop::Hop;
use super::judgement::{Defaults, Judgement};
use super::records::{code, question};
use crate::types::{Fqdn, RecordData};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use hickory_proto::serialize::binary::BinEncodable as _;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The fields.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delegation {
    /// The zone.
    pub zone: Fqdn,
    /// Its name servers.
    pub servers: Vec<Named>,
    /// Whether there are to be DS records.
    #[serde(default)]
    pub signed: bool,
    /// The servers of the root to begin at; those of the world if there are none.
    #[serde(default)]
    pub roots: Vec<IpAddr>,
}

/// A name server of the zone.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// Its name.
    pub name: Fqdn,
    /// Its addresses, as far as the zone has them: whoever delegates it needs them, too (glue).
    #[serde(default)]
    pub addresses: Vec<IpAddr>,
}

/// Where a reply on the way down from the root leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To the servers of this zone, which is nearer.
    Down(Name, Vec<(Name, Vec<IpAddr>)>),
    /// To the zone itself.
    Delegated,
    /// Nowhere: whoever was asked delegates no such zone.
    Nowhere,
    /// Whoever was asked has the zone itself.
    There,
    /// Nowhere, with the reason: another server is to be asked.
    Failed(String),
}

/// What came of the way down from the root.
#[derive(Debug, Clone)]
pub struct Followed {
    /// The zone above, whose servers were asked.
    pub parent: Name,
    /// What they said; why the way ended before it came to them.
    pub said: Result<Vec<Above>, String>,
    /// What this server says of the keys.
    pub keys: Vec<Heard>,
    /// What this server says of those that are to be named above it.
    pub entries: Vec<Heard>,
}

/// What a server above the zone said of it.
#[derive(Debug, Clone)]
pub struct Above {
    /// Its name.
    pub name: Name,
    /// Where it was asked.
    pub address: IpAddr,
    /// Of its name servers.
    pub servers: Result<Message, String>,
    /// Of its DS records.
    pub ds: Result<Message, String>,
}

/// Reads a reply to [`Delegation::question`] from a server of the zone `at`.
#[must_use]
pub fn step(message: &Message, zone: &Fqdn, at: &Name) -> Step {
    match message.metadata.response_code {
        ResponseCode::NoError => {}
        ResponseCode::NXDomain => return Step::Nowhere,
        other => return Step::Failed(code(other)),
    }
    let wanted = absolute(zone);
    let is_servers = |kind: RecordType| kind == RecordType::NS;
    if message
        .answers
        .iter()
        .any(|record| record.name == wanted && is_servers(record.record_type()))
    {
        return Step::There;
    }
    let mut cuts = message.authorities.iter();
    let Some(cut) = cuts.find(|record| is_servers(record.record_type())) else {
        return Step::Nowhere;
    };
    let cut = cut.name.clone();
    if cut == wanted {
        return Step::Delegated;
    }
    if !cut.zone_of(&wanted) || cut.num_labels() <= at.num_labels() {
        return Step::Failed("it leads back up".to_owned());
    }
    let servers = server_names(message, &cut).into_iter();
    let servers = servers.map(|name| {
        let addresses = glue(message, &name);
        (name, addresses)
    });
    Step::Down(cut, servers.collect())
}

fn absolute(name: &Fqdn) -> Name {
    let mut name = Name::from_ascii(name.as_str()).unwrap_or_else(|_| Name::root());
    name.set_fqdn(true);
    name
}

/// The name servers that a reply names for a zone, in the authority section or the answer.
fn server_names(message: &Message, zone: &Name) -> Vec<Name> {
    let records = message.answers.iter().chain(&message.authorities);
    let names = records.filter_map(|record| match &record.data {
        RData::NS(name) if record.name == *zone => Some(name.0.to_lowercase()),
        _ => None,
    });
    names.collect()
}

/// The addresses of a name beside an answer.
fn glue(message: &Message, name: &Name) -> Vec<IpAddr> {
    let records = message.additionals.iter();
    let addresses = records.filter_map(|record| match &record.data {
        RData::A(address) if record.name == *name => Some(IpAddr::from(address.0)),
        RData::AAAA(address) if record.name == *name => Some(IpAddr::from(address.0)),
        _ => None,
    });
    addresses.collect()
}

/// The DS records in an answer, in the form of those in [`Entries`].
fn ds_of(message: &Message, zone: &Fqdn) -> Vec<String> {
    let records = message.answers.iter();
    let data = records
        .filter(|record| record.record_type() == RecordType::DS)
        .filter_map(|record| record.data.to_bytes().ok());
    data.map(|bytes| {
        let data = RecordData::from_wire(RecordType::DS, bytes).to_string();
        format!("{zone}. IN DS {}", data.to_ascii_uppercase())
    })
    .collect()
}

impl Delegation {
    /// The question that is asked on the way down.
    #[must_use]
    pub fn question(&self) -> Message {
        question(&self.zone, RecordType::NS)
    }

    /// What is asked of those above beside that, and what is asked of this server.
    #[must_use]
    pub fn questions(&self) -> [Message; 3] {
        [RecordType::DS, RecordType::DNSKEY, RecordType::CDS].map(|kind| question(&self.zone, kind))
    }

    pub(super) fn defaults(&self) -> Defaults {
        Defaults {
            title: format!("delegation of {}", self.zone),
            hop: Hop::Dns,
            needs: Vec::new(),
            unit: None,
        }
    }

    pub(super) fn expected(&self) -> String {
        let mut lines = vec!["what a registrar is given of it:".to_owned()];
        lines.extend(self.needed());
        if self.signed {
            lines.push(format!("{}. IN DS …, of its key", self.zone));
        }
        lines.join("\n")
    }

    /// The name servers and their addresses, as they are written in a zone file.
    fn needed(&self) -> Vec<String> {
        let zone = &self.zone;
        let names = self.servers.iter();
        let mut lines: Vec<String> = names
            .map(|server| format!("{zone}. IN NS {}.", server.name))
            .collect();
        for server in self.with_glue() {
            let name = server.name.as_str();
            let addresses = server.addresses.iter();
            lines.extend(addresses.map(|address| address_record(name, address)));
        }
        lines
    }

    /// Those without whose address nobody would find the zone.
    fn with_glue(&self) -> impl Iterator<Item = &Named> {
        let servers = self.servers.iter();
        servers.filter(|server| server.name.is_within(&self.zone))
    }

    /// The name servers and their addresses that somebody above names.
    fn named(&self, message: &Message) -> Vec<String> {
        let zone = &self.zone;
        let names = server_names(message, &absolute(zone));
        let text = |name: &Name| name.to_ascii().trim_end_matches('.').to_owned();
        let mut lines: Vec<String> = names
            .iter()
            .map(|name| format!("{zone}. IN NS {}.", text(name)))
            .collect();
        for name in names {
            let name_text = text(&name);
            // Of others the address is in another zone, and what stands here is a courtesy.
            if Fqdn::new(&name_text).is_ok_and(|name| name.is_within(zone)) {
                let addresses = glue(message, &name);
                lines.extend(addresses.iter().map(|one| address_record(&name_text, one)));
            }
        }
        lines
    }

    /// What is to be given to the registrar, and what is to be taken out there, by what one
    /// server above says.
    fn differences(
        &self,
        above: &Above,
        own: &[String],
    ) -> Result<(Vec<String>, Vec<String>), String> {
        let servers = above.servers.as_ref().map_err(Clone::clone)?;
        let ds = above.ds.as_ref().map_err(Clone::clone)?;
        let (needed, named) = (self.needed(), self.named(servers));
        let mut missing: Vec<String> = needed
            .iter()
            .filter(|line| !named.contains(line))
            .cloned()
            .collect();
        let mut wrong: Vec<String> = named
            .iter()
            .filter(|line| !needed.contains(line))
            .cloned()
            .collect();
        let ds = ds_of(ds, &self.zone);
        let is_there = |own: &&String| ds.iter().any(|one| is_of(one, std::slice::from_ref(own)));
        missing.extend(own.iter().filter(|own| !is_there(own)).cloned());
        wrong.extend(ds.into_iter().filter(|one| !is_of(one, own)));
        Ok((missing, wrong))
    }

    /// Judges what came of it. What is wrong is up to whoever registered the name.
    #[must_use]
    pub fn judge(&self, followed: &Followed) -> Judgement {
        let said = match &followed.said {
            Ok(said) => said,
            Err(reason) => return Judgement::Flawed(format!("not known: {reason}")),
        };
        let own = match self.signed {
            true => Entries::of(&self.zone, &followed.keys, &followed.entries),
            // Nobody may have a DS record then, whichever key there still is.
            false => Entries::default(),
        };
        if self.signed && own.ds.is_empty() {
            return Judgement::Flawed("not known: this server does not say its key".to_owned());
        }
        // What several say alike is told once.
        let mut texts: Vec<(Vec<String>, Vec<String>)> = Vec::new();
        for above in said {
            let lines = match self.differences(above, &own.ds) {
                Err(reason) => vec![format!("no answer: {reason}")],
                Ok((missing, wrong)) => lines(&missing, &wrong),
            };
            let server = text_of(&above.name, above.address);
            match texts.iter_mut().find(|(_, other)| *other == lines) {
                Some((servers, _)) => servers.push(server),
                None => texts.push((vec![server], lines)),
            }
        }
        let one_is_right = texts.iter().any(|(_, lines)| lines.is_empty());
        texts.retain(|(_, lines)| !lines.is_empty());
        if texts.is_empty() && one_is_right {
            let names: Vec<&str> = self.servers.iter().map(|one| one.name.as_str()).collect();
            let ds = if self.signed { ", and its key" } else { "" };
            let (parent, names) = (above_name(&followed.parent), names.join(", "));
            let rollover = own.rollover();
            return Judgement::Sound(format!("{parent} names {names}{ds}{rollover}"));
        }
        let text = texts.iter().map(|(servers, lines)| {
            let head = format!("{} of {}", servers.join(", "), above_name(&followed.parent));
            format!("{head}:\n{}", lines.join("\n"))
        });
        Judgement::Awaited(text.collect::<Vec<_>>().join("\n"))
    }
}

/// What to do at the registrar.
fn lines(missing: &[String], wrong: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    for (head, lines) in [
        ("missing, to be given to the registrar:", missing),
        ("wrong, to be taken out there:", wrong),
    ] {
        if !lines.is_empty() {
            all.push(head.to_owned());
            all.extend(lines.iter().map(|line| format!("  {line}")));
        }
    }
    all
}

fn above_name(parent: &Name) -> String {
    match parent.is_root() {
        true => "the root".to_owned(),
        false => parent.to_ascii().trim_end_matches('.').to_owned(),
    }
}

fn text_of(name: &Name, address: IpAddr) -> String {
    match name.is_root() {
        true => address.to_string(),
        false => format!("{} ({address})", name.to_ascii().trim_end_matches('.')),
    }
}

fn address_record(name: &str, address: &IpAddr) -> String {
    let kind = if address.is_ipv4() { "A" } else { "AAAA" };
    format!("{name}. IN {kind} {address}")
}

/// Whether a DS record names one of these keys. What is no SHA-256 is known by its tag and its
/// algorithm: both stand before the type of the digest.
fn is_of(ds: &str, own: &[String]) -> bool {
    let split = |line: &str| {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let (key, digest) = words.split_at(5.min(words.len()));
        (key.to_vec(), digest.to_vec())
    };
    let (key, digest) = split(ds);
    let is_sha256 = digest.first().is_some_and(|kind| kind == "2");
    own.iter().any(|own| {
        let (own_key, own_digest) = split(own);
        key == own_key && (!is_sha256 || digest == own_digest)
    })
}

/// The addresses of a reply, each once.
#[must_use]
pub fn distinct(servers: &[(Name, Vec<IpAddr>)]) -> Vec<(Name, IpAddr)> {
    let mut seen = BTreeSet::new();
    let all = servers
        .iter()
        .flat_map(|(name, addresses)| addresses.iter().map(|address| (name.clone(), *address)));
    all.filter(|(_, address)| seen.insert(*address)).collect()
}

#[cfg(test)]
mod tests;
