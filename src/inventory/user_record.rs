//! A record of a zone as the user writes it.

use super::mistakes::Mistakes;
use super::raw::{self, At, RecordType};
use super::zone_entry::Entry;
use super::{amount, record, record_rules};
use crate::types::Fqdn;

/// The largest time to live (RFC 2181 section 8).
const MAX_TTL: u32 = i32::MAX.unsigned_abs();

/// A time to live in seconds, if one is written.
pub(super) fn ttl(
    key: &str,
    written: Option<&At<raw::Amount>>,
    mistakes: &mut Mistakes<'_>,
) -> Option<u32> {
    let read = |amount: &raw::Amount| amount::seconds(amount, 0..=MAX_TTL);
    mistakes.check(key, written, read)
}

/// A record of the user, in the `records` of this table; `domain` is the zone.
pub(super) fn users(
    raw: &At<raw::Record>,
    domain: &Fqdn,
    default_ttl: u32,
    table: &str,
    mistakes: &mut Mistakes<'_>,
) -> Option<Entry> {
    let key = |name: &str| format!("{table}.records.{name}");
    for (key, is_there, example) in [
        ("name", raw.name.is_some(), "name = \"@\""),
        ("type", raw.kind.is_some(), "type = \"TXT\""),
        ("value", raw.value.is_some(), "value = \"…\""),
    ] {
        if !is_there {
            let message = format!("{table}.records: {key} is missing");
            mistakes.missing(raw.span(), &message, &format!("write {example}"));
        }
    }
    let ttl = ttl(&key("ttl"), raw.ttl.as_ref(), mistakes);
    let owner = |text: &String| record::owner(text, domain);
    let name = mistakes.check(&key("name"), raw.name.as_ref(), owner);
    let kind = **raw.kind.as_ref()?;
    let data = |text: &String| record::data(kind, text, domain);
    let data = mistakes.check(&key("value"), raw.value.as_ref(), data);
    let fits = name.as_ref().is_none_or(|name| {
        let span = raw.name.as_ref().map_or(raw.span(), At::span);
        let fits = record_rules::check_owner(kind, name);
        let wrong = fits.map_err(|error| mistakes.invalid(span, &key("name"), &error));
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
    let ttl = ttl.unwrap_or(default_ttl);
    let mut entry = Entry::made(&name, (kind, data.text), ttl, span, &origin);
    entry.target = data.target;
    Some(entry)
}
