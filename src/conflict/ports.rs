//! Ports: who listens where the stack wants to, and who listens where its firewall lets nobody
//! in.

use super::claims::Claims;
use super::meeting::Meeting;
use super::occupied::Listener;
use crate::inventory::{Inventory, Listen, Site, TlsMode};
use crate::plan::Stack;
use crate::resource::{Claim, Conflict, Owned};
use std::net::IpAddr;

/// A port that the stack wants.
struct Wanted {
    role: &'static str,
    protocol: &'static str,
    port: u16,
    /// The addresses that it takes of it.
    on: Addresses,
    /// What else there is to do than to stop who listens.
    hint: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Addresses {
    All,
    /// Each one but those of the loopback, by itself.
    Public,
    Loopback,
}

/// Every port that the stack wants.
fn wanted(inventory: &Inventory) -> Vec<Wanted> {
    let web = |port, hint| Wanted {
        role: "web",
        protocol: "tcp",
        port,
        on: Addresses::All,
        hint,
    };
    let ports = inventory.ports;
    let mut all = vec![web(ports.http_port, "set another web.http_port")];
    if inventory
        .sites
        .values()
        .any(|site| site.tls.mode != TlsMode::Off)
    {
        all.push(web(ports.https_port, "set another web.https_port"));
        if ports.http3 {
            let protocol = "udp";
            let hint = "set web.http3 = false";
            all.push(Wanted {
                protocol,
                ..web(ports.https_port, hint)
            });
        }
    }
    for protocol in ["tcp", "udp"] {
        all.push(Wanted {
            role: "dns",
            protocol,
            port: 53,
            on: Addresses::Public,
            hint: "set dns.enabled = false if another server answers the zone",
        });
    }
    for Site { app, .. } in inventory.sites.values() {
        if !app.enabled || app.listen != Listen::Port || app.command.is_empty() {
            continue;
        }
        let last = app.port.saturating_add(app.instances.saturating_mul(2));
        all.extend((app.port..last).map(|port| Wanted {
            role: "app",
            protocol: "tcp",
            port,
            on: Addresses::Loopback,
            hint: "set another app.port, or app.listen = \"socket\"",
        }));
    }
    all
}

/// The numbers of the ports that the stack wants.
pub(super) fn numbers(inventory: &Inventory) -> Vec<u16> {
    let mut all: Vec<u16> = wanted(inventory).iter().map(|one| one.port).collect();
    all.dedup();
    all
}

/// The names of the stack's own units, with `*` for anything.
pub(super) fn units(inventory: &Inventory, stack: &Stack, claims: &Claims) -> Vec<String> {
    let owned = stack.resources.iter().flat_map(|one| one.spec.owned());
    let mut all: Vec<String> = owned
        .filter_map(|owned| match owned {
            Owned::Service { name, .. } => Some(name),
            _ => None,
        })
        .collect();
    // Those of the app's instances are not resources of their own.
    let sites = inventory.sites.values();
    all.extend(sites.map(|site| format!("{}-app-*", site.app.user)));
    all.extend(claims.units());
    all
}

fn is_own(listener: &Listener, units: &[String]) -> bool {
    let unit = &listener.process.unit;
    units.iter().any(|own| match own.strip_suffix('*') {
        Some(head) => unit.starts_with(head),
        None => unit == own,
    })
}

/// Ports for people, and for the way through the filters of others.
pub(super) fn public(meeting: &Meeting<'_>) -> Vec<(u16, &'static str)> {
    let all = wanted(meeting.inventory).into_iter();
    all.filter(|one| one.on != Addresses::Loopback && meeting.concerns(one.role))
        .map(|one| (one.port, one.protocol))
        .collect()
}

/// Each port that the stack wants, with who listens there now; empty for nobody.
pub(super) fn holders(meeting: &Meeting<'_>) -> Vec<(u16, &'static str, String)> {
    let all = wanted(meeting.inventory).into_iter();
    all.filter(|one| meeting.concerns(one.role))
        .map(|one| {
            let taken = meeting.holder(&one).map(Listener::who);
            (one.port, one.protocol, taken.unwrap_or_default())
        })
        .collect()
}

impl Meeting<'_> {
    /// Who listens where the stack would.
    fn holder(&self, wanted: &Wanted) -> Option<&Listener> {
        let takes = |one: &&Listener| {
            let place = match wanted.on {
                Addresses::All => true,
                Addresses::Public => !one.is_local(),
                Addresses::Loopback => one.is_local() || one.address.is_none(),
            };
            place && one.port == wanted.port && one.protocol == wanted.protocol
        };
        self.occupied.listeners.iter().find(takes)
    }
}

pub(super) fn conflicts(meeting: &Meeting<'_>) -> Vec<Conflict> {
    let units = units(meeting.inventory, meeting.stack, meeting.claims);
    let mut all: Vec<Conflict> = Vec::new();
    for wanted in wanted(meeting.inventory) {
        let taken = meeting.holder(&wanted);
        if let Some(other) =
            taken.filter(|one| meeting.concerns(wanted.role) && !is_own(one, &units))
        {
            all.push(Conflict {
                subject: format!("port {}", other.at()),
                found: other.who(),
                because: format!("the stack (role {}) listens there", wanted.role),
                hint: hint(meeting, &wanted, other),
            });
        }
    }
    all.extend(shut_out(meeting));
    all
}

/// What to do about somebody else who listens there.
fn hint(meeting: &Meeting<'_>, wanted: &Wanted, other: &Listener) -> String {
    if wanted.on != Addresses::Public {
        return format!(
            "stop it for good, or move it to another port; or {}",
            wanted.hint
        );
    }
    let mut hint = format!(
        "let it listen on the loopback alone (dnsmasq: `listen-address=127.0.0.1` and `bind-interfaces`), or stop it for good; or {}",
        wanted.hint
    );
    let asks = |address: &&IpAddr| match other.address {
        Some(one) => one == **address,
        None => is_of_server(meeting, **address),
    };
    if let Some(own) = meeting.occupied.resolvers.iter().find(asks) {
        hint.push_str(&format!(
            "; the server itself asks it for names: name another resolver than {own} in /etc/resolv.conf before it is stopped"
        ));
    }
    hint
}

/// Whether it is an address of the server's own.
pub(super) fn is_of_server(meeting: &Meeting<'_>, address: IpAddr) -> bool {
    let server = meeting.server();
    let four = server.and_then(|server| server.ipv4).map(IpAddr::from);
    let six = server.and_then(|server| server.ipv6).map(IpAddr::from);
    address.is_loopback() || four == Some(address) || six == Some(address)
}

/// Services of the system that need no opening: they ask, and replies come in.
const ASKING: [(u16, &str); 7] = [
    (68, "udp"),
    (546, "udp"),
    (123, "udp"),
    (323, "udp"),
    (5353, "udp"),
    // systemd-resolved listens there on a new Debian (LLMNR, RFC 4795).
    (5355, "udp"),
    (5355, "tcp"),
];

/// From here on sockets of UDP are mostly those of who asks.
const EPHEMERAL: u16 = 32768;

/// Who could be reached before the stack's firewall came, and no longer.
fn shut_out(meeting: &Meeting<'_>) -> Vec<Conflict> {
    let inventory = meeting.inventory;
    let before = meeting.claim("file", "/etc/nftables.conf") == Claim::Foreign
        && !meeting.claims.service("nftables.service");
    if !meeting.concerns("firewall") || !before {
        return Vec::new();
    }
    let mut open = vec![(meeting.facts.ssh_port, "tcp")];
    let ssh = meeting.server().and_then(|server| server.port);
    open.extend(ssh.map(|port| (port, "tcp")));
    open.extend(
        wanted(inventory)
            .iter()
            .filter(|one| one.on != Addresses::Loopback)
            .filter(|one| one.role != "web" || meeting.has("web"))
            .map(|one| (one.port, one.protocol)),
    );
    let rules = inventory.firewall.allow.iter();
    open.extend(rules.map(|rule| (rule.port, rule.protocol.as_str())));
    open.extend(ASKING);
    // The database is looked at by a rule of its own.
    if inventory.sites.values().any(|site| site.database.enabled) {
        open.extend([(3306, "tcp"), (33060, "tcp")]);
    }
    let shut = |one: &&Listener| {
        !one.is_local()
            && !open.contains(&(one.port, one.protocol.as_str()))
            && (one.protocol == "tcp" || one.port < EPHEMERAL)
    };
    let mut all: Vec<Conflict> = Vec::new();
    for one in meeting.occupied.listeners.iter().filter(shut) {
        let subject = format!("port {}", one.at());
        if all.iter().any(|conflict| conflict.subject == subject) {
            continue;
        }
        all.push(Conflict {
            found: one.who(),
            because: "the stack's firewall would let nobody in there".to_owned(),
            hint: format!(
                "open it: [[firewall.allow]] port = {}{}; or add \"{subject}\" to server.adopt if it may be shut",
                one.port,
                if one.protocol == "udp" { ", protocol = \"udp\"" } else { "" },
            ),
            subject,
        });
    }
    all
}
