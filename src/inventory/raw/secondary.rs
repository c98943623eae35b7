//! `[[dns.secondaries]]` as the user writes it.

use super::{At, Secret};
use schemars::JsonSchema;
use serde::Deserialize;

/// A name server that copies the zone from this one.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct Secondary {
    /// Its name. With dns.nameservers left out, it is a name server of the zone.
    #[schemars(required)]
    pub(in crate::inventory) name: Option<At<String>>,
    /// Its address: where it is told of changes.
    #[schemars(required)]
    pub(in crate::inventory) address: Option<At<String>>,
    /// The key it signs its requests with (TSIG), in base64: where it comes from. Left out,
    /// whoever asks from the address gets the zone.
    pub(in crate::inventory) key: Option<At<Secret>>,
    /// What both call the key. Default: zone and name, as in "example.com-ns2.example.net".
    pub(in crate::inventory) key_name: Option<At<String>>,
    /// The algorithm of the key. Default: "hmac-sha256".
    pub(in crate::inventory) algorithm: Option<At<Algorithm>>,
}

/// An algorithm of RFC 8945 section 6 that is not weak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::inventory) enum Algorithm {
    HmacSha256,
    HmacSha384,
    HmacSha512,
}

impl Algorithm {
    /// The name as in named.conf.
    pub(in crate::inventory) fn as_str(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256",
            Self::HmacSha384 => "hmac-sha384",
            Self::HmacSha512 => "hmac-sha512",
        }
    }
}
