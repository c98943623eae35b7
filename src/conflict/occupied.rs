//! What else lives on the server: who listens, who resolves its names, what filters its packets,
//! who uses its database.

use crate::resource::section;
use crate::shell::Script;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A socket that waits for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// `tcp` or `udp`.
    pub protocol: String,
    /// Its address; none for every one.
    pub address: Option<IpAddr>,
    /// Its port.
    pub port: u16,
    /// The process behind it, as far as it is known.
    pub process: Process,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Process {
    /// Its name.
    pub name: String,
    /// Its number; 0 if it is not known.
    pub pid: u32,
    /// The unit that it belongs to.
    pub unit: String,
    /// The package that its program is from, if that was asked.
    pub package: String,
}

impl Listener {
    /// Whether only this machine can reach it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.address.is_some_and(|address| address.is_loopback())
    }

    /// The port, for people: `80/tcp`.
    #[must_use]
    pub fn at(&self) -> String {
        format!("{}/{}", self.port, self.protocol)
    }

    /// Who listens, for people.
    #[must_use]
    pub fn who(&self) -> String {
        let Process {
            name,
            pid,
            unit,
            package,
        } = &self.process;
        let address = match self.address {
            None => "every address".to_owned(),
            Some(address) => address.to_string(),
        };
        if name.is_empty() {
            return format!("somebody listens on {address}");
        }
        let mut more = vec![format!("process {pid}")];
        if !unit.is_empty() {
            more.push(unit.clone());
        }
        if !package.is_empty() {
            more.push(format!("package {package}"));
        }
        format!("{name} ({}) listens on {address}", more.join(", "))
    }
}

/// What lives on the server beside the stack.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Occupied {
    /// Who listens.
    pub listeners: Vec<Listener>,
    /// The name servers that the server itself asks.
    pub resolvers: Vec<IpAddr>,
    /// Those that systemd-resolved asks for it, if one of these is systemd-resolved.
    pub upstream: Vec<IpAddr>,
    /// The options of a BIND that somebody has set up.
    pub options: String,
    /// Files of BIND's package that somebody has changed.
    pub changed: Vec<String>,
    /// Whether ufw is switched on.
    pub ufw: bool,
    /// The tables of others that look at what comes in: the program that shows one, and its text.
    pub filters: Vec<(String, String)>,
    /// Units that run and would be stopped for one of the stack's own: that one, and it.
    pub displaced: Vec<(String, String)>,
    /// Who is connected with the database over TCP.
    pub clients: Vec<String>,
    /// Who is connected with it by the X protocol, which MySQL speaks at a port of its own.
    pub x_clients: Vec<String>,
    /// Accounts of the database that are not the server's own.
    pub accounts: Vec<String>,
    /// What is in the folders of the apps: a path, and what it is.
    pub trees: Vec<(String, String)>,
    /// What Nginx is configured to, as `nginx -T` prints it, where it reads files of others, too.
    pub nginx: String,
}

/// What to look for.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// The ports that the stack wants.
    pub ports: Vec<u16>,
    /// Whether the database is asked who uses it.
    pub database: bool,
    /// Whether it is asked what BIND's files say.
    pub bind: bool,
    /// The folders of the apps.
    pub roots: Vec<String>,
    /// Names of the stack's own units, with `*` for anything.
    pub units: Vec<String>,
    /// The files that Nginx reads and that are the stack's own.
    pub nginx: Vec<String>,
}

const NAME: &str = "occupied";

impl Question {
    /// Adds the commands that look to the probe's script.
    pub fn ask(&self, script: &mut Script) {
        let ports: Vec<String> = self.ports.iter().map(ToString::to_string).collect();
        let word = |new: bool| if new { "new" } else { "known" }.to_owned();
        script.library(include_str!("occupied.sh"));
        script.call("begin", [NAME]);
        let words = [
            ports.join(" "),
            word(self.database),
            word(self.bind),
            self.roots.join(" "),
            self.nginx.join(" "),
        ];
        script.call("probe_occupied", words.iter().chain(&self.units));
        script.raw("end $?");
    }
}

/// Reads it out of the probe's reply.
///
/// # Errors
/// Why it is not known.
pub fn read(reply: &str) -> Result<Occupied, String> {
    let body = section(reply, NAME)?;
    let mut found = Occupied::default();
    let mut processes: BTreeMap<u32, (&str, &str)> = BTreeMap::new();
    for line in body.lines() {
        match line.split('\x1f').collect::<Vec<_>>()[..] {
            ["socket", protocol, address, users] => {
                found.listeners.extend(listener(protocol, address, users));
            }
            ["process", pid, unit, package] => {
                processes.insert(pid.parse().unwrap_or_default(), (unit, package));
            }
            [word @ ("resolver" | "upstream"), address] => {
                let address = address.split('%').next().unwrap_or_default();
                let list = match word {
                    "resolver" => &mut found.resolvers,
                    _ => &mut found.upstream,
                };
                list.extend(address.parse::<IpAddr>());
            }
            ["option", text] => {
                found.options.push_str(text);
                found.options.push('\n');
            }
            ["nginx", text] => {
                found.nginx.push_str(text);
                found.nginx.push('\n');
            }
            ["changed", path] => found.changed.push(path.to_owned()),
            ["ufw", _] => found.ufw = true,
            ["client", peer] => found.clients.push(peer.to_owned()),
            ["x-client", peer] => found.x_clients.push(peer.to_owned()),
            ["account", name] => found.accounts.push(name.to_owned()),
            ["displaced", own, other] => {
                found.displaced.push((own.to_owned(), other.to_owned()));
            }
            ["tree", path, what] => found.trees.push((path.to_owned(), what.to_owned())),
            [program, rule] => match found.filters.last_mut() {
                Some((last, text)) if last == program => {
                    text.push('\n');
                    text.push_str(rule);
                }
                _ => found.filters.push((program.to_owned(), rule.to_owned())),
            },
            _ => {}
        }
    }
    for listener in &mut found.listeners {
        if let Some((unit, package)) = processes.get(&listener.process.pid) {
            (*unit).clone_into(&mut listener.process.unit);
            (*package).clone_into(&mut listener.process.package);
        }
    }
    Ok(found)
}

/// Reads `0.0.0.0:80`, `[::]:80`, `*:80` or `127.0.0.53%lo:53` with `users:(("nginx",pid=7,…`.
fn listener(protocol: &str, address: &str, users: &str) -> Option<Listener> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host.trim_matches(['[', ']']);
    let host = host.split('%').next().unwrap_or(host);
    let address: Option<IpAddr> = match host {
        "*" => None,
        host => Some(host.parse().ok()?),
    };
    let name = users.split('"').nth(1).unwrap_or_default();
    let digits = users.split("pid=").nth(1).unwrap_or_default();
    let digits = digits.split(|c: char| !c.is_ascii_digit()).next();
    Some(Listener {
        protocol: protocol.to_owned(),
        address: address.filter(|address| !address.is_unspecified()),
        port: port.parse().ok()?,
        process: Process {
            name: name.to_owned(),
            pid: digits.and_then(|text| text.parse().ok()).unwrap_or(0),
            ..Process::default()
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_listens_is_read_with_all_that_is_known() {
        let reply = "\x1ebegin occupied\n\
            socket\x1ftcp\x1f*:80\x1fusers:((\"apache2\",pid=71,fd=4),(\"apache2\",pid=70,fd=4))\n\
            process\x1f71\x1fapache2.service\x1fapache2-bin\n\
            socket\x1fudp\x1f127.0.0.53%lo:53\x1f\n\
            socket\x1ftcp\x1f[::1]:8000\x1fusers:((\"node\",pid=9,fd=4))\n\
            resolver\x1f127.0.0.1\nresolver\x1ffe80::1%eth0\n\
            account\x1fshop@localhost\nnft\x1ftable ip filter {\nnft\x1f}\n\x1eend 0\n";
        let found = read(reply).unwrap();
        assert_eq!(
            found.listeners[0].who(),
            "apache2 (process 71, apache2.service, package apache2-bin) listens on every address"
        );
        assert!(found.listeners[1].is_local() && found.listeners[2].is_local());
        assert_eq!(found.listeners[2].at(), "8000/tcp");
        assert_eq!(found.resolvers.len(), 2);
        assert_eq!(found.accounts, ["shop@localhost"]);
        assert_eq!(
            found.filters,
            [("nft".to_owned(), "table ip filter {\n}".to_owned())]
        );
    }

    #[test]
    fn what_could_not_be_looked_at_is_an_error() {
        let reply = "\x1ebegin occupied\nthere is no program ss\n\x1eend 1\n";
        assert!(read(reply).unwrap_err().contains("no program ss"));
        assert!(read("").is_err());
    }
}
