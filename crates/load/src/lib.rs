//! A load generator: many requests to one site at a fixed rate, and a record of every reply.
//!
//! It is an open loop: the requests are due at their rate, whatever the server does. A worker
//! takes the next number, waits until its request is due, and sends it. When every worker still
//! waits for a reply, requests are late, and their latency says so. A load is bounded by its
//! duration.
//!
//! A [`Profile`] says what is asked of a [`Target`], a [`Record`] what came of it; both are plain
//! values. The generator knows nothing of inventories, servers or reports, and prints nothing.

mod background;
mod client;
mod error;
mod profile;
mod record;
mod shared;
mod socket;
mod target;
mod tls;
mod worker;

pub use background::Background;
pub use error::LoadError;
pub use profile::{Profile, Protocol, Request};
pub use record::{Failures, Latencies, Outcome, Record, Second, Slow, Socket};
pub use target::{Target, Trust};
pub use tls::http_client;
pub use worker::{Load, start};
