//! The section `[tls]` as the user writes it.

use super::{At, Secret};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct Tls {
    /// How the certificate comes to be. Default: "self-signed".
    pub(in crate::inventory) mode: Option<At<TlsMode>>,
    /// The authority, for mode "acme": the URL of its directory, "letsencrypt" or
    /// "letsencrypt-staging". Default: "letsencrypt".
    pub(in crate::inventory) directory: Option<At<String>>,
    /// Who vouches for the directory itself, if it is not an authority that everybody trusts: a
    /// certificate in PEM, relative to this file, for mode "acme".
    pub(in crate::inventory) directory_ca: Option<At<String>>,
    /// How the authority is shown that the names are yours, for mode "acme": "http", by a page
    /// at port 80, or "dns", by a record that this server's BIND answers. Default: "http".
    pub(in crate::inventory) challenge: Option<At<Challenge>>,
    /// What makes and removes that record where somebody else answers the zone.
    pub(in crate::inventory) hook: Option<At<Hook>>,
    /// The kind of key, for mode "acme". Default: "ecdsa".
    pub(in crate::inventory) key_type: Option<At<KeyType>>,
    /// Who you are with the authority, if it wants to know, for mode "acme" (external account
    /// binding).
    pub(in crate::inventory) external_account: Option<At<ExternalAccount>>,
    /// The sort of certificate, if the authority offers several (a profile), for mode "acme".
    pub(in crate::inventory) profile: Option<At<String>>,
    /// Certificate chain in PEM, relative to this file, for mode "files".
    pub(in crate::inventory) certificate: Option<At<String>>,
    /// Private key in PEM, relative to this file, for mode "files".
    pub(in crate::inventory) key: Option<At<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::inventory) enum TlsMode {
    /// Made on the server, for tests and before the real one.
    SelfSigned,
    /// From an authority that browsers trust, and renewed by itself.
    Acme,
    /// Yours, from `certificate` and `key`.
    Files,
    /// Plain HTTP only.
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::inventory) enum Challenge {
    /// By a page at port 80 of each name.
    Http,
    /// By a record of the zone.
    Dns,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct Hook {
    /// An executable of yours, relative to this file: the server runs it as root, with `add` or
    /// `delete`, the full name of the record and its text.
    #[schemars(required)]
    pub(in crate::inventory) script: Option<At<String>>,
    /// Secrets that it finds in its environment, by name.
    #[serde(default)]
    pub(in crate::inventory) secrets: BTreeMap<At<String>, At<Secret>>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct ExternalAccount {
    /// The key identifier that the authority has given you.
    #[schemars(required)]
    pub(in crate::inventory) id: Option<At<String>>,
    /// Where the key comes from that belongs to it, in base64url as the authority shows it:
    /// `env`, `file` or `command`.
    #[schemars(required)]
    pub(in crate::inventory) key: Option<At<Secret>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::inventory) enum KeyType {
    /// Of the curve P-256: small, fast, and known to every browser of this age.
    Ecdsa,
    /// With 2048 bits, for what is older.
    Rsa,
}
