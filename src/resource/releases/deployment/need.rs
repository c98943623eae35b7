//! What a deployment needs: nothing, a repair, or a start in the other slot.

use super::found::{Found, SlotFound};
use super::model::{Deployment, Process};
use super::slot::Slot;
use crate::resource::{Action, Delta, Diff, Impact, PlanContext, TextChange};
use std::collections::BTreeSet;

/// What must be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Need {
    /// It starts in this slot, and then serves there.
    Deploy {
        into: Slot,
        because: String,
        /// Whether nothing but its files differ, so that what has served with them before will
        /// serve with them again.
        known: bool,
    },
    /// What runs is right, but not all that belongs to it.
    Repair,
}

/// What a deployment needs; none if it is in order.
pub(super) fn need(
    deployment: &Deployment,
    found: Option<&Found>,
    context: &PlanContext<'_>,
) -> Option<Need> {
    let into = deployment.next(found);
    let deploy = |because: String, known: bool| {
        Some(Need::Deploy {
            into,
            because,
            known,
        })
    };
    let Some(found) = found.filter(|found| !found.is_bare()) else {
        return deploy("it is not there".to_owned(), false);
    };
    let current = found.current.as_deref() == Some(deployment.release.as_str());
    let Some(process) = &deployment.process else {
        return (!current).then_some(Need::Repair);
    };
    let Some(serving) = found.serving else {
        return deploy("no slot serves".to_owned(), false);
    };
    let mut changes = context
        .matching(&process.restart_on)
        .filter(|change| change.id.kind != "deployment");
    let (files, slot) = (process.files(serving), found.slot(serving));
    // A release that is not the wanted one comes first: it names the cause best.
    if let Some(because) = differs(deployment, process, serving, found) {
        let known = found.pending.is_none() && changes.all(|change| change.id.kind == "release");
        return deploy(because, known);
    }
    if let Some(change) = changes.next() {
        return deploy(format!("{} changes", change.id), false);
    }
    if let Some(because) = &found.pending {
        return deploy(because.clone(), false);
    }
    if !process
        .instances(serving)
        .iter()
        .all(|one| slot.running.contains(one))
    {
        return deploy("it does not run".to_owned(), true);
    }
    let other = found.slot(serving.other());
    let tidy = current
        && slot.enabled
        && !other.enabled
        && other.running.is_empty()
        && found.upstream.as_ref() == Some(&files.upstream);
    (!tidy).then_some(Need::Repair)
}

/// Why the slot that serves is not what it should be, if its files say so.
fn differs(
    deployment: &Deployment,
    process: &Process,
    serving: Slot,
    found: &Found,
) -> Option<String> {
    let (files, slot) = (process.files(serving), found.slot(serving));
    if slot.unit.as_ref() == Some(&files.unit) && slot.target.as_ref() == Some(&files.target) {
        return None;
    }
    let old = found.current.as_deref().unwrap_or_default();
    Some(match &slot.unit {
        Some(_) if old != deployment.release => {
            "the app's code differs from the release that serves".to_owned()
        }
        Some(unit) if *unit != files.unit => {
            format!("its unit differs from its template {}", process.template)
        }
        Some(_) => "the number of its instances differs".to_owned(),
        None => "its unit is not there".to_owned(),
    })
}

/// What must change.
pub(super) fn compare(
    deployment: &Deployment,
    found: Option<&Found>,
    context: &PlanContext<'_>,
) -> Option<Delta> {
    let need = need(deployment, found, context)?;
    let Some(found) = found.filter(|found| !found.is_bare()) else {
        let mut fields = vec![("release", deployment.release.clone())];
        if let Need::Deploy { into, .. } = &need
            && deployment.process.is_some()
        {
            fields.push(("slot", into.as_str().to_owned()));
        }
        return Some(Delta::create(fields));
    };
    let mut diff = Diff::default();
    diff.compare(
        "release",
        found.current.as_deref(),
        Some(&deployment.release),
    );
    let mut because = "the app's code differs from the release that serves".to_owned();
    if let Some(process) = &deployment.process {
        match &need {
            Need::Deploy {
                into, because: why, ..
            } => {
                because.clone_from(why);
                let before = found.serving.map(Slot::as_str);
                diff.compare("slot", before, Some(into.as_str()));
                if let Some(serving) = found.serving {
                    diff.text = text(deployment, process, serving, found);
                }
            }
            Need::Repair => {
                if let Some(serving) = found.serving {
                    because =
                        "what belongs to the slot that serves is not as it should be".to_owned();
                    repairs(process, serving, found, &mut diff);
                }
            }
        }
    }
    // Visitors notice nothing of it, unless it must be alone; the reload of Nginx is that service's
    // own change.
    let mut delta = Delta::quiet(Action::Update, because, diff);
    let alone = deployment
        .process
        .as_ref()
        .is_some_and(|process| process.alone);
    if alone && found.serving.is_some() && matches!(need, Need::Deploy { .. }) {
        delta.impact = Impact::Restart;
    }
    Some(delta)
}

/// The unit of the slot that serves, as it is and as it should be there; none if nothing but
/// the release differs.
fn text(
    deployment: &Deployment,
    process: &Process,
    serving: Slot,
    found: &Found,
) -> Option<TextChange> {
    let before = found.slot(serving).unit.as_ref()?;
    let after = &process.files(serving).unit;
    let as_now = found
        .current
        .as_ref()
        .map(|current| before.replace(current.as_str(), &deployment.release));
    let same = before == after || as_now.as_ref() == Some(after);
    (!same).then(|| TextChange {
        before: before.clone(),
        after: after.clone(),
    })
}

/// Says what is to be repaired.
fn repairs(process: &Process, serving: Slot, found: &Found, diff: &mut Diff) {
    let (slot, other) = (found.slot(serving), found.slot(serving.other()));
    let word = |on: bool| if on { "enabled" } else { "disabled" };
    diff.compare(
        &format!("{} at boot", serving.as_str()),
        Some(word(slot.enabled)),
        Some("enabled"),
    );
    diff.compare(
        &format!("{} at boot", serving.other().as_str()),
        Some(word(other.enabled)),
        Some("disabled"),
    );
    let state = if other.running.is_empty() {
        "stopped"
    } else {
        "running"
    };
    diff.compare(serving.other().as_str(), Some(state), Some("stopped"));
    let wanted = &process.files(serving).upstream;
    if found.upstream.as_ref() != Some(wanted) {
        diff.text = Some(TextChange {
            before: found.upstream.clone().unwrap_or_default(),
            after: wanted.clone(),
        });
    }
}

/// What would be found right after it was applied.
pub(super) fn applied(
    deployment: &Deployment,
    found: Option<&Found>,
    context: &PlanContext<'_>,
) -> Found {
    let mut after = found.cloned().unwrap_or(Found {
        current: None,
        serving: None,
        upstream: None,
        blue: SlotFound::default(),
        green: SlotFound::default(),
        pending: None,
        taken: BTreeSet::new(),
    });
    after.taken.clear();
    after.current = Some(deployment.release.clone());
    after.pending = None;
    let Some(process) = &deployment.process else {
        return after;
    };
    if let Some(Need::Deploy { into, .. }) = need(deployment, found, context) {
        after.serving = Some(into);
        let files = process.files(into);
        let slot = after.slot_mut(into);
        slot.target = Some(files.target.clone());
        slot.unit = Some(files.unit.clone());
        slot.running = process.instances(into).into_iter().collect();
    }
    let Some(serving) = after.serving else {
        return after;
    };
    after.slot_mut(serving).enabled = true;
    let other = after.slot_mut(serving.other());
    other.enabled = false;
    other.running.clear();
    after.upstream = Some(process.files(serving).upstream.clone());
    after
}

/// What a plan rests on: what comes and goes by itself (an instance that fails and starts again)
/// is no part of it.
pub(super) fn fingerprint(found: &Found) -> String {
    let slot = |slot: &SlotFound| format!("{:?} {:?} {}", slot.target, slot.unit, slot.enabled);
    format!(
        "{:?} {:?} {:?} {} {}",
        found.current,
        found.serving,
        found.upstream,
        slot(&found.blue),
        slot(&found.green)
    )
}
