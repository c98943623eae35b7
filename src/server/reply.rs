//! What a script gave back, and what a session has cost.

use std::time::Duration;

/// What a script left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Exit status.
    pub status: i32,
    /// Everything it wrote to stdout; empty if that was followed.
    pub stdout: Vec<u8>,
    /// Everything it wrote to stderr.
    pub stderr: String,
    /// From sending the first byte to reading the last.
    pub elapsed: Duration,
}

impl Reply {
    /// True if the script exited with 0.
    #[must_use]
    pub fn success(&self) -> bool {
        self.status == 0
    }
}

/// What a session has cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Traffic {
    /// Connections to sshd.
    pub connections: u32,
    /// Calls of sudo.
    pub sudo: u32,
    /// Requests with their replies; the start of the shell is the first.
    pub round_trips: u32,
    /// Bytes sent, before ssh encrypts them.
    pub bytes_sent: u64,
    /// Bytes received, after ssh decrypted them.
    pub bytes_received: u64,
}
