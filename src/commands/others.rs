//! The other servers of a rollout, which a run on one of them must not break.

use super::connection::{ConnectOptions, connect};
use super::load::Workspace;
use super::verify;
use crate::check::{Check, Report};
use crate::report::Reporter;
use crate::types::ServerName;

/// A server that a run on another one must not break.
pub(super) struct OtherServer {
    pub(super) name: ServerName,
    pub(super) checks: Vec<Check>,
    /// What they said before.
    pub(super) before: Report,
}

/// What passed on one of them before, and does no longer, if there is anything.
pub(super) async fn flaw(
    others: &[OtherServer],
    workspace: &Workspace,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Option<String> {
    for OtherServer {
        name,
        checks,
        before,
    } in others
    {
        let session = connect(name, workspace, connection, reporter).await;
        let mut session = session.map_err(|error| error.to_string());
        let here = session.as_mut().map_err(|why| why.clone());
        let report = verify::again(checks, workspace, name, (here, before), reporter).await;
        if let Some(outcome) = report.first_regression(before) {
            return Some(format!("{name}: {}: {}", outcome.hop, outcome.name));
        }
    }
    None
}
