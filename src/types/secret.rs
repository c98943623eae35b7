//! Secrets: where they come from, and a value that cannot be printed.

use secrecy::{ExposeSecret, SecretBox};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// Where the value of a secret comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum SecretSource {
    /// An environment variable of the client.
    Env(String),
    /// A file of the client, relative to the inventory; a final newline is dropped.
    File(String),
    /// What a command prints on the client; a final newline is dropped.
    Command(String),
    /// Made on the server; `false` is refused.
    Generate(bool),
}

/// The value of a secret. It has no `Display`, its `Debug` is redacted, it cannot be
/// serialised, and its memory is cleared when it goes.
#[derive(Clone)]
pub struct SecretValue(Arc<SecretBox<Vec<u8>>>);

impl SecretValue {
    /// What stands in for a value where none is wanted. It is base64, since that of a key must be.
    pub const STAND_IN: &[u8] = b"c3RhbmQtaW4gZm9yIGEgc2VjcmV0";

    /// Takes the value in.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(SecretBox::new(Box::new(bytes))))
    }

    /// The value itself: for the payload of a bundle and for keyed hashes, nothing else.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

impl PartialEq for SecretValue {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for SecretValue {}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(sensitive)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let secret = SecretValue::new(b"canary".to_vec());
        assert_eq!(format!("{secret:?}"), "(sensitive)");
    }
}
