//! `maintenance`: keeps visitors out, and lets them in again.

use super::apply::who;
use super::connected::{ConnectedServer, ConnectedServers};
use super::connection::ConnectOptions;
use crate::cli::Maintenance;
use crate::error::{Error, Exit};
use crate::operate::maintenance::{self, Switch};
use crate::operate::units;
use crate::report::Reporter;
use std::path::Path;

/// Switches it.
pub(super) async fn maintenance(
    inventory: &Path,
    switch: &Maintenance,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let (workspace, servers) = ConnectedServers::open(inventory, connection, reporter).await?;
    let ConnectedServer {
        mut session,
        facts,
        stack,
    } = servers.only()?.1;
    let units = units(&stack, &facts.date);
    let Some(unit) = units
        .of("web")
        .first()
        .filter(|_| maintenance::is_possible(&stack))
    else {
        return Err(Error::Usage {
            message: "the role web of this inventory knows no maintenance".to_owned(),
            hint: "let it make /etc/nginx/maintenance/sites, as the built-in role does".to_owned(),
        });
    };
    let (options, done) = match switch {
        Maintenance::On { allow, retry_after } => {
            let options = Switch::On {
                retry: retry_after.as_secs(),
                allow: allow.clone(),
            };
            let mut passing = vec!["the server itself".to_owned()];
            for site in workspace.inputs.inventory.sites.values() {
                passing.extend(site.web.maintenance_allow.iter().cloned());
            }
            passing.extend(allow.iter().cloned());
            let words = format!(
                "maintenance is on: visitors get 503; who passes: {}",
                passing.join(", ")
            );
            (options, words)
        }
        Maintenance::Off => (
            Switch::Off,
            "maintenance is off: visitors are let in".to_owned(),
        ),
    };
    let script = maintenance::script(&options, unit, &who(&workspace));
    let reply = session.run("switching maintenance", &script).await?;
    if reply.status == maintenance::LOCKED {
        let holder = String::from_utf8_lossy(&reply.stdout).trim().to_owned();
        return Err(Error::Locked { holder });
    }
    if !reply.success() {
        return Err(Error::Maintenance {
            said: reply.stderr.trim().to_owned(),
        });
    }
    reporter.done(&done);
    reporter.traffic(&session.traffic());
    Ok(Exit::Done)
}
