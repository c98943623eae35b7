//! The secondaries of a zone, and the keys they sign their requests with.

use super::environment::secret_source;
use super::mistakes::Mistakes;
use super::raw::{self, At};
use super::zone_entry::Servers;
use super::{Dns, FileReference, NameServer, Secondary, Server, TransferKey, site};
use crate::types::{Fqdn, InvalidValue, SecretSource};
use std::net::IpAddr;
use std::ops::Range;

/// The name and the address of each, with the place of the name; those with a mistake, which is
/// told elsewhere, are left out.
pub(super) fn addresses(raw: &raw::Dns, zone: &Fqdn) -> Vec<(Fqdn, Range<usize>, IpAddr)> {
    let read = raw.secondaries.iter().filter_map(|one| {
        let written = one.name.as_ref()?;
        let name = site::name(written, Some(zone)).ok()?;
        Some((name, written.span(), address(one.address.as_ref()?).ok()?))
    });
    read.collect()
}

/// Who copies a zone of its own: what `[[dns.secondaries]]` says, and the servers of the inventory
/// that answer it, too.
pub(super) fn resolve(
    raw: &raw::Dns,
    dns: &mut Dns,
    servers: Servers<'_>,
    files: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) {
    let own = (dns.nameservers.as_slice(), servers);
    let (found, keys) = secondaries(raw, &dns.zone, own, files, mistakes);
    dns.elsewhere = elsewhere(dns, &found, servers);
    (dns.secondaries, dns.transfer_keys) = (found, keys);
    for (name, server) in dns.nameservers.iter().skip(1).zip(servers.copies) {
        let key = format!("{}-{name}", dns.zone);
        dns.secondaries.push(Secondary {
            name: name.clone(),
            address: server.address(),
            key: Some(key.clone()),
        });
        dns.transfer_keys.push(TransferKey {
            name: key,
            algorithm: raw::Algorithm::HmacSha256.as_str().to_owned(),
            source: SecretSource::Generate(true),
        });
    }
}

/// What `[[dns.secondaries]]` says.
fn secondaries(
    raw: &raw::Dns,
    zone: &Fqdn,
    own: (&[Fqdn], Servers<'_>),
    files: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> (Vec<Secondary>, Vec<TransferKey>) {
    let (mut found, mut keys) = (Vec::<Secondary>::new(), Vec::<TransferKey>::new());
    for one in &raw.secondaries {
        for (key, is_there, example) in [
            ("name", one.name.is_some(), "name = \"ns2.example.net\""),
            (
                "address",
                one.address.is_some(),
                "address = \"203.0.113.53\"",
            ),
        ] {
            if !is_there {
                let message = format!("dns.secondaries: {key} is missing");
                mistakes.missing(one.span(), &message, &format!("write {example}"));
            }
        }
        let read = |text: &String| own_name(text, zone, own.0);
        let name = mistakes.check("dns.secondaries.name", one.name.as_ref(), read);
        let read = |text: &String| another(text, own.1);
        let address = mistakes.check("dns.secondaries.address", one.address.as_ref(), read);
        let (Some(name), Some(address)) = (name, address) else {
            continue;
        };
        if found.iter().any(|other| other.address == address) {
            let span = one.address.as_ref().map_or(one.span(), At::span);
            let message = format!("the secondary at {address} is given twice");
            mistakes.push(mistakes.at(span, message));
            continue;
        }
        let key = key(one, &name, zone, files, mistakes);
        if let Some(key) = &key {
            match keys.iter().find(|other| other.name == key.name) {
                Some(other) if other != key => {
                    let span = one.key_name.as_ref().map_or(one.span(), At::span);
                    let message = format!("`{}` is the name of another key, too", key.name);
                    let help = "give each key a name of its own";
                    mistakes.push(mistakes.at(span, message).help(help));
                }
                Some(_) => {}
                None => keys.push(key.clone()),
            }
        }
        found.push(Secondary {
            name,
            address,
            key: key.map(|key| key.name),
        });
    }
    (found, keys)
}

/// The name servers of the zone on other machines, and the secondaries.
fn elsewhere(dns: &Dns, secondaries: &[Secondary], servers: Servers<'_>) -> Vec<NameServer> {
    let known = secondaries.iter().map(|one| NameServer {
        name: one.name.clone(),
        address: Some(one.address),
    });
    let mut found: Vec<NameServer> = known.collect();
    // The first ones are servers of the inventory.
    for name in dns.nameservers.iter().skip(1 + servers.copies.len()) {
        if found.iter().any(|other| other.name == *name) {
            continue;
        }
        let records = dns.records.iter().filter(|record| record.name == *name);
        let addresses: Vec<IpAddr> = records
            .filter(|record| matches!(record.kind.as_str(), "A" | "AAAA"))
            .filter_map(|record| record.value.parse().ok())
            .collect();
        let at = |address| NameServer {
            name: name.clone(),
            address,
        };
        if addresses.is_empty() {
            found.push(at(None));
        }
        // One below the domain has the addresses of this server, unless a record says others.
        let others = addresses
            .into_iter()
            .filter(|address| !is_own(*address, servers.dns));
        found.extend(others.map(|address| at(Some(address))));
    }
    found
}

fn key(
    one: &At<raw::Secondary>,
    name: &Fqdn,
    zone: &Fqdn,
    files: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> Option<TransferKey> {
    let named = |text: &String| key_name(text);
    let key_name = mistakes.check("dns.secondaries.key_name", one.key_name.as_ref(), named);
    let Some(written) = &one.key else {
        let spans = [
            one.key_name.as_ref().map(At::span),
            one.algorithm.as_ref().map(At::span),
        ];
        for span in spans.into_iter().flatten() {
            let mistake = mistakes.at(span, "dns.secondaries: this says something of a key");
            mistakes.push(mistake.help("say where it comes from: key = { generate = true }"));
        }
        return None;
    };
    let source = secret_source("dns.secondaries.key", written, files, mistakes)?;
    Some(TransferKey {
        name: key_name.unwrap_or_else(|| format!("{zone}-{name}")),
        algorithm: one
            .algorithm
            .as_ref()
            .map_or(raw::Algorithm::HmacSha256, |algorithm| **algorithm)
            .as_str()
            .to_owned(),
        source,
    })
}

/// A name of DNS of one label or more (RFC 8945 section 4.2), which has no letter case; a file is
/// called after it.
fn key_name(text: &str) -> Result<String, InvalidValue> {
    let name = text.to_ascii_lowercase();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let label = |label: &str| (1..=63).contains(&label.len()) && label.chars().all(plain);
    if name.len() > 220 || !name.split('.').all(label) {
        let wrong = InvalidValue::new(format!("`{text}` is not the name of a key"));
        return Err(wrong.hint("letters, digits, `-` and `_`, with dots between"));
    }
    Ok(name)
}

fn own_name(text: &str, zone: &Fqdn, nameservers: &[Fqdn]) -> Result<Fqdn, InvalidValue> {
    let name = site::name(text, Some(zone))?;
    if nameservers.first() == Some(&name) {
        let message = format!("`{name}` is this server");
        return Err(InvalidValue::new(message)
            .hint("the first of dns.nameservers is; name the one that copies the zone"));
    }
    Ok(name)
}

fn is_own(address: IpAddr, server: Option<&Server>) -> bool {
    server.is_some_and(|server| {
        let own = [server.ipv4.map(IpAddr::from), server.ipv6.map(IpAddr::from)];
        own.contains(&Some(address))
    })
}

fn another(text: &str, servers: Servers<'_>) -> Result<IpAddr, InvalidValue> {
    let address = address(text)?;
    if is_own(address, servers.dns) {
        return Err(InvalidValue::new(format!("`{text}` is this server")));
    }
    let mut copies = servers.copies.iter();
    if copies.any(|server| is_own(address, Some(server))) {
        let message =
            format!("`{text}` is a server of this inventory, which copies the zone anyway");
        return Err(InvalidValue::new(message).hint("leave it out here"));
    }
    Ok(address)
}

fn address(text: &str) -> Result<IpAddr, InvalidValue> {
    let wrong = || InvalidValue::new(format!("`{text}` is not the address of a name server"));
    let hint = "like \"203.0.113.53\" or \"2001:db8::53\"";
    let address: IpAddr = text.parse().map_err(|_| wrong().hint(hint))?;
    if address.is_unspecified() || address.is_multicast() || address.is_loopback() {
        return Err(wrong().hint(hint));
    }
    Ok(address)
}
