//! Whether a plan still fits what it rests on, when it has waited: for an answer, or in a file.

use super::survey::Survey;
use crate::error::Error;
use crate::plan::{self, SavedPlan, Stack};
use crate::random;
use crate::report::Reporter;
use crate::resource::{Probe, Seal};
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

/// The plan with digests of the secrets it brings, if it brings any.
pub(super) async fn seal(
    session: &mut Session,
    saved: SavedPlan,
    stack: &Stack,
) -> Result<SavedPlan, Error> {
    if !saved.brings_secrets(stack) {
        return Ok(saved);
    }
    let salt = random::hex();
    let seal = ask(session, &salt).await?;
    Ok(saved.sealed(stack, &salt, &seal))
}

/// Refuses a saved plan if one of its secrets is another by now.
pub(super) async fn secrets(
    session: &mut Session,
    saved: &SavedPlan,
    stack: &Stack,
) -> Result<(), Error> {
    if let Some(salt) = saved.salt() {
        let seal = ask(session, salt).await?;
        saved.check_secrets(stack, &seal)?;
    }
    Ok(())
}

async fn ask(session: &mut Session, salt: &str) -> Result<Seal, Error> {
    let reply = session
        .run("asking for the key of the plan", &Seal::script(salt))
        .await?;
    let seal = Seal::read(&String::from_utf8_lossy(&reply.stdout));
    seal.ok_or_else(|| Error::Io {
        action: "make the key of the plan on the server".to_owned(),
        source: std::io::Error::other(reply.stderr),
    })
}
