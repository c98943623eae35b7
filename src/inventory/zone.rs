//! The zone: the records that are made, those of the user, and what cannot stand together.

use super::mistakes::Mistakes;
use super::raw::{self, At, RecordType};
use super::{Dns, DnsRecord, RecordSet, Server, Site, amount, record, site};
use crate::diagnostic::Diagnostic;
use crate::types::{Fqdn, RecordName};
use std::net::Ipv4Addr;
use std::ops::Range;

/// The largest time to live (RFC 2181 section 8).
const MAX_TTL: u32 = i32::MAX.unsigned_abs();

/// A record with where it comes from.
struct Entry {
    record: DnsRecord,
    target: Option<Fqdn>,
    /// Its place, if the user wrote it or what it is made from.
    span: Option<Range<usize>>,
    /// What it is, in a few words: `the alias www.foobar.com`.
    origin: String,
}

impl Entry {
    fn is(&self, kind: RecordType) -> bool {
        self.record.kind == kind.as_str()
    }
    fn is_address(&self) -> bool {
        self.is(RecordType::A) || self.is(RecordType::Aaaa)
    }
}

/// The section `[dns]`. Without a site there is nothing to say of the records.
pub(super) fn resolve(
    raw: &raw::Dns,
    site: Option<(&Site, &raw::Site)>,
    server: Option<&Server>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Dns> {
    let ttl = |amount: &raw::Amount| amount::seconds(amount, 0..=MAX_TTL);
    let default_ttl = mistakes
        .check("dns.ttl", raw.ttl.as_ref(), ttl)
        .unwrap_or(3600);
    let (site, raw_site) = site?;
    let enabled = raw.enabled.unwrap_or(true);
    let nameservers = nameservers(raw, site, enabled, mistakes);
    let zone = Zone {
        apex: site.zone(),
        site,
        raw_site,
        server,
        ttl: default_ttl,
    };
    let mut entries = zone.made(&nameservers);
    let made = entries.len();
    for record in &raw.records {
        entries.extend(zone.users(record, mistakes));
    }
    let glue = zone.glue(&nameservers, &entries);
    entries.splice(made..made, glue);
    check(&entries, site.zone(), mistakes);
    let records: Vec<DnsRecord> = entries.into_iter().map(|entry| entry.record).collect();
    Some(Dns {
        enabled,
        zone: site.zone().clone(),
        nameservers: nameservers.into_iter().map(|(name, _)| name).collect(),
        ttl: default_ttl,
        wildcards: wildcards(&records),
        records,
    })
}

/// The wildcards among the records, those of one name and type together.
fn wildcards(records: &[DnsRecord]) -> Vec<RecordSet> {
    let mut sets: Vec<RecordSet> = Vec::new();
    for record in records {
        if record.name.wildcard_of().is_none() {
            continue;
        }
        let same = |set: &&mut RecordSet| set.name == record.name && set.kind == record.kind;
        match sets.iter_mut().find(same) {
            Some(set) => set.values.push(record.value.clone()),
            None => sets.push(RecordSet {
                name: record.name.clone(),
                kind: record.kind.clone(),
                values: vec![record.value.clone()],
            }),
        }
    }
    sets
}

type Named = (Fqdn, Option<Range<usize>>);

fn nameservers(
    raw: &raw::Dns,
    site: &Site,
    enabled: bool,
    mistakes: &mut Mistakes<'_>,
) -> Vec<Named> {
    let Some(list) = &raw.nameservers else {
        let default = Fqdn::new(&format!("ns1.{}", site.zone()));
        return default.into_iter().map(|name| (name, None)).collect();
    };
    if list.is_empty() && enabled {
        let mistake = mistakes.at(list.span(), "dns.nameservers: a zone needs a name server");
        let help = format!("leave the key out for ns1.{}", site.zone());
        mistakes.push(mistake.help(help));
    }
    let mut names: Vec<Named> = Vec::new();
    for item in list.iter() {
        let checked = mistakes.check("dns.nameservers", Some(item), |text| {
            site::name(text, Some(site.zone()))
        });
        let Some(name) = checked else { continue };
        match names.iter().find(|(other, _)| *other == name) {
            Some((_, first)) => {
                let message = format!("the name server `{name}` is given twice");
                let mistake = mistakes.at(item.span(), message).label("the second one");
                let first = first.clone().unwrap_or_default();
                mistakes.push(mistake.context(first, "the first one"));
            }
            None => names.push((name, Some(item.span()))),
        }
    }
    names
}

struct Zone<'a> {
    /// The name of the zone.
    apex: &'a Fqdn,
    site: &'a Site,
    raw_site: &'a raw::Site,
    server: Option<&'a Server>,
    ttl: u32,
}

impl Zone<'_> {
    /// What the rest of the inventory makes: addresses of the domain, name servers, aliases.
    fn made(&self, nameservers: &[Named]) -> Vec<Entry> {
        let (domain, apex) = (&self.site.domain, self.apex);
        let mut entries = self.addresses(domain, None, "the domain's own record");
        if apex != domain {
            let origin = format!("the alias {apex}");
            entries.extend(self.addresses(apex, self.written(apex).as_ref(), &origin));
        }
        for (name, span) in nameservers {
            let origin = format!("the name server {name}");
            let value = format!("{name}.");
            let apex = RecordName::from(apex.clone());
            entries.push(self.entry(&apex, RecordType::Ns, value, span.clone(), &origin));
        }
        for alias in self
            .site
            .aliases
            .iter()
            .filter(|alias| alias.is_within(apex) && *alias != apex)
        {
            let written = self.written(alias);
            let origin = format!("the alias {alias}");
            let value = format!("{domain}.");
            let alias = RecordName::from(alias.clone());
            entries.push(self.entry(&alias, RecordType::Cname, value, written, &origin));
        }
        for entry in &mut entries {
            let points = entry.is(RecordType::Ns) || entry.is(RecordType::Cname);
            entry.target = points
                .then(|| Fqdn::new(&entry.record.value).ok())
                .flatten();
        }
        entries
    }

    /// Where an alias is written, if it is.
    fn written(&self, alias: &Fqdn) -> Option<Range<usize>> {
        let aliases = self.raw_site.aliases.as_ref()?;
        let same = |item: &&At<String>| Fqdn::new(item).as_ref() == Ok(alias);
        aliases.iter().find(same).map(At::span)
    }

    /// Addresses of the name servers below the domain that have none yet.
    fn glue(&self, nameservers: &[Named], entries: &[Entry]) -> Vec<Entry> {
        let mut glue = Vec::new();
        for (name, span) in nameservers {
            let has = |entry: &Entry| {
                entry.record.name == *name && (entry.is_address() || entry.is(RecordType::Cname))
            };
            if name.is_within(self.apex) && !entries.iter().any(has) {
                let origin = format!("the address of the name server {name}");
                glue.extend(self.addresses(name, span.as_ref(), &origin));
            }
        }
        glue
    }

    fn addresses(&self, name: &Fqdn, span: Option<&Range<usize>>, origin: &str) -> Vec<Entry> {
        // After a mistake in the server's address the records are still checked.
        let unknown = Some(Ipv4Addr::UNSPECIFIED);
        let ipv4 = self.server.map_or(unknown, |server| server.ipv4);
        let ipv6 = self.server.and_then(|server| server.ipv6);
        let four = ipv4.map(|ipv4| (RecordType::A, ipv4.to_string()));
        let six = ipv6.map(|ipv6| (RecordType::Aaaa, ipv6.to_string()));
        let name = RecordName::from(name.clone());
        let entry = |(kind, value)| self.entry(&name, kind, value, span.cloned(), origin);
        four.into_iter().chain(six).map(entry).collect()
    }

    fn entry(
        &self,
        name: &RecordName,
        kind: RecordType,
        value: String,
        span: Option<Range<usize>>,
        origin: &str,
    ) -> Entry {
        Entry {
            record: DnsRecord {
                name: name.clone(),
                kind: kind.as_str().to_owned(),
                value,
                ttl: self.ttl,
            },
            target: None,
            span,
            origin: origin.to_owned(),
        }
    }

    /// A record of the user.
    fn users(&self, raw: &At<raw::Record>, mistakes: &mut Mistakes<'_>) -> Option<Entry> {
        let domain = self.apex;
        for (key, is_there, example) in [
            ("name", raw.name.is_some(), "name = \"@\""),
            ("type", raw.kind.is_some(), "type = \"TXT\""),
            ("value", raw.value.is_some(), "value = \"…\""),
        ] {
            if !is_there {
                let message = format!("dns.records: {key} is missing");
                mistakes.missing(raw.span(), &message, &format!("write {example}"));
            }
        }
        let ttl = |amount: &raw::Amount| amount::seconds(amount, 0..=MAX_TTL);
        let ttl = mistakes.check("dns.records.ttl", raw.ttl.as_ref(), ttl);
        let owner = |text: &String| record::owner(text, domain);
        let name = mistakes.check("dns.records.name", raw.name.as_ref(), owner);
        let kind = **raw.kind.as_ref()?;
        let data = |text: &String| record::data(kind, text, domain);
        let data = mistakes.check("dns.records.value", raw.value.as_ref(), data);
        let (name, data) = (name?, data?);
        if kind == RecordType::Cname && name == *domain {
            let span = raw.name.as_ref().map_or(raw.span(), At::span);
            let mistake = mistakes.at(span, format!("`{domain}` itself cannot be a CNAME"));
            mistakes.push(
                mistake
                    .label("the domain has other records, too")
                    .help("a CNAME stands alone (RFC 1034 section 3.6.2): write an A record"),
            );
            return None;
        }
        if kind == RecordType::Ns && name.wildcard_of().is_some() {
            let span = raw.name.as_ref().map_or(raw.span(), At::span);
            let mistake = mistakes.at(span, format!("`{name}` cannot be delegated"));
            mistakes.push(mistake.help("name servers disagree about what that means (RFC 4592)"));
            return None;
        }
        let origin = format!("the {} record of {name}", kind.as_str());
        let span = raw.name.as_ref().map(At::span);
        let mut entry = self.entry(&name, kind, data.text, span, &origin);
        entry.record.ttl = ttl.unwrap_or(self.ttl);
        entry.target = data.target;
        Some(entry)
    }
}

/// Finds what cannot stand together.
fn check(entries: &[Entry], domain: &Fqdn, mistakes: &mut Mistakes<'_>) {
    for (at, entry) in entries.iter().enumerate() {
        let clash = entries[..at]
            .iter()
            .filter(|earlier| earlier.record.name == entry.record.name)
            .find_map(|earlier| clash(earlier, entry, mistakes));
        if let Some(clash) = clash {
            mistakes.push(clash);
        }
        pointer(entry, entries, domain, mistakes);
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
fn pointer(entry: &Entry, entries: &[Entry], domain: &Fqdn, mistakes: &mut Mistakes<'_>) {
    let Some(target) = &entry.target else { return };
    let span = entry.span.clone().unwrap_or_default();
    if entry.is(RecordType::Cname) {
        if entry.record.name == *target {
            let mistake = mistakes.at(span, format!("the CNAME `{target}` points at itself"));
            mistakes.push(mistake);
        }
        return;
    }
    let mut at_target = entries.iter().filter(|other| other.record.name == *target);
    if let Some(cname) = at_target.clone().find(|other| other.is(RecordType::Cname)) {
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
    let delegated = entries.iter().any(|other| {
        let cut = other.is(RecordType::Ns) && other.record.name != *domain;
        let own = entry.is(RecordType::Ns) && entry.record.name == other.record.name;
        cut && !own && RecordName::from(target.clone()).is_within(&other.record.name.example())
    });
    let stands_for = |other: &Entry| other.is_address() && other.record.name.stands_for(target);
    let has_address = at_target.any(Entry::is_address) || entries.iter().any(stands_for);
    if target.is_within(domain) && !delegated && !has_address {
        let message = format!(
            "{} points at `{target}`, which has no address",
            entry.origin
        );
        let mistake = mistakes.at(span, message);
        let help = format!("add an A record for `{target}`, or point at another name");
        mistakes.push(mistake.help(help));
    }
}
