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

/// Notes where the made ones among them lead.
pub(super) fn point(entries: &mut [Entry]) {
    for entry in entries {
        let points = entry.is(RecordType::Ns) || entry.is(RecordType::Cname);
        entry.target = points
            .then(|| Fqdn::new(&entry.record.value).ok())
            .flatten();
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
        delegated(entry, entries, domain, mistakes);
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
        if leads_back(entry, entries) {
            let message = if entry.record.name == *target {
                format!("the CNAME `{target}` points at itself")
            } else {
                format!("the CNAME `{}` leads back to itself", entry.record.name)
            };
            mistakes.push(mistakes.at(span, message));
        }
        return;
    }
    let cut = cut_of(&target.clone().into(), entries, domain);
    let at_target = match cut {
        // No wildcard of this zone stands for a name below a delegation.
        Some(_) => own(target, entries),
        None => answering(target, entries),
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

/// The records of a name itself.
fn own<'a>(name: &Fqdn, entries: &'a [Entry]) -> Vec<&'a Entry> {
    let own = entries.iter().filter(|entry| entry.record.name == *name);
    own.collect()
}

/// The records that answer for a name: its own, or those of the wildcard nearest above it, of
/// which another name that is there takes its place (RFC 4592 section 3.3.1).
fn answering<'a>(name: &Fqdn, entries: &'a [Entry]) -> Vec<&'a Entry> {
    let is_there = |name: &str| {
        let below = |entry: &Entry| {
            let before = entry.record.name.as_str().strip_suffix(name);
            before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
        };
        entries.iter().any(below)
    };
    if is_there(name.as_str()) {
        return own(name, entries);
    }
    let mut rest = name.as_str();
    while let Some((_, parent)) = rest.split_once('.') {
        let stars = entries
            .iter()
            .filter(|entry| entry.record.name.wildcard_of() == Some(parent));
        let stars: Vec<&Entry> = stars.collect();
        if !stars.is_empty() || is_there(parent) {
            return stars;
        }
        rest = parent;
    }
    Vec::new()
}

/// True if the CNAMEs from this one on come back to it.
fn leads_back(entry: &Entry, entries: &[Entry]) -> bool {
    let mut target = entry.target.as_ref();
    for _ in 0..entries.len() {
        let Some(name) = target else { return false };
        if entry.record.name == *name {
            return true;
        }
        let next = |other: &&Entry| other.is(RecordType::Cname) && other.record.name == *name;
        target = entries
            .iter()
            .find(next)
            .and_then(|next| next.target.as_ref());
    }
    false
}

/// The delegation that a name belongs to: the first one on the way down from the domain.
fn cut_of<'a>(name: &RecordName, entries: &'a [Entry], domain: &Fqdn) -> Option<&'a Entry> {
    let cuts = entries.iter().filter(|cut| {
        cut.is(RecordType::Ns)
            && cut.record.name != *domain
            && name.is_within(&cut.record.name.example())
    });
    cuts.min_by_key(|cut| cut.record.name.as_str().len())
}

/// A record that nobody would get, since its name belongs to a delegated zone.
fn delegated(entry: &Entry, entries: &[Entry], domain: &Fqdn, mistakes: &mut Mistakes<'_>) {
    let name = &entry.record.name;
    let Some(cut) = cut_of(name, entries, domain) else {
        return;
    };
    let zone = &cut.record.name;
    let serves = |other: &Entry| {
        let target = other.target.as_ref();
        other.is(RecordType::Ns) && target.is_some_and(|target| *name == *target)
    };
    let glue = entry.is_address() && entries.iter().any(serves);
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
