//! The servers: where each is, what it does, and the inventory as it sees it.

use super::{Backups, Copied, Dns, Dnssec, Inventory, Server, Site, TlsMode};
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

    /// The servers that have it: at first the one that visitors come to, then the others in the
    /// order of their names.
    pub(in crate::inventory) fn holders(
        self,
        servers: &BTreeMap<ServerName, Server>,
    ) -> Vec<(&ServerName, &Server)> {
        let mut holders: Vec<_> = servers.iter().filter(|(_, one)| one.has(self)).collect();
        holders.sort_by_key(|(_, server)| !server.has(Self::Web));
        holders
    }

    /// The first of them.
    pub(in crate::inventory) fn holder(
        self,
        servers: &BTreeMap<ServerName, Server>,
    ) -> Option<(&ServerName, &Server)> {
        self.holders(servers).into_iter().next()
    }
}

impl Server {
    /// The address that it is reached at first.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        let six = self.ipv6.map_or(Ipv4Addr::UNSPECIFIED.into(), IpAddr::from);
        self.ipv4.map_or(six, IpAddr::from)
    }

    /// All addresses that it is reached at.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        let (four, six) = (self.ipv4.map(IpAddr::from), self.ipv6.map(IpAddr::from));
        four.into_iter().chain(six).collect()
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
        let copies = self.copies(server);
        for site in seen.sites.values_mut() {
            if let Some((primary, place)) = copies {
                site.dns.copy_from(primary, place);
            }
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

    /// Whether the server copies its zones from another one of the inventory.
    #[must_use]
    pub fn copies_zones(&self, server: &ServerName) -> bool {
        self.copies(server).is_some()
    }

    /// The server that this one copies its zones from, and which of the name servers it is.
    fn copies(&self, server: &ServerName) -> Option<(&Server, usize)> {
        let answering = ServerRole::Dns.holders(&self.servers);
        let (_, primary) = answering.first()?;
        let place = answering.iter().position(|(name, _)| *name == server)?;
        (place > 0).then_some((*primary, place))
    }
}

impl Dns {
    /// Turns it into what the name server at this place of the list has: a copy of what is here.
    fn copy_from(&mut self, primary: &Server, place: usize) {
        let names = (self.nameservers.first(), self.nameservers.get(place));
        let (Some(first), Some(own)) = names else {
            // The records stand in the zone of another site, and come with that.
            self.enabled = false;
            return;
        };
        let own = self.secondaries.iter().find(|one| one.name == *own);
        let Some(key) = own.and_then(|own| own.key.clone()) else {
            return;
        };
        self.transfer_keys.retain(|other| other.name == key);
        self.copied = Some(Copied {
            name: first.clone(),
            addresses: primary.addresses(),
            key,
        });
        self.secondaries.clear();
        self.elsewhere.clear();
        self.dnssec = Dnssec::Off;
        for zone in &mut self.zones {
            zone.dnssec = Dnssec::Off;
        }
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
