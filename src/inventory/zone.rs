//! The zone: the records that are made, and those of the user.

use super::mistakes::Mistakes;
use super::name_servers::{Named, nameservers};
use super::raw::{self, At, RecordType};
use super::signing::dnssec;
use super::stray::Stray;
use super::user_record::{ttl, users};
use super::zone_entry::{Entry, Servers, check, own_addresses, point};
use super::{Dns, DnsRecord, Dnssec, Names, RecordSet, Server, further, reverse, secondary, site};
use crate::types::{Fqdn, RecordName};
use std::net::IpAddr;
use std::ops::Range;

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
        ttl("dns.ttl", self.raw.ttl.as_ref(), mistakes).unwrap_or(3600)
    }
}

/// The section `[dns]` of a site with a zone of its own. `guests` are the sites whose domains are
/// part of the zone: their records stand in it, too. `strays` are the aliases of all sites that
/// stand in another zone than the rest of their site.
pub(super) fn resolve(
    part: &Part<'_>,
    guests: &[&Part<'_>],
    strays: &[Stray<'_>],
    servers: Servers<'_>,
    mistakes: &mut Mistakes<'_>,
) -> Dns {
    let server = servers.site;
    let Part {
        raw,
        challenge,
        names,
        raw_names,
    } = *part;
    let ttl = part.ttl(mistakes);
    let asked = (part.enabled(), servers.copies.len());
    let nameservers = nameservers(raw, names, asked, mistakes);
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
        entries.extend(users(record, names.zone(), ttl, "dns", mistakes));
    }
    // What a guest has wrong is told where it is looked at by itself.
    let mut twice = mistakes.apart();
    for guest in guests {
        entries.extend(guest.entries(names.zone(), own_server, server, &mut twice));
    }
    let here = strays.iter().filter(|stray| stray.zone == *names.zone());
    let here: Vec<Entry> = here
        .flat_map(|stray| stray.entries(&entries, server, ttl))
        .collect();
    let mut answers = RecordSet::of(here.iter().map(|entry| &entry.record));
    entries.extend(here);
    let called: Vec<Fqdn> = nameservers.iter().map(|(name, _)| name.clone()).collect();
    let elsewhere = secondary::addresses(raw, names.zone()).into_iter();
    let mut secondaries: Vec<(Fqdn, IpAddr)> = elsewhere
        .map(|(name, _, address)| (name, address))
        .collect();
    secondaries.extend(servers.copies_of(&called));
    let answering = Zone {
        server: servers.dns,
        ..zone
    };
    let glue = answering.glue(&nameservers, &secondaries, &entries);
    entries.splice(made..made, glue);
    check(&entries, names.zone(), mistakes);
    let records: Vec<DnsRecord> = entries.into_iter().map(|entry| entry.record).collect();
    let forward = further::Forward {
        zone: names.zone(),
        records: &records,
        nameservers: &called,
        secondaries: &secondaries,
        ttl,
    };
    let mut zones = further::zones(&raw.zones, &forward, strays, servers, mistakes);
    reverse::zones(&raw.reverse, &forward, &mut zones, mistakes);
    answers.extend(zones.iter().flat_map(|zone| zone.answers.iter().cloned()));
    Dns {
        enabled: part.enabled(),
        zone: names.zone().clone(),
        shared: false,
        zones: zones.into_iter().map(|zone| zone.zone).collect(),
        answers,
        nameservers: called,
        // They are read with what they refer to.
        secondaries: Vec::new(),
        elsewhere: Vec::new(),
        transfer_keys: Vec::new(),
        copied: None,
        dnssec: dnssec("dns.dnssec", raw.dnssec.as_ref(), mistakes),
        ttl,
        wildcards: RecordSet::wildcards(&records),
        records,
    }
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
    let zones = part.raw.zones.first().map(|one| ("zones", one.span()));
    let reverse = part.raw.reverse.first().map(|one| ("reverse", one.span()));
    for (key, span) in zones.into_iter().chain(reverse) {
        let message = format!("dns.{key}: the records stand in the zone {zone}");
        let mistake = mistakes.at(span, message);
        mistakes.push(mistake.help(format!("write it at {host}, which has the name servers")));
    }
    let ttl = part.ttl(mistakes);
    // What is wrong with them is told where they are.
    let mut twice = mistakes.apart();
    let nameservers = nameservers(above.raw, above.names, (above.enabled(), 0), &mut twice);
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
        copied: None,
        dnssec: Dnssec::Off,
        ttl,
        wildcards: RecordSet::wildcards(&records),
        records,
        zones: Vec::new(),
        answers: Vec::new(),
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
            entries.extend(users(record, own.apex, own.ttl, "dns", mistakes));
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
            entries.extend(self.addresses(
                apex,
                site::written(self.raw_names, apex).as_ref(),
                &origin,
            ));
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
            let written = site::written(self.raw_names, alias);
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

    /// Addresses of the name servers below the domain that have none yet.
    fn glue(
        &self,
        nameservers: &[Named],
        secondaries: &[(Fqdn, IpAddr)],
        entries: &[Entry],
    ) -> Vec<Entry> {
        let mut glue = Vec::new();
        for (name, span) in nameservers {
            let has = |entry: &Entry| {
                entry.record.name == *name && (entry.is_address() || entry.is(RecordType::Cname))
            };
            if name.is_within(self.apex) && !entries.iter().any(has) {
                let origin = format!("the address of the name server {name}");
                let elsewhere = secondaries.iter().filter(|(other, _)| other == name);
                let elsewhere: Vec<IpAddr> = elsewhere.map(|(_, address)| *address).collect();
                glue.extend(match elsewhere.as_slice() {
                    [] => self.addresses(name, span.as_ref(), &origin),
                    addresses => {
                        Entry::addresses(name, addresses, self.ttl, span.as_ref(), &origin)
                    }
                });
            }
        }
        glue
    }

    fn addresses(&self, name: &Fqdn, span: Option<&Range<usize>>, origin: &str) -> Vec<Entry> {
        let addresses = own_addresses(self.server);
        Entry::addresses(name, &addresses, self.ttl, span, origin)
    }

    fn entry(
        &self,
        name: &RecordName,
        kind: RecordType,
        value: String,
        span: Option<Range<usize>>,
        origin: &str,
    ) -> Entry {
        Entry::made(name, (kind, value), self.ttl, span, origin)
    }
}
