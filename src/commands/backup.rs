//! `backup`: a backup is made at once, those that there are are listed, and a key is made or tried
//! that opens them when the server is lost.

use super::connected::{ConnectedServer, ConnectedServers};
use super::connection::ConnectOptions;
use super::fetch::fetch;
use super::repository::repository;
use super::restore::{drill, followed, restore, said};
use crate::check::BackupRecord;
use crate::cli::Backup;
use crate::error::{Error, Exit};
use crate::inventory;
use crate::operate::backup::{self, is_possible};
use crate::random;
use crate::report::{Reporter, Table};
use crate::server::Payload;
use crate::types::minute;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Does it on each server.
pub(super) async fn backup(
    inventory: &Path,
    command: &Backup,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let (workspace, mut servers) = ConnectedServers::open(inventory, connection, reporter).await?;
    let others = servers.iter().any(|(_, server)| is_possible(&server.stack));
    for (name, server) in servers.iter_mut() {
        reporter.about(name);
        if !is_possible(&server.stack) && others {
            // It has nothing that its inventory could not bring back.
            continue;
        }
        if !is_possible(&server.stack) {
            return Err(Error::Usage {
                message: format!("there are no backups of {}", server.stack.server),
                hint: "add the section [backup] to the inventory, and apply".to_owned(),
            });
        }
        match command {
            Backup::Now => now(server, reporter).await?,
            Backup::List { from } => {
                let from = repository(&workspace, from.as_deref())?;
                list(server, from, reporter).await?;
            }
            Backup::Drill { backup, from } => {
                let from = repository(&workspace, from.as_deref())?;
                drill(server, from, backup.as_deref(), reporter).await?;
            }
            Backup::Restore(wanted) => restore(&workspace, server, wanted, reporter).await?,
            Backup::Fetch(wanted) => {
                let from = repository(&workspace, wanted.from.as_deref())?;
                fetch(server, from, wanted, reporter).await?;
            }
            Backup::Key { file } => {
                let backup = workspace.inputs.inventory.backups.made();
                key(server, backup, file, reporter).await?;
            }
        }
        reporter.traffic(&server.session.traffic());
    }
    Ok(Exit::Done)
}

async fn now(server: &mut ConnectedServer, reporter: &Reporter) -> Result<(), Error> {
    let script = backup::now();
    let said = followed(server, "making a backup", &script, reporter).await?;
    let mut record = BackupRecord::default();
    if let Some((name, line)) = said.trim().split_once(' ') {
        record.read(name, line);
    }
    if let Some(last) = record.last {
        let (id, mib, seconds) = (&last.id, last.bytes >> 20, last.seconds);
        reporter.done(&format!(
            "backup {id} of {}: {mib} MiB in {seconds} s",
            minute(last.made)
        ));
    }
    Ok(())
}

async fn list(
    server: &mut ConnectedServer,
    repository: Option<&str>,
    reporter: &Reporter,
) -> Result<(), Error> {
    let script = backup::list(repository);
    let reply = server.session.run("listing the backups", &script).await?;
    let rows = backup::read_list(&said(&reply)?).into_iter().map(|one| {
        let state = if one.proven { "proven" } else { "" };
        vec![
            one.id,
            one.files.to_string(),
            one.bytes.to_string(),
            state.to_owned(),
        ]
    });
    reporter.table(&Table {
        kind: "backup",
        columns: vec!["backup", "files", "bytes", "state"],
        rows: rows.collect(),
    });
    Ok(())
}

/// A key that is not there is made and added; one that is there is tried, and opens the repositories
/// that have been added to the inventory since.
async fn key(
    server: &mut ConnectedServer,
    backup: Option<&inventory::Backup>,
    file: &Path,
    reporter: &Reporter,
) -> Result<(), Error> {
    let shown = file.display();
    let repositories = match backup.map_or(0, |backup| backup.copies.len()) {
        0 => "the repository".to_owned(),
        copies => format!("the {} repositories", copies + 1),
    };
    let mut options = std::fs::OpenOptions::new();
    let made = options.write(true).create_new(true).mode(0o600).open(file);
    match made {
        Ok(mut open) => {
            let key = format!("{}{}\n", random::hex(), random::hex());
            let written = open
                .write_all(key.as_bytes())
                .and_then(|()| open.sync_all());
            written.map_err(Error::io(format!("write {shown}")))?;
            let mut payload = Payload::from(key.as_bytes());
            let script = backup::add_key();
            let session = &mut server.session;
            let reply = session.ship("adding a key", &script, &mut payload).await?;
            if let Err(error) = said(&reply) {
                if reply.status == backup::SOME {
                    reporter.note(&format!(
                        "{shown} opens the other repositories: keep it, and say this again when all can be reached"
                    ));
                    return Err(error);
                }
                // It opens nothing: the next try makes another one.
                std::fs::remove_file(file).map_err(Error::io(format!("remove {shown}")))?;
                return Err(error);
            }
            reporter.done(&format!(
                "{shown} opens {repositories}: keep it where the loss of the server does not reach it"
            ));
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let key = std::fs::read(file).map_err(Error::io(format!("read {shown}")))?;
            let mut payload = Payload::from(key.as_slice());
            let script = backup::share_key();
            let session = &mut server.session;
            let reply = session
                .ship("trying the key", &script, &mut payload)
                .await?;
            said(&reply)?;
            reporter.done(&format!("{shown} opens {repositories}"));
        }
        Err(error) => return Err(Error::io(format!("write {shown}"))(error)),
    }
    Ok(())
}
