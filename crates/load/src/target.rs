//! The site that is asked.

use std::net::IpAddr;

/// Whom to believe that the site is the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// Whoever has a certificate of an authority that this machine trusts.
    Authorities,
    /// Anybody: the site signed its certificate itself.
    Anybody,
}

/// Where the site is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Whether it is asked over TLS.
    pub https: bool,
    /// Its name, which goes into the handshake and the requests.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The address that is asked, whatever DNS says.
    pub address: IpAddr,
    /// Whom to believe.
    pub trust: Trust,
}

impl Target {
    /// The first part of every URL.
    #[must_use]
    pub fn base(&self) -> String {
        let (scheme, usual) = if self.https {
            ("https", 443)
        } else {
            ("http", 80)
        };
        if self.port == usual {
            format!("{scheme}://{}", self.host)
        } else {
            format!("{scheme}://{}:{}", self.host, self.port)
        }
    }
}
