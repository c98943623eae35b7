//! What the lines of an import are for: a site, or a zone beside those of the sites.

use super::super::Inventory;
use crate::types::{Fqdn, SiteName};

/// What the lines are for.
#[derive(Debug, Clone, Copy)]
pub struct ImportOptions<'a> {
    /// The zone.
    pub zone: &'a Fqdn,
    /// The site whose records they are, in an inventory of several.
    pub site: Option<&'a SiteName>,
    /// Whether the lines of the zone's text mean something to the user.
    pub numbered: bool,
    /// The inventory that they are for, if there is one.
    pub inventory: Option<&'a Inventory>,
}

impl ImportOptions<'_> {
    /// Whether it is a zone that no site has: of an inventory without sites nobody knows.
    pub(super) fn is_further(&self) -> bool {
        let Some(inventory) = self.inventory else {
            return false;
        };
        let known = |site: &SiteName| inventory.sites.contains_key(site);
        let mut sites = inventory.sites.values();
        self.site.is_none_or(known) && !sites.any(|site| site.dns.zone == *self.zone)
    }

    /// Whether a site answers to this name in the zone.
    pub(super) fn is_of_a_site(&self, name: &str) -> bool {
        let full = match name {
            "@" => self.zone.to_string(),
            _ => format!("{name}.{}", self.zone),
        };
        let mut sites = self.inventory.iter().flat_map(|all| all.sites.values());
        sites.any(|site| {
            let mut names = std::iter::once(&site.names.domain).chain(&site.names.aliases);
            names.any(|name| name.as_str() == full)
        })
    }

    /// The section of the zone, and of its records.
    pub(super) fn tables(&self) -> (String, String) {
        let dns = self
            .site
            .map_or_else(|| "dns".to_owned(), |site| format!("sites.{site}.dns"));
        let zone = match self.is_further() {
            true => format!("{dns}.zones"),
            false => dns,
        };
        let records = format!("{zone}.records");
        (zone, records)
    }
}
