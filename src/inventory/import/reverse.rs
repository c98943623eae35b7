//! An existing reverse zone as lines of an inventory: a network, and the names of its addresses.

use super::super::reverse::host;
use super::{
    DEFAULT_TTL, ImportOptions, Imported, counted, described, folded, is_of_signing, shown,
};
use crate::types::{FileRecord, Fqdn};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether the names of addresses are below this name.
#[must_use]
pub fn is_reverse(zone: &Fqdn) -> bool {
    [".in-addr.arpa", ".ip6.arpa"]
        .iter()
        .any(|top| zone.as_str().ends_with(top))
}

/// What a reverse zone is delegated for.
struct Network {
    /// In the form of `dns.reverse.network`.
    text: String,
    /// What stands before the zone's own name in that of an address, up to the top: the zone of
    /// RFC 2317 has a label more.
    above: String,
    /// Whether the zone is one of RFC 2317, whose name does not follow from the network.
    is_part: bool,
}

/// Writes the records of a reverse zone as an inventory has them.
#[must_use]
pub fn import_reverse(records: Vec<FileRecord>, options: ImportOptions<'_>) -> Imported {
    let zone = options.zone;
    let network = Network::of(zone);
    let mut names: BTreeMap<IpAddr, Fqdn> = BTreeMap::new();
    let (mut made, mut refused) = (Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    let mut has_other_ttl = false;
    let mut signatures = 0;
    for record in records {
        // An answer to AXFR ends with the SOA that it begins with.
        if !seen.insert((folded(&record.owner), record.kind.clone(), shown(&record))) {
            continue;
        }
        let owner = folded(&record.owner);
        let owner = owner.strip_suffix('.').unwrap_or(&owner);
        if is_of_signing(&record.kind) {
            signatures += 1;
        } else if owner == zone.as_str() && matches!(record.kind.as_str(), "SOA" | "NS") {
            made.push(described(&record, options));
        } else {
            match name_of(&record, owner, network.as_ref(), &names) {
                Ok((address, name)) => {
                    has_other_ttl |= record.ttl != DEFAULT_TTL;
                    names.insert(address, name);
                }
                Err(why) => {
                    let line = format!("{}: {why}", described(&record, options));
                    refused.push(line.replace(char::is_control, " "));
                }
            }
        }
    }
    let mut text = format!("# The zone {zone}: {}.\n", counted(names.len()));
    comment(&mut text, "Left out, since the stack makes its own:", &made);
    if signatures > 0 {
        text.push_str(
            "#\n# Left out, since dnssec = true makes them anew, with other keys: its keys and signatures. Have\n\
             # the DS records removed, and wait until nobody has them any more, before this server answers.\n",
        );
    }
    if has_other_ttl {
        text.push_str("#\n# The names have the time to live of dns.ttl, as the other records.\n");
    }
    comment(&mut text, "NOT IMPORTED:", &refused);
    if let Some(network) = network.filter(|_| !names.is_empty()) {
        text.push('\n');
        text.push_str(&network.block(&names, options));
    }
    Imported {
        text,
        records: names.len(),
        refused,
    }
}

fn comment(text: &mut String, head: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "#\n# {head}");
    for line in lines {
        let _ = writeln!(text, "#   {line}");
    }
}

/// The address that a record is about, and its name.
fn name_of(
    record: &FileRecord,
    owner: &str,
    network: Option<&Network>,
    names: &BTreeMap<IpAddr, Fqdn>,
) -> Result<(IpAddr, Fqdn), String> {
    if record.kind != "PTR" {
        return Err(
            "an inventory has the names of addresses in such a zone, and nothing else".to_owned(),
        );
    }
    let network = network.ok_or("the network cannot be told from the name of the zone")?;
    let address = network
        .address(owner)
        .ok_or_else(|| format!("it is not an address of {}", network.text))?;
    let data = record.data.as_ref().map_err(ToString::to_string)?;
    let name = data.to_string();
    let name = host(name.strip_suffix('.').unwrap_or(&name)).map_err(|error| error.to_string())?;
    match names.get(&address) {
        Some(first) => Err(format!("the address has a name already: {first}")),
        None => Ok((address, name)),
    }
}

impl Network {
    /// The network of a zone, by its name.
    fn of(zone: &Fqdn) -> Option<Self> {
        let name = zone.as_str();
        let is_part = false;
        if let Some(digits) = name.strip_suffix(".ip6.arpa") {
            let (address, length) = six(digits)?;
            let text = format!("{address}/{}", 4 * length);
            let above = name.to_owned();
            return Some(Self {
                text,
                above,
                is_part,
            });
        }
        let octets = name.strip_suffix(".in-addr.arpa")?;
        if let Some((address, length)) = four(octets) {
            let text = format!("{address}/{}", 8 * length);
            let above = name.to_owned();
            return Some(Self {
                text,
                above,
                is_part,
            });
        }
        // 64-127.113.0.203, or 64/26.113.0.203.
        let (range, octets) = octets.split_once('.')?;
        let (address, 3) = four(octets)? else {
            return None;
        };
        let (first, last) = range.split_once(['-', '/'])?;
        let first: u8 = first.parse().ok()?;
        let last: u32 = last.parse().ok()?;
        let length = match range.contains('/') {
            true => last,
            false => {
                let size = (last + 1).checked_sub(u32::from(first))?;
                size.is_power_of_two().then(|| 32 - size.ilog2())?
            }
        };
        let [one, two, three, _] = address.octets();
        let address = Ipv4Addr::new(one, two, three, first);
        Some(Self {
            text: format!("{address}/{length}"),
            above: format!("{octets}.in-addr.arpa"),
            is_part: true,
        })
    }

    /// The address that a name in the zone stands for.
    fn address(&self, owner: &str) -> Option<IpAddr> {
        let owner = match self.is_part {
            true => format!("{}.{}", owner.split_once('.')?.0, self.above),
            false => owner.to_owned(),
        };
        if let Some(digits) = owner.strip_suffix(".ip6.arpa") {
            let (address, length) = six(digits)?;
            return (length == 32).then_some(IpAddr::V6(address));
        }
        let (address, length) = four(owner.strip_suffix(".in-addr.arpa")?)?;
        (length == 4).then_some(IpAddr::V4(address))
    }

    /// The lines of the network.
    fn block(&self, names: &BTreeMap<IpAddr, Fqdn>, options: ImportOptions<'_>) -> String {
        let table = match options.site {
            Some(site) => format!("sites.{site}.dns.reverse"),
            None => "dns.reverse".to_owned(),
        };
        let mut text = format!("[[{table}]]\nnetwork = \"{}\"\n", self.text);
        if self.is_part {
            let _ = writeln!(text, "zone = \"{}\"", options.zone);
        }
        let _ = writeln!(text, "\n[{table}.names]");
        for (address, name) in names {
            let _ = writeln!(text, "\"{address}\" = \"{name}\"");
        }
        text
    }
}

/// The address that begins with these octets, the last one first, and how many there are.
fn four(octets: &str) -> Option<(Ipv4Addr, usize)> {
    let mut address = [0; 4];
    let octets: Vec<&str> = octets.split('.').rev().collect();
    for (at, octet) in octets.iter().enumerate() {
        *address.get_mut(at)? = octet.parse().ok()?;
    }
    Some((Ipv4Addr::from(address), octets.len()))
}

/// The address that begins with these hexadecimal digits, the last one first, and how many there
/// are.
fn six(digits: &str) -> Option<(Ipv6Addr, usize)> {
    let digits: Vec<&str> = digits.split('.').rev().collect();
    let mut address: u128 = 0;
    for digit in &digits {
        let right = digit.len() == 1;
        let value = u128::from_str_radix(digit, 16).ok().filter(|_| right)?;
        address = address << 4 | value;
    }
    let missing = 32_usize.checked_sub(digits.len())?;
    let address = match missing {
        32 => 0,
        missing => address << (4 * missing),
    };
    Some((Ipv6Addr::from(address), digits.len()))
}

#[cfg(test)]
mod tests {
    use super::super::super::resolve::parse;
    use super::*;
    use crate::diagnostic::Source;
    use crate::types::zone_records;

    fn imported(zone: &str, records: &str) -> Imported {
        let zone = Fqdn::new(zone).unwrap();
        let records = zone_records(records, &zone).unwrap();
        let options = ImportOptions {
            zone: &zone,
            site: None,
            numbered: true,
            inventory: None,
        };
        import_reverse(records, options)
    }

    #[test]
    fn the_names_of_a_network_stand_below_it() {
        for (zone, records, wanted) in [
            (
                "113.0.203.in-addr.arpa",
                "10 60 PTR Foobar.com.\n9 60 PTR mail.example.net.\n",
                "[[dns.reverse]]\nnetwork = \"203.0.113.0/24\"\n\n[dns.reverse.names]\n\
                 \"203.0.113.9\" = \"mail.example.net\"\n\"203.0.113.10\" = \"foobar.com\"\n",
            ),
            (
                "168.192.in-addr.arpa",
                "7.1 60 PTR a.example.net.\n",
                "[[dns.reverse]]\nnetwork = \"192.168.0.0/16\"\n\n[dns.reverse.names]\n\
                 \"192.168.1.7\" = \"a.example.net\"\n",
            ),
            (
                "64-127.113.0.203.in-addr.arpa",
                "70 60 PTR a.example.net.\n",
                "[[dns.reverse]]\nnetwork = \"203.0.113.64/26\"\n\
                 zone = \"64-127.113.0.203.in-addr.arpa\"\n\n[dns.reverse.names]\n\
                 \"203.0.113.70\" = \"a.example.net\"\n",
            ),
            (
                "8.b.d.0.1.0.0.2.ip6.arpa",
                "0.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0 60 PTR a.example.net.\n",
                "[[dns.reverse]]\nnetwork = \"2001:db8::/32\"\n\n[dns.reverse.names]\n\
                 \"2001:db8::10\" = \"a.example.net\"\n",
            ),
        ] {
            let imported = imported(zone, records);
            assert_eq!(imported.refused, [""; 0], "{zone}");
            let (_, block) = imported.text.split_once("\n\n").unwrap();
            assert_eq!(block, wanted, "{zone}");
            // The inventory's own parser takes it, for the same zone.
            let text = format!(
                "[server]\nipv4 = \"203.0.113.10\"\n[site]\ndomain = \"foobar.com\"\n\
                 [app]\nenabled = false\n[backup]\nenabled = false\n{block}"
            );
            let inventory = parse(&Source::new("inventory", text)).unwrap();
            let site = inventory.inventory.sites.values().next().unwrap();
            assert_eq!(site.dns.zones[0].zone.as_str(), zone);
        }
    }

    #[test]
    fn what_is_no_name_of_an_address_is_named_with_the_reason() {
        let records = "@ 60 SOA ns. h. 1 1 1 1 1\n@ 60 NS ns1.example.net.\n10 60 PTR a.example.net.\n\
            10 60 PTR b.example.net.\n11 60 TXT x\n12 60 PTR a_b.example.net.\n1.2 60 PTR c.example.net.\n";
        let imported = imported("113.0.203.in-addr.arpa", records);
        let reasons: Vec<&str> = imported
            .refused
            .iter()
            .map(|line| line.rsplit_once(": ").unwrap().1)
            .collect();
        assert_eq!(
            reasons,
            [
                "a.example.net",
                "an inventory has the names of addresses in such a zone, and nothing else",
                "`_` is not allowed",
                "it is not an address of 203.0.113.0/24",
            ]
        );
        assert!(imported.refused[0].contains("has a name already"));
        assert_eq!(imported.records, 1);
        assert!(
            imported
                .text
                .contains("#   line 2: 113.0.203.in-addr.arpa. 60 NS")
        );
        // One whose name says nothing of the network.
        let imported = self::imported(
            "customers.113.0.203.in-addr.arpa",
            "7 60 PTR a.example.net.\n",
        );
        assert!(
            imported.refused[0].ends_with("the network cannot be told from the name of the zone")
        );
        assert!(!imported.text.contains("[[dns.reverse]]"));
    }
}
