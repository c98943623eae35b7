//! Who is told when a job of the server fails.

use crate::types::SecretSource;
use serde::Serialize;

/// Who is told when a job of the server (a backup, a drill, the certificates, a timer of an app) begins to fail, and
/// when it is good again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Jobs {
    /// A line of shell that the server runs then.
    pub on_failure: Option<String>,
    /// Where the URL comes from that is sent a report then.
    pub webhook: Option<SecretSource>,
}

impl Jobs {
    /// The name of the secret that is the URL.
    pub const WEBHOOK: &'static str = "jobs.webhook";

    /// Whether anybody is told.
    #[must_use]
    pub fn tell(&self) -> bool {
        self.on_failure.is_some() || self.webhook.is_some()
    }
}
