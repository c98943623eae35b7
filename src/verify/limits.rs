//! How long to wait, and how long it took.

use std::time::{Duration, Instant};

/// How long each question may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// For a connection.
    pub connect: Duration,
    /// For a port that shall be closed: after this long a silent one counts as closed.
    pub closed: Duration,
    /// For a whole reply. On the server in whole seconds, and for each question.
    pub reply: Duration,
    /// For a stack that has just been changed: ask again until it is healthy, or this much
    /// time has passed. `None` asks once.
    pub settle: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            closed: Duration::from_secs(2),
            reply: Duration::from_secs(5),
            settle: None,
        }
    }
}

pub(super) fn ms(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn seconds(limit: Duration) -> String {
    format!("{} s", limit.as_secs_f64())
}
