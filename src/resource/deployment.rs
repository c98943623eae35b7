//! Deployments: which release serves.

use super::probe::fields;
use super::{
    Action, Change, Delta, Diff, EntryError, Kind, Materials, Observed, Phase, Probe, Surroundings,
    Work,
};
use crate::shell::Script;
use crate::types::AbsolutePath;
use serde::Deserialize;

/// A release that should serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    path: AbsolutePath,
    release: String,
}

/// The fields of `[[deployment]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The folder in which `releases/` and `current` stand.
    path: AbsolutePath,
    /// The id of the release.
    release: String,
}

/// What serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serving {
    /// The id that `current` points at.
    current: String,
}

impl Kind for Deployment {
    const NAME: &'static str = "deployment";
    const LIBRARY: &'static str = include_str!("deployment.sh");
    type Entry = Entry;
    type State = Serving;

    fn build(entry: Entry, _: &dyn Materials) -> Result<Self, EntryError> {
        let Entry { path, release } = entry;
        Ok(Self { path, release })
    }

    fn name(&self) -> String {
        self.path.to_string()
    }

    fn probe(batch: &[&Self], _: &Probe, script: &mut Script) {
        script.call("probe_deployment", batch.iter().map(|one| &one.path));
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<Serving>> {
        let find = |path: &str| {
            let mut lines = reply.lines().filter_map(fields::<3>);
            lines.find(|line| line[0] == "current" && line[1] == path)
        };
        let observe = |one: &&Self| match find(one.path.as_str()) {
            None => Observed::unknown(format!("the probe says nothing of {}", one.path)),
            Some([_, _, ""]) => Observed::Absent,
            Some([_, _, current]) => Observed::Present(Serving {
                current: current.to_owned(),
            }),
        };
        batch.iter().map(observe).collect()
    }

    fn applied(&self, _: &Observed<Serving>, _: &Surroundings<'_>) -> Observed<Serving> {
        Observed::Present(Serving {
            current: self.release.clone(),
        })
    }

    fn compare(&self, observed: &Observed<Serving>, _: &Surroundings<'_>) -> Option<Delta> {
        let Observed::Present(serving) = observed else {
            return Some(Delta::create([("release", self.release.clone())]));
        };
        let mut diff = Diff::default();
        diff.compare("release", Some(&serving.current), Some(&self.release));
        let because = "the app's code differs from the release that serves";
        (!diff.is_empty()).then(|| Delta::quiet(Action::Update, because, diff))
    }

    fn work(&self, _: &Observed<Serving>, change: &Change, _: &Surroundings<'_>, work: &mut Work) {
        let mut script = Script::new();
        script.call("switch_release", [self.path.as_str(), &self.release]);
        work.step(Phase::Activate, &change.id, script);
    }
}
