//! `backup fetch`: a file or a folder of a backup comes to this machine.

use super::connected::ConnectedServer;
use super::interrupt::interruptible;
use super::restore::said;
use crate::cli::Fetch;
use crate::error::Error;
use crate::operate::backup::{self, Fetched};
use crate::report::{Reporter, Table};
use std::fs::File;
use std::io::{self, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Brings it, or says which there are.
pub(super) async fn fetch(
    server: &mut ConnectedServer,
    repository: Option<&str>,
    wanted: &Fetch,
    reporter: &Reporter,
) -> Result<(), Error> {
    let script = backup::fetch(repository, wanted.backup.as_deref(), wanted.path.as_deref());
    let name = wanted.path.as_deref().map(name);
    let target = wanted.to.join(name.unwrap_or_default());
    if name.is_some() && target.symlink_metadata().is_ok() {
        return Err(Error::Usage {
            message: format!("{} is there already", target.display()),
            hint: "choose another folder: --to FOLDER".to_owned(),
        });
    }
    let failed = |source| Error::io(format!("write {}", target.display()))(source);
    // Beside its place, so that it is there whole or not at all.
    std::fs::create_dir_all(&wanted.to).map_err(failed)?;
    let folder = tempfile::Builder::new()
        .prefix(".foobar-stack-")
        .tempdir_in(&wanted.to)
        .map_err(failed)?;
    let content = folder.path().join("content");
    // What a backup holds may be for root alone.
    let mut options = std::fs::OpenOptions::new();
    let options = options.read(true).write(true).create_new(true).mode(0o600);
    let mut file = options.open(&content).map_err(failed)?;
    let (mut id, mut paths, mut is_folder) = (String::new(), Vec::new(), false);
    let (mut broken, mut bytes) = (None, 0);
    let mut on_line = |line: &str| match Fetched::read(line) {
        Some(Fetched::Backup(name)) => id = name,
        Some(Fetched::Has(path)) => paths.push(vec![path]),
        Some(Fetched::File) => is_folder = false,
        Some(Fetched::Folder) => is_folder = true,
        Some(Fetched::Part(part)) if broken.is_none() => {
            bytes += part.len();
            broken = file.write_all(&part).err();
        }
        Some(Fetched::Part(_)) => {}
        None => broken = Some(io::Error::other("the server sent something else")),
    };
    let doing = "reading the backup";
    let reply = server.session.follow(doing, &script, &mut on_line);
    let reply = interruptible(async { Ok(reply.await?) }).await?;
    said(&reply)?;
    let Some(path) = &wanted.path else {
        reporter.table(&Table {
            kind: "backed-up",
            columns: vec!["path"],
            rows: paths,
        });
        return Ok(());
    };
    let placed = match broken {
        Some(error) => Err(error),
        None if is_folder => unpack(&mut file, folder.path(), path, &target),
        None => std::fs::rename(&content, &target),
    };
    placed.map_err(failed)?;
    reporter.done(&format!(
        "{path} of backup {id} is in {}: {bytes} bytes",
        target.display()
    ));
    Ok(())
}

/// The last part of a path.
fn name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The folder of an archive, which has it below its path on the server, or what is in it alone.
fn unpack(archive: &mut File, folder: &Path, path: &str, target: &Path) -> io::Result<()> {
    archive.rewind()?;
    let unpacked = folder.join("unpacked");
    tar::Archive::new(archive).unpack(&unpacked)?;
    std::fs::rename(unpacked.join(path.trim_start_matches('/')), target)
}
