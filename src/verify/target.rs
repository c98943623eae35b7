//! Where the stack is, as it is reached from here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where the stack is.
#[derive(Debug, Clone)]
pub struct Target {
    /// Its public IPv4 address, as in its zone; there if there is no IPv6 address.
    pub ipv4: Option<Ipv4Addr>,
    /// Its public IPv6 address, as in its zone.
    pub ipv6: Option<Ipv6Addr>,
    /// The address of a throw-away server that plays this one: everything meant for the public
    /// addresses goes there.
    pub stand_in: Option<IpAddr>,
    pub(super) dns_port: u16,
}

impl Target {
    /// The server at its public addresses.
    #[must_use]
    pub fn new(ipv4: Option<Ipv4Addr>, ipv6: Option<Ipv6Addr>) -> Self {
        Self {
            ipv4,
            ipv6,
            stand_in: None,
            dns_port: 53,
        }
    }

    /// The addresses to ask.
    pub(super) fn addresses(&self) -> Vec<IpAddr> {
        match self.stand_in {
            Some(address) => vec![address],
            None => self.public().collect(),
        }
    }

    /// Its public addresses.
    pub(super) fn public(&self) -> impl Iterator<Item = IpAddr> {
        let four = self.ipv4.map(IpAddr::from);
        four.into_iter().chain(self.ipv6.map(IpAddr::from))
    }

    /// The public address that visitors would take first of those that every visitor has.
    pub(super) fn first(&self) -> IpAddr {
        let unknown = Ipv4Addr::UNSPECIFIED.into();
        self.public().next().unwrap_or(unknown)
    }

    /// Where an address that DNS gave is reached.
    pub(super) fn reached(&self, given: IpAddr) -> IpAddr {
        match self.stand_in {
            Some(address) if self.public().any(|public| public == given) => address,
            _ => given,
        }
    }
}
