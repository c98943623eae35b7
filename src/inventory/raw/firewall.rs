//! The section `[firewall]` as the user writes it.

use super::{At, List};
use schemars::JsonSchema;
use serde::Deserialize;
use std::num::NonZeroU16;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct Firewall {
    /// Whether there is a firewall. Default: true.
    pub(in crate::inventory) enabled: Option<bool>,
    /// Networks that may reach sshd. Default: everyone.
    pub(in crate::inventory) ssh_from: Option<List>,
    /// Further openings, beside ssh, DNS and the web ports.
    #[serde(default)]
    pub(in crate::inventory) allow: Vec<At<Rule>>,
}

/// An opening of the firewall.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct Rule {
    /// The port.
    #[schemars(required)]
    pub(in crate::inventory) port: Option<At<NonZeroU16>>,
    /// The protocol. Default: "tcp".
    pub(in crate::inventory) protocol: Option<Protocol>,
    /// Networks that may come in. Default: everyone.
    pub(in crate::inventory) from: Option<List>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::inventory) enum Protocol {
    Tcp,
    Udp,
}
