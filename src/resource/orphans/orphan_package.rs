//! Packages that a run of ours has installed and that no role wants any more: they stay, unless
//! their removal is asked for. What apt would take along is taken only if it came with them.

use crate::resource::vocabulary::probe::fields;
use crate::resource::{
    Action, Change, Delta, Diff, EntryError, ExecutionPlan, Kind, Materials, Observed, Owned,
    Phase, PlanContext, Probe,
};
use crate::shell::Script;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A package that is no longer in the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrphanPackage {
    name: String,
    /// Whether it is to go.
    remove: bool,
}

/// The fields of `[[orphan_package]]`, which there is not.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {}

/// A package as the server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Packages that are not ours, and would have to go, too.
    held_by: Vec<String>,
    /// Packages that came with ours and that nothing needs any more.
    along: Vec<String>,
}

impl OrphanPackage {
    /// The package, and whether it is to go.
    #[must_use]
    pub fn new(name: &str, remove: bool) -> Self {
        Self {
            name: name.to_owned(),
            remove,
        }
    }

    /// What to call it in a sentence, with the reason why it stays even if it is to go.
    #[must_use]
    pub fn retained(&self, found: &Found) -> String {
        if found.held_by.is_empty() {
            return self.name.clone();
        }
        format!("{} ({} needs it)", self.name, found.held_by.join(", "))
    }
}

impl Kind for OrphanPackage {
    const NAME: &'static str = "orphan_package";
    const PROBE_SHELL: &'static [&'static str] = &[include_str!("orphan_package.sh")];
    type Entry = Entry;
    type State = Found;

    fn build(_: Entry, _: &dyn Materials) -> Result<Self, EntryError> {
        Err(EntryError::entry(
            "orphans are known to the server's record alone",
        ))
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn probe(batch: &[&Self], _: &Probe, script: &mut Script) {
        // To ask apt takes a second; without need nobody does.
        let ask = if batch.iter().any(|one| one.remove) {
            "ask"
        } else {
            "look"
        };
        let names = batch.iter().map(|one| one.name.as_str());
        script.call("probe_orphan_package", std::iter::once(ask).chain(names));
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<Found>> {
        let mut found: BTreeMap<&str, Found> = BTreeMap::new();
        let mut along = Vec::new();
        for [word, name, other] in reply.lines().filter_map(fields::<3>) {
            match word {
                "there" => {
                    let new = || Found {
                        held_by: Vec::new(),
                        along: Vec::new(),
                    };
                    found.entry(name).or_insert_with(new);
                }
                "held" => {
                    if let Some(found) = found.get_mut(name) {
                        found.held_by.push(other.to_owned());
                    }
                }
                "along" => along.push(name.to_owned()),
                _ => {}
            }
        }
        // They go with the last one that goes.
        let free = |one: &&&Self| {
            let found = found.get(one.name.as_str());
            found.is_some_and(|found| found.held_by.is_empty())
        };
        let last = batch.iter().rev().find(free).map(|one| one.name.clone());
        if let Some(found) = last.and_then(|name| found.get_mut(name.as_str())) {
            found.along = along;
        }
        let one = |one: &&Self| match found.get(one.name.as_str()) {
            Some(found) => Observed::Present(found.clone()),
            None => Observed::Absent,
        };
        batch.iter().map(one).collect()
    }

    fn applied(&self, before: &Observed<Found>, _: &PlanContext<'_>) -> Observed<Found> {
        let free = before
            .present()
            .is_some_and(|found| found.held_by.is_empty());
        if self.remove && free {
            Observed::Absent
        } else {
            before.clone()
        }
    }

    fn compare(&self, observed: &Observed<Found>, _: &PlanContext<'_>) -> Option<Delta> {
        let found = observed.present().filter(|_| self.remove)?;
        if !found.held_by.is_empty() {
            return None;
        }
        let mut diff = Diff::default();
        if !found.along.is_empty() {
            diff.compare("with", Some(&found.along.join(", ")), None);
        }
        let because = "no role wants it any more, and --remove-packages is given";
        Some(Delta::quiet(Action::Delete, because, diff))
    }

    fn owned(&self) -> Vec<Owned> {
        vec![Owned::Package(self.name.clone())]
    }

    fn work(
        &self,
        found: &Observed<Found>,
        change: &Change,
        _: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    ) {
        let along = found.present().map_or(&[][..], |found| &found.along);
        let mut script = Script::new();
        script.call("remove_packages", std::iter::once(&self.name).chain(along));
        script.call("forget", ["package", &self.name]);
        work.step(Phase::Finish, &change.id, script);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AROUND: PlanContext<'static> = PlanContext {
        now: 0,
        date: "20260101",
        changes: &[],
    };

    #[test]
    fn a_package_goes_if_it_takes_nothing_of_others_along() {
        let (a, b) = (
            OrphanPackage::new("aa", true),
            OrphanPackage::new("bb", true),
        );
        let observe =
            |reply: &str| OrphanPackage::observe(&[&a, &b], &Probe::new("s".into()), reply);
        let both = observe("there\x1faa\x1f\nthere\x1fbb\x1f\nalong\x1fbb-common\x1f\n");
        assert!(a.compare(&both[0], &AROUND).unwrap().diff.is_empty());
        let delta = b.compare(&both[1], &AROUND).unwrap();
        assert_eq!(delta.diff.fields[0].before.as_deref(), Some("bb-common"));
        let held = observe("there\x1faa\x1f\nthere\x1fbb\x1f\nheld\x1fbb\x1fmine\n");
        assert!(a.compare(&held[0], &AROUND).is_some());
        assert_eq!(b.compare(&held[1], &AROUND), None);
        assert_eq!(b.retained(held[1].present().unwrap()), "bb (mine needs it)");
        assert_eq!(observe("")[0], Observed::Absent);
        let kept = OrphanPackage::new("aa", false);
        assert_eq!(kept.compare(&both[0], &AROUND), None);
    }
}
