//! What is asked of a server that runs: which units a stack has, and how they are doing.
//!
//! Pure: scripts go out, replies are read. Nothing here changes what the inventory says.

pub mod samples;
mod units;

pub use units::{Units, units};
