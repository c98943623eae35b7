//! `status`: what runs, since when, which release, and what should be known of a server.

use super::connected::{ConnectedServer, ConnectedServers};
use super::connection::ConnectOptions;
use super::load::Workspace;
use super::survey::note_unverified;
use crate::error::{Error, Exit};
use crate::operate::status::{self, Status};
use crate::operate::units;
use crate::report::Reporter;
use crate::types::Fqdn;
use std::path::Path;

/// Asks each server, in one round trip after its facts.
pub(super) async fn status(
    inventory: &Path,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let (workspace, mut servers) = ConnectedServers::open(inventory, connection, reporter).await?;
    for (name, server) in servers.iter_mut() {
        reporter.about(name);
        show(server, &workspace, reporter).await?;
    }
    Ok(Exit::Done)
}

async fn show(
    server: &mut ConnectedServer,
    workspace: &Workspace,
    reporter: &Reporter,
) -> Result<(), Error> {
    let ConnectedServer {
        session,
        facts,
        stack,
    } = server;
    let units = units(stack, &facts.date);
    let inventory = &workspace.inputs.inventory;
    note_unverified(facts, reporter);
    let script = status::script(stack, &units, inventory.ports.http_port);
    let reply = session.run("asking how it is", &script).await?;
    let text = String::from_utf8_lossy(&reply.stdout);
    let mut status = Status::parse(stack, &units, facts.package_lists_age, &text);
    // A record that is there need not be proposed.
    let records = || inventory.sites.values().flat_map(|site| &site.dns.records);
    let is_there = |caa: &String| records().any(|record| record.value.contains(caa));
    for certificate in &mut status.certificates {
        if let Some(renewal) = &mut certificate.renewal {
            renewal.caa = renewal.caa.take().filter(|caa| !is_there(caa));
        }
    }
    let domains: Vec<&str> = inventory.domains().map(Fqdn::as_str).collect();
    let site = format!(
        "{} on {} ({})",
        domains.join(", "),
        workspace.server(&stack.server).address(),
        facts.os.pretty_name
    );
    reporter.status(&site, &status);
    reporter.traffic(&session.traffic());
    Ok(())
}
