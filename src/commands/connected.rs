//! The servers of an inventory that somebody is logged in to, each with what it is and what should
//! be so on it: what most commands begin with.
//!
//! All of them are logged in to, and asked, at once. What should be so on them is compiled once,
//! from the facts of all, since what roles tell each other is for the whole inventory.

use super::connection::{ConnectOptions, connect};
use super::load::{Purpose, Workspace, load};
use super::per_server::PerServer;
use crate::error::Error;
use crate::facts::{self, Facts};
use crate::plan::Stack;
use crate::report::Reporter;
use crate::server::Session;
use crate::shell::Script;
use std::path::Path;

/// A server of the inventory.
pub(crate) struct ConnectedServer {
    pub(crate) session: Session,
    /// What it is.
    pub(crate) facts: Facts,
    /// What should be so on it.
    pub(crate) stack: Stack,
}

/// All servers of the inventory, before they are asked anything.
pub(crate) type Sessions = PerServer<Session>;

/// All servers of the inventory.
pub(crate) type ConnectedServers = PerServer<ConnectedServer>;

impl ConnectedServers {
    /// Reads the inventory, with stand-ins for what is not needed to ask, and logs in to its servers.
    pub(crate) async fn open(
        inventory: &Path,
        connection: &ConnectOptions,
        reporter: &Reporter,
    ) -> Result<(Workspace, Self), Error> {
        let (workspace, sessions) = open(inventory, Purpose::Ask, connection, reporter).await?;
        let servers = Self::over(sessions, &workspace, reporter).await?;
        Ok((workspace, servers))
    }

    /// Logs in to the servers of the workspace, and asks them what they are.
    pub(crate) async fn of(
        workspace: &Workspace,
        connection: &ConnectOptions,
        reporter: &Reporter,
    ) -> Result<Self, Error> {
        let sessions = Sessions::connect(workspace, connection, reporter).await?;
        Self::over(sessions, workspace, reporter).await
    }

    /// Asks the servers that one is logged in to already.
    pub(crate) async fn over(
        mut sessions: Sessions,
        workspace: &Workspace,
        reporter: &Reporter,
    ) -> Result<Self, Error> {
        let compiled = sessions.compile(workspace, reporter).await?;
        let servers = sessions.zip(compiled).into_iter();
        let connected = |(name, (session, (facts, stack)))| {
            let server = ConnectedServer {
                session,
                facts,
                stack,
            };
            (name, server)
        };
        Ok(servers.map(connected).collect())
    }
}

impl Sessions {
    /// Logs in to the servers of the workspace.
    pub(crate) async fn connect(
        workspace: &Workspace,
        connection: &ConnectOptions,
        reporter: &Reporter,
    ) -> Result<Self, Error> {
        let servers = workspace.servers();
        reporter.several(servers.count() > 1);
        servers
            .at_once(async |name, _| connect(name, workspace, connection, reporter).await)
            .await
    }

    /// Asks the servers what they are.
    pub(crate) async fn facts(
        &mut self,
        workspace: &Workspace,
        reporter: &Reporter,
    ) -> Result<PerServer<Facts>, Error> {
        let packages = workspace.roles.asked_packages();
        self.as_mut()
            .at_once(async |_, session| read_facts(session, &packages, reporter).await)
            .await
    }

    /// Asks the servers what they are, and compiles what should be so on them.
    pub(crate) async fn compile(
        &mut self,
        workspace: &Workspace,
        reporter: &Reporter,
    ) -> Result<PerServer<(Facts, Stack)>, Error> {
        let facts = self.facts(workspace, reporter).await?;
        let fleet = workspace.fleet(facts.by_name())?;
        Ok(facts.zip(fleet.stacks.into_iter().collect()))
    }

    /// Says what the connections have cost.
    pub(crate) fn report_traffic(&self, reporter: &Reporter) {
        for (name, session) in self.iter() {
            reporter.about(name);
            reporter.traffic(&session.traffic());
        }
    }
}

/// Reads the inventory and logs in to its servers.
pub(crate) async fn open(
    inventory: &Path,
    purpose: Purpose,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<(Workspace, Sessions), Error> {
    let workspace = load(inventory, purpose).await?;
    if purpose == Purpose::Send {
        workspace.notes.iter().for_each(|note| reporter.note(note));
    }
    let sessions = Sessions::connect(&workspace, connection, reporter).await?;
    Ok((workspace, sessions))
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
