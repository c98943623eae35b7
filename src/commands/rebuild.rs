//! `rebuild`: the site of a server that is lost comes back on an empty one, from its backup.

use super::confirm::confirm;
use super::connected::open;
use super::connection::ConnectOptions;
use super::interrupt::interruptible;
use super::load::{Purpose, Workspace};
use super::repository::repository;
use super::survey::Request;
use super::{apply, change};
use crate::cli::Rebuild;
use crate::error::{Error, Exit};
use crate::inventory::Backup;
use crate::operate::rebuild;
use crate::report::Reporter;
use crate::resource::SecretMaterial;
use crate::server::{Payload, Session};
use crate::shell::Script;
use crate::types::{Fqdn, SecretValue, minute};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;
use std::time::Instant;

/// Brings what a backup holds, and applies.
pub(super) async fn rebuild(
    inventory: &Path,
    options: &Rebuild,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let began = Instant::now();
    let (workspace, mut sessions) = open(inventory, Purpose::Send, connection, reporter).await?;
    let (name, session) = sessions.only_mut()?;
    let address = workspace.server(name).address();
    let Some(backup) = workspace.inputs.inventory.backups.made() else {
        return Err(Error::Usage {
            message: "the inventory does not say where the backups are".to_owned(),
            hint: "add the section [backup] with the repository".to_owned(),
        });
    };
    let from = repository(&workspace, options.from.as_deref())?;
    let mut backup = backup.clone();
    if let Some(address) = from {
        address.clone_into(&mut backup.repository);
    }
    let key = key(&workspace, options.recovery_key.as_deref())?;
    if !options.yes {
        let domains: Vec<&str> = workspace
            .inputs
            .inventory
            .domains()
            .map(Fqdn::as_str)
            .collect();
        let question = format!(
            "Rebuild {} on {address} from the backups in {}?",
            domains.join(", "),
            backup.repository
        );
        confirm(&question, reporter).await?;
    }
    let made = bring(session, &workspace, &backup, &key, options, reporter).await?;
    drop(sessions);
    let apply = change::Options {
        request: Request::default(),
        yes: true,
        no_verify: false,
        delete_many: false,
        back_to: None,
    };
    let exit = apply::apply(inventory, &apply, connection, reporter).await?;
    let (_, mut sessions) = open(inventory, Purpose::Ask, connection, reporter).await?;
    let (_, session) = sessions.only_mut()?;
    end(session, address, &made, began, reporter).await?;
    Ok(exit)
}

/// Clears up on a server that is rebuilt, and says from what, and how long that took.
pub(super) async fn end(
    session: &mut Session,
    address: IpAddr,
    made: &str,
    began: Instant,
    reporter: &Reporter,
) -> Result<(), Error> {
    session.run("clearing up", &rebuild::clear_up()).await?;
    let took = began.elapsed().as_secs();
    reporter.done(&format!("rebuilt on {address} in {took} s, from {made}"));
    Ok(())
}

/// The key that opens the repository.
pub(super) fn key(workspace: &Workspace, recovery: Option<&Path>) -> Result<SecretValue, Error> {
    if let Some(file) = recovery {
        let shown = file.display();
        let key = std::fs::read(file).map_err(Error::io(format!("read {shown}")))?;
        return Ok(SecretValue::new(key));
    }
    match workspace.inputs.secrets.get(Backup::KEY) {
        Some(SecretMaterial::Value(key)) => Ok(key.clone()),
        _ => Err(Error::Usage {
            message: "the key of the repository was made on the server that is lost".to_owned(),
            hint: "give the one that you keep: --recovery-key FILE".to_owned(),
        }),
    }
}

/// Has the server bring everything but what an apply makes; says as of when that is.
pub(super) async fn bring(
    session: &mut Session,
    workspace: &Workspace,
    backup: &Backup,
    key: &SecretValue,
    options: &Rebuild,
    reporter: &Reporter,
) -> Result<String, Error> {
    let copies: &[String] = match options.from {
        None => &backup.copies,
        Some(_) => &[],
    };
    let script = rebuild::script(&backup.repository, copies, options.backup.as_deref());
    let last = brought(session, workspace, backup, key, &script, reporter).await?;
    Ok(match last.split(' ').collect::<Vec<_>>()[..] {
        ["rebuilt", id, made] => {
            let made = made.parse().unwrap_or_default();
            format!("backup {id} of {}", minute(made))
        }
        _ => "a backup".to_owned(),
    })
}

/// Runs one of the scripts that are given the key of the repository, and says what it says; gives
/// its last line.
pub(super) async fn brought(
    session: &mut Session,
    workspace: &Workspace,
    backup: &Backup,
    key: &SecretValue,
    script: &Script,
    reporter: &Reporter,
) -> Result<String, Error> {
    let mut environment = BTreeMap::new();
    for name in backup.secrets.keys() {
        let secret = workspace.inputs.secrets.get(&format!("backup.{name}"));
        if let Some(SecretMaterial::Value(value)) = secret {
            environment.insert(name.as_str(), value);
        }
    }
    let given = rebuild::given(key.expose(), &environment);
    let mut payload = Payload::from(given.as_slice());
    let mut last = String::new();
    let mut on_line = |line: &str| {
        last = line.to_owned();
        if !line.starts_with("rebuilt ") {
            reporter.note(line);
        }
    };
    let doing = "bringing the backup";
    let reply = session.follow_with(doing, script, &mut payload, &mut on_line);
    let reply = interruptible(async { Ok(reply.await?) }).await?;
    if !reply.success() {
        return Err(Error::Rebuild {
            said: reply.stderr.trim().to_owned(),
        });
    }
    Ok(last)
}
