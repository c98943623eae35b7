//! `status`: what runs, since when, which release, and what should be known of the server.

use super::load::Secrets;
use super::survey::{ConnectOptions, note_unverified, open, read_facts};
use crate::error::{Error, Exit};
use crate::operate::status::{self, Status};
use crate::operate::units;
use crate::report::Reporter;
use crate::role;
use std::path::Path;

/// Asks the server, in one round trip after its facts.
pub(super) async fn status(
    inventory: &Path,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let (workspace, mut session) = open(inventory, Secrets::StandIn, connection, reporter).await?;
    let facts = read_facts(&mut session, &workspace.roles.asked_packages(), reporter).await?;
    let stack = role::compile(&workspace.inputs, &workspace.roles, &facts)?;
    let units = units(&stack, &facts.date);
    let inventory = &workspace.inputs.inventory;
    note_unverified(&facts, reporter);
    let script = status::script(&stack, &units, inventory.web.http_port);
    let reply = session.run("asking how it is", &script).await?;
    let status = Status::parse(&stack, &units, &String::from_utf8_lossy(&reply.stdout));
    let site = format!(
        "{} on {} ({})",
        inventory.site.domain.as_str(),
        inventory.server.address(),
        facts.os.pretty_name
    );
    reporter.status(&site, &status);
    reporter.traffic(&session.traffic());
    Ok(Exit::Done)
}
