//! Services that are no longer in the inventory: stopped, and not started at boot any more.
//!
//! They stop after the proof, when nobody is led to them any more, unless something else starts
//! that may need their place: a port, a socket, a folder. A deployment takes ports that are free.

use crate::resource::releases::Deployment;
use crate::resource::{
    Action, Change, Delta, Diff, EntryError, ExecutionPlan, Impact, Kind, Materials, Observed,
    Phase, PlanContext, Probe,
};
use crate::shell::Script;
use crate::systemd::{SHOW_UNITS, UnitState};
use serde::Deserialize;

/// A unit that should neither run nor be enabled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retired {
    name: String,
}

/// The fields of `[[retired]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    name: String,
}

/// A unit as systemd has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    active: bool,
    enabled: bool,
}

/// Who leads visitors to the slots of a deployment; the record does not say it.
const PROXY: &str = "nginx.service";
/// How long requests that are under way in a slot may take to end, in seconds.
const DRAIN: &str = "30";

impl Retired {
    /// Whether services stop after the proof.
    pub(super) fn stops_last(context: &PlanContext<'_>) -> bool {
        let starts = |change: &Change| match change.id.kind {
            "service" => matches!(change.action, Action::Create | Action::Update),
            _ => false,
        };
        !context.changes.iter().any(starts)
    }

    /// The unit of this name, retired.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
        }
    }
}

impl Kind for Retired {
    const NAME: &'static str = "retired";
    const PROBE_SHELL: &'static [&'static str] = &[SHOW_UNITS, include_str!("retired.sh")];
    const STEP_SHELL: &'static [&'static str] = &[include_str!("retired.sh")];
    type Entry = Entry;
    type State = Unit;

    fn build(entry: Entry, _: &dyn Materials) -> Result<Self, EntryError> {
        Ok(Self { name: entry.name })
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn probe(batch: &[&Self], _: &Probe, script: &mut Script) {
        script.call("probe_retired", batch.iter().map(|retired| &retired.name));
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<Unit>> {
        let mut units = UnitState::all(reply);
        batch
            .iter()
            .map(|retired| {
                let state = units.next().unwrap_or_default();
                if state.is_missing().is_none() {
                    let reason = format!("systemd says nothing of {}", retired.name);
                    return Observed::unknown(reason);
                }
                Observed::Present(Unit {
                    active: state.runs() || state.state() == "activating",
                    // What an alias leads to is another's, and so is its start at boot.
                    enabled: state.id() == retired.name
                        && state.file_state().starts_with("enabled"),
                })
            })
            .collect()
    }

    fn applied(&self, _: &Observed<Unit>, _: &PlanContext<'_>) -> Observed<Unit> {
        Observed::Present(Unit {
            active: false,
            enabled: false,
        })
    }

    fn compare(&self, observed: &Observed<Unit>, _: &PlanContext<'_>) -> Option<Delta> {
        let unit = observed.present()?;
        let mut diff = Diff::default();
        if unit.active {
            diff.compare("state", Some("active"), Some("inactive"));
        }
        if unit.enabled {
            diff.compare("at boot", Some("enabled"), Some("disabled"));
        }
        // Nobody asks a timer anything.
        let impact = if unit.active && !self.name.ends_with(".timer") {
            Impact::Restart
        } else {
            Impact::None
        };
        (!diff.is_empty()).then(|| Delta {
            action: Action::Delete,
            impact,
            because: "it is no longer in the inventory".to_owned(),
            diff,
        })
    }

    fn work(
        &self,
        _: &Observed<Unit>,
        change: &Change,
        context: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    ) {
        let mut script = Script::new();
        if !Self::stops_last(context) {
            script.call("retire_service", [&self.name]);
            work.step(Phase::Retire, &change.id, script);
            return;
        }
        if self.name.ends_with(".target") {
            script.call("stop_target", [self.name.as_str(), PROXY, DRAIN]);
            work.uses(Deployment::NAME);
            work.readers.insert(PROXY.to_owned());
        } else {
            script.call("stop_service", [&self.name]);
        }
        // Its files are there until it has stopped.
        work.first(Phase::Finish, &change.id, script);
    }
}
