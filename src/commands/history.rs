//! `history`: the runs of a server that ended well, and where it is at.

use super::connected::open;
use super::connection::ConnectOptions;
use super::load::Purpose;
use crate::bundle::{self, History, PastRun};
use crate::error::{Error, Exit};
use crate::report::{Reporter, Table};
use crate::server::Session;
use std::path::Path;

/// Lists them, the newest last.
pub(super) async fn history(
    inventory: &Path,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let (_, mut sessions) = open(inventory, Purpose::Ask, connection, reporter).await?;
    for (name, session) in sessions.iter_mut() {
        reporter.about(name);
        show(session, reporter).await?;
        reporter.traffic(&session.traffic());
    }
    Ok(Exit::Done)
}

async fn show(session: &mut Session, reporter: &Reporter) -> Result<(), Error> {
    let reply = session
        .run("reading the history", &bundle::history())
        .await?;
    let history = History::parse(&String::from_utf8_lossy(&reply.stdout));
    let current = history.current().map(|run| run.generation);
    let rows = history.runs.iter().map(|run| {
        let time = jiff::Timestamp::from_second(run.time).unwrap_or_default();
        let digest = run.inventory.as_deref().unwrap_or_default();
        vec![
            run.generation.to_string(),
            time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
            run.who.clone(),
            run.changes.clone(),
            digest.get(..12).unwrap_or(digest).to_owned(),
            state(run, current, &history.kept),
            run.run.clone(),
        ]
    });
    reporter.table(&Table {
        kind: "generation",
        columns: vec![
            "generation",
            "time",
            "who",
            "changes",
            "inventory",
            "state",
            "run",
        ],
        rows: rows.collect(),
    });
    Ok(())
}

/// What a run counts for, in a few words.
fn state(run: &PastRun, current: Option<u64>, kept: &[u64]) -> String {
    let mut words = vec![run.standing.to_string()];
    words.extend(run.back_to.map(|number| format!("back to {number}")));
    if current == Some(run.generation) {
        words.push("current".to_owned());
    } else if !kept.contains(&run.generation) {
        words.push("no longer kept".to_owned());
    }
    words.join(", ")
}
