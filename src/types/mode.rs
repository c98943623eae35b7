//! The mode of a file.

use super::{InvalidValue, checked_text};
use serde::{Deserialize, Serialize};

/// Permission bits as three or four octal digits, kept without the leading zero so that it
/// compares equal with what `stat -c %a` prints.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct FileMode(String);

checked_text!(FileMode);

impl FileMode {
    /// Checks a mode.
    ///
    /// # Errors
    /// When the text is not three or four octal digits.
    pub fn new(text: &str) -> Result<Self, InvalidValue> {
        let octal = text.bytes().all(|b| (b'0'..=b'7').contains(&b));
        if !octal || !(3..=4).contains(&text.len()) {
            return Err(InvalidValue::new(format!("`{text}` is not a file mode"))
                .hint("three or four octal digits, like \"0644\""));
        }
        let bits = text.trim_start_matches('0');
        Ok(Self(if bits.is_empty() { "0" } else { bits }.to_owned()))
    }

    /// The bits as a number.
    #[must_use]
    pub fn bits(&self) -> u32 {
        u32::from_str_radix(&self.0, 8).unwrap_or(0)
    }

    /// True if others than owner and group may read.
    #[must_use]
    pub fn is_world_readable(&self) -> bool {
        self.bits() & 0o004 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_compare_with_stat() {
        assert_eq!(FileMode::new("0644").unwrap().as_str(), "644");
        assert_eq!(FileMode::new("0000").unwrap().bits(), 0);
        assert_eq!(FileMode::new("2755").unwrap().bits(), 0o2755);
        assert!(FileMode::new("888").is_err());
        assert!(FileMode::new("64").is_err());
        assert!(FileMode::new("rw-").is_err());
    }
}
