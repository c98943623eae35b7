//! `logs`: what the units of the stack say.

use super::connected::{ConnectedServer, ConnectedServers};
use super::connection::ConnectOptions;
use super::interrupt::interruption;
use super::masks::mask_readable;
use crate::cli;
use crate::error::{Error, Exit};
use crate::operate::logs::{self, Query, Reader};
use crate::operate::units;
use crate::report::Reporter;
use std::path::Path;

/// How many lines are shown unless somebody says.
const LINES: u32 = 50;

/// Shows the logs, until the end or, with `follow`, until somebody interrupts it.
pub(super) async fn logs(
    inventory: &Path,
    options: &cli::Logs,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let (workspace, servers) = ConnectedServers::open(inventory, connection, reporter).await?;
    mask_readable(&workspace, reporter).await;
    let ConnectedServer {
        mut session,
        facts,
        stack,
    } = servers.only()?.1;
    let (units, files) = (units(&stack, &facts.date), logs::files(&stack, &facts.date));
    let wanted = Query {
        role: options.role.clone(),
        follow: options.follow,
        lines: options
            .lines
            .or_else(|| options.since.is_none().then_some(LINES)),
        since: options.since.clone(),
    };
    let Some(script) = logs::script(&units, &files, &wanted) else {
        let role = options.role.as_deref().unwrap_or("this stack");
        return Err(Error::Usage {
            message: format!("{role} has no logs"),
            hint: format!(
                "those with logs are {}",
                units.roles().collect::<Vec<_>>().join(", ")
            ),
        });
    };
    let reader = Reader {
        units: &units,
        files: &files,
    };
    let mut show = |line: &str| {
        if let Some(line) = reader.line(line) {
            reporter.log(&line);
        }
    };
    let reply = tokio::select! {
        reply = session.follow("reading the logs", &script, &mut show) => reply?,
        () = interruption() => return Ok(Exit::Interrupted),
    };
    if reply.success() {
        return Ok(Exit::Done);
    }
    Err(Error::Logs {
        said: reply.stderr.trim().to_owned(),
    })
}
