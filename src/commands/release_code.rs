//! The code of releases that only a server has.

use super::code::of_release;
use super::load::Workspace;
use crate::error::Error;
use crate::plan::Stack;
use crate::resource::{Resource, release_code};
use crate::server::Session;

/// Reads from the server what the releases of the workspace were made of that are not here. `stack`
/// is that of the workspace.
pub(super) async fn read_code(
    session: &mut Session,
    stack: &Stack,
    workspace: &mut Workspace,
) -> Result<(), Error> {
    let inputs = &mut workspace.inputs;
    for (site, wanted) in &mut inputs.sites {
        let Some(code) = wanted.app.as_mut().filter(|code| code.tree().is_none()) else {
            continue;
        };
        let own = |resource: &&Resource| resource.site.as_ref().is_none_or(|one| one == site);
        let resources = stack.resources.iter().filter(own);
        let Some(script) = release_code(resources, code.id()) else {
            continue;
        };
        let reply = session
            .run("reading the release that serves", &script)
            .await?;
        let app = inputs.inventory.sites.get(site).map(|site| &site.app);
        let read = app.and_then(|app| of_release(&reply.stdout, code.id(), app));
        *code = read.ok_or_else(|| Error::NoCode {
            release: code.id().clone(),
            why: match reply.stderr.trim() {
                "" => "its files were changed on the server".to_owned(),
                said => said.to_owned(),
            },
        })?;
    }
    Ok(())
}
