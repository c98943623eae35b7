//! The name of a record: a domain name, or a wildcard.

use super::{Fqdn, InvalidValue, checked_text};
use serde::{Deserialize, Serialize};

/// The owner of a record: a full name, whose first label may be `*` (RFC 4592).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordName(String);

checked_text!(RecordName);

impl RecordName {
    /// Checks a name.
    ///
    /// # Errors
    /// When the text is not a domain name, or has a `*` anywhere but as its first label.
    pub fn new(text: &str) -> Result<Self, InvalidValue> {
        match text.strip_prefix("*.") {
            Some(parent) => {
                let name = Fqdn::new(parent).map(|parent| Self(format!("*.{parent}")))?;
                if name.0.len() > 253 {
                    let message = format!("`{text}` is longer than 253 characters");
                    return Err(InvalidValue::new(message));
                }
                Ok(name)
            }
            None => Fqdn::new(text).map(Self::from),
        }
    }

    /// The name below which a wildcard stands; none for a plain name.
    #[must_use]
    pub fn wildcard_of(&self) -> Option<&str> {
        self.0.strip_prefix("*.")
    }

    /// A name that it answers for: itself, or for a wildcard one that nobody else has.
    #[must_use]
    pub fn example(&self) -> Fqdn {
        let text = match self.wildcard_of() {
            Some(parent) => format!("foobar-stack-asks.{parent}"),
            None => self.0.clone(),
        };
        // With so much before it the name may be too long; then what is below it is not asked.
        let parent = self.wildcard_of().unwrap_or(&self.0);
        Fqdn::new(&text)
            .or_else(|_| Fqdn::new(parent))
            .unwrap_or_else(|_| unreachable!("{parent} was checked"))
    }

    /// True if it lies in this zone.
    #[must_use]
    pub fn is_within(&self, zone: &Fqdn) -> bool {
        let tail = self.0.strip_suffix(zone.as_str());
        tail.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    /// True if a wildcard stands for this name, if nothing else does.
    #[must_use]
    pub fn stands_for(&self, name: &Fqdn) -> bool {
        self.wildcard_of().is_some_and(|parent| {
            let rest = name.as_str().strip_suffix(parent);
            rest.is_some_and(|rest| rest.ends_with('.'))
        })
    }
}

impl From<Fqdn> for RecordName {
    fn from(name: Fqdn) -> Self {
        Self(name.into())
    }
}

impl PartialEq<Fqdn> for RecordName {
    fn eq(&self, other: &Fqdn) -> bool {
        self.0 == other.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_a_whole_first_label() {
        for (text, fine) in [
            ("*.foobar.com", true),
            ("*.Sub.foobar.com.", true),
            ("www.foobar.com", true),
            ("*.com", false),
            ("*", false),
            ("a*.foobar.com", false),
            ("a.*.foobar.com", false),
            ("*.*.foobar.com", false),
        ] {
            assert_eq!(RecordName::new(text).is_ok(), fine, "{text}");
        }
        let star = RecordName::new("*.foobar.com").unwrap();
        let name = |text: &str| Fqdn::new(text).unwrap();
        assert!(star.stands_for(&name("a.b.foobar.com")));
        assert!(!star.stands_for(&name("foobar.com")));
        assert!(star.is_within(&name("foobar.com")));
        assert!(!star.is_within(&name("bar.com")));
        assert_eq!(star.example().as_str(), "foobar-stack-asks.foobar.com");
    }
}
