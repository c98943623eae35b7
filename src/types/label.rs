//! What the user calls a server or a site in the inventory.

use super::{InvalidValue, checked_text};
use serde::{Deserialize, Serialize};

/// The name of a server of the inventory: `NAME` in `[servers.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerName(String);

checked_text!(ServerName);

impl ServerName {
    /// Checks a name.
    ///
    /// # Errors
    /// When it has other characters than a label of DNS may have, or too many.
    pub fn new(text: &str) -> Result<Self, InvalidValue> {
        label(text, "a server").map(Self)
    }
}

impl Default for ServerName {
    /// The name of the server of `[server]`, where there is only one.
    fn default() -> Self {
        Self("server".to_owned())
    }
}

/// The name of a site of the inventory: `NAME` in `[sites.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SiteName(String);

checked_text!(SiteName);

impl SiteName {
    /// Checks a name.
    ///
    /// # Errors
    /// When it has other characters than a label of DNS may have, or too many.
    pub fn new(text: &str) -> Result<Self, InvalidValue> {
        label(text, "a site").map(Self)
    }
}

impl Default for SiteName {
    /// The name of the site of `[site]`, where there is only one.
    fn default() -> Self {
        Self("site".to_owned())
    }
}

/// A label of RFC 1123 section 2.1 in lower case.
fn label(text: &str, of: &str) -> Result<String, InvalidValue> {
    let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let edges = text.starts_with('-') || text.ends_with('-');
    if text.is_empty() || text.len() > 63 || edges || !text.chars().all(known) {
        let error = InvalidValue::new(format!("`{text}` is not the name of {of}"));
        return Err(error.hint("lower-case letters, digits and `-`, not at an end, 63 at most"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for text in ["web1", "a", "my-shop", "1"] {
            assert!(ServerName::new(text).is_ok(), "{text}");
        }
        for text in ["", "Web", "a_b", "-a", "a-", "a.b", &"a".repeat(64)] {
            assert!(SiteName::new(text).is_err(), "{text}");
        }
    }
}
