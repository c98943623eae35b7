//! Which private network and which addresses sandboxes get. Reads the host's routes, changes nothing.

use std::net::{IpAddr, Ipv4Addr};

use super::SandboxError;
use super::host;

/// A network in the sense of a route: an address and how many of its bits count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Prefix {
    address: Ipv4Addr,
    length: u8,
}

/// The network of one store: a bridge, its /24, and who answers names in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Network {
    /// The bridge's name on the host.
    pub(super) bridge: String,
    /// The name of the packet filter's table.
    pub(super) table: String,
    /// The host's address on the bridge.
    pub(super) gateway: Ipv4Addr,
    /// The largest packet that leaves the host in one piece.
    pub(super) mtu: u32,
    /// The name servers for the boxes.
    pub(super) nameservers: Vec<IpAddr>,
    /// The host's own name server, where only its loopback reaches it.
    pub(super) loopback_nameserver: Option<Ipv4Addr>,
    /// The domains that names are completed with.
    pub(super) search: Option<String>,
}

impl Prefix {
    fn overlaps(self, other: Self) -> bool {
        let bits = u32::from(self.length.min(other.length));
        let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
        self.address.to_bits() & mask == other.address.to_bits() & mask
    }
}

impl Network {
    /// The network of the store with this id: as it is, as its boxes remember it, or as it will be.
    pub(super) async fn of_store(id: &str, boxes: &[IpAddr]) -> Result<Self, SandboxError> {
        let (bridge, table) = names(id);
        let addresses = ip(&["-4", "-o", "address", "show", "dev", &bridge]).await?;
        let routes = ip(&["-4", "route", "show", "table", "all"]).await?;
        let existing = addresses
            .split_whitespace()
            .skip_while(|word| *word != "inet")
            .nth(1);
        let resolv = read_first(&["/etc/resolv.conf"]);
        let mut servers = nameservers(&resolv);
        if servers.iter().any(IpAddr::is_loopback) {
            // systemd-resolved's stub: behind it stand the real ones.
            let real = nameservers(&read_first(&["/run/systemd/resolve/resolv.conf"]));
            if real.iter().any(|server| !server.is_loopback()) {
                servers = real;
            }
        }
        let gateway = existing
            .and_then(parse_prefix)
            .map(|own| own.address)
            .or_else(|| gateway_of(boxes))
            .or_else(|| choose(id, &taken(&routes, &servers)))
            .ok_or(SandboxError::NoNetwork)?;
        let loopback = servers.iter().find_map(|server| match server {
            IpAddr::V4(server) if server.is_loopback() => Some(*server),
            _ => None,
        });
        servers.retain(|server| server.is_ipv4() && !server.is_loopback());
        let loopback = loopback.filter(|_| servers.is_empty());
        if loopback.is_some() {
            servers.push(IpAddr::V4(gateway));
        }
        Ok(Self {
            bridge,
            table,
            gateway,
            mtu: default_mtu(&routes),
            nameservers: servers,
            loopback_nameserver: loopback,
            search: search(&resolv),
        })
    }

    /// The bridge's address in the form `ip` wants it.
    pub(super) fn cidr(&self) -> String {
        format!("{}/24", self.gateway)
    }

    /// The first address no sandbox has.
    pub(super) fn free_address(&self, used: &[IpAddr]) -> Result<Ipv4Addr, SandboxError> {
        free_address(self.gateway, used)
    }

    /// The boxes' `resolv.conf`.
    pub(super) fn resolv_conf(&self) -> String {
        let search = self
            .search
            .iter()
            .map(|domains| format!("search {domains}\n"));
        search
            .chain(
                self.nameservers
                    .iter()
                    .map(|server| format!("nameserver {server}\n")),
            )
            .collect()
    }
}

/// The host's address among boxes whose bridge is gone: the host has booted since.
fn gateway_of(boxes: &[IpAddr]) -> Option<Ipv4Addr> {
    boxes.iter().find_map(|address| match address {
        IpAddr::V4(address) => Some(Ipv4Addr::from_bits((address.to_bits() & !0xff) | 1)),
        IpAddr::V6(_) => None,
    })
}

/// An address for one more virtual machine beside those that `used` ones have.
///
/// The networks are those that VirtualBox allows by default, so that the choice fits it too.
pub(super) async fn machine_address(used: &[IpAddr]) -> Result<Ipv4Addr, SandboxError> {
    let routes = ip(&["-4", "route", "show", "table", "all"]).await?;
    let gateway = gateway_of(used)
        .or_else(|| choose_for_machines(&taken(&routes, &[])))
        .ok_or(SandboxError::NoNetwork)?;
    free_address(gateway, used)
}

/// The gateway of the first free /24 of 192.168.57.0 to 192.168.63.0; 192.168.56.0 is for the
/// machine that is set up by hand.
fn choose_for_machines(taken: &[Prefix]) -> Option<Ipv4Addr> {
    (57..=63)
        .map(|third| Ipv4Addr::new(192, 168, third, 1))
        .find(|gateway| {
            let network = Prefix {
                address: *gateway,
                length: 24,
            };
            !taken.iter().any(|other| network.overlaps(*other))
        })
}

/// The first address of the gateway's /24 that no sandbox has.
fn free_address(gateway: Ipv4Addr, used: &[IpAddr]) -> Result<Ipv4Addr, SandboxError> {
    let [a, b, c, _] = gateway.octets();
    (2..=254)
        .map(|last| Ipv4Addr::new(a, b, c, last))
        .find(|address| !used.contains(&IpAddr::V4(*address)))
        .ok_or(SandboxError::NoAddress)
}

/// The bridge and the packet filter's table of the store with this id.
pub(super) fn names(id: &str) -> (String, String) {
    (format!("fsbr-{id}"), format!("foobar_stack_{id}"))
}

async fn ip(arguments: &[&str]) -> Result<String, SandboxError> {
    // A bridge that is not there yet makes `ip` fail; its empty answer says as much.
    let output = host::unprivileged("ip", arguments).await?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn read_first(paths: &[&str]) -> String {
    paths
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok())
        .unwrap_or_default()
}

/// What `ip route` and the name servers keep us from using.
fn taken(routes: &str, servers: &[IpAddr]) -> Vec<Prefix> {
    let routed = routes
        .lines()
        .filter_map(|line| line.split_whitespace().take(2).find_map(parse_prefix))
        .filter(|prefix| prefix.length > 0);
    let asked = servers.iter().filter_map(|server| match server {
        IpAddr::V4(address) => Some(Prefix {
            address: *address,
            length: 32,
        }),
        IpAddr::V6(_) => None,
    });
    routed.chain(asked).collect()
}

fn parse_prefix(text: &str) -> Option<Prefix> {
    let (address, length) = text.split_once('/').unwrap_or((text, "32"));
    let length = length.parse().ok().filter(|length| *length <= 32)?;
    Some(Prefix {
        address: address.parse().ok()?,
        length,
    })
}

/// The gateway of the first free /24, looked for from a place that depends on the store only.
fn choose(id: &str, taken: &[Prefix]) -> Option<Ipv4Addr> {
    const FIRST: u32 = 200;
    const NETWORKS: u32 = 50 * 256;
    let start = u32::from_str_radix(id, 16).unwrap_or_default() % NETWORKS;
    (0..NETWORKS)
        .map(|step| (start + step) % NETWORKS)
        .map(|number| {
            let bytes = (10 << 24) | ((FIRST << 16) + (number << 8));
            Prefix {
                address: Ipv4Addr::from_bits(bytes),
                length: 24,
            }
        })
        .find(|network| !taken.iter().any(|other| network.overlaps(*other)))
        .map(|network| Ipv4Addr::from_bits(network.address.to_bits() | 1))
}

/// The packet size of the interface that leads out.
fn default_mtu(routes: &str) -> u32 {
    let device = routes
        .lines()
        .find(|line| line.starts_with("default "))
        .and_then(|line| {
            line.split_whitespace()
                .skip_while(|word| *word != "dev")
                .nth(1)
        });
    let text = device.map(|device| read_first(&[&format!("/sys/class/net/{device}/mtu")]));
    let mtu = text
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(1500);
    u32::clamp(mtu, 1280, 1500)
}

fn nameservers(resolv_conf: &str) -> Vec<IpAddr> {
    keyword(resolv_conf, "nameserver")
        .filter_map(|rest| rest.parse().ok())
        .collect()
}

fn search(resolv_conf: &str) -> Option<String> {
    keyword(resolv_conf, "search")
        .last()
        .filter(|domains| *domains != ".")
        .map(str::to_owned)
}

fn keyword<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines().filter_map(move |line| {
        let rest = line.trim().strip_prefix(word)?;
        rest.starts_with(char::is_whitespace).then(|| rest.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUTES: &str = "default via 192.0.2.1 dev eth0 proto dhcp\n\
        10.0.0.0/8 via 192.0.2.9 dev tun0\n\
        192.0.2.0/24 dev eth0 proto kernel scope link src 192.0.2.2\n\
        broadcast 192.0.2.255 dev eth0 table local proto kernel\n\
        unreachable 198.51.100.0/24 metric 5\n";

    fn prefix(text: &str) -> Prefix {
        parse_prefix(text).expect("a prefix")
    }

    #[test]
    fn routes_are_read_whatever_their_type() {
        let expected = [
            "10.0.0.0/8",
            "192.0.2.0/24",
            "192.0.2.255",
            "198.51.100.0/24",
        ]
        .map(prefix);
        assert_eq!(taken(ROUTES, &[]), expected);
    }

    #[test]
    fn networks_overlap_by_their_shorter_prefix() {
        for (one, other, expected) in [
            ("10.1.2.0/24", "10.0.0.0/8", true),
            ("10.1.2.0/24", "10.1.2.77", true),
            ("10.1.2.0/24", "10.1.3.0/24", false),
            ("10.1.2.0/24", "0.0.0.0/0", true),
        ] {
            assert_eq!(
                prefix(one).overlaps(prefix(other)),
                expected,
                "{one} {other}"
            );
            assert_eq!(
                prefix(other).overlaps(prefix(one)),
                expected,
                "{other} {one}"
            );
        }
    }

    #[test]
    fn the_choice_is_deterministic_and_steps_aside() {
        let free = choose("000000", &[]).expect("a network");
        assert_eq!(free, Ipv4Addr::new(10, 200, 0, 1));
        assert_eq!(choose("000000", &[]), Some(free));
        let stepped = choose("000000", &[prefix("10.200.0.0/16")]);
        assert_eq!(stepped, Some(Ipv4Addr::new(10, 201, 0, 1)));
        assert_eq!(choose("000000", &[prefix("10.0.0.0/8")]), None);
        let last = choose("ffffff", &[]).expect("a network");
        assert!(last.octets()[1] >= 200 && last.octets()[1] < 250);
    }

    #[test]
    fn machines_get_a_network_that_virtualbox_allows() {
        let first = choose_for_machines(&[prefix("192.168.56.0/24")]);
        assert_eq!(first, Some(Ipv4Addr::new(192, 168, 57, 1)));
        let next = choose_for_machines(&[prefix("192.168.57.0/24")]);
        assert_eq!(next, Some(Ipv4Addr::new(192, 168, 58, 1)));
        assert_eq!(choose_for_machines(&[prefix("192.168.0.0/16")]), None);
    }

    #[test]
    fn boxes_remember_their_network() {
        let address = IpAddr::from([10, 207, 9, 44]);
        assert_eq!(gateway_of(&[address]), Some(Ipv4Addr::new(10, 207, 9, 1)));
        assert_eq!(gateway_of(&[]), None);
    }

    #[test]
    fn addresses_are_given_once() {
        let network = Network {
            bridge: String::new(),
            table: String::new(),
            gateway: Ipv4Addr::new(10, 200, 0, 1),
            mtu: 1500,
            nameservers: vec![IpAddr::from([192, 0, 2, 53])],
            loopback_nameserver: None,
            search: Some("example.org".to_owned()),
        };
        let used = [IpAddr::from([10, 200, 0, 2]), IpAddr::from([10, 200, 0, 4])];
        assert_eq!(
            network.free_address(&used).ok(),
            Some(Ipv4Addr::new(10, 200, 0, 3))
        );
        let all: Vec<_> = (2..=254)
            .map(|last| IpAddr::from([10, 200, 0, last]))
            .collect();
        assert!(matches!(
            network.free_address(&all),
            Err(SandboxError::NoAddress)
        ));
        assert_eq!(
            network.resolv_conf(),
            "search example.org\nnameserver 192.0.2.53\n"
        );
    }

    #[test]
    fn resolv_conf_is_read_by_keyword() {
        let text = "# nameserver 9.9.9.9\nnameserver 127.0.0.53\nnameserver\t192.0.2.1\n\
                    options edns0\nsearch a.example b.example\n";
        let expected = [IpAddr::from([127, 0, 0, 53]), IpAddr::from([192, 0, 2, 1])];
        assert_eq!(nameservers(text), expected);
        assert_eq!(search(text).as_deref(), Some("a.example b.example"));
    }
}
