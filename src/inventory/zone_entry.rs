//! A record of the zone with its origin, and what cannot stand together.

use super::DnsRecord;
use super::mistakes::Mistakes;
use super::raw::RecordType;
use crate::diagnostic::Diagnostic;
use crate::types::{Fqdn, RecordName};
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
    pub(super) fn is(&self, kind: RecordType) -> bool {
        self.record.kind == kind.as_str()
    }
    pub(super) fn is_address(&self) -> bool {
        self.is(RecordType::A) || self.is(RecordType::Aaaa)
    }
}

/// Finds what cannot stand together.
pub(super) fn check(entries: &[Entry], domain: &Fqdn, mistakes: &mut Mistakes<'_>) {
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
