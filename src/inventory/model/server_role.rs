//! The servers: where each is, what it does, and the inventory as it sees it.

use super::{Backups, Dnssec, Inventory, Server, Site, TlsMode};
use crate::types::ServerName;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};

/// What a server does. What belongs to none of these is on every server: the firewall, upgrades,
/// jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerRole {
    /// Nginx, with the certificates.
    Web,
    /// The code of the sites, with its cache.
    App,
    /// MySQL or MariaDB.
    Database,
    /// BIND.
    Dns,
}

impl ServerRole {
    /// All of them, in the order in which they are written.
    pub const ALL: [Self; 4] = [Self::Web, Self::App, Self::Database, Self::Dns];

    /// Its name in the inventory.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::App => "app",
            Self::Database => "database",
            Self::Dns => "dns",
        }
    }

    /// The first of the servers that has it.
    pub(in crate::inventory) fn holder(
        self,
        servers: &BTreeMap<ServerName, Server>,
    ) -> Option<(&ServerName, &Server)> {
        servers.iter().find(|(_, server)| server.has(self))
    }
}

impl Server {
    /// The address that it is reached at first.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        let six = self.ipv6.map_or(Ipv4Addr::UNSPECIFIED.into(), IpAddr::from);
        self.ipv4.map_or(six, IpAddr::from)
    }

    /// Whether it has the role.
    #[must_use]
    pub fn has(&self, role: ServerRole) -> bool {
        self.roles.contains(&role)
    }
}

impl Inventory {
    /// The inventory as one of its servers sees it: what others do is turned off. What is said
    /// of it stays, as the records of a zone.
    #[must_use]
    pub fn seen_by(&self, server: &ServerName) -> Cow<'_, Self> {
        let all = BTreeSet::from(ServerRole::ALL);
        let roles = match self.servers.get(server) {
            Some(server) if server.roles != all => &server.roles,
            _ => return Cow::Borrowed(self),
        };
        let has = |role: ServerRole| roles.contains(&role);
        let mut seen = self.clone();
        for site in seen.sites.values_mut() {
            site.dns.enabled &= has(ServerRole::Dns);
            site.app.enabled &= has(ServerRole::App);
            site.cache.enabled &= has(ServerRole::App);
            site.database.enabled &= has(ServerRole::Database);
            if !has(ServerRole::Web) {
                site.tls.mode = TlsMode::Off;
            }
        }
        if !has(ServerRole::App) && !has(ServerRole::Database) {
            // What is backed up is data of the sites.
            seen.backups = Backups::Declined;
        }
        Cow::Owned(seen)
    }
}

impl Site {
    /// Whether BIND signs any of its zones.
    #[must_use]
    pub fn signs(&self) -> bool {
        let further = self.dns.zones.iter().map(|zone| zone.dnssec);
        let mut all = std::iter::once(self.dns.dnssec).chain(further);
        self.dns.enabled && all.any(|dnssec| dnssec != Dnssec::Off)
    }
}
