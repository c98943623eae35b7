//! `attach`: follows the run that is under way, from anywhere; else shows the last one again.

use super::follow::Follower;
use super::load::Secrets;
use super::survey::{Reach, open, traffic};
use crate::bundle::{self, StepTitle};
use crate::error::{Error, Exit};
use crate::report::Reporter;
use std::path::Path;

/// Follows the run.
pub(super) async fn attach(
    inventory: &Path,
    reach: &Reach,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let (workspace, mut session) = open(inventory, Secrets::StandIn, reach, reporter).await?;
    let reply = session
        .run("looking for the run", &bundle::current())
        .await?;
    let text = String::from_utf8_lossy(&reply.stdout).into_owned();
    let mut lines = text.lines().map(str::to_owned);
    let Some(run) = lines.next() else {
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
    let follower = Follower {
        workspace: &workspace,
        reach,
        reporter,
        run: &run,
        titles: &titles,
        checks: None,
    };
    let ending = follower.follow(&mut session).await;
    reporter.traffic(&traffic(&session));
    ending.map(|()| Exit::Done)
}
