//! The names of a site: `[site]`, or `[sites.NAME]`.

use super::Names;
use super::mistakes::Mistakes;
use super::raw::{self, At};
use crate::types::{Fqdn, InvalidValue, RecordName};
use std::ops::Range;

/// `None` if the domain is missing or wrong.
pub(super) fn resolve(
    section: Option<&raw::Names<'_>>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Names> {
    let help = "write the domain:\n[site]\ndomain = \"example.com\"";
    let Some(raw) = section else {
        mistakes.missing(mistakes.end(), "the section [site] is missing", help);
        return None;
    };
    if raw.domain.is_none() {
        mistakes.missing(raw.span.clone(), "site.domain is missing", help);
    }
    let domain = mistakes.check("site.domain", raw.domain, |text| domain(text));
    let previous = raw.previous_domain;
    let previous_domain = mistakes.check("site.previous_domain", previous, |text| {
        let previous = Fqdn::new(text)?;
        if Some(&previous) == domain.as_ref() {
            let error = InvalidValue::new(format!("`{text}` is the domain itself"));
            return Err(error.hint("leave it out, or write the domain of before"));
        }
        Ok(previous)
    });
    let contact = mistakes.check("site.contact", raw.contact, |text| contact(text));
    let mut aliases: Vec<(Fqdn, &At<String>)> = Vec::new();
    for item in raw.aliases.iter().flat_map(|list| list.iter()) {
        let checked = mistakes.check("site.aliases", Some(item), |text| {
            name(text, domain.as_ref())
        });
        let Some(alias) = checked else { continue };
        if Some(&alias) == domain.as_ref() {
            let mistake = mistakes.at(item.span(), format!("the alias `{alias}` is the domain"));
            let place = raw.domain.map_or(raw.span.clone(), At::span);
            let mistake = mistake.label("leave it out").context(place, "the domain");
            mistakes.push(mistake);
        } else if let Some((_, first)) = aliases.iter().find(|(other, _)| *other == alias) {
            let message = format!("the alias `{alias}` is given twice");
            let mistake = mistakes.at(item.span(), message).label("the second one");
            mistakes.push(mistake.context(first.span(), "the first one"));
        } else {
            aliases.push((alias, item));
        }
    }
    let domain = domain?;
    let aliases = match &raw.aliases {
        Some(_) => aliases.into_iter().map(|(alias, _)| alias).collect(),
        None if domain.first_label() == "www" => Vec::new(),
        None => Fqdn::new(&format!("www.{domain}")).into_iter().collect(),
    };
    let mut site = Names {
        domain,
        aliases,
        wildcard: raw.wildcard.is_some_and(|wildcard| **wildcard),
        previous_domain,
        contact: String::new(),
    };
    site.contact = contact.unwrap_or_else(|| format!("hostmaster@{}", site.zone()));
    Some(site)
}

impl Names {
    /// The zone in which all of it lies: the shortest alias of which the domain is a part, as
    /// foobar.com is of www.foobar.com, else the domain itself.
    pub(super) fn zone(&self) -> &Fqdn {
        let above = |alias: &&Fqdn| self.domain.is_within(alias);
        let shortest = self.aliases.iter().filter(above);
        shortest
            .min_by_key(|alias| alias.as_str().len())
            .unwrap_or(&self.domain)
    }

    /// All names below the domain, if they are the site's.
    pub(super) fn wildcard(&self) -> Option<RecordName> {
        let name = self.wildcard.then(|| format!("*.{}", self.domain))?;
        RecordName::new(&name).ok()
    }

    /// The names of a certificate: none that the wildcard covers.
    pub(super) fn certified(&self) -> Vec<RecordName> {
        let wildcard = self.wildcard();
        let covered = |name: &&Fqdn| {
            let parent = name.as_str().split_once('.').map(|(_, parent)| parent);
            wildcard.is_some() && parent == Some(self.domain.as_str())
        };
        let aliases = self.aliases.iter().filter(|name| !covered(name));
        let plain = std::iter::once(&self.domain).chain(aliases).cloned();
        plain
            .map(RecordName::from)
            .chain(wildcard.clone())
            .collect()
    }
}

/// Where an alias is written, if it is.
pub(super) fn written(names: &raw::Names<'_>, alias: &Fqdn) -> Option<Range<usize>> {
    let same = |item: &&At<String>| Fqdn::new(item).as_ref() == Ok(alias);
    names.aliases?.iter().find(same).map(At::span)
}

/// Files are named after it, with something before and behind, and Linux takes 255 bytes.
pub(super) fn domain(text: &str) -> Result<Fqdn, InvalidValue> {
    const MOST: usize = 220;
    let domain = Fqdn::new(text)?;
    if domain.as_str().len() > MOST {
        let message = format!("`{text}` is longer than {MOST} characters");
        return Err(InvalidValue::new(message).hint("files are named after the domain"));
    }
    Ok(domain)
}

/// A full name. One without a dot is most likely meant below the domain.
pub(super) fn name(text: &str, domain: Option<&Fqdn>) -> Result<Fqdn, InvalidValue> {
    match domain.filter(|_| !text.is_empty() && !text.contains('.')) {
        Some(domain) => Err(InvalidValue::new(format!("`{text}` is not a full name"))
            .hint(format!("write \"{text}.{domain}\""))),
        None => Fqdn::new(text),
    }
}

/// A mail address: a dot-atom of RFC 5322 section 3.2.3, `@`, a domain.
fn contact(text: &str) -> Result<String, InvalidValue> {
    let wrong = InvalidValue::new(format!("`{text}` is not a mail address"))
        .hint("like \"hostmaster@example.com\"");
    let Some((local, domain)) = text.split_once('@') else {
        return Err(wrong);
    };
    let atom = |atom: &str| {
        let known = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
        !atom.is_empty() && atom.chars().all(known)
    };
    match Fqdn::new(domain) {
        Ok(domain) if local.len() <= 64 && local.split('.').all(atom) => {
            Ok(format!("{local}@{domain}"))
        }
        _ => Err(wrong),
    }
}
