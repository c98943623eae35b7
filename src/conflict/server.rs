//! What concerns the server as a whole: another site, dpkg, its resolver, its filters, those who
//! use its database, the tree of another deployment.

use super::meeting::{Meeting, root};
use super::{filter, ports, recursion};
use crate::inventory::{DatabaseListen, Site};
use crate::resource::{Conflict, Resource};
use crate::types::Fqdn;
use std::net::IpAddr;

pub(super) fn conflicts(meeting: &Meeting<'_>) -> Vec<Conflict> {
    let mut all = Vec::new();
    all.extend(another_site(meeting));
    all.extend(half_configured(meeting));
    if meeting.concerns("dns") {
        all.extend(resolver(meeting));
        all.extend(own_bind(meeting));
    }
    if meeting.concerns("database") {
        all.extend(database_over_tcp(meeting));
        all.extend(database_over_x(meeting));
    }
    if meeting.concerns("app") {
        let sites = meeting.inventory.sites.values();
        all.extend(sites.filter_map(|site| deployment(meeting, site)));
    }
    all.extend(filters(meeting));
    all.extend(displaced(meeting));
    all
}

/// A server that has none of the sites of this inventory is that of another one, which would lose
/// them. Where one site is the same, the others have been taken out of the inventory.
fn another_site(meeting: &Meeting<'_>) -> Option<Conflict> {
    let there = meeting.claims.domains();
    let then = there.first()?;
    let mut sites = meeting.inventory.sites.values();
    let known = |domain: &Fqdn| there.contains(&domain.as_str());
    let is_there = |site: &Site| {
        known(&site.names.domain) || site.names.previous_domain.as_ref().is_some_and(known)
    };
    if sites.any(is_there) {
        return None;
    }
    let domain = meeting.inventory.domains().next()?;
    Some(Conflict {
        subject: "the site of this server".to_owned(),
        found: format!("foobar-stack has set up {} there", there.join(", ")),
        because: format!("this inventory is of {domain}, and would remove it"),
        hint: format!(
            "use a server of its own, or describe both as [sites.NAME] of one inventory; or, if {then} becomes {domain}, say `previous_domain = \"{then}\"` of the site: then its data comes along",
        ),
    })
}

/// What apt would trip over in the middle of a run, unless a run of ours left it so.
fn half_configured(meeting: &Meeting<'_>) -> Option<Conflict> {
    let facts = meeting.facts;
    let broken: Vec<&str> = facts
        .dpkg_broken
        .iter()
        .map(String::as_str)
        .filter(|name| !meeting.claims.package(name))
        .collect();
    (!broken.is_empty() && !facts.unsettled).then(|| Conflict {
        subject: "packages".to_owned(),
        found: format!("dpkg left half-way: {}", broken.join(", ")),
        because: "nothing can be installed before that is repaired".to_owned(),
        hint: "run `dpkg --configure -a` on the server, and fix what it reports".to_owned(),
    })
}

/// The server asks its own BIND for names, and ours answers for the zone alone.
fn resolver(meeting: &Meeting<'_>) -> Option<Conflict> {
    if meeting.claims.service("named.service") {
        return None;
    }
    let named = |address: &IpAddr| {
        ports::is_of_server(meeting, *address)
            && meeting.occupied.listeners.iter().any(|listener| {
                listener.port == 53
                    && listener.process.name == "named"
                    && listener.address.is_none_or(|one| one == *address)
            })
    };
    let mut resolvers = meeting.occupied.resolvers.iter();
    let mut upstream = meeting.occupied.upstream.iter();
    let (own, whose, place) = resolvers
        .find(|address| named(address))
        .map(|own| (own, "/etc/resolv.conf names", "in /etc/resolv.conf"))
        .or_else(|| {
            let own = upstream.find(|address| named(address))?;
            let whose = "systemd-resolved, which /etc/resolv.conf names, asks";
            Some((
                own,
                whose,
                "to systemd-resolved (DNS= in /etc/systemd/resolved.conf)",
            ))
        })?;
    Some(Conflict {
        subject: "the server's resolver".to_owned(),
        found: format!("{whose} {own}, where BIND (named.service) answers"),
        because: "the stack's BIND answers for the zone alone, so that the server would find no other name".to_owned(),
        hint: format!(
            "name another resolver {place}: that of your provider, or unbound, on 127.0.0.2 as long as BIND has 127.0.0.1; or set dns.enabled = false"
        ),
    })
}

/// A BIND that somebody has set up: the stack's named.conf does not read these files.
fn own_bind(meeting: &Meeting<'_>) -> Vec<Conflict> {
    if meeting.claims.service("named.service") {
        return Vec::new();
    }
    let changed = meeting.occupied.changed.iter();
    changed
        .map(|path| match recursion::others(&meeting.occupied.options) {
            Some((statement, others)) if path.ends_with(".options") => Conflict {
                subject: path.clone(),
                found: format!("it lets {} resolve names through this server ({statement})", others.join(", ")),
                because: "the stack's BIND answers for the zone alone, so that they would find no other name".to_owned(),
                hint: format!(
                    "name them another resolver first, on another machine, since the stack's BIND takes port 53 here; then add \"{path}\" to server.adopt; or set dns.enabled = false"
                ),
            },
            _ => Conflict {
                subject: path.clone(),
                found: "it is not as the package brought it".to_owned(),
                because: "the stack's /etc/bind/named.conf does not read it".to_owned(),
                hint: format!(
                    "move what you need to /etc/bind/named.conf.local, which is read, and add \"{path}\" to server.adopt; or set dns.enabled = false"
                ),
            },
        })
        .collect()
}

/// Whether the database server is the stack's already.
fn has_database(meeting: &Meeting<'_>) -> bool {
    let mut units = ["mysql.service", "mariadb.service"].iter();
    units.any(|unit| meeting.claims.service(unit))
}

/// The X protocol of MySQL, which the stack's own does not speak.
fn database_over_x(meeting: &Meeting<'_>) -> Option<Conflict> {
    let clients = &meeting.occupied.x_clients;
    (!has_database(meeting) && !clients.is_empty()).then(|| Conflict {
        subject: "the database's port 33060".to_owned(),
        found: format!("connected: {}", clients.join(", ")),
        because: "the stack's MySQL does not speak the X protocol, and would cut them off"
            .to_owned(),
        hint: "have them use port 3306 or the socket, and apply when none of them is connected any more"
            .to_owned(),
    })
}

/// The database of others, which they reach over TCP.
fn database_over_tcp(meeting: &Meeting<'_>) -> Option<Conflict> {
    let occupied = meeting.occupied;
    if has_database(meeting) {
        return None;
    }
    let mut listeners = occupied.listeners.iter();
    let listener = listeners.find(|one| one.port == 3306 && one.protocol == "tcp")?;
    let local = |host: &str| {
        ["localhost", "127.0.0.1", "::1", "%"].contains(&host) || host.starts_with("127.")
    };
    let away = |account: &&String| {
        !account
            .rsplit_once('@')
            .is_some_and(|(_, host)| local(host))
    };
    let client_away = |peer: &&String| !peer.contains("127.0.0.1") && !peer.contains("::1");
    let remote = !listener.is_local()
        && (occupied.accounts.iter().any(|one| away(&one))
            || occupied.clients.iter().any(|one| client_away(&one)));
    match meeting.inventory.database_server.listen {
        Some(DatabaseListen::Socket) => return None,
        Some(DatabaseListen::Loopback) if !remote => return None,
        _ if occupied.accounts.is_empty() && occupied.clients.is_empty() => return None,
        _ => {}
    }
    let mut found = listener.who();
    for (what, names) in [
        ("accounts", &occupied.accounts),
        ("connected", &occupied.clients),
    ] {
        if !names.is_empty() {
            found.push_str(&format!("; {what}: {}", names.join(", ")));
        }
    }
    Some(Conflict {
        subject: "the database's port 3306".to_owned(),
        found,
        because: "the stack's database answers on its socket alone, and cuts off who uses TCP"
            .to_owned(),
        hint: if remote {
            "it is never opened to other machines: have them come through a tunnel, then set database.listen = \"socket\"".to_owned()
        } else {
            "set database.listen = \"loopback\" to keep it open on 127.0.0.1, or \"socket\" if nobody needs it".to_owned()
        },
    })
}

/// The app's folder has the tree of another way to deploy.
fn deployment(meeting: &Meeting<'_>, site: &Site) -> Option<Conflict> {
    let root = root(site);
    let below = format!("{root}/");
    let deployment = format!("{}-app", site.app.user);
    let made = |resource: &Resource| {
        let own = match resource.id.kind {
            "release" => resource.id.name == root,
            "deployment" => resource.id.name == deployment,
            _ => false,
        };
        own && meeting.claims.claim(resource).is_ours()
    };
    let trees = meeting.occupied.trees.iter();
    let found: Vec<String> = trees
        .filter(|(path, _)| path.starts_with(&below))
        .map(|(path, what)| format!("{path} is {what}"))
        .collect();
    if found.is_empty() || meeting.stack.resources.iter().any(made) {
        return None;
    }
    Some(Conflict {
        subject: root.clone(),
        found: found.join(", "),
        because: "no run of foobar-stack made it, and the releases of the app would be put there"
            .to_owned(),
        hint: format!(
            "move it away, or set another app.user; or add \"{root}\" to server.adopt: then `current` is led to the stack's release, and what is there stays beside it"
        ),
    })
}

/// Units of others that systemd stops to start one of the stack's own (`Conflicts=`), as
/// firewalld for nftables on Ubuntu: an undo would not bring them back.
fn displaced(meeting: &Meeting<'_>) -> Vec<Conflict> {
    let services = &meeting.stack.resources;
    let role_of = |own: &str| {
        let is = |one: &&Resource| one.id.kind == "service" && one.id.name == own;
        services.iter().find(is).map(|one| one.role.as_str())
    };
    let displaced = meeting.occupied.displaced.iter();
    displaced
        .filter_map(|(own, other)| Some((own, other, role_of(own)?)))
        .filter(|(_, _, role)| meeting.concerns(role))
        .map(|(own, other, role)| Conflict {
            subject: format!("unit {other}"),
            found: "it runs".to_owned(),
            because: format!("systemd would stop it to start {own} of the stack (role {role})"),
            hint: match role {
                "database" | "dns" | "firewall" => format!(
                    "`systemctl disable --now {other}` if the stack's takes its place; or set {role}.enabled = false to keep it"
                ),
                _ => format!("`systemctl disable --now {other}` if nobody needs it"),
            },
        })
        .collect()
}

/// Tables of others that let nobody in to where the stack serves.
fn filters(meeting: &Meeting<'_>) -> Vec<Conflict> {
    let ports = ports::public(meeting);
    let occupied = meeting.occupied;
    let mut all = Vec::new();
    for (program, text) in &occupied.filters {
        // One of nft holds several tables, one after the other.
        for table in tables(program, text) {
            let shut = filter::shut(program, table, &ports);
            if shut.is_empty() {
                continue;
            }
            let name = filter::name(program, table);
            let manager = Manager::of(&name, occupied.ufw);
            let by = match manager {
                Manager::Firewalld => " (firewalld is active)",
                Manager::Ufw => " (ufw is active)",
                Manager::Unknown => "",
            };
            let subject = format!("the packet filter {name}");
            all.push(Conflict {
                found: format!("it drops what it does not let in{by}, and has no rule for {}", shut.join(", ")),
                because: "visitors would not reach the site".to_owned(),
                hint: format!(
                    "{}, since the stack has a firewall of its own; or, if other rules of it let them in, add \"{subject}\" to server.adopt",
                    manager.hint(&shut)
                ),
                subject,
            });
        }
    }
    all
}

/// The program that keeps a table of the packet filter.
#[derive(Debug, Clone, Copy)]
enum Manager {
    Firewalld,
    Ufw,
    Unknown,
}

impl Manager {
    fn of(table: &str, ufw: bool) -> Self {
        match (table, ufw) {
            ("table inet firewalld" | "table ip firewalld" | "table ip6 firewalld", _) => {
                Self::Firewalld
            }
            (_, true) => Self::Ufw,
            (_, false) => Self::Unknown,
        }
    }

    /// How these ports are opened there, or how the table goes.
    fn hint(self, ports: &[String]) -> String {
        let each = |word: &str| -> Vec<String> {
            ports.iter().map(|port| format!("{word}{port}")).collect()
        };
        match self {
            Self::Firewalld => format!(
                "`firewall-cmd --permanent {}; firewall-cmd --reload`; or `systemctl disable --now firewalld`",
                each("--add-port=").join(" ")
            ),
            Self::Ufw => format!("`{}`; or `ufw disable`", each("ufw allow ").join("; ")),
            Self::Unknown => "let these ports in there, or remove the table".to_owned(),
        }
    }
}

fn tables<'a>(program: &str, text: &'a str) -> Vec<&'a str> {
    if program != "nft" {
        return vec![text];
    }
    let mut starts: Vec<usize> = text
        .match_indices("\ntable ")
        .map(|(at, _)| at + 1)
        .collect();
    starts.insert(0, 0);
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts
        .iter()
        .zip(ends)
        .map(|(start, end)| &text[*start..end])
        .collect()
}
