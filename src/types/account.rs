//! The name of a Unix account, group or database account.

use super::{InvalidValue, checked_text};
use serde::{Deserialize, Serialize};

/// A name that Debian's `useradd` takes without a warning: a lower-case letter or `_`, then
/// lower-case letters, digits, `_` and `-`, 32 characters at most (useradd(8)).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AccountName(String);

checked_text!(AccountName);

impl AccountName {
    /// Checks a name.
    ///
    /// # Errors
    /// When the text is not an account name.
    pub fn new(text: &str) -> Result<Self, InvalidValue> {
        let mut chars = text.chars();
        let head = chars
            .next()
            .is_some_and(|c| c.is_ascii_lowercase() || c == '_');
        let tail = chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c));
        if head && tail && text.len() <= 32 {
            Ok(Self(text.to_owned()))
        } else {
            Err(
                InvalidValue::new(format!("`{text}` is not an account name")).hint(
                    "a lower-case letter, then lower-case letters, digits, `_` and `-`, 32 at most",
                ),
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_names() {
        assert!(AccountName::new("www-data").is_ok());
        for text in ["", "Foo", "1a", "a b", "a;b", &"a".repeat(33)] {
            assert!(AccountName::new(text).is_err(), "{text}");
        }
    }
}
