//! `rehearse --with-backup`: the data of the newest backup, on their way from the server to its copy.
//!
//! They pass through this machine in memory, or in a file that has no name, and no key or secret is
//! among them: the server opens its repository itself.

use super::interrupt::interruptible;
use super::load::Workspace;
use super::restore::said;
use crate::error::Error;
use crate::operate::backup::{self, Fetched};
use crate::operate::rehearsal::{self, Manifest};
use crate::plan::Stack;
use crate::report::Reporter;
use crate::server::{Payload, Reply, Session};
use crate::shell::Script;
use std::io::{self, Write as _};

/// Where a backup has the dump of the databases.
const DUMP: &str = "/var/lib/foobar-stack/backup/spool/databases.sql";

/// What a backup holds of the site itself.
pub(super) struct BackupData {
    /// The backup.
    pub(super) id: String,
    manifest: Manifest,
    dump: Option<Payload>,
    folders: Vec<Payload>,
}

/// Reads them on the server.
pub(super) async fn read(
    session: &mut Session,
    stack: &Stack,
    reporter: &Reporter,
) -> Result<BackupData, Error> {
    if !backup::is_possible(stack) {
        return Err(Error::Usage {
            message: format!("there are no backups of {}", stack.server),
            hint: "rehearse without --with-backup".to_owned(),
        });
    }
    let (id, paths) = paths(session).await?;
    reporter.note(&format!("reading backup {id} on the server"));
    let manifest = backup::manifest(&id);
    let reply = session.run("reading the manifest", &manifest).await?;
    let manifest = Manifest::read(&said(&reply)?);
    let dump = match manifest.databases.is_empty() {
        true => None,
        false => Some(part(session, &id, DUMP).await?.0),
    };
    let mut folders = Vec::new();
    for folder in manifest.folders.iter().filter(|one| paths.contains(one)) {
        let (content, is_folder) = part(session, &id, folder).await?;
        // A file that releases share is the inventory's.
        if is_folder {
            folders.push(content);
        }
    }
    Ok(BackupData {
        id,
        manifest,
        dump,
        folders,
    })
}

/// The newest backup, and the paths that it begins with.
async fn paths(session: &mut Session) -> Result<(String, Vec<String>), Error> {
    let script = backup::fetch(None, None, None);
    let reply = session.run("looking for the backup", &script).await?;
    let (mut id, mut paths) = (String::new(), Vec::new());
    for line in said(&reply)?.lines() {
        match Fetched::read(line) {
            Some(Fetched::Backup(name)) => id = name,
            Some(Fetched::Has(path)) => paths.push(path),
            _ => {}
        }
    }
    Ok((id, paths))
}

/// A file of a backup, or a folder as an archive, and which of them it is.
async fn part(session: &mut Session, id: &str, path: &str) -> Result<(Payload, bool), Error> {
    let script = backup::fetch(None, Some(id), Some(path));
    let (mut payload, mut is_folder, mut broken) = (Payload::new(), false, None);
    let mut on_line = |line: &str| match Fetched::read(line) {
        Some(Fetched::Folder) => is_folder = true,
        Some(Fetched::Part(part)) if broken.is_none() => broken = payload.write_all(&part).err(),
        Some(_) => {}
        None => broken = Some(io::Error::other("the server sent something else")),
    };
    let reply = session.follow("reading the backup", &script, &mut on_line);
    let reply = interruptible(async { Ok(reply.await?) }).await?;
    said(&reply)?;
    match broken {
        Some(error) => Err(Error::io(format!("keep {path} of backup {id}"))(error)),
        None => Ok((payload, is_folder)),
    }
}

impl BackupData {
    /// Brings them to a copy that is what the server is, `workspace`. What follows must apply that
    /// once more: for an older backup the database is prepared again.
    pub(super) async fn bring(
        mut self,
        session: &mut Session,
        workspace: &Workspace,
    ) -> Result<(), Error> {
        let sites = workspace.inputs.inventory.sites.values();
        let apps = sites.filter(|site| site.app.enabled);
        let accounts: Vec<&str> = apps.map(|site| site.app.user.as_str()).collect();
        let none = &mut Payload::new();
        let first = rehearsal::keep_to_itself(accounts.iter().copied());
        send(session, &first, none).await?;
        for folder in &mut self.folders {
            send(session, &rehearsal::unpack(), folder).await?;
        }
        if let Some(dump) = &mut self.dump {
            send(session, &rehearsal::load(&self.manifest), dump).await?;
        }
        let last = rehearsal::begin_again(accounts.iter().copied());
        send(session, &last, none).await
    }
}

async fn send(session: &mut Session, script: &Script, payload: &mut Payload) -> Result<(), Error> {
    let reply = session.ship("restoring into the copy", script, payload);
    let reply: Reply = interruptible(async { Ok(reply.await?) }).await?;
    if reply.success() {
        return Ok(());
    }
    let said = reply.stderr.trim().to_owned();
    Err(Error::NoData { said })
}
