//! `verify`: proves the stack from outside and from within.

use super::load::{Secrets, Workspace};
use super::masks::mask_readable;
use super::survey::{Reach, open, read_facts, traffic};
use crate::check::{Check, Report};
use crate::error::{Error, Exit};
use crate::report::Reporter;
use crate::role;
use crate::server::Session;
use crate::shell::Script;
use crate::verify::{self, AskServer, Asking, Limits, Target};
use std::path::Path;
use std::time::{Duration, Instant};

/// The server's root shell, as the checks ask it.
struct Asker<'a>(&'a mut Session);

impl AskServer for Asker<'_> {
    fn run<'a>(&'a mut self, script: &'a Script) -> Asking<'a> {
        Box::pin(async move {
            match self.0.run("checking on the server", script).await {
                Ok(reply) => Ok(String::from_utf8_lossy(&reply.stdout).into_owned()),
                Err(error) => Err(error.to_string()),
            }
        })
    }
}

/// Verifies the inventory's stack.
pub(crate) async fn verify(
    inventory: &Path,
    reach: &Reach,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let (workspace, mut session) = open(inventory, Secrets::StandIn, reach, reporter).await?;
    let facts = read_facts(&mut session, &workspace.roles.asked_packages(), reporter).await?;
    let stack = role::compile(&workspace.inputs, &workspace.roles, &facts)?;
    let report = ask(&stack.checks, &workspace, Ok(&mut session), None, reporter).await;
    reporter.traffic(&traffic(&session));
    Ok(exit(&report))
}

/// Runs the checks and reports them.
pub(super) async fn ask(
    checks: &[Check],
    workspace: &Workspace,
    session: Result<&mut Session, String>,
    settle: Option<Duration>,
    reporter: &Reporter,
) -> Report {
    let server = &workspace.inputs.inventory.server;
    let target = Target::new(server.ipv4, server.ipv6);
    let mut limits = Limits {
        settle,
        ..Limits::default()
    };
    if settle.is_some() {
        // Right after a run a small server is busy; that is no reason to undo it.
        limits.reply *= 3;
    }
    reporter.busy(Some("checking from outside and on the server"));
    let began = Instant::now();
    let mut asker = session.map(Asker);
    let ask = match &mut asker {
        Ok(asker) => Ok(asker as &mut dyn AskServer),
        Err(reason) => Err(reason.clone()),
    };
    let report = verify::run(checks, &target, ask, &limits).await;
    reporter.busy(None);
    if !report.healthy() {
        // Then it shows logs.
        mask_readable(workspace, reporter).await;
    }
    reporter.verified(&report, began.elapsed());
    report
}

/// What a report means for the exit status.
pub(super) fn exit(report: &Report) -> Exit {
    if report.healthy() {
        Exit::Done
    } else {
        Exit::Unhealthy
    }
}
