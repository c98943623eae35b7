//! Addresses, networks, ports and the ways to reach the server.

use super::apt_sources::apt_sources;
use super::mistakes::Mistakes;
use super::raw::{self, At};
use super::system;
use super::values::{file, path};
use super::{FileReference, Firewall, FirewallRule, Ports, Server};
use crate::types::InvalidValue;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

/// Key types of OpenSSH that a host key can have.
const KEY_TYPES: &[&str] = &[
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// The section `[server]`. `None` if it or the address is missing or wrong.
pub(super) fn server(
    section: Option<&At<raw::Server>>,
    files: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Server> {
    let help = "write the server's address:\n[server]\nipv4 = \"203.0.113.10\"";
    let Some(raw) = section else {
        mistakes.missing(mistakes.end(), "the section [server] is missing", help);
        return None;
    };
    if raw.ipv4.is_none() && raw.ipv6.is_none() {
        mistakes.missing(raw.span(), "server.ipv4 is missing", help);
    }
    let ipv4 = mistakes.check("server.ipv4", raw.ipv4.as_ref(), |text| ipv4(text));
    let ipv6 = mistakes.check("server.ipv6", raw.ipv6.as_ref(), |text| ipv6(text));
    let ssh = mistakes.check("server.ssh", raw.ssh.as_ref(), |text| destination(text));
    let user = mistakes.check("server.user", raw.user.as_ref(), |text| login(text));
    let host_key = mistakes.check("server.host_key", raw.host_key.as_ref(), |text| {
        host_key(text)
    });
    let hostname = mistakes.check("server.hostname", raw.hostname.as_ref(), |text| {
        hostname(text)
    });
    let timezone = mistakes.check("server.timezone", raw.timezone.as_ref(), |text| {
        timezone(text)
    });
    let identity = raw.identity_file.as_ref();
    // ssh itself expands `~` and `%d`; where they lead is known only there.
    let identity_file = match identity.filter(|path| !path.starts_with('~') && !path.contains('%'))
    {
        Some(path) => file(path, "server.identity_file", false, files, mistakes),
        None => identity.map(|path| path.to_string()),
    };
    let ssh_config = mistakes.check("server.ssh_config", raw.ssh_config.as_ref(), |text| {
        path(text)
    });
    let sources = apt_sources(&raw.sources, files, mistakes);
    let address = ipv4.map(IpAddr::from).or(ipv6.map(IpAddr::from))?;
    Some(Server {
        ipv4,
        ipv6,
        ssh: ssh.unwrap_or_else(|| address.to_string()),
        user,
        port: raw.port.as_ref().map(|port| port.get()),
        identity_file,
        ssh_config,
        host_key,
        hostname,
        timezone,
        adopt: raw.adopt.iter().map(|item| item.to_string()).collect(),
        hardening: system::hardening(raw.hardening.as_ref()),
        journal: mistakes.check("server.journal", raw.journal.as_ref(), system::journal),
        swap: mistakes.check("server.swap", raw.swap.as_ref(), system::swap),
        sources,
        roles: system::roles(raw.roles.as_ref()),
    })
}

fn ipv4(text: &str) -> Result<Ipv4Addr, InvalidValue> {
    let wrong = |why: &str| InvalidValue::new(format!("`{text}` is not an IPv4 address{why}"));
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => {
            if address.is_unspecified() || address.is_broadcast() || address.is_multicast() {
                Err(wrong(" of one machine"))
            } else {
                Ok(address)
            }
        }
        Ok(IpAddr::V6(_)) => Err(wrong("").hint("an IPv6 address is written as `ipv6 = \"…\"`")),
        Err(_) => Err(wrong("").hint("four numbers from 0 to 255, like \"203.0.113.10\"")),
    }
}

fn ipv6(text: &str) -> Result<Ipv6Addr, InvalidValue> {
    let wrong = |why: &str| InvalidValue::new(format!("`{text}` is not an IPv6 address{why}"));
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) if address.is_unspecified() || address.is_multicast() => {
            Err(wrong(" of one machine"))
        }
        Ok(IpAddr::V6(address)) => Ok(address),
        Ok(IpAddr::V4(_)) => Err(wrong("").hint("an IPv4 address is written as `ipv4 = \"…\"`")),
        Err(_) => Err(wrong("").hint("like \"2001:db8::1\", without brackets")),
    }
}

/// Refuses what ssh could take for an option, and what belongs into another key.
fn destination(text: &str) -> Result<String, InvalidValue> {
    let wrong = |why: &str| InvalidValue::new(format!("`{text}` is not an ssh destination: {why}"));
    let hint = "a host name, an address or an alias of ~/.ssh/config";
    if text.is_empty() {
        return Err(wrong("it is empty").hint(hint));
    }
    if text.starts_with('-') {
        return Err(wrong("ssh would take it for an option").hint(hint));
    }
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(wrong("it has a space or a control character").hint(hint));
    }
    if text.contains("://") {
        return Err(wrong("it is a URL").hint(hint));
    }
    if let Some((user, host)) = text.split_once('@') {
        return Err(wrong("it has a login").hint(format!("ssh = \"{host}\" and user = \"{user}\"")));
    }
    if text.parse::<IpAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    if text.starts_with('[') {
        return Err(wrong("it has brackets").hint("write an IPv6 address without them"));
    }
    if let Some((host, port)) = text.split_once(':') {
        return Err(wrong("it has a port").hint(format!("ssh = \"{host}\" and port = {port}")));
    }
    Ok(text.to_owned())
}

fn login(text: &str) -> Result<String, InvalidValue> {
    let odd = |c: char| c.is_whitespace() || c.is_control() || "@:/'\"\\".contains(c);
    if text.is_empty() || text.starts_with('-') || text.contains(odd) {
        return Err(InvalidValue::new(format!("`{text}` is not a login")));
    }
    Ok(text.to_owned())
}

/// `type key`, as in known_hosts; a comment is dropped. The blob of RFC 4253 section 6.6
/// begins with the type once more, which shows a key that was cut or mixed up.
fn host_key(text: &str) -> Result<String, InvalidValue> {
    let wrong = |why: &str| InvalidValue::new(format!("not a host key: {why}"));
    let hint = "`ssh-keyscan HOST` prints lines of host, type and key: write the type and the key";
    let mut words = text.split_whitespace();
    let (Some(kind), Some(key)) = (words.next(), words.next()) else {
        return Err(wrong("a type and a key are wanted").hint(hint));
    };
    if !KEY_TYPES.contains(&kind) {
        let error = wrong(&format!("`{kind}` is no key type"));
        return Err(if KEY_TYPES.contains(&key) {
            error.hint("leave out the host before the type")
        } else {
            error.hint(format!("one of {}", KEY_TYPES.join(", ")))
        });
    }
    let blob = BASE64_STANDARD
        .decode(key)
        .map_err(|_| wrong("the key is not base64").hint(hint))?;
    let length = u32::try_from(kind.len()).unwrap_or_default().to_be_bytes();
    let rest = blob
        .strip_prefix(&length)
        .and_then(|rest| rest.strip_prefix(kind.as_bytes()));
    match rest {
        Some(rest) if rest.len() >= 32 => Ok(format!("{kind} {key}")),
        Some(_) => Err(wrong("the key is cut off").hint(hint)),
        None => Err(wrong(&format!("the key is not one of type {kind}")).hint(hint)),
    }
}

/// A name of RFC 1123 of one or more labels; Linux takes 64 characters (hostname(7)).
fn hostname(text: &str) -> Result<String, InvalidValue> {
    let label = |label: &str| {
        let inner = label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        !label.is_empty() && inner && !label.starts_with('-') && !label.ends_with('-')
    };
    if text.len() > 64 || !text.split('.').all(label) {
        let error = InvalidValue::new(format!("`{text}` is not a host name"));
        return Err(error.hint("letters, digits and hyphens, at most 64, like \"web1\""));
    }
    Ok(text.to_owned())
}

fn timezone(text: &str) -> Result<String, InvalidValue> {
    let part = |part: &str| {
        let known = |c: char| c.is_ascii_alphanumeric() || "_+-".contains(c);
        !part.is_empty() && part.chars().all(known) && !part.starts_with('-')
    };
    if !text.split('/').all(part) {
        let error = InvalidValue::new(format!("`{text}` is not a time zone"));
        return Err(error.hint("a name that `timedatectl list-timezones` prints"));
    }
    Ok(text.to_owned())
}

/// The section `[firewall]`.
pub(super) fn firewall(raw: &raw::Firewall, mistakes: &mut Mistakes<'_>) -> Firewall {
    let mut allow: Vec<(FirewallRule, Range<usize>)> = Vec::new();
    for rule in &raw.allow {
        let Some(port) = &rule.port else {
            let help = "say what to open: port = 25";
            mistakes.missing(rule.span(), "firewall.allow: port is missing", help);
            continue;
        };
        let made = FirewallRule {
            port: port.get(),
            protocol: match rule.protocol {
                Some(raw::Protocol::Udp) => "udp",
                Some(raw::Protocol::Tcp) | None => "tcp",
            }
            .to_owned(),
            from: networks("firewall.allow.from", rule.from.as_ref(), mistakes),
        };
        let same = |(other, _): &&(FirewallRule, Range<usize>)| {
            (other.port, &other.protocol) == (made.port, &made.protocol)
        };
        if let Some((_, first)) = allow.iter().find(same) {
            let message = format!("port {}/{} is opened twice", made.port, made.protocol);
            let mistake = mistakes.at(port.span(), message).label("the second one");
            let mistake = mistake.context(first.clone(), "the first one");
            mistakes.push(mistake.help("write all networks into one `from`"));
        }
        allow.push((made, port.span()));
    }
    Firewall {
        enabled: raw.enabled.unwrap_or(true),
        ssh_from: networks("firewall.ssh_from", raw.ssh_from.as_ref(), mistakes),
        allow: allow.into_iter().map(|(rule, _)| rule).collect(),
    }
}

/// Networks as `address/length` or single addresses, normalised.
fn networks(key: &str, list: Option<&raw::List>, mistakes: &mut Mistakes<'_>) -> Vec<String> {
    let Some(list) = list else {
        return Vec::new();
    };
    if list.is_empty() {
        let mistake = mistakes.at(list.span(), format!("{key} lets nobody in"));
        mistakes.push(mistake.help(format!("leave `{key}` out to let everyone in")));
    }
    let checked = list.iter();
    checked
        .filter_map(|item| mistakes.check(key, Some(item), |text| network(text)))
        .collect()
}

/// The addresses and networks of a list that may be empty.
pub(super) fn listed(
    key: &str,
    list: Option<&raw::List>,
    mistakes: &mut Mistakes<'_>,
) -> Vec<String> {
    list.into_iter()
        .flat_map(|list| list.iter())
        .filter_map(|item| mistakes.check(key, Some(item), |text| network(text)))
        .collect()
}

/// A network as `address/length`, normalised, or a single address.
///
/// # Errors
/// When it is neither.
pub fn network(text: &str) -> Result<String, InvalidValue> {
    let wrong = |why: &str| InvalidValue::new(format!("`{text}` is not a network{why}"));
    let hint = "an address or a network, like \"203.0.113.7\" or \"203.0.113.0/24\"";
    let (address, length) = text
        .split_once('/')
        .map_or((text, None), |(a, l)| (a, Some(l)));
    let address: IpAddr = address.parse().map_err(|_| wrong("").hint(hint))?;
    let Some(length) = length else {
        return Ok(address.to_string());
    };
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let plain = length.len() <= 3 && length.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = length
        .parse::<u32>()
        .ok()
        .filter(|length| plain && *length <= bits);
    let length =
        parsed.ok_or_else(|| wrong(&format!(": the length is not from 0 to {bits}")).hint(hint))?;
    let masked: IpAddr = match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(bits - length).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).into()
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(bits - length).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask).into()
        }
    };
    if masked != address {
        let hint = format!("\"{masked}/{length}\" for the network, \"{address}\" for one address");
        return Err(wrong(": it has bits after its length").hint(hint));
    }
    Ok(format!("{address}/{length}"))
}

/// An app that listens on ports.
pub(super) struct AppPorts<'a> {
    /// The key of its first port, as in the inventory.
    pub(super) key: String,
    pub(super) raw: Option<&'a At<std::num::NonZeroU16>>,
    pub(super) first: u16,
    pub(super) instances: u16,
}

/// Everything that listens on a port of the server.
pub(super) struct Listeners<'a> {
    pub(super) server: Option<&'a raw::Server>,
    pub(super) web: (&'a raw::Web, Ports),
    pub(super) https: bool,
    pub(super) apps: Vec<AppPorts<'a>>,
    pub(super) dns: bool,
    pub(super) database: bool,
}

/// Finds two that want the same TCP port.
pub(super) fn clashes(listeners: &Listeners<'_>, mistakes: &mut Mistakes<'_>) {
    type Port = At<std::num::NonZeroU16>;
    let place = |port: &Option<Port>| port.as_ref().map(At::span);
    let ssh = listeners.server.and_then(|server| server.port.as_ref());
    let (raw_web, web) = listeners.web;
    let mut ports = vec![
        (
            "sshd (server.port)".to_owned(),
            ssh.map_or(22, |port| port.get()),
            ssh.map(At::span),
        ),
        (
            "web.http_port".to_owned(),
            web.http_port,
            place(&raw_web.http_port),
        ),
    ];
    if listeners.https {
        let place = place(&raw_web.https_port);
        ports.push(("web.https_port".to_owned(), web.https_port, place));
    }
    for app in &listeners.apps {
        // Two for each instance: what serves, and what comes next.
        let all = (0..2 * app.instances).filter_map(|more| app.first.checked_add(more));
        let place = app.raw.map(At::span);
        ports.extend(all.map(|port| (app.key.clone(), port, place.clone())));
    }
    if listeners.dns {
        ports.push(("the name server".to_owned(), 53, None));
    }
    if listeners.database {
        ports.push(("the database server".to_owned(), 3306, None));
    }
    for (at, (name, port, place)) in ports.iter().enumerate() {
        for (other, _, other_place) in ports[..at].iter().filter(|(_, other, _)| other == port) {
            let (label, span, context) = match (place, other_place) {
                (Some(a), Some(b)) if a.start < b.start => (other, b, Some((a, name))),
                (Some(a), Some(b)) => (name, a, Some((b, other))),
                (Some(a), None) => (name, a, None),
                (None, Some(b)) => (other, b, None),
                (None, None) => continue,
            };
            let message = format!("port {port} is taken twice: by {other} and by {name}");
            let mut mistake = mistakes.at(span.clone(), message);
            mistake = mistake.label(format!("wanted by {label}"));
            mistakes.push(match context {
                Some((span, words)) => mistake.context(span.clone(), format!("wanted by {words}")),
                None => mistake.help("choose another port"),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_normalised() {
        assert_eq!(network("2001:DB8::/32").as_deref(), Ok("2001:db8::/32"));
        assert_eq!(network("0.0.0.0/0").as_deref(), Ok("0.0.0.0/0"));
        assert_eq!(network("::1/128").as_deref(), Ok("::1/128"));
        for wrong in [
            "",
            "1.2.3.4/33",
            "1.2.3.4/+8",
            "1.2.3.4/8",
            "all",
            "1.2.3.4/",
        ] {
            assert!(network(wrong).is_err(), "{wrong}");
        }
    }
}
