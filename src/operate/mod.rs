//! What is asked of a server that runs: which units a stack has, how they are
//! doing, what is used up, and what could be upgraded.
//!
//! Pure: scripts go out, replies are read. Nothing here changes what the inventory says.

pub mod backup;
pub mod certificate;
pub mod logs;
pub mod maintenance;
pub mod major;
pub mod one_off;
pub mod rebuild;
pub mod rehearsal;
pub mod restore;
pub mod rollout;
pub mod samples;
pub mod saturation;
pub mod shared_secrets;
pub mod status;
mod units;
pub mod upgrades;

pub use units::{Units, units};
