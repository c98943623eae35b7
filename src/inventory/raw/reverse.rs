//! `[[dns.reverse]]` as the user writes it.

use super::{At, Signing, Texts};
use schemars::JsonSchema;
use serde::Deserialize;

/// A network whose addresses have names here.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct Reverse {
    /// The network, as it is delegated to this server: "203.0.113.0/24", "2001:db8::/48".
    #[schemars(required)]
    pub(in crate::inventory) network: Option<At<String>>,
    /// The name of each address: "203.0.113.10" = "mail.example.net".
    #[serde(default)]
    pub(in crate::inventory) names: Texts,
    /// The zone of an IPv4 network that is smaller than /24, as it is delegated (RFC 2317).
    pub(in crate::inventory) zone: Option<At<String>>,
    /// Whether BIND signs the zone (DNSSEC): `true`, `false`, or "insecure" for the time in which
    /// that is ended. Default: false.
    pub(in crate::inventory) dnssec: Option<At<Signing>>,
}
