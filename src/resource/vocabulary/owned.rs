//! What a resource owns on the server.

use super::{Data, Reading};
use crate::types::AbsolutePath;

/// What a resource owns on the server: what is removed when it is no longer in the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owned {
    /// A file or a link.
    Path(AbsolutePath),
    /// A systemd unit.
    Service {
        /// Its name.
        name: String,
        /// The files it reads.
        reads: Vec<Reading>,
    },
    /// What only exists once: it goes only when that is asked for.
    Data(Data),
    /// A package: it goes only when that is asked for.
    Package(String),
}

impl Owned {
    /// Whether both are the same thing, whatever it is taken for: what was a file may have become
    /// a secret.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        fn path(owned: &Owned) -> Option<&AbsolutePath> {
            match owned {
                Owned::Path(path) => Some(path),
                Owned::Data(data) => data.path(),
                _ => None,
            }
        }
        if let (Self::Service { name: this, .. }, Self::Service { name: that, .. }) = (self, other)
        {
            return this == that;
        }
        self == other || path(self).is_some_and(|this| path(other) == Some(this))
    }
}
