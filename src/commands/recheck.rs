//! Whether a plan still fits what it rests on, when it has waited: for an answer, or in a file.

use super::survey::Survey;
use crate::error::Error;
use crate::plan;
use crate::random;
use crate::report::Reporter;
use crate::resource::Probe;
use crate::server::Session;

/// Looks again at what the plan changes, and refuses what somebody has changed since: that would
/// be overwritten, and nobody has seen it.
pub(super) async fn server(
    session: &mut Session,
    survey: &Survey,
    reporter: &Reporter,
) -> Result<(), Error> {
    reporter.busy(Some("looking at the server again"));
    let resources = &survey.stack.resources;
    let probe = Probe::new(random::hex());
    let reply = session
        .run("looking again", &probe.script(resources))
        .await?;
    reporter.busy(None);
    let now = probe.read(resources, &String::from_utf8_lossy(&reply.stdout));
    plan::unmoved(&survey.plan, &survey.stack, &survey.observed, &now)?;
    Ok(())
}
