//! The section `[upgrades]` as the user writes it.

use super::At;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct Upgrades {
    /// Whether the server upgrades its packages by itself; with `false` it does not, also where the
    /// distribution would have it so. Default: true.
    pub(in crate::inventory) enabled: Option<At<bool>>,
    /// Which upgrades: "security"; "all" those of the distribution; or "configured", those that
    /// the server's own configuration of unattended-upgrades names. Default: "security".
    pub(in crate::inventory) install: Option<At<Install>>,
    /// When on a day, in the time zone of the server: "05:30". Default: some time between 4 and 8.
    pub(in crate::inventory) at: Option<At<String>>,
    /// When the packages of the database server are upgraded, too, in the time zone of the server:
    /// "Sun 04:30", "Sat,Sun 04:30" or, each day, "04:30". Default: "Sun 04:30".
    pub(in crate::inventory) window: Option<At<String>>,
    /// Whether the server is restarted then, if an upgrade needs that. Default: false.
    pub(in crate::inventory) reboot: Option<At<bool>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::inventory) enum Install {
    /// Those of the distribution's security archive.
    Security,
    /// All of the distribution.
    All,
    /// What the server's own configuration says.
    Configured,
}
