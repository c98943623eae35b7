//! `validate` and `render`: what can be said without a server.

use super::connected::{ConnectOptions, connect, read_facts};
use super::load::{Secrets, load};
use crate::cli::{self, AssumedOs};
use crate::error::{Error, Exit};
use crate::facts::{Facts, Os};
use crate::inventory::Engine;
use crate::report::{RenderedFile, Reporter};
use crate::resource::Rendered;
use std::path::Path;

/// Checks the inventory and the roles: every template is rendered.
pub(super) async fn validate(inventory: &Path, reporter: &Reporter) -> Result<Exit, Error> {
    let workspace = load(inventory, Secrets::StandIn).await?;
    workspace.certificate.clone()?;
    workspace.notes.iter().for_each(|note| reporter.note(note));
    let os = match workspace.inputs.inventory.database_server.engine {
        Engine::Mysql => AssumedOs::Ubuntu2404,
        Engine::Auto | Engine::Mariadb => AssumedOs::Debian13,
    };
    let facts = assume(os, &workspace.roles.asked_packages());
    let stack = workspace.stack(&facts)?;
    reporter.done(&format!(
        "{} is valid: {} resources and {} checks in the roles {}",
        inventory.display(),
        stack.resources.len(),
        stack.checks.len(),
        stack.roles.join(", ")
    ));
    Ok(Exit::Done)
}

/// Shows or writes the files the server would get.
pub(super) async fn render(
    inventory: &Path,
    options: &cli::Render,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let workspace = load(inventory, Secrets::StandIn).await?;
    workspace.certificate.clone()?;
    let packages = workspace.roles.asked_packages();
    let facts = if options.server {
        let mut session = connect(&workspace, connection, reporter).await?;
        read_facts(&mut session, &packages, reporter).await?
    } else {
        assume(options.os, &packages)
    };
    let stack = workspace.stack(&facts)?;
    let mut count = 0;
    let files = stack.resources.iter().flat_map(|resource| {
        let files = resource.spec.rendered(&facts.date).into_iter();
        files.map(move |file| (resource, file))
    });
    for (resource, Rendered { path, content }) in files {
        count += 1;
        match (&options.directory, content) {
            (None, content) => {
                let text = content.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
                reporter.file(&RenderedFile {
                    path: path.to_string(),
                    role: resource.role.clone(),
                    text,
                });
            }
            (Some(folder), Some(bytes)) => {
                let place = folder.join(path.relative());
                if let Some(parent) = place.parent() {
                    std::fs::create_dir_all(parent)
                        .map_err(Error::io(format!("make {}", parent.display())))?;
                }
                std::fs::write(&place, bytes)
                    .map_err(Error::io(format!("write {}", place.display())))?;
            }
            (Some(_), None) => reporter.note(&format!("{path} is left out: it must not be seen")),
        }
    }
    if let Some(folder) = &options.directory {
        reporter.done(&format!("{count} files are below {}", folder.display()));
    }
    Ok(Exit::Done)
}

/// A server that nobody has asked, with the versions its distribution had when this was written.
fn assume(os: AssumedOs, packages: &[String]) -> Facts {
    let (id, version_id, codename, pretty_name, systemd) = match os {
        AssumedOs::Debian13 => (
            "debian",
            "13",
            "trixie",
            "Debian GNU/Linux 13 (trixie)",
            257,
        ),
        AssumedOs::DebianSid => ("debian", "", "sid", "Debian GNU/Linux sid", 259),
        AssumedOs::Ubuntu2404 => ("ubuntu", "24.04", "noble", "Ubuntu 24.04 LTS", 255),
    };
    let version = |package: &str| match (package, os) {
        ("mysql-server", AssumedOs::Debian13) => "",
        ("mysql-server", AssumedOs::DebianSid) => "9.7",
        ("mysql-server", AssumedOs::Ubuntu2404) => "8.0",
        ("nginx", AssumedOs::Debian13) => "1.26",
        ("nginx", AssumedOs::DebianSid) => "1.30",
        ("nginx", AssumedOs::Ubuntu2404) => "1.24",
        // Of the packages of other roles nothing is known but that they are meant to be there.
        _ => "1",
    };
    let os = Os {
        id: id.to_owned(),
        version_id: version_id.to_owned(),
        version_codename: codename.to_owned(),
        pretty_name: pretty_name.to_owned(),
    };
    let packages = packages
        .iter()
        .map(|name| (name.clone(), version(name).to_owned()))
        .collect();
    Facts {
        systemd,
        ..Facts::fresh(os, packages)
    }
}
