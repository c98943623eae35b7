//! Which of several servers does what, and what of that is possible.

use super::forms::RawSite;
use super::mistakes::Mistakes;
use super::raw::{self, At};
use super::{Server, ServerRole, Site};
use crate::types::{ServerName, SiteName};
use std::collections::BTreeMap;
use std::ops::Range;

/// A server as it is written; without a name, that of the short form.
pub(super) fn written<'a>(
    raw: &'a raw::Inventory,
    name: Option<&ServerName>,
) -> Option<&'a raw::Server> {
    let named = |(written, _): &(&At<String>, _)| {
        name.is_some_and(|name| name.as_str() == written.as_str())
    };
    let named = raw.servers.iter().find(named).map(|(_, server)| server);
    raw.server.as_ref().or(named).map(|server| &**server)
}

/// Finds roles that nobody has, or two have, and what cannot be parted.
pub(super) fn check(
    raw: &raw::Inventory,
    servers: &BTreeMap<ServerName, Server>,
    sites: (&[RawSite<'_>], &BTreeMap<SiteName, Site>),
    backs_up: bool,
    mistakes: &mut Mistakes<'_>,
) {
    let written = raw.servers.len() + usize::from(raw.server.is_some());
    if mistakes.incomplete || written != servers.len() {
        // Whoever has what is missing, or has too much, may be the one with a mistake of its own.
        return;
    }
    let placed = Placed { raw, servers };
    let answers = sites.1.is_empty() || sites.1.values().any(|site| site.dns.enabled);
    let before = mistakes.count();
    placed.without_a_role(mistakes);
    placed.twice(mistakes);
    placed.missing(answers, mistakes);
    placed.same_address(mistakes);
    if mistakes.count() == before {
        placed.parted(mistakes);
        placed.apart(answers, sites, backs_up, mistakes);
    }
}

struct Placed<'a> {
    raw: &'a raw::Inventory,
    servers: &'a BTreeMap<ServerName, Server>,
}

impl Placed<'_> {
    /// Where the roles of a server are written; else its name.
    fn place(&self, name: &ServerName) -> Range<usize> {
        let mut named = self.raw.servers.iter();
        let named = named.find(|(written, _)| written.as_str() == name.as_str());
        let roles = |server: &raw::Server| server.roles.as_ref().map(At::span);
        match (named, &self.raw.server) {
            (Some((written, server)), _) => roles(server).unwrap_or_else(|| written.span()),
            (None, Some(server)) => roles(server).unwrap_or_else(|| server.span()),
            (None, None) => 0..0,
        }
    }

    /// The servers in the order of the text.
    fn in_order(&self) -> Vec<(&ServerName, &Server)> {
        let mut all: Vec<_> = self.servers.iter().collect();
        all.sort_by_key(|(name, _)| self.place(name).start);
        all
    }

    fn without_a_role(&self, mistakes: &mut Mistakes<'_>) {
        for (name, server) in self.in_order() {
            if server.roles.is_empty() {
                let mistake = mistakes.at(self.place(name), "the server has no role");
                let help = "write what it does, as roles = [\"dns\"], or leave the key out";
                mistakes.push(mistake.help(help));
            }
        }
    }

    fn twice(&self, mistakes: &mut Mistakes<'_>) {
        let all = self.in_order();
        for (at, (name, server)) in all.iter().enumerate() {
            // Name servers copy from each other.
            let shares = |other: &Server| -> Vec<ServerRole> {
                let both = server.roles.intersection(&other.roles).copied();
                both.filter(|role| *role != ServerRole::Dns).collect()
            };
            let mut others = all[..at].iter();
            let found = others.find(|(_, other)| !shares(other).is_empty());
            let Some((other_name, other)) = found else {
                continue;
            };
            let both = shares(other);
            let names: Vec<&str> = both.iter().map(|role| role.as_str()).collect();
            let message = format!(
                "the servers {other_name} and {name} have the same: {}",
                names.join(", ")
            );
            let help = match both.as_slice() {
                [ServerRole::Database] => {
                    "one server has the database: a cluster of two could not tell which of them \
                     is cut off, and would stop with either; backups stand in for a second one"
                }
                _ => {
                    "what one does, the other cannot do as well yet; say who does what: \
                     roles = [\"web\", \"app\", \"database\"] and roles = [\"dns\"]"
                }
            };
            let mistake = mistakes.at(self.place(name), message);
            let mistake = mistake.context(self.place(other_name), "the first one");
            mistakes.push(mistake.help(help));
        }
    }

    fn missing(&self, answers: bool, mistakes: &mut Mistakes<'_>) {
        let Some((first, _)) = self.in_order().into_iter().next() else {
            return;
        };
        let wanted = ServerRole::ALL.into_iter();
        let wanted = wanted.filter(|role| answers || *role != ServerRole::Dns);
        let nobody = |role: &ServerRole| role.holder(self.servers).is_none();
        let missing: Vec<&str> = wanted.filter(nobody).map(ServerRole::as_str).collect();
        if missing.is_empty() {
            return;
        }
        let message = format!("no server has the role {}", missing.join(", nor "));
        let mistake = mistakes.at(self.place(first), message);
        mistakes.push(mistake.help(if missing == ["dns"] {
            "add \"dns\" to the roles of a server; where others answer the zone, dns.enabled = false"
        } else {
            "add it to the roles of a server"
        }));
    }

    fn same_address(&self, mistakes: &mut Mistakes<'_>) {
        let all = self.in_order();
        for (at, (name, server)) in all.iter().enumerate() {
            let same = |other: &Server| {
                let four = server.ipv4.is_some() && server.ipv4 == other.ipv4;
                four || (server.ipv6.is_some() && server.ipv6 == other.ipv6)
            };
            if let Some((other, _)) = all[..at].iter().find(|(_, other)| same(other)) {
                let message = format!("the servers {other} and {name} have the same address");
                let mistake = mistakes.at(self.place(name), message);
                mistakes.push(mistake.help("one machine is one server, with the roles of both"));
            }
        }
    }

    /// What reaches each other over a socket is on one server.
    fn parted(&self, mistakes: &mut Mistakes<'_>) {
        let Some((web, _)) = ServerRole::Web.holder(self.servers) else {
            return;
        };
        for role in [ServerRole::App, ServerRole::Database] {
            let holder = role.holder(self.servers);
            if let Some((name, _)) = holder.filter(|(name, _)| *name != web) {
                let message = format!(
                    "{} is on {name}, and web on {web}: not possible yet",
                    role.as_str()
                );
                let mistake = mistakes.at(self.place(name), message);
                mistakes.push(mistake.help(
                    "put \"web\", \"app\" and \"database\" on one server; \"dns\" may be on one of its own",
                ));
            }
        }
    }

    /// What a name server that is on a server of its own cannot do.
    fn apart(
        &self,
        answers: bool,
        (raw_sites, sites): (&[RawSite<'_>], &BTreeMap<SiteName, Site>),
        backs_up: bool,
        mistakes: &mut Mistakes<'_>,
    ) {
        let answering = ServerRole::Dns.holders(self.servers);
        for (name, server) in &answering {
            if !answers && server.roles.len() == 1 {
                let mistake = mistakes.at(self.place(name), "there is no zone for this server");
                let help = "dns.enabled is false for every site: leave the server out";
                mistakes.push(mistake.help(help));
            }
        }
        let first = answering.first();
        let Some((name, _)) = first.filter(|(_, server)| !server.has(ServerRole::Web)) else {
            return;
        };
        for raw in raw_sites {
            mistakes.within(raw.table.clone());
            let challenge = raw.tls.challenge.as_ref();
            let asked = challenge.filter(|asked| ***asked == raw::Challenge::Dns);
            if let Some(asked) =
                asked.filter(|_| raw.tls.hook.is_none() && raw.dns.enabled != Some(false))
            {
                let message = format!(
                    "tls.challenge: the zone is on {name}, where the order for a certificate cannot \
                     write its record yet"
                );
                let mistake = mistakes.at(asked.span(), message);
                mistakes
                    .push(mistake.help("use challenge = \"http\", or put \"dns\" beside \"web\""));
            }
            let signs = sites.get(&raw.name).is_some_and(Site::signs);
            if signs && backs_up {
                let span = raw.dns.dnssec.as_ref().map_or(raw.place.clone(), At::span);
                let message = format!(
                    "the keys that sign the zone are on {name}, and no backup has them yet"
                );
                let mistake = mistakes.at(span, message);
                let help =
                    "leave dns.dnssec out, or put \"dns\" beside \"web\", where backups are made";
                mistakes.push(mistake.help(help));
            }
        }
        mistakes.within(None);
    }
}
