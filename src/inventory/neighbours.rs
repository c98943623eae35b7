//! What several sites of one inventory must not have in common, and what stands in the wrong place
//! now that there are several.

use super::mistakes::Mistakes;
use super::raw::{self, At};
use super::{FurtherZone, Site};
use crate::types::{Fqdn, SiteName};
use std::collections::BTreeMap;
use std::ops::Range;

/// A site and the place of its name.
pub(super) type Placed<'a> = (&'a SiteName, &'a Site, Range<usize>);

/// Finds names, accounts and databases that two sites want.
pub(super) fn clashes(sites: &[Placed<'_>], mistakes: &mut Mistakes<'_>) {
    for (at, (name, site, span)) in sites.iter().enumerate() {
        for (other_name, other, other_span) in &sites[..at] {
            for (what, key) in shared(site, other) {
                let message = format!("sites.{name} and sites.{other_name} have the same {what}");
                let mistake = mistakes.at(span.clone(), message).label("the second one");
                let mistake = mistake.context(other_span.clone(), "the first one");
                mistakes.push(mistake.help(format!("set {key} of one of them")));
            }
        }
    }
}

/// What two sites have in common, and the key that would part them.
fn shared(one: &Site, other: &Site) -> Vec<(String, &'static str)> {
    let mut all = Vec::new();
    if let Some(name) = names(one).find(|name| names(other).any(|other| other == *name)) {
        all.push((format!("name {name}"), "domain or aliases"));
    }
    let has_account = |site: &Site| site.app.enabled;
    if has_account(one) && has_account(other) && one.app.user == other.app.user {
        all.push((format!("account {}", one.app.user), "app.user"));
    }
    let (here, there) = (&one.database, &other.database);
    if here.enabled && there.enabled && here.name == there.name {
        all.push((format!("database {}", here.name), "database.name"));
    }
    let zones = |site: &Site| site.dns.zones.clone();
    let other_zones = zones(other);
    if let Some(found) = zones(one).iter().find(|zone| {
        let same = |other: &FurtherZone| other.zone == zone.zone;
        other_zones.iter().any(same)
    }) {
        all.push((format!("zone {}", found.zone), "dns.zones or dns.reverse"));
    }
    all
}

fn names(site: &Site) -> impl Iterator<Item = &Fqdn> {
    std::iter::once(&site.names.domain).chain(&site.names.aliases)
}

/// The first port of each app that does not name one: far enough from each other for the most
/// instances that an app can have, in the order of the text, so that a site that is added at the
/// end moves no other.
pub(super) fn default_port(place: usize) -> u16 {
    const FIRST: u16 = 8000;
    const STEP: u16 = 128;
    let place = u16::try_from(place).unwrap_or(u16::MAX);
    FIRST.saturating_add(STEP.saturating_mul(place))
}

/// Refuses what is a site's own where all sites are meant, and the other way round.
pub(super) fn misplaced(raw: &raw::Inventory, mistakes: &mut Mistakes<'_>) {
    let example = raw.sites.keys().next();
    let example = example.map_or_else(|| "NAME".to_owned(), |name| name.to_string());
    let sections = [
        ("site", raw.site.as_ref().map(At::span)),
        ("dns", raw.dns.as_ref().map(At::span)),
        ("tls", raw.tls.as_ref().map(At::span)),
        ("app", raw.app.as_ref().map(At::span)),
        ("cache", raw.cache.as_ref().map(At::span)),
    ];
    for (section, span) in sections {
        let Some(span) = span else { continue };
        let home = match section {
            "site" => format!("[sites.{example}]"),
            _ => format!("[sites.{example}.{section}]"),
        };
        let message = format!("[{section}] beside [sites.{example}]");
        let mistake = mistakes.at(span, message).label("of which site?");
        mistakes.push(mistake.help(format!("write it as {home}")));
    }
    let own = web_keys(&raw.web)
        .into_iter()
        .map(|(key, span)| ("web", key, span));
    let databases = site_keys(&raw.database).into_iter();
    for (section, key, span) in own.chain(databases.map(|(key, span)| ("database", key, span))) {
        let message = format!("{section}.{key} is a site's own");
        let mistake = mistakes.at(span, message).label("of which site?");
        mistakes.push(mistake.help(format!("write it into [sites.{example}.{section}]")));
    }
    for (name, site) in &raw.sites {
        let ports = port_keys(&site.web)
            .into_iter()
            .map(|(key, span)| ("web", key, span));
        let server = server_keys(&site.database).into_iter();
        for (section, key, span) in ports.chain(server.map(|(key, span)| ("database", key, span))) {
            let message = format!("sites.{}.{section}.{key} is the same for all sites", **name);
            let mistake = mistakes.at(span, message).label("not of one site");
            mistakes.push(mistake.help(format!("write it into [{section}]")));
        }
    }
}

type Keys = Vec<(&'static str, Range<usize>)>;

/// The keys that are there.
fn there<const N: usize>(keys: [(&'static str, Option<Range<usize>>); N]) -> Keys {
    let there = keys.into_iter();
    there.filter_map(|(key, span)| Some((key, span?))).collect()
}

fn port_keys(web: &raw::Web) -> Keys {
    there([
        ("http_port", web.http_port.as_ref().map(At::span)),
        ("https_port", web.https_port.as_ref().map(At::span)),
        ("http3", web.http3.as_ref().map(At::span)),
    ])
}

fn web_keys(web: &raw::Web) -> Keys {
    let first = |texts: &raw::Texts| texts.keys().next().map(At::span);
    there([
        ("max_body", web.max_body.as_ref().map(At::span)),
        ("max_header", web.max_header.as_ref().map(At::span)),
        ("expect", web.expect.as_ref().map(At::span)),
        ("timeout", web.timeout.as_ref().map(At::span)),
        ("hsts", web.hsts.as_ref().map(At::span)),
        ("static", first(&web.static_files)),
        ("headers", first(&web.headers)),
        (
            "permissions_policy",
            web.permissions_policy.as_ref().map(At::span),
        ),
        ("opener_policy", web.opener_policy.as_ref().map(At::span)),
        (
            "maintenance_allow",
            web.maintenance_allow.as_ref().map(At::span),
        ),
        ("redirects", first(&web.redirects)),
        ("connections", web.connections.as_ref().map(At::span)),
        ("brotli", web.brotli.as_ref().map(At::span)),
        (
            "trusted_proxies",
            web.trusted_proxies.as_ref().map(At::span),
        ),
        ("paths", web.paths.keys().next().map(At::span)),
    ])
}

fn server_keys(database: &raw::Database) -> Keys {
    there([
        ("engine", database.engine.as_ref().map(At::span)),
        ("listen", database.listen.as_ref().map(At::span)),
        ("buffer_pool", database.buffer_pool.as_ref().map(At::span)),
        (
            "max_connections",
            database.max_connections.as_ref().map(At::span),
        ),
    ])
}

fn site_keys(database: &raw::Database) -> Keys {
    there([
        ("enabled", database.enabled.as_ref().map(At::span)),
        ("name", database.name.as_ref().map(At::span)),
        ("adopt", database.adopt.as_ref().map(At::span)),
        ("convert", database.convert.as_ref().map(At::span)),
    ])
}

/// For each site, the site in whose zone its domain stands: the one with the longest zone of
/// which the domain is a part. Of two with the same zone it is the first.
pub(super) fn hosts<'a>(
    zones: &BTreeMap<&'a SiteName, &Fqdn>,
) -> BTreeMap<&'a SiteName, &'a SiteName> {
    let mut hosts = BTreeMap::new();
    for (name, zone) in zones {
        let above = zones.iter().filter(|(other, above)| {
            *other != name && zone.is_within(above) && (zone != *above || other < &name)
        });
        // The highest: a zone that stands in another one is not a zone of its own.
        if let Some((host, _)) = above.min_by_key(|(_, above)| above.as_str().len()) {
            hosts.insert(*name, *host);
        }
    }
    hosts
}
