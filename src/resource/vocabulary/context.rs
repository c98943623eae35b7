//! What a comparison may know of beside the resource itself.

use super::change::{Action, Change};

/// What a comparison may know of beside the resource itself.
#[derive(Debug, Clone, Copy)]
pub struct PlanContext<'a> {
    /// The server's clock, in seconds since 1970.
    pub now: i64,
    /// The server's date in UTC, as `YYYYMMDD`.
    pub date: &'a str,
    /// The changes found so far; every change of what does not react, for what reacts.
    pub changes: &'a [Change],
}

impl PlanContext<'_> {
    /// The changes whose id fits one of the patterns.
    pub fn matching<'b>(&'b self, patterns: &'b [String]) -> impl Iterator<Item = &'b Change> {
        self.changes
            .iter()
            .filter(move |change| patterns.iter().any(|pattern| change.id.matches(pattern)))
    }

    /// Whether this plan creates the resource with this id.
    #[must_use]
    pub fn creates(&self, kind: &str, name: &str) -> bool {
        self.changes.iter().any(|change| {
            change.action == Action::Create && change.id.kind == kind && change.id.name == name
        })
    }
}
