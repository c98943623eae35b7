//! The section `[sshd]` as the user writes it.

use super::At;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct Sshd {
    /// Whether somebody may log in with a password; with `false` only with a key. Left out, it is
    /// not touched.
    pub(in crate::inventory) passwords: Option<At<bool>>,
    /// How root may log in: "keys" or "no". Left out, it is not touched.
    pub(in crate::inventory) root_login: Option<At<RootLogin>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::inventory) enum RootLogin {
    /// With a key, and never with a password.
    Keys,
    /// Not at all.
    No,
}
