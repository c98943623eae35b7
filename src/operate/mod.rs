//! What is asked of a server that runs: which units a stack has, and how they are doing.
//!
//! Pure: scripts go out, replies are read. Nothing here changes what the inventory says.

pub mod logs;
pub mod maintenance;
pub mod samples;
pub mod status;
mod units;

pub use units::{Units, units};
