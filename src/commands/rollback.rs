//! `rollback`: goes back to a generation that was proven, by the way of every other change: what
//! it rested on is read from the server, planned, shown, and applied.

use super::apply::converge;
use super::change::Options;
use super::connected::Sessions;
use super::connection::ConnectOptions;
use super::generation::{fetch, recall};
use super::load::{Purpose, load};
use super::rollback_release::rollback_release;
use crate::bundle::{self, History};
use crate::cli;
use crate::error::{Error, Exit};
use crate::report::Reporter;
use crate::server::Session;
use std::path::Path;

/// Goes back.
pub(super) async fn rollback(
    inventory: &Path,
    options: &cli::Rollback,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    if !options.yes && !reporter.can_ask() {
        return Err(Error::Usage {
            message: "there is no terminal to ask on".to_owned(),
            hint: "choose a generation of `foobar-stack history`, then go back with --yes"
                .to_owned(),
        });
    }
    if let Some(release) = &options.release {
        return rollback_release(inventory, release.as_ref(), options, connection, reporter).await;
    }
    let here = load(inventory, Purpose::Ask).await?;
    let mut sessions = Sessions::connect(&here, connection, reporter).await?;
    let (name, session) = sessions.only_mut()?;
    let number = choose(session, options.generation, reporter).await?;
    let generation = fetch(session, number).await?;
    let workspace = recall(number, &generation, name, &here).await?;
    let same = generation.same_as(&here.generation(name));
    let options = Options {
        yes: options.yes,
        delete_many: options.delete_many,
        back_to: Some(number),
        ..Options::default()
    };
    let ending = converge(&mut sessions, &workspace, &options, connection, reporter).await;
    sessions.report_traffic(reporter);
    if !same && matches!(ending, Ok(Exit::Done)) {
        let shown = inventory.display();
        reporter.note(&format!(
            "{shown}, its roles or the app here are not those of generation {number}: the next plan shows the difference again"
        ));
    }
    ending
}

/// The generation to go back to: the wanted one, if one can go back to it.
async fn choose(
    session: &mut Session,
    wanted: Option<u64>,
    reporter: &Reporter,
) -> Result<u64, Error> {
    let reply = session
        .run("reading the history", &bundle::history())
        .await?;
    let history = History::parse(&String::from_utf8_lossy(&reply.stdout));
    let targets = history.targets();
    let number = match wanted {
        Some(number) => targets.contains(&number).then_some(number),
        None => history.before(),
    };
    let number = number.ok_or(Error::NoGeneration { wanted, targets })?;
    if let Some(run) = history.runs.iter().find(|run| run.generation == number) {
        let time = jiff::Timestamp::from_second(run.time).unwrap_or_default();
        let time = time.strftime("%Y-%m-%d %H:%M:%S UTC");
        let (who, changes) = (&run.who, &run.changes);
        reporter.note(&format!(
            "back to generation {number} of {time}, by {who} ({changes})"
        ));
        reporter.note("data is not undone: databases, uploads and what migrations did stay");
    }
    Ok(number)
}
