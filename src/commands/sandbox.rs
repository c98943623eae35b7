//! `sandbox`: throw-away servers.

use super::example;
use crate::cli;
use crate::error::{Error, Exit};
use crate::report::{Reporter, Table};
use crate::sandbox::{self, Request, Sandbox, State};
use std::ffi::OsString;
use std::path::PathBuf;

/// Does what was typed.
pub(super) async fn sandbox(command: &cli::Sandbox, reporter: &Reporter) -> Result<Exit, Error> {
    match command {
        cli::Sandbox::Up {
            name,
            suite,
            driver,
        } => {
            let request = Request {
                name: name.clone(),
                suite: suite.clone(),
                driver: *driver,
            };
            let again = match name {
                Some(name) => boot_again(name, reporter).await?,
                None => None,
            };
            let (sandbox, inventory) = match again {
                Some(booted) => booted,
                None => up(&request, reporter).await?,
            };
            let ssh = format!("ssh -F {} {}", sandbox.ssh_config().display(), sandbox.name);
            reporter.table(&Table {
                kind: "sandbox",
                columns: vec![
                    "name",
                    "suite",
                    "address",
                    "ssh",
                    "identity_file",
                    "inventory",
                ],
                rows: vec![vec![
                    sandbox.name.clone(),
                    sandbox.suite.clone(),
                    sandbox.address.to_string(),
                    ssh,
                    sandbox.identity_file.display().to_string(),
                    inventory.display().to_string(),
                ]],
            });
        }
        cli::Sandbox::Down { name, .. } => {
            let names = match name {
                Some(name) => vec![name.clone()],
                None => sandbox::list()
                    .await?
                    .into_iter()
                    .map(|status| status.name)
                    .collect(),
            };
            for name in names {
                sandbox::down(&name, &|line| reporter.note(line)).await?;
                reporter.done(&format!("the sandbox {name} is gone"));
            }
        }
        cli::Sandbox::List => {
            let rows = sandbox::list().await?.into_iter().map(|status| {
                let about =
                    |f: fn(&Sandbox) -> String| status.sandbox.as_ref().map(f).unwrap_or_default();
                let state = format!("{:?}", status.state).to_lowercase();
                vec![
                    status.name.clone(),
                    state,
                    about(|sandbox| sandbox.suite.clone()),
                    about(|sandbox| sandbox.address.to_string()),
                    about(|sandbox| {
                        sandbox
                            .directory
                            .join("inventory.toml")
                            .display()
                            .to_string()
                    }),
                ]
            });
            reporter.table(&Table {
                kind: "sandbox",
                columns: vec!["name", "state", "suite", "address", "inventory"],
                rows: rows.collect(),
            });
        }
        cli::Sandbox::Ssh { name, arguments } => {
            let sandbox = sandbox::find(name.as_deref()).await?;
            return exec(&sandbox, arguments).await;
        }
        cli::Sandbox::Exec { name, command } => {
            let sandbox = sandbox::find(Some(name)).await?;
            return exec(&sandbox, command).await;
        }
    }
    Ok(Exit::Done)
}

/// Boots the sandbox of this name, if there is one that is off; its inventory stays as it is.
async fn boot_again(name: &str, reporter: &Reporter) -> Result<Option<(Sandbox, PathBuf)>, Error> {
    let all = sandbox::list().await?.into_iter();
    let mut stopped = all.filter(|status| status.name == name && status.state == State::Stopped);
    let Some(sandbox) = stopped.next().and_then(|status| status.sandbox) else {
        return Ok(None);
    };
    reporter.note(&format!("the sandbox {name} is off, and boots again"));
    sandbox::boot(&sandbox, &|line| reporter.note(line)).await?;
    let inventory = sandbox.directory.join("inventory.toml");
    Ok(Some((sandbox, inventory)))
}

/// Makes a sandbox, and the example inventory for it.
pub(super) async fn up(
    request: &Request,
    reporter: &Reporter,
) -> Result<(Sandbox, PathBuf), Error> {
    let sandbox = sandbox::up(request, &|line| reporter.note(line)).await?;
    let inventory = example::write(&sandbox)?;
    Ok((sandbox, inventory))
}

async fn exec(sandbox: &Sandbox, words: &[OsString]) -> Result<Exit, Error> {
    let words: Vec<String> = words
        .iter()
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    let status = sandbox::exec(sandbox, &words).await?;
    Ok(Exit::Child(u8::try_from(status).unwrap_or(1)))
}
