//! `[[dns.zones]]` as the user writes it.

use super::{Amount, At, Record, Signing};
use schemars::JsonSchema;
use serde::Deserialize;

/// A domain that this server answers for and that no site has.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct Zone {
    /// The domain.
    #[schemars(required)]
    pub(in crate::inventory) name: Option<At<String>>,
    /// How long others may keep an answer. Default: dns.ttl.
    pub(in crate::inventory) ttl: Option<At<Amount>>,
    /// Whether BIND signs the zone (DNSSEC): `true`, `false`, or "insecure" for the time in which
    /// that is ended. Default: false.
    pub(in crate::inventory) dnssec: Option<At<Signing>>,
    /// `false`: nobody sends or gets mail under this domain, and its records say so (RFC 7505, SPF,
    /// DMARC). Default: true, and the records say what you write.
    pub(in crate::inventory) mail: Option<At<bool>>,
    /// Its records. Those of aliases of a site, and the name servers, are made.
    #[serde(default)]
    pub(in crate::inventory) records: Vec<At<Record>>,
}
