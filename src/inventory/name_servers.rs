//! The name servers of a zone: those of the inventory, or this server with those who copy from it.

use super::mistakes::Mistakes;
use super::{Names, raw, secondary, site};
use crate::types::Fqdn;
use std::ops::Range;

/// One, and where it is written, if it is.
pub(super) type Named = (Fqdn, Option<Range<usize>>);

/// The name servers of a zone, this one first.
pub(super) fn nameservers(
    raw: &raw::Dns,
    site: &Names,
    enabled: bool,
    mistakes: &mut Mistakes<'_>,
) -> Vec<Named> {
    let Some(list) = &raw.nameservers else {
        let default = Fqdn::new(&format!("ns1.{}", site.zone()));
        let mut names: Vec<Named> = default.into_iter().map(|name| (name, None)).collect();
        for (name, span, _) in secondary::addresses(raw, site.zone()) {
            if !names.iter().any(|(other, _)| *other == name) {
                names.push((name, Some(span)));
            }
        }
        return names;
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
