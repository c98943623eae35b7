//! `certificate revoke`: a certificate is declared invalid, and another one takes its place.

use super::change::who;
use super::confirm::confirm;
use super::connected::ConnectedServers;
use super::connection::ConnectOptions;
use crate::cli::Certificate;
use crate::error::{Error, Exit};
use crate::host;
use crate::operate::certificate::{is_possible, script};
use crate::report::Reporter;
use std::path::Path;

/// Asks, and has it revoked.
pub(super) async fn revoke(
    inventory: &Path,
    command: &Certificate,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let Certificate::Revoke { site, reason, yes } = command;
    let (workspace, mut servers) = ConnectedServers::open(inventory, connection, reporter).await?;
    let (_, site) = workspace.site(site.as_ref())?;
    let domain = &site.names.domain;
    let mut able = servers.iter_mut();
    let Some((name, server)) = able.find(|(_, server)| is_possible(&server.stack, domain)) else {
        return Err(Error::Usage {
            message: format!("the certificate of {domain} is from no authority"),
            hint: "one of your own is revoked by whoever has issued it".to_owned(),
        });
    };
    reporter.about(name);
    if !yes {
        let question =
            format!("Declare the certificate of {domain} invalid for good, and order another one?");
        confirm(&question, reporter).await?;
    }
    let script = script(domain, (*reason).into(), &who(&workspace));
    let reply = server
        .session
        .run("revoking a certificate", &script)
        .await?;
    let said = String::from_utf8_lossy(&reply.stdout);
    let said = said.trim();
    if reply.status == host::LOCKED {
        let holder = said.to_owned();
        return Err(Error::Locked { holder });
    }
    if !reply.success() {
        return Err(Error::Revocation {
            said: format!("{said} {}", reply.stderr.trim()).trim().to_owned(),
        });
    }
    reporter.done(said);
    reporter.traffic(&server.session.traffic());
    Ok(Exit::Done)
}
