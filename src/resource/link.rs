//! Symbolic links.

use super::vocabulary::probe::fields;
use super::{
    Change, Claim, Conflict, Delta, Diff, EntryError, ExecutionPlan, Future, Kind, Materials,
    Observed, Owned, Phase, PlanContext, Probe,
};
use crate::shell::Script;
use crate::types::AbsolutePath;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A symbolic link that should point at its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    path: AbsolutePath,
    target: String,
    /// Whether what is there is replaced, whoever made it.
    adopt: bool,
}

/// The fields of `[[link]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    path: AbsolutePath,
    target: String,
    /// Whether what is there is replaced, whoever made it.
    #[serde(default)]
    adopt: bool,
}

/// What stands at the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A link to this target.
    Link(String),
    /// Something else.
    Other,
}

impl Kind for Link {
    const NAME: &'static str = "link";
    const PROBE_SHELL: &'static [&'static str] = &[include_str!("link.sh")];
    const LEAVES_OTHERS_ALONE: bool = true;
    type Entry = Entry;
    type State = Found;

    fn build(entry: Entry, _: &dyn Materials) -> Result<Self, EntryError> {
        if entry.target.is_empty() || entry.target.chars().any(char::is_control) {
            let message = format!("`{}` cannot be the target of a link", entry.target);
            return Err(EntryError::field("target", message));
        }
        Ok(Self {
            path: entry.path,
            target: entry.target,
            adopt: entry.adopt,
        })
    }

    fn name(&self) -> String {
        self.path.to_string()
    }

    fn paths(&self) -> Vec<&AbsolutePath> {
        vec![&self.path]
    }

    fn probe(batch: &[&Self], _: &Probe, script: &mut Script) {
        script.call("probe_link", batch.iter().map(|link| &link.path));
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<Found>> {
        let mut found: BTreeMap<&str, Observed<Found>> = BTreeMap::new();
        for line in reply.lines() {
            match fields::<3>(line) {
                Some(["link", path, target]) => {
                    found.insert(path, Observed::Present(Found::Link(target.to_owned())));
                }
                Some(["other", path, _]) => {
                    found.insert(path, Observed::Present(Found::Other));
                }
                Some(["absent", path, _]) => {
                    found.insert(path, Observed::Absent);
                }
                _ => {}
            }
        }
        batch
            .iter()
            .map(|link| {
                let missing =
                    || Observed::unknown(format!("the probe says nothing of {}", link.path));
                found.remove(link.path.as_str()).unwrap_or_else(missing)
            })
            .collect()
    }

    fn applied(&self, _: &Observed<Found>, _: &PlanContext<'_>) -> Observed<Found> {
        Observed::Present(Found::Link(self.target.clone()))
    }

    fn compare(&self, observed: &Observed<Found>, _: &PlanContext<'_>) -> Option<Delta> {
        let before = match observed {
            Observed::Present(Found::Link(target)) => target.as_str(),
            Observed::Present(Found::Other) => "(not a link)",
            _ => return Some(Delta::create([("target", self.target.clone())])),
        };
        let mut diff = Diff::default();
        diff.compare("target", Some(before), Some(&self.target));
        Delta::update(diff)
    }

    fn conflict(&self, found: &Found, claim: Claim) -> Option<Conflict> {
        let found = match found {
            Found::Link(target) if *target == self.target => return None,
            Found::Link(target) => format!("a link to {target} is there"),
            Found::Other => "something that is no link is there".to_owned(),
        };
        (!claim.is_ours() && !self.adopt).then(|| Conflict {
            subject: self.path.to_string(),
            found,
            because: "no run of foobar-stack made it".to_owned(),
            hint: format!(
                "move it away, or add \"{}\" to server.adopt to have it replaced",
                self.path
            ),
        })
    }

    fn owned(&self) -> Vec<Owned> {
        vec![Owned::Path(self.path.clone())]
    }

    fn work(
        &self,
        _: &Observed<Found>,
        change: &Change,
        _: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    ) {
        work.future(Future::Link(self.path.clone(), self.target.clone()));
        let mut script = Script::new();
        script.call("put_link", [self.path.as_str(), &self.target]);
        work.step(Phase::Commit, &change.id, script);
    }
}
