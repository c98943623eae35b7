//! Masks: texts from elsewhere in which the values of secrets must not be seen.

use super::SecretValue;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// What stands in the place of a secret.
const MASK: &str = "(sensitive)";
/// Shorter values are words of every text; they are not masked.
const SHORTEST: usize = 4;
/// A secret of several lines reaches a log line by line. Shorter ones are no secret by themselves.
const SHORTEST_LINE: usize = 8;

/// The values to hide, the longest first.
#[derive(Clone, Default)]
pub struct Masks(Arc<[SecretValue]>);

impl Masks {
    /// Masks for these values. What is no text is never part of one.
    #[must_use]
    pub fn new<'a>(values: impl IntoIterator<Item = &'a SecretValue>) -> Self {
        let mut parts: Vec<SecretValue> = Vec::new();
        for value in values {
            let Ok(text) = std::str::from_utf8(value.expose()) else {
                continue;
            };
            let text = text.trim();
            let lines = text.lines().map(str::trim);
            let lines = lines.filter(|line| line.len() >= SHORTEST_LINE && *line != text);
            let whole = Some(text).filter(|text| text.len() >= SHORTEST);
            let found = whole.into_iter().chain(lines);
            parts.extend(found.map(|part| SecretValue::new(part.as_bytes().to_vec())));
        }
        parts.sort_by_key(|part| std::cmp::Reverse(part.expose().len()));
        Self(parts.into())
    }

    /// The text without them.
    #[must_use]
    pub fn hide<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut masked = Cow::Borrowed(text);
        for part in self.0.iter() {
            if let Ok(part) = std::str::from_utf8(part.expose())
                && masked.contains(part)
            {
                masked = Cow::Owned(masked.replace(part, MASK));
            }
        }
        masked
    }

    /// Hides them in a text that somebody has.
    pub fn apply(&self, text: &mut String) {
        if let Cow::Owned(masked) = self.hide(text) {
            *text = masked;
        }
    }
}

impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Masks({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_hidden_wherever_it_stands() {
        let values = [
            "hunter2",
            "hunter2-and-more",
            "abc",
            "-----BEGIN KEY-----\nMIIEvQIBADANBg\nab==\n",
        ];
        let values = values.map(|value| SecretValue::new(value.as_bytes().to_vec()));
        let masks = Masks::new(&values);
        for (text, hidden) in [
            ("nothing of it", "nothing of it"),
            ("hunter2hunter2", "(sensitive)(sensitive)"),
            // The longer one first: nothing of it is left.
            ("url=x:hunter2-and-more@y", "url=x:(sensitive)@y"),
            // Too short to tell it from any word.
            ("abc ab==", "abc ab=="),
            ("line: MIIEvQIBADANBg", "line: (sensitive)"),
        ] {
            assert_eq!(masks.hide(text), hidden, "{text}");
        }
        assert_eq!(format!("{masks:?}"), "Masks(5)");
        let bytes = SecretValue::new(vec![0xff, 0xfe, 0xfd, 0xfc]);
        assert_eq!(Masks::new([&bytes]).hide("x"), "x");
    }
}
