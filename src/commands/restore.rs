//! `backup restore` and `backup drill`: what a backup holds comes back, or is proven to.

use super::connected::ConnectedServer;
use super::interrupt::interruptible;
use super::load::Workspace;
use super::repository::repository;
use crate::cli;
use crate::error::Error;
use crate::host;
use crate::operate::restore::{self, From, Preview, What};
use crate::report::Reporter;
use crate::server::Reply;
use crate::shell::Script;
use crate::types::{Fqdn, minute};

/// Says what will be lost, asks, and restores.
pub(super) async fn restore(
    workspace: &Workspace,
    server: &mut ConnectedServer,
    wanted: &cli::Restore,
    reporter: &Reporter,
) -> Result<(), Error> {
    let (from, what) = (from(wanted), what(wanted));
    let domain = domain(workspace, &what)?;
    let repository = repository(workspace, wanted.from.as_deref())?;
    let preview = restore::preview(repository, &from, &what);
    let said_of_it = followed(server, "looking for the backup", &preview, reporter).await?;
    let preview = Preview::read(&said_of_it).ok_or_else(|| Error::Backup {
        said: format!("the server did not say what it would restore: {said_of_it}"),
    })?;
    reporter.note(&format!(
        "to be restored: as of {}, from backup {}",
        minute(preview.moment),
        preview.id
    ));
    for loss in preview.losses() {
        reporter.note(&format!("lost to the site: {loss}"));
    }
    agree(wanted, domain, reporter).await?;
    // What is asked for is what was shown, even if there is another backup meanwhile.
    let from = match from {
        From::Moment(_) => from,
        From::Newest | From::Backup(_) => From::Backup(preview.id),
    };
    let script = restore::restore(repository, &from, &what);
    let said = followed(server, "restoring", &script, reporter).await?;
    for line in said.lines().skip(1) {
        reporter.done(line);
    }
    Ok(())
}

/// Proves a backup, the newest one if none is named.
pub(super) async fn drill(
    server: &mut ConnectedServer,
    repository: Option<&str>,
    backup: Option<&str>,
    reporter: &Reporter,
) -> Result<(), Error> {
    let script = restore::drill(repository, backup);
    let said = followed(server, "restoring to prove it", &script, reporter).await?;
    reporter.done(said.trim());
    Ok(())
}

/// What a script says but for whom it waits, which is said at once.
pub(super) async fn followed(
    server: &mut ConnectedServer,
    doing: &'static str,
    script: &Script,
    reporter: &Reporter,
) -> Result<String, Error> {
    let mut lines = String::new();
    let mut on_line = |line: &str| match restore::waiting(line) {
        Some(holder) => reporter.note(&format!("waiting until this is through: {holder}")),
        None => lines = format!("{lines}{line}\n"),
    };
    let reply = server.session.follow(doing, script, &mut on_line);
    let reply = interruptible(async { Ok(reply.await?) }).await?;
    said(&reply)?;
    Ok(lines)
}

/// What the program said; what it says of a failure is the error.
pub(super) fn said(reply: &Reply) -> Result<String, Error> {
    if reply.success() {
        return Ok(String::from_utf8_lossy(&reply.stdout).into_owned());
    }
    let said = reply.stderr.trim().to_owned();
    if reply.status == host::LOCKED {
        return Err(Error::Locked { holder: said });
    }
    Err(Error::Backup { said })
}

fn from(wanted: &cli::Restore) -> From {
    match (&wanted.backup, wanted.to) {
        (_, Some(moment)) => From::Moment(moment),
        (Some(id), None) => From::Backup(id.clone()),
        (None, None) => From::Newest,
    }
}

fn what(wanted: &cli::Restore) -> What {
    let one = [
        wanted.database.clone().map(What::Database),
        wanted.table.clone().map(What::Table),
        wanted.folder.clone().map(What::Folder),
    ];
    one.into_iter().flatten().next().unwrap_or(What::All)
}

/// The domain that is typed to agree: that of the site whose database it is, else of the first one.
fn domain<'a>(workspace: &'a Workspace, what: &What) -> Result<&'a Fqdn, Error> {
    let sites = &workspace.inputs.inventory.sites;
    let database = match what {
        What::Database(name) => name.as_str(),
        What::Table(name) => name.split('.').next().unwrap_or_default(),
        What::All | What::Folder(_) => "",
    };
    let owner = sites
        .values()
        .find(|site| site.database.enabled && site.database.name.as_str() == database);
    let site = owner.or_else(|| sites.values().next());
    let site = site.ok_or_else(|| Error::Usage {
        message: "there is no site in this inventory".to_owned(),
        hint: "restore with an inventory that has one".to_owned(),
    })?;
    Ok(&site.names.domain)
}

/// Has the domain typed, unless it was.
async fn agree(wanted: &cli::Restore, domain: &Fqdn, reporter: &Reporter) -> Result<(), Error> {
    let usage = |message: String| Error::Usage {
        message,
        hint: format!("say that it may be lost: --yes-lose {domain}"),
    };
    match &wanted.yes_lose {
        Some(typed) if typed == domain => return Ok(()),
        Some(typed) => return Err(usage(format!("{typed} is not what would lose data"))),
        None if !reporter.can_ask() => {
            return Err(usage("there is no terminal to ask on".to_owned()));
        }
        None => {}
    }
    let question = format!("Type {domain} to restore it:");
    let answer = async {
        let answer = reporter.answer(&question).await;
        answer.map_err(Error::io("read the answer"))
    };
    if interruptible(answer).await? == domain.as_str() {
        Ok(())
    } else {
        Err(Error::Declined)
    }
}
