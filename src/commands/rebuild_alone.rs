//! `rebuild --repository`: the inventory is lost, too, and comes from the backup.

use super::apply::converge;
use super::change::Options;
use super::confirm::confirm;
use super::connected::Sessions;
use super::connection::ConnectOptions;
use super::generation::{fetch, recall};
use super::load::{Purpose, Workspace, load};
use super::rebuild::{bring, brought, end, key};
use super::release_code::read_code;
use crate::bundle::{self, Generation, History};
use crate::cli::Rebuild;
use crate::diagnostic::Source;
use crate::error::{Error, Exit};
use crate::inventory::{AppSource, Place, Site, parse, relocated};
use crate::operate::rebuild;
use crate::report::Reporter;
use crate::server::Session;
use crate::types::{Node, SecretSource, Tree};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What restic finds in its environment for the kinds of repositories that want it.
const ENVIRONMENT: [&str; 6] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_DEFAULT_REGION",
    "RESTIC_REST_USERNAME",
    "RESTIC_REST_PASSWORD",
];

/// Brings what a backup in the repository holds, its inventory among that, and applies that.
pub(super) async fn rebuild_alone(
    inventory: &Path,
    (repository, place): (&str, &Place),
    options: &Rebuild,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let began = Instant::now();
    let shown = inventory.display();
    if inventory.symlink_metadata().is_ok() {
        return Err(Error::Usage {
            message: format!("there is an inventory already: {shown}"),
            hint: "leave --repository and --server out to rebuild from it, or write the other one elsewhere: -i FILE".to_owned(),
        });
    }
    let folder = inventory.parent().unwrap_or(Path::new(""));
    let folder = match folder.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => folder.to_owned(),
    };
    let here = stand_in(repository, place, &folder).await?;
    let mut sessions = Sessions::connect(&here, connection, reporter).await?;
    let (name, session) = sessions.only_mut()?;
    let name = name.clone();
    let address = here.server(&name).address();
    let Some(backup) = here.inputs.inventory.backups.made() else {
        return Err(Error::Rebuild {
            said: "there is no repository".to_owned(),
        });
    };
    let key = key(&here, options.recovery_key.as_deref())?;
    if !options.yes {
        let question = format!("Rebuild on {address} what the backups in {repository} hold?");
        confirm(&question, reporter).await?;
    }
    // What is missing here is told before anything is written, here or there.
    let look_inside = rebuild::look_inside(repository, options.backup.as_deref());
    brought(session, &here, backup, &key, &look_inside, reporter).await?;
    let (number, mut generation) = newest(session).await?;
    let moved = relocated(&generation.inventory, place);
    let recalled = match &moved {
        Some(moved) => {
            generation.inventory.clone_from(moved);
            has_variables(number, &generation)?;
            Some(recall(number, &generation, &name, &here).await?)
        }
        None => None,
    };
    let made = match recalled {
        Some(_) => bring(session, &here, backup, &key, options, reporter).await?,
        None => String::new(),
    };
    write(inventory, generation.inventory.as_bytes())?;
    write_own(&folder, number, &generation)?;
    reporter.note(&format!("its inventory is in {shown}"));
    let Some(mut workspace) = recalled else {
        return Err(Error::Usage {
            message: format!("the server of {shown} is still the one that is lost"),
            hint: format!(
                "write {address} there, then `foobar-stack -i {shown} rebuild --recovery-key FILE`"
            ),
        });
    };
    let (_, (_, stack)) = sessions.compile(&workspace, reporter).await?.only()?;
    let (_, session) = sessions.only_mut()?;
    read_code(session, &stack, &mut workspace).await?;
    write_code(&folder, &workspace, reporter)?;
    let apply = Options {
        yes: true,
        ..Options::default()
    };
    let exit = converge(&mut sessions, &workspace, &apply, connection, reporter).await?;
    let (_, session) = sessions.only_mut()?;
    end(session, address, &made, began, reporter).await?;
    Ok(exit)
}

/// Refuses an inventory that takes secrets from variables which are not set, and names them all.
fn has_variables(number: u64, generation: &Generation) -> Result<(), Error> {
    let name = format!("<generation {number}>/inventory.toml");
    let inventory = parse(&Source::new(name, generation.inventory.clone()))?.inventory;
    let of_sites = inventory.sites.values().flat_map(Site::secrets);
    let mut missing: Vec<String> = (inventory.secrets().into_iter().chain(of_sites))
        .filter_map(|(name, source)| match source {
            SecretSource::Env(variable) if std::env::var_os(&variable).is_none() => {
                Some(format!("{variable} (for {name})"))
            }
            _ => None,
        })
        .collect();
    missing.sort();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::Usage {
        message: format!(
            "the inventory of the backup takes secrets from variables that are not set here: {}",
            missing.join(", ")
        ),
        hint: "set them, and say the same again: nothing was written yet".to_owned(),
    })
}

/// A workspace that knows the server and the repository, and no more.
async fn stand_in(repository: &str, place: &Place, folder: &Path) -> Result<Workspace, Error> {
    let there = ENVIRONMENT.into_iter();
    let text = text(
        repository,
        place,
        there.filter(|name| std::env::var_os(name).is_some()),
    );
    let failed = || Error::io("write a temporary file");
    let temporary = tempfile::tempdir().map_err(failed())?;
    let file = temporary.path().join("inventory.toml");
    std::fs::write(&file, text).map_err(failed())?;
    let mut workspace = load(&file, Purpose::Send).await?;
    folder.clone_into(&mut workspace.folder);
    // Its site stands for one that is not known yet.
    workspace.inputs.inventory.sites.clear();
    workspace.inputs.sites.clear();
    Ok(workspace)
}

/// The text of an inventory that says where the server and the repository are, and no more. `there`
/// is what of the environment is for restic.
fn text<'a>(repository: &str, place: &Place, there: impl Iterator<Item = &'a str>) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let secrets: Vec<String> = there
        .map(|name| format!("{name} = {{ env = \"{name}\" }}"))
        .collect();
    format!(
        "{}[site]\ndomain = \"rebuild.invalid\"\n[app]\nenabled = false\n[backup]\nrepository = {}\nsecrets = {{ {} }}\n",
        place.section(),
        quoted(repository),
        secrets.join(", ")
    )
}

/// The newest generation that was proven, of what the server has got.
async fn newest(session: &mut Session) -> Result<(u64, Generation), Error> {
    let script = bundle::history();
    let reply = session.run("reading the history", &script).await?;
    let history = History::parse(&String::from_utf8_lossy(&reply.stdout));
    let number = history.targets().pop();
    let number = number.ok_or_else(|| Error::Rebuild {
        said: "the backup holds no inventory: no run on its server was ever proven".to_owned(),
    })?;
    Ok((number, fetch(session, number).await?))
}

/// Writes roles, templates and files of the user's own to where they stood; what is there already
/// is left alone.
fn write_own(folder: &Path, number: u64, generation: &Generation) -> Result<(), Error> {
    let is_own = |name: &str| !name.starts_with('<');
    for role in generation.roles() {
        let name = &role.name;
        if is_own(&role.manifest.name) {
            let path = folder.join("roles").join(name).join("role.toml");
            write(&path, role.manifest.text.as_bytes())?;
        }
        for (file, text) in role.templates.iter().filter(|(_, text)| is_own(&text.name)) {
            let path = folder.join("templates").join(name).join(file);
            write(&path, text.text.as_bytes())?;
        }
    }
    for (path, bytes) in generation.files(number)? {
        let inside = Path::new(&path).components();
        let mut inside = inside.map(|part| matches!(part, std::path::Component::Normal(_)));
        if inside.all(|inside| inside) {
            write(&folder.join(&path), &bytes)?;
        }
    }
    Ok(())
}

/// Writes the code of each app to the folder that the inventory names, if there is none.
fn write_code(folder: &Path, workspace: &Workspace, reporter: &Reporter) -> Result<(), Error> {
    for (name, site) in &workspace.inputs.inventory.sites {
        let Some(AppSource::Folder { folder: source }) = &site.app.source else {
            continue;
        };
        let inputs = workspace.inputs.sites.get(name);
        let tree = inputs.and_then(|inputs| inputs.app.as_ref()?.tree());
        let target = folder.join(source);
        let (Some(tree), Err(_)) = (tree, target.symlink_metadata()) else {
            continue;
        };
        write_tree(&target, tree, |path| {
            site.app.shared.contains_key(path) || site.app.persistent.iter().any(|one| one == path)
        })?;
        reporter.note(&format!("the code that served is in {}", target.display()));
    }
    Ok(())
}

/// Writes a tree, but for the links that were put in for what releases share.
fn write_tree(folder: &Path, tree: &Tree, shared: impl Fn(&str) -> bool) -> Result<(), Error> {
    for (path, node) in tree.entries().filter(|(path, _)| !shared(path)) {
        let target = folder.join(path);
        let failed = || Error::io(format!("write {}", target.display()));
        match node {
            Node::File {
                executable,
                content,
            } => {
                write(&target, &content.bytes().map_err(failed())?)?;
                let mode = if *executable { 0o755 } else { 0o644 };
                let mode = std::fs::Permissions::from_mode(mode);
                std::fs::set_permissions(&target, mode).map_err(failed())?;
            }
            Node::Link(to) => {
                make_parent(&target)?;
                std::os::unix::fs::symlink(to, &target).map_err(failed())?;
            }
        }
    }
    Ok(())
}

/// Writes a file, unless there is one.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    make_parent(path)?;
    std::fs::write(path, bytes).map_err(Error::io(format!("write {}", path.display())))
}

fn make_parent(path: &Path) -> Result<(), Error> {
    let parent = path.parent().unwrap_or(path);
    std::fs::create_dir_all(parent).map_err(Error::io(format!("make {}", parent.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_for_an_inventory_is_one() {
        for (place, repository) in [
            ("root@198.51.100.7", "sftp:backup@example.net:/srv/a\\b"),
            ("2001:db8::7", "s3:https://s3.example.net/bucket"),
        ] {
            let place = Place::parse(place).unwrap();
            let text = text(repository, &place, ENVIRONMENT.into_iter());
            let parsed = parse(&Source::new("inventory.toml", text.clone()));
            let inventory = parsed
                .unwrap_or_else(|why| panic!("{why}: {text}"))
                .inventory;
            let backup = inventory.backups.made().unwrap();
            assert_eq!(backup.repository, repository);
            assert_eq!(backup.secrets.len(), ENVIRONMENT.len());
        }
    }
}
