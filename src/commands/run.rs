//! `run`, `shell` and `db`: a command, as the app would run it.

use super::change::who;
use super::connected::ConnectedServers;
use super::connection::ConnectOptions;
use super::interrupt::interruption;
use super::load::{Purpose, load};
use crate::cli::{Db, Run, Shell};
use crate::error::{Error, Exit};
use crate::operate::one_off::{NOT_SERVING, OneOff, database_client, deployment, shell};
use crate::random;
use crate::report::Reporter;
use crate::types::SiteName;
use std::io::IsTerminal;
use std::path::Path;

/// What is run, of which site.
pub(super) struct Command {
    site: Option<SiteName>,
    words: Vec<String>,
    needs_database: bool,
}

impl From<&Run> for Command {
    fn from(run: &Run) -> Self {
        Self {
            site: run.site.clone(),
            words: run.command.clone(),
            needs_database: false,
        }
    }
}

impl From<&Shell> for Command {
    fn from(wanted: &Shell) -> Self {
        Self {
            site: wanted.site.clone(),
            words: shell(),
            needs_database: false,
        }
    }
}

impl From<&Db> for Command {
    fn from(db: &Db) -> Self {
        Self {
            site: db.site.clone(),
            words: database_client(&db.options),
            needs_database: true,
        }
    }
}

/// Runs it, and ends as it ends.
pub(super) async fn run(
    inventory: &Path,
    command: &Command,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let workspace = load(inventory, Purpose::Ask).await?;
    let (name, site) = workspace.site(command.site.as_ref())?;
    let domain = &site.names.domain;
    if command.needs_database && !site.database.enabled {
        return Err(Error::Usage {
            message: format!("{domain} has no database"),
            hint: "`database.enabled` of the inventory says whether it has one".to_owned(),
        });
    }
    let servers = ConnectedServers::of(&workspace, connection, reporter).await?;
    let mut server = servers.only()?.1;
    let Some(deployment) = deployment(&server.stack.checks, name) else {
        return Err(Error::Usage {
            message: format!("{domain} has no app that runs"),
            hint: "a site of plain files has no account to run anything with".to_owned(),
        });
    };
    let one_off = OneOff {
        deployment,
        words: &command.words,
        who: &who(&workspace),
        id: &random::hex(),
    };
    let session = &mut server.session;
    let reply = session
        .run("preparing the command", &one_off.prepare())
        .await?;
    if reply.status == NOT_SERVING {
        return Err(Error::NotServing {
            domain: domain.to_string(),
        });
    }
    if !reply.success() {
        return Err(Error::Run {
            said: reply.stderr.trim().to_owned(),
        });
    }
    reporter.busy(None);
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    let mut program = session.foreground(&one_off.program(), terminal);
    let guard = one_off.guard();
    tokio::select! {
        // An answer of the guard is the end of the connection, which ends the program, too.
        biased;
        status = program.status() => {
            let status = status.map_err(Error::io("start ssh"))?;
            Ok(Exit::Child(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
        }
        reply = session.run("guarding the command", &guard) => Err(reply.map_or_else(
            Error::from,
            |_| Error::Run { said: "the server ended it".to_owned() },
        )),
        () = interruption(), if !terminal => Ok(Exit::Interrupted),
    }
}
