//! A fully qualified domain name.

use super::{InvalidValue, checked_text};
use serde::{Deserialize, Serialize};

/// A host or domain name of at least two labels, in lower case, without the final dot.
///
/// The rules are those of RFC 1123 section 2.1: labels of 1 to 63 letters, digits and
/// hyphens, no hyphen at either end, 253 characters in all. A label may begin with one
/// underscore, as service names do (RFC 8552).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fqdn(String);

checked_text!(Fqdn);

impl Fqdn {
    /// Checks a name.
    ///
    /// # Errors
    /// When the text is not a domain name.
    pub fn new(text: &str) -> Result<Self, InvalidValue> {
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let wrong = |why: &str| InvalidValue::new(format!("`{text}` is not a domain name: {why}"));
        if name.is_empty() {
            return Err(wrong("it is empty"));
        }
        if let Some((_, rest)) = name.split_once("://") {
            let host = rest.split(['/', ':']).next().unwrap_or_default();
            return Err(wrong("it is a URL").hint(format!("write only the name: \"{host}\"")));
        }
        if name.len() > 253 {
            return Err(wrong("it is longer than 253 characters"));
        }
        for label in name.split('.') {
            let plain = label.strip_prefix('_').unwrap_or(label);
            if plain.is_empty() {
                return Err(wrong("a label between two dots is empty"));
            }
            if label.len() > 63 {
                return Err(wrong("a label is longer than 63 characters"));
            }
            if plain.starts_with('-') || plain.ends_with('-') {
                return Err(wrong("a label begins or ends with a hyphen"));
            }
            if let Some(c) = plain
                .chars()
                .find(|c| !c.is_ascii_alphanumeric() && *c != '-')
            {
                let error = wrong(&format!("`{c}` is not allowed"));
                return Err(if c.is_ascii() {
                    error
                } else {
                    error.hint("write an internationalised name in its xn-- form")
                });
            }
        }
        if !name.contains('.') {
            return Err(
                wrong("it has no dot").hint(format!("a full name is wanted, like \"{name}.com\""))
            );
        }
        if name
            .split('.')
            .next_back()
            .is_some_and(|top| top.bytes().all(|b| b.is_ascii_digit()))
        {
            return Err(wrong("it is an address, not a name"));
        }
        Ok(Self(name))
    }

    /// True if this name lies below `domain`, or is it.
    #[must_use]
    pub fn is_within(&self, domain: &Fqdn) -> bool {
        self == domain
            || self
                .0
                .strip_suffix(domain.as_str())
                .is_some_and(|rest| rest.ends_with('.'))
    }

    /// The first label.
    #[must_use]
    pub fn first_label(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_normalised() {
        assert_eq!(
            Fqdn::new("WWW.Foobar.COM.").unwrap().as_str(),
            "www.foobar.com"
        );
        assert!(Fqdn::new("_acme-challenge.foobar.com").is_ok());
    }

    #[test]
    fn what_is_not_a_name_is_refused() {
        for text in [
            "",
            "foobar",
            "foo..com",
            "-a.com",
            "a-.com",
            "a b.com",
            "https://foobar.com/",
            "bücher.de",
            "8.8.8.8",
            "a.com;",
            &format!("{}.com", "a".repeat(64)),
        ] {
            assert!(Fqdn::new(text).is_err(), "{text}");
        }
    }

    #[test]
    fn within_is_by_whole_labels() {
        let domain = Fqdn::new("foobar.com").unwrap();
        assert!(Fqdn::new("a.foobar.com").unwrap().is_within(&domain));
        assert!(domain.is_within(&domain));
        assert!(!Fqdn::new("xfoobar.com").unwrap().is_within(&domain));
    }
}
