//! Whose a database or an account of it is: what the server's record says of it.

use crate::resource::Claim;
use crate::resource::vocabulary::probe::fields;
use std::collections::BTreeMap;

/// What the server's record has of one sort of things, by name.
#[derive(Debug, Default)]
pub(super) struct Recorded<'a>(BTreeMap<&'a str, Claim>);

impl<'a> Recorded<'a> {
    /// Reads the lines of the library's `recorded`.
    pub(super) fn read(reply: &'a str) -> Self {
        let mut all = BTreeMap::new();
        for [word, made, name] in reply.lines().filter_map(fields::<3>) {
            if word == "record" {
                let claim = match made {
                    "made" => Claim::Made,
                    _ => Claim::Adopted,
                };
                all.insert(name, claim);
            }
        }
        Self(all)
    }

    /// Whose the thing of this name is.
    pub(super) fn claim(&self, name: &str) -> Claim {
        self.0.get(name).copied().unwrap_or(Claim::Foreign)
    }

    /// The names.
    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.0.keys().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_recorded_is_of_others() {
        let recorded =
            Recorded::read("up\nrecord\x1fmade\x1fa\nrecord\x1ftaken\x1fb\nx\x1fmade\x1fc\n");
        for (name, claim) in [
            ("a", Claim::Made),
            ("b", Claim::Adopted),
            ("c", Claim::Foreign),
        ] {
            assert_eq!(recorded.claim(name), claim, "{name}");
        }
    }
}
