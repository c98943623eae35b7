//! `attach`: follows the run that is under way, from anywhere; else shows the last one again.

use super::follow::{Follower, Looks};
use super::load::Secrets;
use super::masks::mask_readable;
use super::survey::{Reach, open, read_facts, traffic};
use crate::bundle::{self, StepTitle};
use crate::error::{Error, Exit};
use crate::report::Reporter;
use crate::role;
use std::path::Path;

/// Follows the run.
pub(super) async fn attach(
    inventory: &Path,
    reach: &Reach,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let (workspace, mut session) = open(inventory, Secrets::StandIn, reach, reporter).await?;
    mask_readable(&workspace, reporter).await;
    let reply = session
        .run("looking for the run", &bundle::current())
        .await?;
    let text = String::from_utf8_lossy(&reply.stdout).into_owned();
    let mut lines = text.lines().map(str::to_owned);
    let (Some(run), Some(checks)) = (lines.next(), lines.next()) else {
        return Err(Error::NoRun);
    };
    let titles: Vec<String> = lines.collect();
    let steps: Vec<StepTitle> = titles
        .iter()
        .map(|title| StepTitle {
            title: title.clone(),
            ids: Vec::new(),
        })
        .collect();
    reporter.note(&format!("the run {run}"));
    reporter.steps(&steps);
    // Whoever started the run may be gone. One with another inventory is not who can say whether
    // it is proven, but who has come over a new connection all the same.
    let facts = read_facts(&mut session, &workspace.roles.asked_packages(), reporter).await?;
    let stack = role::compile(&workspace.inputs, &workspace.roles, &facts)?;
    let looks = if checks == bundle::digest(&[]) {
        Looks::At(&[])
    } else if checks == bundle::digest(&stack.checks) {
        Looks::At(&stack.checks)
    } else {
        reporter.note("this inventory is not the run's: it is followed, but not proven from here");
        Looks::Nowhere
    };
    let follower = Follower {
        workspace: &workspace,
        reach,
        reporter,
        run: &run,
        titles: &titles,
        checks: looks,
    };
    let ending = follower.follow(&mut session).await;
    reporter.traffic(&traffic(&session));
    ending.map(|()| Exit::Done)
}
