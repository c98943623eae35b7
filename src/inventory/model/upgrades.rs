//! Whether the server upgrades its packages by itself.

use serde::Serialize;

/// Whether the server upgrades its packages by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Upgrades {
    /// The inventory does not say: what the server has is left alone.
    Undecided,
    /// It does not.
    Declined,
    /// It does.
    Unattended(Unattended),
}

impl Upgrades {
    /// How it does, if it does.
    #[must_use]
    pub fn unattended(&self) -> Option<&Unattended> {
        match self {
            Self::Unattended(unattended) => Some(unattended),
            Self::Undecided | Self::Declined => None,
        }
    }
}

/// What is upgraded, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unattended {
    /// Which upgrades.
    pub install: Install,
    /// When on a day, as `HH:MM`; none for some time between 4 and 8.
    pub at: Option<String>,
    /// When the packages of the database server are upgraded, too.
    pub window: Window,
    /// Whether the server is restarted then, if an upgrade needs that.
    pub reboot: bool,
}

/// Which upgrades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Install {
    /// Those of the distribution's security archive.
    Security,
    /// All of the distribution.
    All,
    /// What the server's own configuration says.
    Configured,
}

/// A time of some days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Window {
    /// The days, as `Sat,Sun`; empty for all.
    pub days: String,
    /// The time, as `HH:MM`.
    pub time: String,
}
