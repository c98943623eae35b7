//! `maintenance`: keeps the visitors of a site, or of all, out, and lets them in again.

use super::change::who;
use super::connected::{ConnectedServer, ConnectedServers};
use super::connection::ConnectOptions;
use super::load::{Purpose, Workspace, load};
use crate::cli::Maintenance;
use crate::error::{Error, Exit};
use crate::inventory::Site;
use crate::operate::maintenance::{self, Switch};
use crate::operate::units;
use crate::report::Reporter;
use crate::types::Fqdn;
use std::path::Path;

/// Switches it, on each server.
pub(super) async fn maintenance(
    inventory: &Path,
    wanted: &Maintenance,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let workspace = load(inventory, Purpose::Ask).await?;
    let (Maintenance::On { site, .. } | Maintenance::Off { site }) = wanted;
    let chosen = match site {
        Some(name) => Some(workspace.site(Some(name))?.1),
        None => None,
    };
    let switch = match wanted {
        Maintenance::On {
            allow, retry_after, ..
        } => Switch::On {
            retry: retry_after.as_secs(),
            allow: allow.clone(),
        },
        Maintenance::Off { .. } => Switch::Off,
    };
    let mut servers = ConnectedServers::of(&workspace, connection, reporter).await?;
    let several = servers.count() > 1;
    for (name, server) in servers.iter_mut() {
        reporter.about(name);
        if several && !server.stack.roles.iter().any(|role| role == "web") {
            // Nobody visits it.
            continue;
        }
        switch_server(server, &switch, chosen, &who(&workspace)).await?;
        reporter.done(&outcome(&switch, chosen, &workspace));
        reporter.traffic(&server.session.traffic());
    }
    Ok(Exit::Done)
}

/// Switches it on one server, for the chosen site or for all.
async fn switch_server(
    server: &mut ConnectedServer,
    switch: &Switch,
    chosen: Option<&Site>,
    who: &str,
) -> Result<(), Error> {
    let ConnectedServer {
        session,
        facts,
        stack,
    } = server;
    let units = units(stack, &facts.date);
    let Some(unit) = units
        .of("web")
        .first()
        .filter(|_| maintenance::is_possible(stack))
    else {
        return Err(Error::Usage {
            message: "the role web of this inventory knows no maintenance".to_owned(),
            hint: "let it make /etc/nginx/maintenance/sites, as the built-in role does".to_owned(),
        });
    };
    let sites: Vec<&Fqdn> = chosen.map(|site| &site.names.domain).into_iter().collect();
    let script = maintenance::script(switch, &sites, unit, who);
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
    Ok(())
}

/// What is so from now on.
fn outcome(switch: &Switch, chosen: Option<&Site>, workspace: &Workspace) -> String {
    let whose = chosen.map_or(String::new(), |site| format!(" for {}", site.names.domain));
    let Switch::On { allow, .. } = switch else {
        return format!("maintenance is off{whose}: visitors are let in");
    };
    let mut passing = vec!["the server itself"];
    for site in workspace.inputs.inventory.sites.values() {
        if chosen.is_none_or(|chosen| chosen == site) {
            passing.extend(site.web.maintenance_allow.iter().map(String::as_str));
        }
    }
    passing.extend(allow.iter().map(String::as_str));
    let passing = passing.join(", ");
    format!("maintenance is on{whose}: visitors get 503; who passes: {passing}")
}
