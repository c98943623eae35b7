//! `history`: the proven runs of the server.

use super::load::Secrets;
use super::survey::{Reach, open, traffic};
use crate::bundle;
use crate::error::{Error, Exit};
use crate::report::{Reporter, Table};
use std::path::Path;

/// Lists them, the newest last.
pub(super) async fn history(
    inventory: &Path,
    reach: &Reach,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let (_, mut session) = open(inventory, Secrets::StandIn, reach, reporter).await?;
    let reply = session
        .run("reading the history", &bundle::history())
        .await?;
    let text = String::from_utf8_lossy(&reply.stdout).into_owned();
    let rows = text.lines().filter_map(|line| {
        let [generation, time, who, run, what] =
            line.split('\t').collect::<Vec<_>>().try_into().ok()?;
        let time = jiff::Timestamp::from_second(time.parse().ok()?).ok()?;
        let time = time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string();
        Some(vec![
            generation.to_owned(),
            time,
            who.to_owned(),
            what.to_owned(),
            run.to_owned(),
        ])
    });
    reporter.table(&Table {
        kind: "generation",
        columns: vec!["generation", "time", "who", "changes", "run"],
        rows: rows.collect(),
    });
    reporter.traffic(&traffic(&session));
    Ok(Exit::Done)
}
