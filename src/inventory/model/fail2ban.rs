//! Who is kept out for a while after failed logins.

use serde::Serialize;

/// fail2ban, for sshd; what is left out is as fail2ban has it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Fail2ban {
    /// Whether it runs.
    pub enabled: bool,
    /// Addresses and networks that are never banned.
    pub ignore: Vec<String>,
    /// Failures until a ban.
    pub max_retry: Option<u16>,
    /// In which time, in seconds.
    pub find_time: Option<u32>,
    /// How long a ban is, in seconds.
    pub ban_time: Option<u32>,
}
