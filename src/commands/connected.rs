//! The servers of an inventory that somebody is logged in to, each with what it is and what should
//! be so on it: what most commands begin with.

use super::load::{Secrets, Workspace, load};
use crate::error::Error;
use crate::facts::{self, Facts};
use crate::plan::Stack;
use crate::report::{Reporter, Verbosity};
use crate::server::{Options, Session, Target};
use crate::shell::Script;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A server of the inventory.
pub(crate) struct ConnectedServer {
    pub(crate) session: Session,
    /// What it is.
    pub(crate) facts: Facts,
    /// What should be so on it.
    pub(crate) stack: Stack,
}

impl ConnectedServer {
    /// Logs in to the server of the workspace, and asks it what it is.
    pub(crate) async fn of(
        workspace: &Workspace,
        connection: &ConnectOptions,
        reporter: &Reporter,
    ) -> Result<Self, Error> {
        let session = connect(workspace, connection, reporter).await?;
        Self::over(session, workspace, reporter).await
    }

    /// Asks the server that one is logged in to already.
    pub(crate) async fn over(
        mut session: Session,
        workspace: &Workspace,
        reporter: &Reporter,
    ) -> Result<Self, Error> {
        let packages = workspace.roles.asked_packages();
        let facts = read_facts(&mut session, &packages, reporter).await?;
        let stack = workspace.stack(&facts)?;
        Ok(Self {
            session,
            facts,
            stack,
        })
    }

    /// Reads the inventory, with stand-ins for its secrets, and logs in to its server.
    pub(crate) async fn open(
        inventory: &Path,
        connection: &ConnectOptions,
        reporter: &Reporter,
    ) -> Result<(Workspace, Self), Error> {
        let workspace = load(inventory, Secrets::StandIn).await?;
        let server = Self::of(&workspace, connection, reporter).await?;
        Ok((workspace, server))
    }
}

/// How the user wants the server reached.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConnectOptions {
    pub(crate) accept_new_host_key: bool,
    pub(crate) ssh_config: Option<PathBuf>,
}

/// Reads the inventory and connects to its server.
pub(crate) async fn open(
    inventory: &Path,
    secrets: Secrets,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<(Workspace, Session), Error> {
    let workspace = load(inventory, secrets).await?;
    if secrets == Secrets::Read {
        workspace.notes.iter().for_each(|note| reporter.note(note));
    }
    let session = connect(&workspace, connection, reporter).await?;
    Ok((workspace, session))
}

/// Connects to the server of the inventory.
pub(crate) async fn connect(
    workspace: &Workspace,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Session, Error> {
    let (name, server) = workspace.named_server();
    reporter.about(name);
    reporter.busy(Some(&format!("connecting to {}", server.ssh)));
    let mut target = Target::new(server.ssh.clone());
    target.user.clone_from(&server.user);
    target.port = server.port;
    target.identity_file = server.identity_file.as_ref().map(|path| {
        if path.starts_with('~') || path.contains('%') {
            PathBuf::from(path)
        } else {
            workspace.folder.join(path)
        }
    });
    target.host_key.clone_from(&server.host_key);
    let own_config = server
        .ssh_config
        .as_ref()
        .map(|path| workspace.folder.join(path));
    target.config_file = connection.ssh_config.clone().or(own_config);
    let mut options = Options {
        accept_new_host_key: connection.accept_new_host_key,
        ..Options::default()
    };
    let listener = reporter.clone();
    options.trace = Some(Arc::new(move |doing, script: &Script, reply| {
        // Sizes only: scripts and replies may hold what must not be seen.
        let text = format!(
            "{doing}: sent {} bytes of shell, received {} bytes in {} ms",
            script.as_str().len(),
            reply.stdout.len(),
            reply.elapsed.as_millis()
        );
        listener.trace(Verbosity::Commands, &text);
    }));
    let session = Session::connect(&target, &options).await?;
    reporter.busy(None);
    Ok(session)
}

/// What the server is. A server without package lists gets them first: without them nobody can
/// say which packages it would install.
pub(crate) async fn read_facts(
    session: &mut Session,
    packages: &[String],
    reporter: &Reporter,
) -> Result<Facts, Error> {
    let facts = ask_facts(session, packages).await?;
    if facts.package_lists_age.is_some() {
        return Ok(facts);
    }
    reporter.note("the server has no package lists yet; fetching them (apt-get update)");
    let mut script = Script::new();
    script.raw("apt-get update -q -o DPkg::Lock::Timeout=600 2>&1");
    let reply = session.run("fetching the package lists", &script).await?;
    if !reply.success() {
        let said = String::from_utf8_lossy(&reply.stdout).into_owned();
        return Err(Error::PackageLists { said });
    }
    ask_facts(session, packages).await
}

async fn ask_facts(session: &mut Session, packages: &[String]) -> Result<Facts, Error> {
    let reply = session
        .run("reading the facts", &facts::script(packages))
        .await?;
    Ok(facts::parse(
        &String::from_utf8_lossy(&reply.stdout),
        packages,
    )?)
}
