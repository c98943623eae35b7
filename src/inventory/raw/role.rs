//! Words of the inventory for what a server does.

use crate::inventory::ServerRole;
use schemars::JsonSchema;
use serde::Deserialize;

/// What a server of several does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::inventory) enum Role {
    /// Nginx, with the certificates.
    Web,
    /// The code of the sites, with its cache.
    App,
    /// MySQL or MariaDB.
    Database,
    /// BIND.
    Dns,
}

impl From<Role> for ServerRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Web => Self::Web,
            Role::App => Self::App,
            Role::Database => Self::Database,
            Role::Dns => Self::Dns,
        }
    }
}
