//! The two forms of an inventory: `[server]` and `[site]`, or `[servers.NAME]` and `[sites.NAME]`.
//! From here on there is only the long one.

use super::mistakes::Mistakes;
use super::raw::{self, At};
use super::{FileReference, Server, neighbours, network};
use crate::types::{ServerName, SiteName};
use std::collections::BTreeMap;
use std::ops::Range;

/// A site as it is written, whichever form it has.
pub(super) struct RawSite<'a> {
    pub(super) name: SiteName,
    /// The table of several that it stands in.
    pub(super) table: Option<String>,
    /// Where its name stands, if it has one.
    pub(super) place: Range<usize>,
    pub(super) names: Option<raw::Names<'a>>,
    pub(super) dns: &'a raw::Dns,
    pub(super) tls: &'a raw::Tls,
    pub(super) web: &'a raw::Web,
    pub(super) app: Option<&'a At<raw::App>>,
    pub(super) database: &'a raw::Database,
    pub(super) cache: Option<&'a At<raw::Cache>>,
}

/// The servers, from either form.
pub(super) fn servers(
    raw: &raw::Inventory,
    keys: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> BTreeMap<ServerName, Server> {
    let mut servers = BTreeMap::new();
    if raw.servers.is_empty() {
        let server = network::server(raw.server.as_ref(), keys, mistakes);
        servers.extend(server.map(|server| (ServerName::default(), server)));
        return servers;
    }
    if let Some(short) = &raw.server {
        let mistake = mistakes.at(short.span(), "[server] beside [servers.NAME]");
        mistakes.push(mistake.help("give this one a name, too: [servers.NAME]"));
    }
    let mut in_order: Vec<_> = raw.servers.iter().collect();
    in_order.sort_by_key(|(name, _)| name.span().start);
    for (name, section) in in_order {
        let checked = mistakes.check("servers", Some(name), |text| ServerName::new(text));
        mistakes.within(Some(format!("servers.{}", **name)));
        let server = network::server(Some(section), keys, mistakes);
        mistakes.within(None);
        servers.extend(checked.zip(server));
    }
    servers
}

/// The sites as they are written, from either form, in the order of the text.
pub(super) fn sites<'a>(
    raw: &'a raw::Inventory,
    no_dns: &'a raw::Dns,
    no_tls: &'a raw::Tls,
    mistakes: &mut Mistakes<'_>,
) -> Vec<RawSite<'a>> {
    if raw.sites.is_empty() {
        return vec![RawSite {
            name: SiteName::default(),
            table: None,
            place: raw.site.as_ref().map(At::span).unwrap_or_default(),
            names: raw.site.as_ref().map(raw::Names::from),
            dns: raw.dns.as_deref().unwrap_or(no_dns),
            tls: raw.tls.as_deref().unwrap_or(no_tls),
            web: &raw.web,
            app: raw.app.as_ref(),
            database: &raw.database,
            cache: raw.cache.as_ref(),
        }];
    }
    neighbours::misplaced(raw, mistakes);
    let mut sites = Vec::new();
    for (name, site) in &raw.sites {
        let Some(checked) = mistakes.check("sites", Some(name), |text| SiteName::new(text)) else {
            continue;
        };
        sites.push(RawSite {
            table: Some(format!("sites.{checked}")),
            name: checked,
            place: name.span(),
            names: Some(raw::Names::from(site)),
            dns: site.dns.as_deref().unwrap_or(no_dns),
            tls: site.tls.as_deref().unwrap_or(no_tls),
            web: &site.web,
            app: site.app.as_ref(),
            database: &site.database,
            cache: site.cache.as_ref(),
        });
    }
    sites.sort_by_key(|site| site.place.start);
    sites
}
