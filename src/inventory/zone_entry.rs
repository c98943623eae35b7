//! A record of the zone with its origin, and what cannot stand together.

use super::mistakes::Mistakes;
use super::raw::RecordType;
use super::{DnsRecord, Server, ServerRole};
use crate::diagnostic::Diagnostic;
use crate::types::{Fqdn, RecordName, ServerName};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;

/// A record with where it comes from.
pub(super) struct Entry {
    pub(super) record: DnsRecord,
    pub(super) target: Option<Fqdn>,
    /// Its place, if the user wrote it or what it is made from.
    pub(super) span: Option<Range<usize>>,
    /// What it is, in a few words: `the alias www.foobar.com`.
    pub(super) origin: String,
}

impl Entry {
    /// A record that is made of something, with its place and what it is made of.
    pub(super) fn made(
        name: &RecordName,
        (kind, value): (RecordType, String),
        ttl: u32,
        span: Option<Range<usize>>,
        origin: &str,
    ) -> Self {
        Self {
            record: DnsRecord {
                name: name.clone(),
                kind: kind.as_str().to_owned(),
                value,
                ttl,
            },
            target: None,
            span,
            origin: origin.to_owned(),
        }
    }

    /// The address records of a name.
    pub(super) fn addresses(
        name: &Fqdn,
        addresses: &[IpAddr],
        ttl: u32,
        span: Option<&Range<usize>>,
        origin: &str,
    ) -> Vec<Self> {
        let name = RecordName::from(name.clone());
        let entry = |address: &IpAddr| {
            let kind = match address {
                IpAddr::V4(_) => RecordType::A,
                IpAddr::V6(_) => RecordType::Aaaa,
            };
            let data = (kind, address.to_string());
            Self::made(&name, data, ttl, span.cloned(), origin)
        };
        addresses.iter().map(entry).collect()
    }

    pub(super) fn is(&self, kind: RecordType) -> bool {
        self.record.kind == kind.as_str()
    }
    pub(super) fn is_address(&self) -> bool {
        self.is(RecordType::A) || self.is(RecordType::Aaaa)
    }
}

/// The servers that a zone speaks of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Servers<'a> {
    /// The one that visitors come to.
    pub(super) site: Option<&'a Server>,
    /// The one that answers the zone.
    pub(super) dns: Option<&'a Server>,
    /// Those that copy it from there.
    pub(super) copies: &'a [&'a Server],
}

/// The servers that answer zones, the one that has them first.
pub(super) fn name_servers(servers: &BTreeMap<ServerName, Server>) -> Vec<&Server> {
    let holders = ServerRole::Dns.holders(servers).into_iter();
    holders.map(|(_, server)| server).collect()
}

impl<'a> Servers<'a> {
    /// Those of the inventory, of which these answer zones.
    pub(super) fn among(
        servers: &'a BTreeMap<ServerName, Server>,
        answering: &'a [&'a Server],
    ) -> Self {
        Self {
            site: ServerRole::Web.holder(servers).map(|(_, server)| server),
            dns: answering.first().copied(),
            copies: answering.get(1..).unwrap_or_default(),
        }
    }

    /// The names and the addresses of those that copy a zone with these name servers.
    pub(super) fn copies_of(&self, nameservers: &[Fqdn]) -> Vec<(Fqdn, IpAddr)> {
        let named = nameservers.iter().skip(1).zip(self.copies);
        let each = |(name, server): (&Fqdn, &&Server)| {
            let name = name.clone();
            server
                .addresses()
                .into_iter()
                .map(move |address| (name.clone(), address))
        };
        named.flat_map(each).collect()
    }
}

/// The addresses of this server. After a mistake in them the records are still checked.
pub(super) fn own_addresses(server: Option<&Server>) -> Vec<IpAddr> {
    let unknown = Some(Ipv4Addr::UNSPECIFIED);
    let ipv4 = server.map_or(unknown, |server| server.ipv4);
    let ipv6 = server.and_then(|server| server.ipv6);
    let (four, six) = (ipv4.map(IpAddr::from), ipv6.map(IpAddr::from));
    four.into_iter().chain(six).collect()
}

/// Notes where the made ones among them lead.
pub(super) fn point(entries: &mut [Entry]) {
    for entry in entries {
        let points = entry.is(RecordType::Ns) || entry.is(RecordType::Cname);
        entry.target = points
            .then(|| Fqdn::new(&entry.record.value).ok())
            .flatten();
    }
}

/// The records by what is looked for among them: a zone may have very many.
struct Index<'a> {
    by_name: BTreeMap<&'a str, Vec<&'a Entry>>,
    /// Every name that is there, also because another one is below it.
    there: BTreeSet<&'a str>,
    /// The first name server of each delegation.
    cuts: BTreeMap<&'a str, &'a Entry>,
    /// What name servers are called.
    servers: BTreeSet<&'a str>,
}

impl<'a> Index<'a> {
    fn of(entries: &'a [Entry], domain: &Fqdn) -> Self {
        let mut index = Self {
            by_name: BTreeMap::new(),
            there: BTreeSet::new(),
            cuts: BTreeMap::new(),
            servers: BTreeSet::new(),
        };
        for entry in entries {
            let name = entry.record.name.as_str();
            index.by_name.entry(name).or_default().push(entry);
            index.there.extend(and_above(name));
            if entry.is(RecordType::Ns) {
                index
                    .servers
                    .extend(entry.target.as_ref().map(Fqdn::as_str));
                if entry.record.name != *domain {
                    index.cuts.entry(name).or_insert(entry);
                }
            }
        }
        index
    }

    /// The records of a name itself.
    fn own(&self, name: &str) -> &[&'a Entry] {
        self.by_name.get(name).map_or(&[], Vec::as_slice)
    }

    /// The delegation that a name belongs to: the first one on the way down from the domain.
    fn cut_of(&self, name: &str) -> Option<&'a Entry> {
        let cuts = and_above(name).filter_map(|above| self.cuts.get(above));
        cuts.last().copied()
    }
}

/// A name, and those above it, the highest last.
fn and_above(name: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(name), |name| {
        name.split_once('.').map(|(_, above)| above)
    })
}

/// Finds what cannot stand together.
pub(super) fn check(entries: &[Entry], domain: &Fqdn, mistakes: &mut Mistakes<'_>) {
    let index = Index::of(entries, domain);
    for entry in entries {
        let same = index.own(entry.record.name.as_str()).iter();
        let clash = same
            .take_while(|earlier| !std::ptr::eq(**earlier, entry))
            .find_map(|earlier| clash(earlier, entry, mistakes));
        if let Some(clash) = clash {
            mistakes.push(clash);
        }
        pointer(entry, &index, domain, mistakes);
        delegated(entry, &index, mistakes);
    }
}

/// What is wrong with two records of one name, if anything.
fn clash(earlier: &Entry, entry: &Entry, mistakes: &Mistakes<'_>) -> Option<Diagnostic> {
    let name = &entry.record.name;
    let same_kind = entry.record.kind == earlier.record.kind;
    let cname = entry.is(RecordType::Cname) || earlier.is(RecordType::Cname);
    let (message, help) = if same_kind && entry.record.value == earlier.record.value {
        let kind = &entry.record.kind;
        (
            format!("the {kind} record of `{name}` is there twice"),
            "leave one out",
        )
    } else if cname {
        (
            format!("`{name}` is a CNAME and can have no other record"),
            "a CNAME stands alone (RFC 1034 section 3.6.2): leave one of the two out",
        )
    } else if same_kind && entry.record.ttl != earlier.record.ttl {
        let kind = &entry.record.kind;
        (
            format!("the {kind} records of `{name}` have different times to live"),
            "give all of them the same ttl (RFC 2181 section 5.2)",
        )
    } else {
        return None;
    };
    let (entry, other) = match (&entry.span, &earlier.span) {
        (None, Some(_)) => (earlier, entry),
        _ => (entry, earlier),
    };
    let span = entry.span.clone().unwrap_or_default();
    let mistake = mistakes.at(span, message).label(&entry.origin).help(help);
    Some(match &other.span {
        Some(place) => mistake.context(place.clone(), &other.origin),
        None => mistake.help(format!("{help}; {} is made for you", other.origin)),
    })
}

/// A record that points at a name.
fn pointer(entry: &Entry, index: &Index<'_>, domain: &Fqdn, mistakes: &mut Mistakes<'_>) {
    let Some(target) = &entry.target else { return };
    let span = entry.span.clone().unwrap_or_default();
    if entry.is(RecordType::Cname) {
        if leads_back(entry, index) {
            let message = if entry.record.name == *target {
                format!("the CNAME `{target}` points at itself")
            } else {
                format!("the CNAME `{}` leads back to itself", entry.record.name)
            };
            mistakes.push(mistakes.at(span, message));
        }
        return;
    }
    let cut = index.cut_of(target.as_str());
    let at_target = match cut {
        // No wildcard of this zone stands for a name below a delegation.
        Some(_) => index.own(target.as_str()),
        None => answering(target, index),
    };
    let service = entry.is(RecordType::Https) || entry.is(RecordType::Svcb);
    if let Some(cname) = at_target.iter().find(|other| other.is(RecordType::Cname)) {
        if service {
            return;
        }
        let message = format!("{} points at `{target}`, which is a CNAME", entry.origin);
        let mistake = mistakes.at(span, message);
        let mistake = mistake.label("must point at a name with an address");
        let help = format!("RFC 2181 section 10.3; {} is a CNAME", cname.origin);
        mistakes.push(match &cname.span {
            Some(place) => mistake.context(place.clone(), &cname.origin),
            None => mistake.help(help),
        });
        return;
    }
    // A name below a delegation belongs to somebody else's zone, except for the address
    // without which the delegation itself could not be followed.
    let elsewhere = cut.is_some_and(|cut| {
        let same = entry.record.name == cut.record.name;
        !(entry.is(RecordType::Ns) && same)
    });
    let has_address = at_target.iter().any(|other| other.is_address());
    if target.is_within(domain) && !elsewhere && !has_address {
        let message = format!(
            "{} points at `{target}`, which has no address",
            entry.origin
        );
        let mistake = mistakes.at(span, message);
        let help = format!("add an A record for `{target}`, or point at another name");
        mistakes.push(mistake.help(help));
    }
}

/// The records that answer for a name: its own, or those of the wildcard nearest above it, of
/// which another name that is there takes its place (RFC 4592 section 3.3.1).
fn answering<'i, 'a>(name: &Fqdn, index: &'i Index<'a>) -> &'i [&'a Entry] {
    if index.there.contains(name.as_str()) {
        return index.own(name.as_str());
    }
    for parent in and_above(name.as_str()).skip(1) {
        let stars = index.own(&format!("*.{parent}"));
        if !stars.is_empty() || index.there.contains(parent) {
            return stars;
        }
    }
    &[]
}

/// True if the CNAMEs from this one on come back to it.
fn leads_back(entry: &Entry, index: &Index<'_>) -> bool {
    let mut target = entry.target.as_ref();
    let mut passed = BTreeSet::new();
    while let Some(name) = target.filter(|name| passed.insert(name.as_str())) {
        if entry.record.name == *name {
            return true;
        }
        let own = index.own(name.as_str()).iter();
        let next = own.copied().find(|other| other.is(RecordType::Cname));
        target = next.and_then(|next| next.target.as_ref());
    }
    false
}

/// A record that nobody would get, since its name belongs to a delegated zone.
fn delegated(entry: &Entry, index: &Index<'_>, mistakes: &mut Mistakes<'_>) {
    let name = &entry.record.name;
    let Some(cut) = index.cut_of(name.as_str()) else {
        return;
    };
    let zone = &cut.record.name;
    let glue = entry.is_address() && index.servers.contains(name.as_str());
    if glue || (entry.is(RecordType::Ns) && name == zone) {
        return;
    }
    // The clash of a CNAME with the name servers beside it is told already.
    if entry.is(RecordType::Cname) && name == zone {
        return;
    }
    let message = if name == zone {
        format!("`{name}` is delegated and can have no other record here")
    } else {
        format!("`{name}` is below the delegation of `{zone}`")
    };
    let help = format!(
        "it belongs to the zone {zone}, on the servers that have that; here stand only the \
         addresses of these servers (RFC 1034 section 4.2.1)"
    );
    let (place, other) = match (&entry.span, &cut.span) {
        (None, Some(_)) => (cut, entry),
        _ => (entry, cut),
    };
    let span = place.span.clone().unwrap_or_default();
    let mistake = mistakes.at(span, message).label(&place.origin);
    mistakes.push(match &other.span {
        Some(span) => mistake.help(help).context(span.clone(), &other.origin),
        None => mistake.help(format!("{help}; {} is made for you", other.origin)),
    });
}
