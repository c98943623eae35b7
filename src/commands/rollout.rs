//! Changes several servers, one after the other.

use super::change::{Launcher, guard, who};
use super::confirm::confirm;
use super::connected::Sessions;
use super::interrupt::interruptible;
use super::others::OtherServer;
use super::per_server::PerServer;
use super::recheck;
use super::survey::{Scope, Survey, show};
use super::verify;
use crate::error::{Error, Exit};
use crate::operate::rollout::{self, Stop};
use crate::types::ServerName;

impl Launcher<'_> {
    /// Changes one server after the other. Each is proven, and what was healthy on the others still
    /// is, before the next one is touched. The first failure is undone where it was, and ends it.
    pub(super) async fn roll_out(
        &self,
        sessions: &mut Sessions,
        mut surveyed: PerServer<Survey>,
    ) -> Result<Exit, Error> {
        let Self {
            workspace,
            options,
            reporter,
            ..
        } = *self;
        if matches!(options.request.scope, Scope::Saved(_)) {
            // A saved plan is of one server.
            surveyed.only()?;
            return Ok(Exit::Done);
        }
        for (name, survey) in surveyed.iter() {
            reporter.about(name);
            show(survey, &workspace.inputs.inventory, reporter);
            guard(survey, options)?;
        }
        let stops: Vec<Stop<'_>> = surveyed
            .iter()
            .map(|(name, survey)| Stop {
                name,
                server: workspace.server(name),
                serves: survey.facts.generation > 0,
                copies: workspace.inputs.inventory.copies_zones(name),
            })
            .collect();
        let order = rollout::order(&stops);
        let is_wanted = |survey: &Survey| !self.is_done(survey);
        let mut left: Vec<ServerName> = order
            .iter()
            .filter(|name| surveyed.by_name().get(*name).is_some_and(is_wanted))
            .cloned()
            .collect();
        if !left.is_empty() {
            self.begin(sessions, &surveyed, &left).await?;
        }
        let mut servers: Vec<OtherServer> = Vec::new();
        for name in &order {
            let survey = surveyed.by_name().get(name);
            let checks = survey.map(|survey| survey.stack.checks.clone());
            let checks = checks.unwrap_or_default();
            let session = sessions.of_server(name)?;
            reporter.about(name);
            let before = if let Some(survey) =
                survey.filter(|_| !left.contains(name) && !options.no_verify)
            {
                let proof = verify::prove(session, workspace, survey, None, reporter);
                interruptible(proof).await?
            } else {
                let look = verify::look(&checks, workspace.server(name), session, reporter);
                interruptible(async { Ok(look.await) }).await?
            };
            let name = name.clone();
            servers.push(OtherServer {
                name,
                checks,
                before,
            });
        }
        let (mut done, mut proven) = (Vec::new(), Vec::new());
        while let Some(name) = left.first().cloned() {
            let first = surveyed.take(&name)?;
            let (this, others): (Vec<_>, Vec<_>) =
                servers.into_iter().partition(|one| one.name == name);
            servers = others;
            reporter.about(&name);
            let report = match self.change(sessions, first, &servers).await {
                Ok(report) => report,
                Err(error) => {
                    reporter.note(&stands(&done, &name, &left));
                    return Err(error);
                }
            };
            left.remove(0);
            for mut one in this {
                one.before = report.clone().unwrap_or(one.before);
                servers.push(one);
            }
            proven.extend(report);
            done.push(name);
        }
        for one in servers.iter_mut() {
            // What was changed elsewhere may have been what it lacked.
            if !done.is_empty()
                && !done.contains(&one.name)
                && verify::exit(&one.before) != Exit::Done
            {
                let session = sessions.of_server(&one.name).map_err(|_| String::new());
                let again = verify::again(
                    &one.checks,
                    workspace,
                    &one.name,
                    (session, &one.before),
                    reporter,
                );
                one.before = again.await;
            }
        }
        let untouched = servers.iter().filter(|one| !done.contains(&one.name));
        let mut all = untouched.map(|one| &one.before).chain(&proven);
        let unhealthy = !options.no_verify && all.any(|report| verify::exit(report) != Exit::Done);
        Ok(if unhealthy {
            Exit::Unhealthy
        } else {
            Exit::Done
        })
    }

    /// Makes sure that the changes are meant, and that nobody else begins a rollout meanwhile: all
    /// servers are asked for that first, in one order.
    async fn begin(
        &self,
        sessions: &mut Sessions,
        surveyed: &PerServer<Survey>,
        wanted: &[ServerName],
    ) -> Result<(), Error> {
        let reporter = self.reporter;
        if !self.options.yes {
            let names: Vec<&str> = wanted.iter().map(ServerName::as_str).collect();
            let order = names.join(", then ");
            confirm(&format!("Apply these changes: {order}?"), reporter).await?;
        }
        let lock = rollout::lock(&who(self.workspace));
        for (name, session) in sessions.iter_mut() {
            let reply = session.run("beginning the rollout", &lock).await?;
            if reply.status == rollout::LOCKED {
                let holder = String::from_utf8_lossy(&reply.stdout).trim().to_owned();
                let holder = format!("{holder}, on {name}");
                return Err(Error::Locked { holder });
            }
            if !reply.success() {
                let said = reply.stderr;
                return Err(Error::Launch { said });
            }
        }
        // The answer, and somebody else's rollout, may have taken a while.
        for name in wanted {
            let session = sessions.of_server(name)?;
            if let Some(survey) = surveyed.by_name().get(name) {
                interruptible(recheck::server(session, survey, reporter)).await?;
            }
        }
        Ok(())
    }
}

/// Where each server stands when the rollout ends at one of them.
fn stands(done: &[ServerName], failed: &ServerName, left: &[ServerName]) -> String {
    let names = |all: &[ServerName]| {
        let all: Vec<&str> = all.iter().map(ServerName::as_str).collect();
        all.join(", ")
    };
    let mut text = format!("the rollout ends at {failed}");
    if !done.is_empty() {
        text.push_str(&format!("; changed and proven: {}", names(done)));
    }
    if let Some((_, later @ [_, ..])) = left.split_first() {
        text.push_str(&format!("; not begun: {}", names(later)));
    }
    text
}
