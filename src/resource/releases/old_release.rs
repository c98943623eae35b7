//! Releases that the wanted one makes superfluous: they go after the proof.
//!
//! Roles do not declare them; the probe of the release finds them. Only a folder with our mark
//! is one.

use super::shell;
use crate::resource::{
    Action, Change, Delta, Diff, EntryError, ExecutionPlan, Kind, Materials, Observed, Phase,
    PlanContext, Probe,
};
use crate::shell::Script;
use crate::types::AbsolutePath;
use serde::Deserialize;

/// A release that should be gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldRelease {
    /// The folder in which `releases/` stands.
    root: AbsolutePath,
    id: String,
    /// How many newer ones stay; none if it never served.
    newer: Option<usize>,
}

/// The fields of `[[old_release]]`, which there is not.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {}

impl OldRelease {
    /// The release, and how many newer ones stay; none if it never served.
    #[must_use]
    pub fn new(root: &AbsolutePath, id: &str, newer: Option<usize>) -> Self {
        Self {
            root: root.clone(),
            id: id.to_owned(),
            newer,
        }
    }
}

impl Kind for OldRelease {
    const NAME: &'static str = "old_release";
    const PROBE_SHELL: &'static [&'static str] = &[shell::MARK, shell::PROBE];
    const STEP_SHELL: &'static [&'static str] = &[shell::MARK, shell::STEPS];
    type Entry = Entry;
    type State = ();

    fn build(_: Entry, _: &dyn Materials) -> Result<Self, EntryError> {
        Err(EntryError::entry(
            "which releases are superfluous is found out on the server",
        ))
    }

    fn name(&self) -> String {
        format!("{}/releases/{}", self.root, self.id)
    }

    fn probe(_: &[&Self], _: &Probe, script: &mut Script) {
        script.raw(":");
    }

    fn observe(batch: &[&Self], _: &Probe, _: &str) -> Vec<Observed<()>> {
        batch.iter().map(|_| Observed::Present(())).collect()
    }

    fn applied(&self, _: &Observed<()>, _: &PlanContext<'_>) -> Observed<()> {
        Observed::Absent
    }

    fn compare(&self, observed: &Observed<()>, _: &PlanContext<'_>) -> Option<Delta> {
        observed.present()?;
        let because = match self.newer {
            Some(1) => "a newer one is kept".to_owned(),
            Some(newer) => format!("{newer} newer ones are kept"),
            None => "it was never proven, and does not serve".to_owned(),
        };
        Some(Delta::quiet(Action::Delete, because, Diff::default()))
    }

    fn work(
        &self,
        _: &Observed<()>,
        change: &Change,
        _: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    ) {
        let mut script = Script::new();
        script.call("prune_release", [self.root.as_str(), &self.id]);
        work.step(Phase::Finish, &change.id, script);
    }
}
