//! `validate` and `render`: what can be said without a server.

use super::connected::Sessions;
use super::connection::ConnectOptions;
use super::load::{Purpose, load};
use crate::cli::{self, AssumedOs};
use crate::error::{Error, Exit};
use crate::facts::{Facts, Os};
use crate::inventory::Engine;
use crate::report::{RenderedFile, Reporter};
use crate::resource::Rendered;
use std::path::Path;

/// Checks the inventory and the roles: every template is rendered.
pub(super) async fn validate(inventory: &Path, reporter: &Reporter) -> Result<Exit, Error> {
    let workspace = load(inventory, Purpose::Check).await?;
    workspace.certificate.clone()?;
    workspace.notes.iter().for_each(|note| reporter.note(note));
    for alias in workspace.inputs.inventory.aliases_elsewhere() {
        reporter.note(&format!(
            "the alias {alias} is in no zone of this server: it needs an A record where its zone is; if that is \
             to be here, add the zone with [[dns.zones]]"
        ));
    }
    let os = match workspace.inputs.inventory.database_server.engine {
        Engine::Mysql => AssumedOs::Ubuntu2404,
        Engine::Auto | Engine::Mariadb => AssumedOs::Debian13,
    };
    let assumed = assume(os, &workspace.roles.asked_packages());
    let servers = workspace.inputs.inventory.servers.keys();
    let facts = servers
        .map(|name| (name.clone(), assumed.clone()))
        .collect();
    let fleet = workspace.fleet(&facts)?;
    let (mut resources, mut checks, mut roles) = (0, 0, Vec::new());
    for stack in fleet.stacks.values() {
        resources += stack.resources.len();
        checks += stack.checks.len();
        let new = stack.roles.iter().filter(|role| !roles.contains(*role));
        let new: Vec<String> = new.cloned().collect();
        roles.extend(new);
    }
    reporter.done(&format!(
        "{} is valid: {resources} resources and {checks} checks in the roles {}",
        inventory.display(),
        roles.join(", ")
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
    let workspace = load(inventory, Purpose::Check).await?;
    workspace.certificate.clone()?;
    let (facts, stack) = if options.server {
        let mut sessions = Sessions::connect(&workspace, connection, reporter).await?;
        sessions.compile(&workspace, reporter).await?.only()?.1
    } else {
        let (name, _) = workspace.servers().only()?;
        let facts = assume(options.os, &workspace.roles.asked_packages());
        let stack = workspace.stack(&name, &facts)?;
        (facts, stack)
    };
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
