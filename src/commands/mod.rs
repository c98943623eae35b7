//! The commands, one short file each: the only place where what is pure and what is not meet.

mod completions;
mod discover;
mod init;
mod load;
mod schema;
mod validate;

use crate::cli::{Cli, Command};
use crate::error::{Error, Exit};
use crate::report::Reporter;

/// Runs the command until it is over or somebody interrupts it.
///
/// # Errors
/// When the command fails; the report has not said why yet.
pub async fn run(cli: &Cli, reporter: &Reporter) -> Result<Exit, Error> {
    tokio::select! {
        result = dispatch(cli, reporter) => result,
        () = interruption() => Err(Error::Interrupted),
    }
}

async fn dispatch(cli: &Cli, reporter: &Reporter) -> Result<Exit, Error> {
    match &cli.command {
        Command::Init(init) => init::run(init, reporter)?,
        Command::Validate => validate::run(&cli.global, reporter)?,
        Command::Schema => schema::run(reporter),
        Command::Completions { shell } => completions::run(*shell, reporter),
        _ => return Err(Error::Other("this command is not here yet".into())),
    }
    Ok(Exit::Done)
}

/// Waits for Ctrl-C or a signal to end.
async fn interruption() {
    use tokio::signal::unix::{SignalKind, signal};
    let ctrl_c = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = ctrl_c => {}
            _ = terminate.recv() => {}
        },
        Err(_) => drop(ctrl_c.await),
    }
}
