//! The way to a server of the inventory: over ssh, as the inventory and the user say.

use super::load::Workspace;
use crate::error::Error;
use crate::inventory::Server;
use crate::report::{Reporter, Verbosity};
use crate::server::{Options, Session, Target};
use crate::shell::Script;
use crate::types::ServerName;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How the user wants the servers reached.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConnectOptions {
    pub(crate) accept_new_host_key: bool,
    pub(crate) ssh_config: Option<PathBuf>,
}

/// Logs in to a server of the inventory.
pub(crate) async fn connect(
    name: &ServerName,
    workspace: &Workspace,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Session, Error> {
    let server = workspace.server(name);
    reporter.about(name);
    reporter.busy(Some(&format!("connecting to {}", server.ssh)));
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
    let target = target(server, &workspace.folder, connection);
    let session = Session::connect(&target, &options).await?;
    reporter.busy(None);
    Ok(session)
}

/// Where the server is; paths of the inventory are relative to its folder.
fn target(server: &Server, folder: &Path, connection: &ConnectOptions) -> Target {
    let mut target = Target::new(server.ssh.clone());
    target.user.clone_from(&server.user);
    target.port = server.port;
    target.identity_file = server.identity_file.as_ref().map(|path| {
        if path.starts_with('~') || path.contains('%') {
            PathBuf::from(path)
        } else {
            folder.join(path)
        }
    });
    target.host_key.clone_from(&server.host_key);
    let own_config = server.ssh_config.as_ref().map(|path| folder.join(path));
    target.config_file = connection.ssh_config.clone().or(own_config);
    target
}
