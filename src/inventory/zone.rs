//! The zone: the records that are made, and those of the user.

use super::mistakes::Mistakes;
use super::name_servers::{Named, nameservers};
use super::raw::{self, At, RecordType};
use super::zone_entry::{Entry, check, point};
use super::{
    Dns, DnsRecord, Dnssec, Names, RecordSet, Server, amount, record, record_rules, reverse,
    secondary,
};
use crate::types::{Fqdn, InvalidValue, RecordName};
use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;

/// The largest time to live (RFC 2181 section 8).
const MAX_TTL: u32 = i32::MAX.unsigned_abs();

/// A site as its zone sees it.
pub(super) struct Part<'a> {
    /// The section `[dns]`.
    pub(super) raw: &'a raw::Dns,
    /// Whether an authority is answered by records of the zone.
    pub(super) challenge: bool,
    pub(super) names: &'a Names,
    pub(super) raw_names: &'a raw::Names<'a>,
}

impl Part<'_> {
    pub(super) fn enabled(&self) -> bool {
        self.raw.enabled.unwrap_or(true)
    }

    fn ttl(&self, mistakes: &mut Mistakes<'_>) -> u32 {
        let ttl = |amount: &raw::Amount| amount::seconds(amount, 0..=MAX_TTL);
        let found = mistakes.check("dns.ttl", self.raw.ttl.as_ref(), ttl);
        found.unwrap_or(3600)
    }
}

/// The time to live of a section without a site, of which there is nothing else to say.
pub(super) fn check_ttl(raw: &raw::Dns, mistakes: &mut Mistakes<'_>) {
    let ttl = |amount: &raw::Amount| amount::seconds(amount, 0..=MAX_TTL);
    mistakes.check("dns.ttl", raw.ttl.as_ref(), ttl);
}

/// The section `[dns]` of a site with a zone of its own. `guests` are the sites whose domains are
/// part of the zone: their records stand in it, too.
pub(super) fn resolve(
    part: &Part<'_>,
    guests: &[&Part<'_>],
    server: Option<&Server>,
    mistakes: &mut Mistakes<'_>,
) -> Dns {
    let Part {
        raw,
        challenge,
        names,
        raw_names,
    } = *part;
    let ttl = part.ttl(mistakes);
    let nameservers = nameservers(raw, names, part.enabled(), mistakes);
    // The first one is this server.
    let own_server = nameservers.first().map(|(name, _)| name);
    let zone = Zone {
        apex: names.zone(),
        names,
        raw_names,
        server,
        ttl,
    };
    let mut entries = zone.made(&nameservers);
    if let Some(host) = own_server.filter(|_| challenge) {
        entries.extend(zone.challenge(host));
    }
    let made = entries.len();
    for record in &raw.records {
        entries.extend(zone.users(record, mistakes));
    }
    // What a guest has wrong is told where it is looked at by itself.
    let mut twice = mistakes.apart();
    for guest in guests {
        entries.extend(guest.entries(names.zone(), own_server, server, &mut twice));
    }
    let secondaries = secondary::addresses(raw, names.zone());
    let glue = zone.glue(&nameservers, &secondaries, &entries);
    entries.splice(made..made, glue);
    check(&entries, names.zone(), mistakes);
    let records: Vec<DnsRecord> = entries.into_iter().map(|entry| entry.record).collect();
    let nameservers: Vec<Fqdn> = nameservers.into_iter().map(|(name, _)| name).collect();
    let forward = reverse::Forward {
        zone: names.zone(),
        records: &records,
        nameservers: &nameservers,
        ttl,
    };
    Dns {
        enabled: part.enabled(),
        zone: names.zone().clone(),
        shared: false,
        reverse: reverse::zones(&raw.reverse, &forward, mistakes),
        nameservers,
        // They are read with what they refer to.
        secondaries: Vec::new(),
        elsewhere: Vec::new(),
        transfer_keys: Vec::new(),
        dnssec: dnssec(raw, mistakes),
        ttl,
        wildcards: RecordSet::wildcards(&records),
        records,
    }
}

fn dnssec(raw: &raw::Dns, mistakes: &mut Mistakes<'_>) -> Dnssec {
    let read = |written: &raw::Signing| match written {
        raw::Signing::Switch(true) => Ok(Dnssec::On),
        raw::Signing::Switch(false) => Ok(Dnssec::Off),
        raw::Signing::Text(text) if text == "insecure" => Ok(Dnssec::Insecure),
        raw::Signing::Text(text) => {
            let wrong = InvalidValue::new(format!("`{text}` is no way to sign a zone"));
            Err(wrong.hint("true, false, or \"insecure\" while it is ended"))
        }
    };
    let found = mistakes.check("dns.dnssec", raw.dnssec.as_ref(), read);
    found.unwrap_or(Dnssec::Off)
}

/// The section `[dns]` of a site whose domain is part of the zone of another one.
pub(super) fn resolve_guest(
    part: &Part<'_>,
    above: &Part<'_>,
    host: &str,
    server: Option<&Server>,
    mistakes: &mut Mistakes<'_>,
) -> Dns {
    let zone = above.names.zone();
    if let Some(list) = &part.raw.nameservers {
        let message = format!("dns.nameservers: the records stand in the zone {zone}");
        let mistake = mistakes.at(list.span(), message);
        mistakes.push(mistake.help(format!("leave it out: {host} has the name servers")));
    }
    if let Some(dnssec) = &part.raw.dnssec {
        let message = format!("dns.dnssec: the records stand in the zone {zone}");
        let mistake = mistakes.at(dnssec.span(), message);
        mistakes.push(mistake.help(format!("write it at {host}, which has the zone")));
    }
    if let Some(one) = part.raw.secondaries.first() {
        let message = format!("dns.secondaries: the records stand in the zone {zone}");
        let mistake = mistakes.at(one.span(), message);
        mistakes.push(mistake.help(format!("write them at {host}, which has the zone")));
    }
    if let Some(one) = part.raw.reverse.first() {
        let message = format!("dns.reverse: the records stand in the zone {zone}");
        let mistake = mistakes.at(one.span(), message);
        mistakes.push(mistake.help(format!("write it at {host}, which has the name servers")));
    }
    let ttl = part.ttl(mistakes);
    // What is wrong with them is told where they are.
    let mut twice = mistakes.apart();
    let nameservers = nameservers(above.raw, above.names, above.enabled(), &mut twice);
    let own_server = nameservers.first().map(|(name, _)| name);
    let entries = part.entries(zone, own_server, server, mistakes);
    let records: Vec<DnsRecord> = entries.into_iter().map(|entry| entry.record).collect();
    Dns {
        enabled: true,
        zone: zone.clone(),
        shared: true,
        nameservers: Vec::new(),
        secondaries: Vec::new(),
        elsewhere: Vec::new(),
        transfer_keys: Vec::new(),
        dnssec: Dnssec::Off,
        ttl,
        wildcards: RecordSet::wildcards(&records),
        records,
        reverse: Vec::new(),
    }
}

impl Part<'_> {
    /// The records of a guest in this zone: addresses, aliases, and the user's own.
    fn entries(
        &self,
        zone: &Fqdn,
        own_server: Option<&Fqdn>,
        server: Option<&Server>,
        mistakes: &mut Mistakes<'_>,
    ) -> Vec<Entry> {
        let own = Zone {
            apex: self.names.zone(),
            names: self.names,
            raw_names: self.raw_names,
            server,
            ttl: self.ttl(mistakes),
        };
        let mut entries = own.made(&[]);
        if let Some(host) = own_server.filter(|_| self.challenge) {
            entries.extend(own.challenge(host));
        }
        for record in &self.raw.records {
            entries.extend(own.users(record, mistakes));
        }
        entries.retain(|entry| entry.record.name.is_within(zone));
        entries
    }
}

struct Zone<'a> {
    /// The name of the zone.
    apex: &'a Fqdn,
    names: &'a Names,
    raw_names: &'a raw::Names<'a>,
    server: Option<&'a Server>,
    ttl: u32,
}

impl Zone<'_> {
    /// What the rest of the inventory makes: addresses of the domain, name servers, aliases.
    fn made(&self, nameservers: &[Named]) -> Vec<Entry> {
        let (domain, apex) = (&self.names.domain, self.apex);
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
            .names
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
        if let Some(wildcard) = self.names.wildcard() {
            let written = self.raw_names.wildcard.map(At::span);
            let value = format!("{domain}.");
            entries.push(self.entry(
                &wildcard,
                RecordType::Cname,
                value,
                written,
                "site.wildcard",
            ));
        }
        point(&mut entries);
        entries
    }

    /// What an authority asks for below `_acme-challenge` is in a zone of its own, which changes
    /// while this one stays; the other names of the site lead to it.
    fn challenge(&self, host: &Fqdn) -> Vec<Entry> {
        const ORIGIN: &str = "what tls.challenge makes";
        let below = |name: &Fqdn| Fqdn::new(&format!("_acme-challenge.{name}")).ok();
        let Some(own) = below(&self.names.domain) else {
            return Vec::new();
        };
        let name = RecordName::from(own.clone());
        let value = format!("{host}.");
        let mut entries = vec![self.entry(&name, RecordType::Ns, value, None, ORIGIN)];
        let aliases = self.names.aliases.iter();
        for alias in aliases.filter(|alias| alias.is_within(self.apex)) {
            let Some(alias) = below(alias).map(RecordName::from) else {
                continue;
            };
            let value = format!("{own}.");
            entries.push(self.entry(&alias, RecordType::Cname, value, None, ORIGIN));
        }
        point(&mut entries);
        entries
    }

    /// Where an alias is written, if it is.
    fn written(&self, alias: &Fqdn) -> Option<Range<usize>> {
        let aliases = self.raw_names.aliases?;
        let same = |item: &&At<String>| Fqdn::new(item).as_ref() == Ok(alias);
        aliases.iter().find(same).map(At::span)
    }

    /// Addresses of the name servers below the domain that have none yet.
    fn glue(
        &self,
        nameservers: &[Named],
        secondaries: &[(Fqdn, Range<usize>, IpAddr)],
        entries: &[Entry],
    ) -> Vec<Entry> {
        let mut glue = Vec::new();
        for (name, span) in nameservers {
            let has = |entry: &Entry| {
                entry.record.name == *name && (entry.is_address() || entry.is(RecordType::Cname))
            };
            if name.is_within(self.apex) && !entries.iter().any(has) {
                let origin = format!("the address of the name server {name}");
                let elsewhere = secondaries.iter().filter(|(other, ..)| other == name);
                let elsewhere: Vec<IpAddr> = elsewhere.map(|(.., address)| *address).collect();
                glue.extend(match elsewhere.as_slice() {
                    [] => self.addresses(name, span.as_ref(), &origin),
                    addresses => self.entries_of(name, addresses, span.as_ref(), &origin),
                });
            }
        }
        glue
    }

    fn addresses(&self, name: &Fqdn, span: Option<&Range<usize>>, origin: &str) -> Vec<Entry> {
        // After a mistake in the server's address the records are still checked.
        let unknown = Some(Ipv4Addr::UNSPECIFIED);
        let ipv4 = self.server.map_or(unknown, |server| server.ipv4);
        let ipv6 = self.server.and_then(|server| server.ipv6);
        let (four, six) = (ipv4.map(IpAddr::from), ipv6.map(IpAddr::from));
        let addresses: Vec<IpAddr> = four.into_iter().chain(six).collect();
        self.entries_of(name, &addresses, span, origin)
    }

    /// The address records of a name.
    fn entries_of(
        &self,
        name: &Fqdn,
        addresses: &[IpAddr],
        span: Option<&Range<usize>>,
        origin: &str,
    ) -> Vec<Entry> {
        let name = RecordName::from(name.clone());
        let entry = |address: &IpAddr| {
            let kind = match address {
                IpAddr::V4(_) => RecordType::A,
                IpAddr::V6(_) => RecordType::Aaaa,
            };
            self.entry(&name, kind, address.to_string(), span.cloned(), origin)
        };
        addresses.iter().map(entry).collect()
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
        let fits = name.as_ref().is_none_or(|name| {
            let span = raw.name.as_ref().map_or(raw.span(), At::span);
            let fits = record_rules::check_owner(kind, name);
            let wrong = fits.map_err(|error| mistakes.invalid(span, "dns.records.name", &error));
            wrong.is_ok()
        });
        let (name, data) = (name.filter(|_| fits)?, data?);
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
