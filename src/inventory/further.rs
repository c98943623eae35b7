//! Zones of domains that no site has: parked ones, those that only have mail, those that lead to a
//! site.

use super::mistakes::Mistakes;
use super::raw::{self, At, RecordType};
use super::signing::dnssec;
use super::stray::Stray;
use super::user_record::{ttl, users};
use super::zone_entry::{Entry, Servers, check, own_addresses, point};
use super::{DnsRecord, FurtherZone, RecordSet, Server, record, site};
use crate::types::{Fqdn, RecordName};
use std::net::IpAddr;
use std::ops::Range;

/// What the further zones of a site have from its zone.
pub(super) struct Forward<'a> {
    /// The zone.
    pub(super) zone: &'a Fqdn,
    /// Its records.
    pub(super) records: &'a [DnsRecord],
    /// Its name servers, which are those of the others, too.
    pub(super) nameservers: &'a [Fqdn],
    /// The name and the address of each of its secondaries.
    pub(super) secondaries: &'a [(Fqdn, IpAddr)],
    /// Its default time to live.
    pub(super) ttl: u32,
}

/// A further zone, and what must be answered of it.
pub(super) struct Further {
    pub(super) zone: FurtherZone,
    pub(super) answers: Vec<RecordSet>,
}

/// The zones of `[[dns.zones]]`.
pub(super) fn zones(
    all: &[At<raw::Zone>],
    forward: &Forward<'_>,
    strays: &[Stray<'_>],
    servers: Servers<'_>,
    mistakes: &mut Mistakes<'_>,
) -> Vec<Further> {
    let mut zones: Vec<Further> = Vec::new();
    for one in all {
        let Some(written) = &one.name else {
            let message = "dns.zones: name is missing";
            mistakes.missing(one.span(), message, "write name = \"example.net\"");
            continue;
        };
        let read = |text: &String| site::domain(text);
        let Some(name) = mistakes.check("dns.zones.name", Some(written), read) else {
            continue;
        };
        if zones.iter().any(|other| other.zone.zone == name) {
            let message = format!("dns.zones.name: the zone {name} is there twice");
            let mistake = mistakes.at(written.span(), message);
            mistakes.push(mistake.help("write the records of both into one"));
            continue;
        }
        zones.push(zone(one, name, forward, strays, servers, mistakes));
    }
    zones
}

fn zone(
    raw: &At<raw::Zone>,
    zone: Fqdn,
    forward: &Forward<'_>,
    strays: &[Stray<'_>],
    servers: Servers<'_>,
    mistakes: &mut Mistakes<'_>,
) -> Further {
    let ttl = ttl("dns.zones.ttl", raw.ttl.as_ref(), mistakes).unwrap_or(forward.ttl);
    let mut entries = forward.servers(&zone, ttl);
    let made = entries.len();
    for record in &raw.records {
        entries.extend(users(record, &zone, ttl, "dns.zones", mistakes));
    }
    let here = strays.iter().filter(|stray| stray.zone == zone);
    let here: Vec<Entry> = here
        .flat_map(|stray| stray.entries(&entries, servers.site, ttl))
        .collect();
    let names: Vec<RecordName> = here.iter().map(|entry| entry.record.name.clone()).collect();
    entries.extend(here);
    entries.extend(forward.glue(&zone, &entries, servers.dns, ttl));
    if let Some(mail) = raw.mail.as_ref().filter(|mail| !***mail) {
        entries.extend(no_mail(mail.span(), &zone, &entries, ttl, mistakes));
    }
    check(&entries, &zone, mistakes);
    let records: Vec<DnsRecord> = entries.into_iter().map(|entry| entry.record).collect();
    let asked = |record: &&DnsRecord| {
        let leads = matches!(record.kind.as_str(), "A" | "AAAA" | "CNAME" | "MX");
        leads && (record.name == zone || names.contains(&record.name))
    };
    let mut answers = RecordSet::of(records.iter().filter(asked));
    if answers.is_empty() {
        answers = RecordSet::of(records.get(made).into_iter());
        // Beside it there may be more of its name and type.
        answers = RecordSet::of(records.iter().filter(|record| {
            let same = |set: &RecordSet| set.name == record.name && set.kind == record.kind;
            answers.iter().any(same)
        }));
    }
    Further {
        zone: FurtherZone {
            zone,
            ttl,
            dnssec: dnssec("dns.zones.dnssec", raw.dnssec.as_ref(), mistakes),
            records,
        },
        answers,
    }
}

impl Forward<'_> {
    fn servers(&self, zone: &Fqdn, ttl: u32) -> Vec<Entry> {
        let apex = RecordName::from(zone.clone());
        let servers = self.nameservers.iter().map(|name| {
            let data = (RecordType::Ns, format!("{name}."));
            Entry::made(&apex, data, ttl, None, &format!("the name server {name}"))
        });
        let mut servers: Vec<Entry> = servers.collect();
        point(&mut servers);
        servers
    }

    /// Addresses of the name servers in this zone that have none yet.
    fn glue(
        &self,
        zone: &Fqdn,
        entries: &[Entry],
        server: Option<&Server>,
        ttl: u32,
    ) -> Vec<Entry> {
        let missing = self.nameservers.iter().filter(|name| {
            let has = |entry: &Entry| {
                entry.record.name == **name && (entry.is_address() || entry.is(RecordType::Cname))
            };
            name.is_within(zone) && !entries.iter().any(has)
        });
        let glue = missing.flat_map(|name| {
            let known = self.secondaries.iter().filter(|(other, _)| other == name);
            let mut addresses: Vec<IpAddr> = known.map(|(_, address)| *address).collect();
            if addresses.is_empty() {
                addresses = own_addresses(server);
            }
            let origin = format!("the address of the name server {name}");
            Entry::addresses(name, &addresses, ttl, None, &origin)
        });
        glue.collect()
    }
}

/// What says that there is no mail: that nobody takes it (RFC 7505), and that none is sent (RFC
/// 7208, RFC 7489). What the user says himself counts.
fn no_mail(
    span: Range<usize>,
    zone: &Fqdn,
    others: &[Entry],
    ttl: u32,
    mistakes: &mut Mistakes<'_>,
) -> Vec<Entry> {
    let is_mx = |entry: &&Entry| entry.is(RecordType::Mx) && entry.record.name == *zone;
    if let Some(taken) = others.iter().find(is_mx) {
        let message = format!("dns.zones.mail: mail of {zone} is taken by an MX record");
        let mistake = mistakes.at(span.clone(), message);
        let mistake = mistake.context(taken.span.clone().unwrap_or_default(), &taken.origin);
        mistakes.push(mistake.help("leave one of the two out (RFC 7505 section 3)"));
        return Vec::new();
    }
    let policy = format!("_dmarc.{zone}");
    let wanted = [
        (zone.as_str(), RecordType::Mx, "0 .", None),
        (
            zone.as_str(),
            RecordType::Txt,
            "v=spf1 -all",
            Some("v=spf1"),
        ),
        (
            policy.as_str(),
            RecordType::Txt,
            "v=DMARC1; p=reject",
            Some("v=DMARC1"),
        ),
    ];
    let made = wanted.into_iter().filter_map(|(name, kind, text, mark)| {
        let name = RecordName::new(name).ok()?;
        let said = |entry: &Entry| {
            let own = entry.record.name == name && entry.is(kind);
            own && mark.is_some_and(|mark| entry.record.value.contains(mark))
        };
        if others.iter().any(said) {
            return None;
        }
        let data = record::data(kind, text, zone).ok()?;
        let span = Some(span.clone());
        Some(Entry::made(
            &name,
            (kind, data.text),
            ttl,
            span,
            "mail = false",
        ))
    });
    made.collect()
}

/// A zone that this server answers for.
pub(super) struct Hosted<'a> {
    pub(super) zone: &'a Fqdn,
    pub(super) records: &'a [DnsRecord],
    /// Where further records of it are written; none for one of `[[dns.zones]]` or
    /// `[[dns.reverse]]`.
    pub(super) table: Option<String>,
}

impl Hosted<'_> {
    fn delegates(&self, name: &Fqdn) -> bool {
        let mut records = self.records.iter();
        records.any(|record| record.kind == "NS" && record.name == *name)
    }
}

/// Refuses zones of `[[dns.zones]]` that a site has, and those that are part of another one that
/// knows nothing of it, or the other way round: such a zone would be found at this server alone.
pub(super) fn misplaced(all: &[At<raw::Zone>], hosted: &[Hosted<'_>], mistakes: &mut Mistakes<'_>) {
    for written in all.iter().filter_map(|one| one.name.as_ref()) {
        let Some(own) = Fqdn::new(written)
            .ok()
            .and_then(|name| hosted.iter().find(|one| *one.zone == name))
        else {
            continue;
        };
        let name = own.zone;
        for other in hosted {
            let zone = other.zone;
            let (message, help) = match &other.table {
                Some(table) if zone == name => (
                    format!("dns.zones.name: {name} is the zone of a site already"),
                    format!("write its records as [[{table}.records]]"),
                ),
                _ if zone == name => continue,
                _ if name.is_within(zone) && !other.delegates(name) => (
                    format!("dns.zones.name: {name} is part of the zone {zone}"),
                    format!(
                        "write its records there, or an NS record for {name} that leads to this server"
                    ),
                ),
                Some(_) if zone.is_within(name) && !own.delegates(zone) => (
                    format!("dns.zones.name: {zone}, which a site has, is part of the zone {name}"),
                    format!("add an NS record for {zone} that leads to this server"),
                ),
                _ => continue,
            };
            mistakes.push(mistakes.at(written.span(), message).help(help));
            break;
        }
    }
}
