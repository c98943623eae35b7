//! What is no longer in the inventory, and what should not be there at all.
//!
//! The kinds stand below the registry; `ownership`, which makes resources of what the server's
//! record has, above it.

mod absent;
mod orphan;
mod orphan_package;
pub mod ownership;
mod record;
mod retained;
mod retired;

pub(super) use absent::Absent;
pub(super) use orphan::Orphan;
pub(super) use orphan_package::OrphanPackage;
pub use ownership::Removal;
pub use record::Managed;
pub use retained::Retained;
pub(super) use retired::Retired;
