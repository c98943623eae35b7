//! Looks again at what a survey has seen: before a plan that has waited for an answer, and after
//! a run.

use super::survey::Survey;
use crate::error::Error;
use crate::plan::{self, Basis, Plan};
use crate::random;
use crate::report::Reporter;
use crate::resource::{Observed, Probe, Resource, State};
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

/// What is left to do after a run: a plan of what it has changed as it is now, and of the rest as it
/// was before. None if the run may have reached further than its changes: then the server has to be
/// looked at as a whole.
pub(super) async fn after(
    session: &mut Session,
    before: &Survey,
    roles: Option<&[String]>,
    reporter: &Reporter,
) -> Result<Option<Plan>, Error> {
    let stack = &before.stack;
    let changed = |resource: &Resource| {
        let mut changes = before.plan.changes.iter();
        changes.any(|change| change.id == resource.id)
    };
    let (places, touched): (Vec<usize>, Vec<Resource>) = stack
        .resources
        .iter()
        .enumerate()
        .filter(|(_, resource)| changed(resource))
        .map(|(place, resource)| (place, resource.clone()))
        .unzip();
    let known = touched.len() == before.plan.changes.len() && before.plan.hidden.is_empty();
    let near = |resource: &Resource| resource.spec.leaves_others_alone();
    if !known || !touched.iter().all(near) {
        return Ok(None);
    }
    reporter.busy(Some("looking at what was changed"));
    let probe = Probe::new(random::hex());
    let script = probe.script_of(&touched, &stack.resources);
    let reply = session.run("looking again", &script).await?;
    reporter.busy(None);
    let text = String::from_utf8_lossy(&reply.stdout);
    let now = probe.read_of(&touched, &stack.resources, &text);
    let mut observed: Vec<Observed<State>> = before.observed.clone();
    for (place, state) in places.into_iter().zip(now) {
        if let Some(one) = observed.get_mut(place) {
            *one = state;
        }
    }
    let basis = Basis {
        generation: before.facts.generation,
        now: before.facts.now,
        date: before.facts.date.clone(),
    };
    let (plan, _) = plan::plan(stack, &observed, basis, roles)?;
    Ok(Some(plan))
}
