//! `apply`: shows the plan, asks, has the server make it so, and proves it.

use super::change::{Launcher, Options, agree};
use super::connected::{Sessions, open};
use super::connection::ConnectOptions;
use super::interrupt::interruptible;
use super::load::{Purpose, Workspace};
use super::survey::{Scope, show, survey};
use super::verify;
use crate::error::{Error, Exit};
use crate::report::Reporter;
use std::path::Path;

/// Applies the inventory.
pub(crate) async fn apply(
    inventory: &Path,
    options: &Options,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    can_agree(options, reporter)?;
    let (workspace, mut sessions) = open(inventory, Purpose::Send, connection, reporter).await?;
    let ending = converge(&mut sessions, &workspace, options, connection, reporter).await;
    sessions.report_traffic(reporter);
    ending
}

/// Refuses to begin what nobody could agree to.
pub(super) fn can_agree(options: &Options, reporter: &Reporter) -> Result<(), Error> {
    if options.yes || reporter.can_ask() {
        return Ok(());
    }
    Err(Error::Usage {
        message: "there is no terminal to ask on".to_owned(),
        hint: "look at the plan first, then apply with --yes".to_owned(),
    })
}

/// Plans, asks, runs and proves, on each server of the inventory.
pub(crate) async fn converge(
    sessions: &mut Sessions,
    workspace: &Workspace,
    options: &Options,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let request = &options.request;
    let surveyed = interruptible(survey(sessions, workspace, request, reporter)).await?;
    let launcher = Launcher {
        workspace,
        options,
        connection,
        reporter,
    };
    if surveyed.count() > 1 {
        return launcher.roll_out(sessions, surveyed).await;
    }
    let (name, first) = surveyed.only()?;
    if let Scope::Saved(saved) = &request.scope {
        let server = &workspace.server(&name).ssh;
        saved.check(server, &first.stack, &first.observed, &first.plan)?;
    }
    show(&first, &workspace.inputs.inventory, reporter);
    if !first.left.is_empty() {
        let ids: Vec<String> = first.left.iter().map(ToString::to_string).collect();
        let ids = ids.join(", ");
        reporter.note(&format!("not in the saved plan, and left alone: {ids}"));
    }
    let whole = launcher.is_whole(&first);
    if first.plan.is_empty() && whole && first.facts.unsettled {
        reporter.note("an earlier run did not come to its end; this one clears up after it");
    }
    if launcher.is_done(&first) {
        if options.no_verify {
            return Ok(Exit::Done);
        }
        let (_, session) = sessions.only_mut()?;
        let report = verify::prove(session, workspace, &first, None, reporter);
        return interruptible(report)
            .await
            .map(|report| verify::exit(&report));
    }
    let (_, session) = sessions.only_mut()?;
    agree(session, &first, options, "Apply these changes?", reporter).await?;
    let report = launcher.change(sessions, first, &[]).await?;
    // A part that has broken nothing stays, and does not make the stack healthy.
    Ok(report.as_ref().map_or(Exit::Done, verify::exit))
}
