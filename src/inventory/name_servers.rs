//! What the name servers of a zone are called: as the inventory says it, or the servers that answer
//! it here, and those elsewhere who copy it.

use super::mistakes::Mistakes;
use super::{Names, raw, secondary, site};
use crate::types::Fqdn;
use std::ops::Range;

/// One, and where it is written, if it is.
pub(super) type Named = (Fqdn, Option<Range<usize>>);

/// The name servers of a zone: the one that has it, then those of the inventory that copy it, of
/// which there are `copies`, then others.
pub(super) fn nameservers(
    raw: &raw::Dns,
    site: &Names,
    (enabled, copies): (bool, usize),
    mistakes: &mut Mistakes<'_>,
) -> Vec<Named> {
    let Some(list) = &raw.nameservers else {
        return by_default(raw, site, copies);
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
    if enabled && !list.is_empty() && list.len() <= copies {
        let message = format!(
            "dns.nameservers: {} servers here answer the zone, and not all have a name",
            copies + 1
        );
        let mistake = mistakes.at(list.span(), message);
        let help =
            "name at first the one with \"web\", then the others in the order of their names";
        mistakes.push(mistake.help(help));
    }
    names
}

/// ns1 and so on below the zone, and what those elsewhere are called.
fn by_default(raw: &raw::Dns, site: &Names, copies: usize) -> Vec<Named> {
    let elsewhere = secondary::addresses(raw, site.zone());
    let numbered = (1..).filter_map(|number: usize| {
        let name = Fqdn::new(&format!("ns{number}.{}", site.zone())).ok()?;
        let taken = number > 1 && elsewhere.iter().any(|(other, ..)| *other == name);
        (!taken).then_some((name, None))
    });
    let mut names: Vec<Named> = numbered.take(copies + 1).collect();
    for (name, span, _) in &elsewhere {
        if !names.iter().any(|(other, _)| other == name) {
            names.push((name.clone(), Some(span.clone())));
        }
    }
    names
}
