//! Reverse zones: the names of the addresses of a network (RFC 1035 section 3.5, RFC 3596 section
//! 2.5; RFC 2317 for what is smaller than a zone).

use super::further::{Forward, Further};
use super::mistakes::Mistakes;
use super::network::network;
use super::raw::{self, At};
use super::signing::dnssec;
use super::{DnsRecord, FurtherZone, RecordSet, record_rules};
use crate::types::{Fqdn, InvalidValue, RecordName};
use std::net::IpAddr;

/// Adds the reverse zones of a site to its further ones.
pub(super) fn zones(
    all: &[At<raw::Reverse>],
    forward: &Forward<'_>,
    zones: &mut Vec<Further>,
    mistakes: &mut Mistakes<'_>,
) {
    for one in all {
        let Some(written) = &one.network else {
            let message = "dns.reverse: network is missing";
            mistakes.missing(one.span(), message, "write network = \"203.0.113.0/24\"");
            continue;
        };
        let parse = |text: &String| Network::parse(text);
        let Some(network) = mistakes.check("dns.reverse.network", Some(written), parse) else {
            continue;
        };
        let name = match &one.zone {
            Some(zone) => mistakes.check("dns.reverse.zone", Some(zone), |text| {
                network.delegated(text)
            }),
            None => mistakes.check("dns.reverse.network", Some(written), |_| network.zone()),
        };
        let Some(name) = name else { continue };
        if zones.iter().any(|other| other.zone.zone == name) {
            let message = format!("dns.reverse.network: the zone {name} is there twice");
            mistakes.push(mistakes.at(written.span(), message).help("leave one out"));
            continue;
        }
        zones.push(zone(one, &network, name, forward, mistakes));
    }
}

fn zone(
    raw: &raw::Reverse,
    network: &Network,
    zone: Fqdn,
    forward: &Forward<'_>,
    mistakes: &mut Mistakes<'_>,
) -> Further {
    let record = |name: &Fqdn, kind: &str, value: &Fqdn| DnsRecord {
        name: RecordName::from(name.clone()),
        kind: kind.to_owned(),
        value: format!("{value}."),
        ttl: forward.ttl,
    };
    let servers = forward.nameservers.iter();
    let mut records: Vec<DnsRecord> = servers.map(|host| record(&zone, "NS", host)).collect();
    let servers = records.len();
    for (address, name) in &raw.names {
        const KEY: &str = "dns.reverse.names";
        let owner = mistakes.check(KEY, Some(address), |text| network.owner(text, &zone));
        let target = mistakes.check(KEY, Some(name), |text| host(text));
        let Some(((address_read, owner), target)) = owner.zip(target) else {
            continue;
        };
        if records
            .iter()
            .any(|other| other.name == owner && other.kind == "PTR")
        {
            let message = format!("{KEY}: {address_read} is there twice");
            mistakes.push(mistakes.at(address.span(), message).help("leave one out"));
            continue;
        }
        if leads_elsewhere(forward, &target, address_read) {
            let message = format!("{KEY}: `{target}` does not have the address {address_read}");
            let kind = if address_read.is_ipv4() { "A" } else { "AAAA" };
            mistakes.push(mistakes.at(name.span(), message).help(format!(
                "add its {kind} record to dns.records, or write another name: a name that does \
                 not lead back is refused by many mail servers (RFC 1912 section 2.1)"
            )));
            continue;
        }
        records.push(record(&owner, "PTR", &target));
    }
    Further {
        answers: RecordSet::of(records.get(servers).into_iter()),
        zone: FurtherZone {
            zone,
            ttl: forward.ttl,
            dnssec: dnssec("dns.reverse.dnssec", raw.dnssec.as_ref(), mistakes),
            records,
        },
    }
}

/// The name of a host.
pub(super) fn host(text: &str) -> Result<Fqdn, InvalidValue> {
    let name = Fqdn::new(text)?;
    if record_rules::has_underscore(name.as_str()) {
        let error = InvalidValue::new(format!("`{text}` is not the name of a host"));
        return Err(error.hint("letters, digits and hyphens (RFC 1123 section 2.1)"));
    }
    Ok(name)
}

/// Whether the zone has addresses for the name, and this is none of them.
fn leads_elsewhere(forward: &Forward<'_>, name: &Fqdn, address: IpAddr) -> bool {
    let own = forward.records.iter().filter(|record| record.name == *name);
    let addresses = own.filter(|record| matches!(record.kind.as_str(), "A" | "AAAA"));
    let addresses: Vec<IpAddr> = addresses
        .filter_map(|record| record.value.parse().ok())
        .collect();
    name.is_within(forward.zone) && !addresses.is_empty() && !addresses.contains(&address)
}

/// A network whose addresses have names.
struct Network {
    text: String,
    address: IpAddr,
    length: usize,
}

impl Network {
    fn parse(text: &str) -> Result<Self, InvalidValue> {
        let text = network(text)?;
        let (address, length) = text.split_once('/').unwrap_or((&text, ""));
        let address: IpAddr = address
            .parse()
            .map_err(|_| InvalidValue::new(format!("`{text}` is not a network")))?;
        let whole = labels(address).len() * bits(address);
        Ok(Self {
            address,
            length: length.parse().unwrap_or(whole),
            text,
        })
    }

    /// The zone of the network, where it has one of its own.
    fn zone(&self) -> Result<Fqdn, InvalidValue> {
        let Self {
            text,
            address,
            length,
        } = self;
        let per_label = bits(*address);
        if *length > 0 && length.is_multiple_of(per_label) {
            return name_of(*address, length / per_label);
        }
        if address.is_ipv4() && *length > 24 {
            let error = InvalidValue::new(format!("`{text}` is smaller than a zone"));
            let parent = name_of(*address, 3)?;
            return Err(error.hint(format!(
                "add the name that it is delegated by (RFC 2317), like zone = \"{}.{parent}\"; or \
                 have the owner of the network enter the names",
                self.range()
            )));
        }
        let wanted = length.next_multiple_of(per_label).max(per_label);
        let error = InvalidValue::new(format!("`{text}` is no single zone"));
        Err(error.hint(format!(
            "list its networks of the length /{wanted} one by one"
        )))
    }

    /// The zone of a network without one of its own, as it is delegated (RFC 2317).
    fn delegated(&self, text: &str) -> Result<Fqdn, InvalidValue> {
        if self.address.is_ipv6() || self.length <= 24 {
            let error = InvalidValue::new(format!("`{}` has a zone of its own", self.text));
            return Err(error.hint(format!("leave it out: it is {}", self.zone()?)));
        }
        let parent = name_of(self.address, 3)?;
        let example = format!("like \"{}.{parent}\"", self.range());
        let name = Fqdn::new(text).map_err(|error| {
            let slash = "; ask for a name without a slash";
            let more = if text.contains('/') { slash } else { "" };
            error.hint(format!("{example}{more}"))
        })?;
        if name == parent || !name.is_within(&parent) {
            let error = InvalidValue::new(format!("`{text}` is not below {parent}"));
            return Err(error.hint(example));
        }
        Ok(name)
    }

    /// The last octets of the network: `64-127`.
    fn range(&self) -> String {
        let first = match self.address {
            IpAddr::V4(address) => address.octets()[3],
            IpAddr::V6(_) => 0,
        };
        let size = 1_u32 << (32 - self.length.clamp(24, 32));
        format!("{first}-{}", u32::from(first) + size - 1)
    }

    /// An address of the network, and its name in the zone.
    fn owner(&self, text: &str, zone: &Fqdn) -> Result<(IpAddr, Fqdn), InvalidValue> {
        let address: IpAddr = text.parse().map_err(|_| {
            let error = InvalidValue::new(format!("`{text}` is not an address"));
            error.hint("like \"203.0.113.10\" = \"mail.example.net\"")
        })?;
        let inside = address.is_ipv4() == self.address.is_ipv4()
            && (0..self.length).all(|bit| bit_of(address, bit) == bit_of(self.address, bit));
        if !inside {
            let message = format!("`{text}` is not in the network {}", self.text);
            return Err(InvalidValue::new(message));
        }
        let full = name_of(address, labels(address).len())?;
        let name = match full.is_within(zone) {
            true => full,
            // The zone of RFC 2317 stands beside the names of the addresses.
            false => {
                let (last, _) = full.as_str().split_once('.').unwrap_or_default();
                Fqdn::new(&format!("{last}.{zone}"))?
            }
        };
        Ok((address, name))
    }
}

/// How many bits a label of the reverse name stands for.
fn bits(address: IpAddr) -> usize {
    if address.is_ipv4() { 8 } else { 4 }
}

fn bit_of(address: IpAddr, bit: usize) -> bool {
    let octet = |octets: &[u8]| octets[bit / 8] >> (7 - bit % 8) & 1 == 1;
    match address {
        IpAddr::V4(address) => octet(&address.octets()),
        IpAddr::V6(address) => octet(&address.octets()),
    }
}

/// The labels of an address, the first octet or digit first.
fn labels(address: IpAddr) -> Vec<String> {
    match address {
        IpAddr::V4(address) => address.octets().map(|octet| octet.to_string()).to_vec(),
        IpAddr::V6(address) => {
            let octets = address.octets().into_iter();
            octets
                .flat_map(|octet| [octet >> 4, octet & 15])
                .map(|digit| format!("{digit:x}"))
                .collect()
        }
    }
}

/// The reverse name of the first `count` labels of an address.
fn name_of(address: IpAddr, count: usize) -> Result<Fqdn, InvalidValue> {
    let mut labels = labels(address);
    labels.truncate(count);
    labels.reverse();
    let top = if address.is_ipv4() { "in-addr" } else { "ip6" };
    Fqdn::new(&format!("{}.{top}.arpa", labels.join(".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_the_zone_that_is_delegated_for_it() {
        for (network, wanted) in [
            ("10.0.0.0/8", "10.in-addr.arpa"),
            ("172.16.0.0/16", "16.172.in-addr.arpa"),
            ("203.0.113.0/24", "113.0.203.in-addr.arpa"),
            ("203.0.113.7", "7.113.0.203.in-addr.arpa"),
            ("2001:db8::/32", "8.b.d.0.1.0.0.2.ip6.arpa"),
            (
                "2001:db8:1:2::/64",
                "2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
            ),
            ("2001:db8:f000::/36", "f.8.b.d.0.1.0.0.2.ip6.arpa"),
        ] {
            let zone = Network::parse(network).unwrap().zone().unwrap();
            assert_eq!(zone.as_str(), wanted, "{network}");
        }
        for (network, hint) in [
            ("10.0.0.0/9", "length /16"),
            ("203.0.112.0/23", "length /24"),
            (
                "203.0.113.64/26",
                "zone = \"64-127.113.0.203.in-addr.arpa\"",
            ),
            ("2001:db8::/33", "length /36"),
        ] {
            let error = Network::parse(network).unwrap().zone().unwrap_err();
            assert!(error.suggestion().unwrap().contains(hint), "{error:?}");
        }
    }

    #[test]
    fn an_address_has_its_name_in_the_zone() {
        let long = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
        for (network, zone, address, wanted) in [
            (
                "203.0.113.0/24",
                None,
                "203.0.113.9",
                Some("9.113.0.203.in-addr.arpa"),
            ),
            ("203.0.113.0/24", None, "203.0.114.9", None),
            ("203.0.113.0/24", None, "::1", None),
            ("2001:db8::/32", None, "2001:db8::1", Some(long)),
            ("2001:db8::/32", None, "2001:db9::1", None),
            (
                "203.0.113.64/26",
                Some("64-127.113.0.203.in-addr.arpa"),
                "203.0.113.65",
                Some("65.64-127.113.0.203.in-addr.arpa"),
            ),
            (
                "203.0.113.64/26",
                Some("x.113.0.203.in-addr.arpa"),
                "203.0.113.1",
                None,
            ),
        ] {
            let network = Network::parse(network).unwrap();
            let zone = match zone {
                Some(zone) => network.delegated(zone).unwrap(),
                None => network.zone().unwrap(),
            };
            let owner = network.owner(address, &zone).ok();
            let owner = owner.map(|(_, name)| name.to_string());
            assert_eq!(owner.as_deref(), wanted, "{address}");
        }
    }
}
