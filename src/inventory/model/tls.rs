//! The certificate of a site, as it is wanted.

use crate::types::{RecordName, SecretSource};
use serde::Serialize;
use std::collections::BTreeMap;

/// How the certificate comes to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// Made on the server.
    SelfSigned,
    /// From an authority, by ACME (RFC 8555).
    Acme,
    /// The user's files.
    Files,
    /// No TLS.
    Off,
}

/// How an authority is shown that a name is the site's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Challenge {
    /// By a page at port 80 (RFC 8555, section 8.3).
    Http,
    /// By a TXT record at `_acme-challenge` below the name (RFC 8555, section 8.4).
    Dns,
}

/// A program of the user that makes and removes a record, for the DNS challenge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hook {
    /// Its file, relative to the inventory.
    pub script: String,
    /// Names and sources of the secrets in its environment; among those of the site each is called
    /// `tls.hook.` and its name.
    pub secrets: BTreeMap<String, SecretSource>,
}

/// An account that the user has with the authority already (RFC 8555, section 7.3.4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExternalAccount {
    /// The key identifier.
    pub id: String,
    /// Where its key comes from, as the secret [`ExternalAccount::SECRET`] of the site.
    pub key: SecretSource,
}

impl ExternalAccount {
    /// What the key is called among the secrets of the site.
    pub const SECRET: &'static str = "tls.external_account.key";
}

/// The kind of a certificate's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyType {
    /// ECDSA with P-256.
    Ecdsa,
    /// RSA with 2048 bits.
    Rsa,
}

/// The certificate.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tls {
    /// How it comes to be.
    pub mode: TlsMode,
    /// The names it is for, the domain first; none that a wildcard among them covers, since
    /// authorities refuse to say the same twice.
    pub names: Vec<RecordName>,
    /// How the authority is shown that they are the site's own; with [`TlsMode::Acme`].
    pub challenge: Challenge,
    /// What makes the record where somebody else answers the zone; only with [`Challenge::Dns`].
    pub hook: Option<Hook>,
    /// The kind of key; with [`TlsMode::Acme`].
    pub key_type: KeyType,
    /// Who the user is with the authority, if it wants to know; only with [`TlsMode::Acme`].
    pub external_account: Option<ExternalAccount>,
    /// What the authority calls the wanted sort of certificate; with [`TlsMode::Acme`].
    pub profile: Option<String>,
    /// The URL of the authority's directory; there with [`TlsMode::Acme`].
    pub directory: Option<String>,
    /// The certificate that vouches for the directory, in PEM, relative to the inventory; only
    /// with [`TlsMode::Acme`].
    pub directory_ca: Option<String>,
    /// The user's chain in PEM, relative to the inventory; there with [`TlsMode::Files`].
    pub certificate: Option<String>,
    /// The user's key in PEM, relative to the inventory; there with [`TlsMode::Files`].
    pub key: Option<String>,
}
