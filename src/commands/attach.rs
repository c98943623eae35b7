//! `attach`: follows the run that is under way, from anywhere; else shows the last one again.

use super::connected::{ConnectedServer, ConnectedServers, open};
use super::connection::ConnectOptions;
use super::follow::{Follower, OnInterrupt, Part};
use super::load::Purpose;
use super::masks::mask_readable;
use crate::bundle::{self, StepTitle};
use crate::error::{Error, Exit};
use crate::report::Reporter;
use std::path::Path;

/// Follows the run.
pub(super) async fn attach(
    inventory: &Path,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let (workspace, mut sessions) = open(inventory, Purpose::Ask, connection, reporter).await?;
    mask_readable(&workspace, reporter).await;
    let (_, session) = sessions.only_mut()?;
    let reply = session
        .run("looking for the run", &bundle::current())
        .await?;
    let text = String::from_utf8_lossy(&reply.stdout).into_owned();
    let mut lines = text.lines().map(str::to_owned);
    let (Some(run), Some(prover)) = (lines.next(), lines.next()) else {
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
    // Whoever started the run may be gone. A client with another inventory cannot say whether the
    // run is proven.
    let servers = ConnectedServers::over(sessions, &workspace, reporter).await?;
    let (name, server) = servers.only()?;
    let ConnectedServer {
        mut session, stack, ..
    } = server;
    let generation = workspace.generation(&name);
    let part = if prover == generation.digest().to_string() {
        Part::LogIn
    } else if prover == bundle::digest(&stack.checks) {
        Part::Prove {
            checks: &stack.checks,
            before: None,
        }
    } else {
        reporter.note("this only watches the run: proving it is for the client that started it, or one with its inventory");
        Part::Watch
    };
    let follower = Follower {
        workspace: &workspace,
        server: &name,
        connection,
        reporter,
        run: &run,
        titles: &titles,
        part,
        others: &[],
        on_interrupt: OnInterrupt::Detach,
    };
    let ending = follower.follow(&mut session).await;
    reporter.traffic(&session.traffic());
    ending.map(|_| Exit::Done)
}
