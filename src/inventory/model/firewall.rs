//! nftables: which ports are open, and to whom.

use serde::Serialize;

/// nftables.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Firewall {
    /// Whether there is one.
    pub enabled: bool,
    /// Networks that may reach sshd; empty for all.
    pub ssh_from: Vec<String>,
    /// Further openings.
    pub allow: Vec<FirewallRule>,
}

/// One opening of the firewall.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FirewallRule {
    /// The port.
    pub port: u16,
    /// `tcp` or `udp`.
    pub protocol: String,
    /// Networks; empty for all.
    pub from: Vec<String>,
}
