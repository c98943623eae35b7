//! The probe: one read-only script that observes every resource, and what it found.

use super::ResourceId;
use crate::types::{AbsolutePath, Digest, SecretValue};
use base64::Engine as _;
use std::collections::BTreeMap;

/// The frame of a probe's script.
pub(in crate::resource) const LIBRARY: &str = include_str!("probe.sh");

/// What was found of one resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observed<T> {
    /// It is not there.
    Absent,
    /// It is there, like this.
    Present(T),
    /// It could not be looked at, because a service that the stack runs is not running.
    Hidden {
        /// The unit that must run first.
        unit: String,
    },
    /// The probe failed. Never taken for anything else.
    Unknown {
        /// Why, for people.
        reason: String,
    },
}

impl<T> Observed<T> {
    /// A failed observation.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self::Unknown {
            reason: reason.into(),
        }
    }

    /// What is there, if something is.
    pub fn present(&self) -> Option<&T> {
        match self {
            Self::Present(state) => Some(state),
            _ => None,
        }
    }

    /// The same with another state.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Observed<U> {
        self.and_then(|state| Observed::Present(f(state)))
    }

    /// What is said of the state that is there.
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Observed<U>) -> Observed<U> {
        match self {
            Self::Present(state) => f(state),
            Self::Absent => Observed::Absent,
            Self::Hidden { unit } => Observed::Hidden { unit },
            Self::Unknown { reason } => Observed::Unknown { reason },
        }
    }
}

/// What one probe shares between asking and reading.
#[derive(Debug, Clone)]
pub struct Probe {
    salt: String,
    /// The paths that the resources own.
    paths: Vec<(ResourceId, AbsolutePath)>,
}

impl Probe {
    /// `salt` is a fresh random text of letters and digits; secrets are compared by hashes
    /// that begin with it, so that no hash of a secret is worth anything later.
    #[must_use]
    pub fn new(salt: String) -> Self {
        Self {
            salt,
            paths: Vec::new(),
        }
    }

    /// The salt.
    #[must_use]
    pub fn salt(&self) -> &str {
        &self.salt
    }

    /// The keyed digest of a secret, as the server computes it.
    #[must_use]
    pub fn keyed(&self, secret: &SecretValue) -> Digest {
        Digest::of_parts([self.salt.as_bytes(), secret.expose()])
    }

    /// The same with the paths that these resources own.
    pub(in crate::resource) fn with_paths(&self, paths: Vec<(ResourceId, AbsolutePath)>) -> Self {
        Self {
            salt: self.salt.clone(),
            paths,
        }
    }

    /// The paths of the resources whose id fits one of the patterns.
    pub(in crate::resource) fn matching<'a>(
        &'a self,
        patterns: &'a [String],
    ) -> impl Iterator<Item = &'a AbsolutePath> {
        self.paths
            .iter()
            .filter(|(id, _)| patterns.iter().any(|pattern| id.matches(pattern)))
            .map(|(_, path)| path)
    }
}

/// One kind's part of a reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::resource) struct Section<'a> {
    /// The status of its command; none if the reply breaks off in it.
    pub(in crate::resource) status: Option<i32>,
    /// What it printed.
    pub(in crate::resource) body: &'a str,
}

/// Cuts a reply into the sections that `begin` and `end` of the library mark.
pub(in crate::resource) fn sections(reply: &str) -> BTreeMap<&str, Section<'_>> {
    let mut found = BTreeMap::new();
    for piece in reply.split("\x1ebegin ").skip(1) {
        let Some((name, rest)) = piece.split_once('\n') else {
            continue;
        };
        let section = match rest.split_once("\x1eend ") {
            Some((body, tail)) => Section {
                status: tail
                    .lines()
                    .next()
                    .and_then(|line| line.trim().parse().ok()),
                body,
            },
            None => Section {
                status: None,
                body: rest,
            },
        };
        found.insert(name, section);
    }
    found
}

/// What the command of one section of a reply printed, that others have added to the probe.
///
/// # Errors
/// Why it is not known: the command failed, or the reply does not have it.
pub fn section<'a>(reply: &'a str, name: &str) -> Result<&'a str, String> {
    match sections(reply).get(name) {
        Some(Section {
            status: Some(0),
            body,
        }) => Ok(body),
        Some(Section { body, .. }) => Err(body.lines().next_back().unwrap_or_default().to_owned()),
        None => Err(format!("the probe did not reach {name}")),
    }
}

/// Splits a line of a reply into exactly `N` fields.
pub(in crate::resource) fn fields<const N: usize>(line: &str) -> Option<[&str; N]> {
    let parts: Vec<&str> = line.split('\x1f').collect();
    parts.try_into().ok()
}

/// Decodes what `base64 -w 0` printed.
pub(in crate::resource) fn decode(text: &str) -> Option<Vec<u8>> {
    base64::engine::general_purpose::STANDARD
        .decode(text.trim_end())
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_cut_into_sections() {
        let reply =
            "junk\n\x1ebegin file\na\nb\n\x1eend 0\n\x1ebegin user\nc\n\x1eend 2\n\x1ebegin x\nd";
        let found = sections(reply);
        assert_eq!(
            found["file"],
            Section {
                status: Some(0),
                body: "a\nb\n"
            }
        );
        assert_eq!(
            found["user"],
            Section {
                status: Some(2),
                body: "c\n"
            }
        );
        assert_eq!(
            found["x"],
            Section {
                status: None,
                body: "d"
            }
        );
    }
}
