//! Values that cannot be wrong: names, paths, modes and secrets, checked where they are parsed.
//!
//! Every type here is made by `TryFrom<String>` (so serde checks it, too), prints as the
//! user wrote it, and has no way to hold anything invalid.

mod account;
mod blob;
mod chain;
mod code;
mod day;
mod digest;
mod fqdn;
mod label;
mod masks;
mod mode;
mod path;
mod pem;
mod record_data;
mod record_name;
mod secret;
mod serial;
mod tree;
mod zone_file;
mod zone_words;

pub use account::AccountName;
pub use blob::{Blob, Reopen};
pub use chain::{ChainError, ChainFile, certificate_names, check_chain, covers};
pub use code::{Code, ReleaseId};
pub use day::{day, minute};
pub use digest::Digest;
pub use fqdn::Fqdn;
pub use label::{ServerName, SiteName};
pub use masks::Masks;
pub use mode::FileMode;
pub use path::AbsolutePath;
pub use pem::{PemBlock, private_key};
pub use record_data::{RecordData, WireName, name_places, written};
pub use record_name::RecordName;
pub use secret::{SecretSource, SecretValue};
pub use serial::compare_serials;
pub use tree::{Node, Tree};
pub use zone_file::{FileRecord, ZoneFileError, record_type, zone_records};
pub use zone_words::{Line, Word, lines, words};

/// A text that is not a value of the wanted type: says which text, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidValue {
    message: String,
    hint: Option<String>,
}

impl InvalidValue {
    /// The message is lowercase and quotes the text.
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    /// Adds what would be right.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What would be right, if it can be said.
    #[must_use]
    pub fn suggestion(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

/// The conversions every checked text has: from and to `String`, `Display`, `AsRef<str>`.
macro_rules! checked_text {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = crate::types::InvalidValue;
            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::new(&text)
            }
        }
        impl std::str::FromStr for $name {
            type Err = crate::types::InvalidValue;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        impl $name {
            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}
use checked_text;
