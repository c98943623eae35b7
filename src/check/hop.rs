//! The hops of the chain, and which of them can be the cause of another's failure.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A part of the way from a visitor to the data, in the order of that way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hop {
    /// The name is answered.
    Dns,
    /// The ports answer.
    Tcp,
    /// The certificate is the right one.
    Tls,
    /// Nginx answers.
    Web,
    /// The app answers.
    App,
    /// The database takes and gives data.
    Database,
    /// Whatever else shall be so on the server. No other hop depends on it.
    Server,
}

impl Hop {
    /// The hops, causes before effects: the page comes from the app, and the app lives on the
    /// database. A check can need only hops that stand before its own, so that there is no
    /// circle, and the first failure in this order is the root of the later ones.
    pub const ROOT_FIRST: [Self; 7] = [
        Self::Dns,
        Self::Tcp,
        Self::Tls,
        Self::Database,
        Self::App,
        Self::Web,
        Self::Server,
    ];

    /// Whether a check of this hop can need the other one.
    #[must_use]
    pub fn may_need(self, other: Self) -> bool {
        other.rank() < self.rank()
    }

    /// The place in [`Hop::ROOT_FIRST`].
    pub(super) fn rank(self) -> usize {
        match self {
            Self::Server => 6,
            Self::Dns => 0,
            Self::Tcp => 1,
            Self::Tls => 2,
            Self::Database => 3,
            Self::App => 4,
            Self::Web => 5,
        }
    }
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Web => "web",
            Self::App => "app",
            Self::Database => "database",
            Self::Server => "server",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_the_places_of_root_first() {
        for (place, hop) in Hop::ROOT_FIRST.into_iter().enumerate() {
            assert_eq!(hop.rank(), place);
            assert_eq!(serde_json::to_value(hop).unwrap(), hop.to_string());
        }
    }
}
