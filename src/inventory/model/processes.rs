//! What of an app runs beside the processes that answer requests.

use serde::Serialize;

/// A process that works by itself, as one that works off a queue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Worker {
    /// The words of the command; `${NAME}` is filled in by systemd.
    pub command: Vec<String>,
    /// How many of it run at once.
    pub instances: u16,
    /// How long one of the release before may take to finish its job, in seconds.
    pub drain: u32,
    /// Memory limit of an instance, as systemd writes it.
    pub memory_max: String,
}

/// A command that is run again and again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Timer {
    /// The words of the command; `${NAME}` is filled in by systemd.
    pub command: Vec<String>,
    /// When it is run: a calendar event of systemd.time(7).
    pub schedule: String,
    /// How long it may take, in seconds.
    pub timeout: u32,
    /// Memory limit, as systemd writes it.
    pub memory_max: String,
}
