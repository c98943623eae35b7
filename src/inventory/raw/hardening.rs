//! Words of the inventory for what services and pages may do.

use schemars::JsonSchema;
use serde::Deserialize;

/// A role whose service runs with less than its package gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::inventory) enum Hardened {
    /// Nginx.
    Web,
    /// BIND.
    Dns,
    /// MySQL or MariaDB.
    Database,
}

impl Hardened {
    /// All of them.
    pub(in crate::inventory) const ALL: [Self; 3] = [Self::Web, Self::Dns, Self::Database];

    /// The name of the role.
    pub(in crate::inventory) fn role(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Dns => "dns",
            Self::Database => "database",
        }
    }
}

/// The values of the header Cross-Origin-Opener-Policy (the HTML standard, section 7.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::inventory) enum OpenerPolicy {
    /// Only pages of the same origin that say the same.
    SameOrigin,
    /// Those, and windows that a page itself opens.
    SameOriginAllowPopups,
    /// Those that a page opens, and none that opened it.
    NoopenerAllowPopups,
    /// All.
    UnsafeNone,
}

impl OpenerPolicy {
    /// The value of the header; nothing where it says what holds without it.
    pub(in crate::inventory) fn header(self) -> &'static str {
        match self {
            Self::SameOrigin => "same-origin",
            Self::SameOriginAllowPopups => "same-origin-allow-popups",
            Self::NoopenerAllowPopups => "noopener-allow-popups",
            Self::UnsafeNone => "",
        }
    }
}
