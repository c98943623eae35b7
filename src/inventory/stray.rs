//! Names of a site that stand in another zone than the rest of it: `foobar.net`, which is an alias
//! of `foobar.com`, where this server answers for both.

use super::raw::{self, RecordType};
use super::zone_entry::{Entry, own_addresses, point};
use super::{Inventory, Names, Server, Site, site};
use crate::types::{Fqdn, RecordName};
use std::ops::Range;

/// One of them.
pub(super) struct Stray<'a> {
    /// The zone it stands in.
    pub(super) zone: Fqdn,
    name: &'a Fqdn,
    domain: &'a Fqdn,
    /// Where it is written.
    span: Option<Range<usize>>,
    /// Whether an authority is answered by records of the zone of its site.
    challenge: bool,
}

/// Those of a site, where its own zone is answered here or is not. `hosted` are the zones that this
/// server answers for; an alias that is in none of them is somebody else's.
pub(super) fn strays<'a>(
    names: &'a Names,
    raw: &raw::Names<'_>,
    (answered, challenge): (bool, bool),
    hosted: &[Fqdn],
) -> Vec<Stray<'a>> {
    let all = std::iter::once(&names.domain).chain(&names.aliases);
    let strays = all.filter(|name| !answered || !name.is_within(names.zone()));
    let place = |name: &'a Fqdn| {
        let zones = hosted.iter().filter(|zone| name.is_within(zone));
        Some(Stray {
            zone: zones.max_by_key(|zone| zone.as_str().len())?.clone(),
            name,
            domain: &names.domain,
            span: site::written(raw, name),
            challenge: challenge && answered,
        })
    };
    strays.filter_map(place).collect()
}

impl Inventory {
    /// The aliases that no zone of this server has, although it has that of their site.
    #[must_use]
    pub fn aliases_elsewhere(&self) -> Vec<&Fqdn> {
        let answered = || self.sites.values().filter(|site| site.dns.enabled);
        let is_here = |name: &Fqdn| {
            let further = |site: &Site| site.dns.zones.iter().any(|one| name.is_within(&one.zone));
            answered().any(|site| name.is_within(&site.dns.zone) || further(site))
        };
        let aliases = answered().flat_map(|site| &site.names.aliases);
        aliases.filter(|alias| !is_here(alias)).collect()
    }
}

impl Stray<'_> {
    /// Its records in its zone, beside these. What the user says of the name himself counts.
    pub(super) fn entries(
        &self,
        others: &[Entry],
        server: Option<&Server>,
        ttl: u32,
    ) -> Vec<Entry> {
        let of = |name: &str| {
            let all = others.iter();
            all.filter(|entry| entry.record.name.as_str() == name)
                .collect::<Vec<_>>()
        };
        let own = of(self.name.as_str());
        let leads = |entry: &&Entry| entry.is_address() || entry.is(RecordType::Cname);
        let origin = format!("the alias {}", self.name);
        let mut entries = Vec::new();
        if !own.iter().any(leads) {
            // No CNAME: nobody who is asked for one zone answers with what is in another.
            let addresses = own_addresses(server);
            entries = Entry::addresses(self.name, &addresses, ttl, self.span.as_ref(), &origin);
        }
        let below = |name: &Fqdn| Fqdn::new(&format!("_acme-challenge.{name}")).ok();
        let challenge = below(self.name).zip(below(self.domain));
        if let Some((name, target)) = challenge.filter(|_| self.challenge)
            && of(name.as_str()).is_empty()
        {
            let data = (RecordType::Cname, format!("{target}."));
            let (name, span) = (RecordName::from(name), self.span.clone());
            entries.push(Entry::made(
                &name,
                data,
                ttl,
                span,
                "what tls.challenge makes",
            ));
        }
        point(&mut entries);
        entries
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Source;
    use crate::inventory::parse;

    #[test]
    fn an_alias_that_no_zone_has_is_elsewhere() {
        let text = "[server]\nipv4 = \"203.0.113.10\"\n[backup]\nenabled = false\n\
                    [sites.one]\ndomain = \"one.example\"\n\
                    aliases = [\"www.one.example\", \"a.two.example\", \"b.three.example\", \"four.example\"]\n\
                    app.enabled = false\ndns.zones = [{ name = \"three.example\" }]\n\
                    [sites.two]\ndomain = \"two.example\"\napp.enabled = false\n";
        let inventory = parse(&Source::new("x", text.to_owned())).unwrap().inventory;
        let names = inventory.aliases_elsewhere();
        let names: Vec<&str> = names.iter().map(|name| name.as_str()).collect();
        assert_eq!(names, ["four.example"]);
        let records = || {
            inventory.sites.values().flat_map(|site| {
                let further = site.dns.zones.iter().flat_map(|zone| &zone.records);
                site.dns.records.iter().chain(further)
            })
        };
        for name in ["a.two.example", "b.three.example"] {
            let made = records().find(|record| record.name.as_str() == name);
            assert_eq!(made.unwrap().value, "203.0.113.10", "{name}");
        }
    }
}
