//! Folders.

use super::place::{Ownership, Place, place_of, read_places};
use super::vocabulary::probe::fields;
use super::{
    Change, Claim, Conflict, Content, Data, Delta, Diff, EntryError, ExecutionPlan, Future, Kind,
    Materials, Observed, Owned, Phase, PlanContext, Probe,
};
use crate::shell::Script;
use crate::types::{AbsolutePath, AccountName, FileMode, Tree};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A folder that should be there. Its parents are made with it, owned by root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    path: AbsolutePath,
    ownership: Ownership,
    readers: BTreeSet<AccountName>,
    is_state: bool,
    seed: Option<Arc<Tree>>,
}

/// The fields of `[[directory]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    path: AbsolutePath,
    owner: Option<AccountName>,
    group: Option<AccountName>,
    mode: Option<FileMode>,
    /// Further groups whose members may enter and list it (acl(5)); it needs the package `acl`.
    #[serde(default)]
    readers: BTreeSet<AccountName>,
    /// Whether all that is in it is runtime state of the stack: then its removal, which is asked
    /// for, takes everything along. Default: no; what others have put into it stays.
    #[serde(default)]
    state: bool,
    /// A folder of the app's code: what the code has there is in this one from the moment it is made,
    /// with its owner. One that is there is left as it is. Default: none.
    seed: Option<String>,
}

/// A folder on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    place: Place,
    /// The groups that may enter it, beside its own.
    readers: BTreeSet<String>,
}

const TYPE: &str = "directory";

impl Kind for Directory {
    const NAME: &'static str = "directory";
    const PROBE_SHELL: &'static [&'static str] = &[include_str!("directory.sh")];
    const LEAVES_OTHERS_ALONE: bool = true;
    type Entry = Entry;
    type State = Folder;

    fn build(entry: Entry, materials: &dyn Materials) -> Result<Self, EntryError> {
        let ownership = Ownership::new(entry.mode, "0755", entry.owner, entry.group)?;
        Ok(Self {
            path: entry.path,
            ownership,
            readers: entry.readers,
            is_state: entry.state,
            seed: match entry.seed {
                Some(folder) => materials.app()?.seed(&folder).cloned(),
                None => None,
            },
        })
    }

    fn name(&self) -> String {
        self.path.to_string()
    }

    fn probe(batch: &[&Self], _: &Probe, script: &mut Script) {
        script.call("probe_paths", batch.iter().map(|directory| &directory.path));
        for directory in batch.iter().filter(|one| !one.readers.is_empty()) {
            script.call("probe_readers", [&directory.path]);
        }
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<Folder>> {
        let places = read_places(reply);
        let mut readers: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for line in reply.lines() {
            if let Some(["reader", path, group]) = fields::<3>(line) {
                readers.entry(path).or_default().insert(group.to_owned());
            }
        }
        let folder = |directory: &&Self| {
            place_of(&places, &directory.path).map(|place| Folder {
                place,
                readers: readers
                    .get(directory.path.as_str())
                    .cloned()
                    .unwrap_or_default(),
            })
        };
        batch.iter().map(folder).collect()
    }

    fn applied(&self, _: &Observed<Folder>, _: &PlanContext<'_>) -> Observed<Folder> {
        Observed::Present(Folder {
            place: Place::like(TYPE, &self.ownership),
            readers: self.readers.iter().map(ToString::to_string).collect(),
        })
    }

    fn compare(&self, observed: &Observed<Folder>, _: &PlanContext<'_>) -> Option<Delta> {
        let wanted = join(self.readers.iter().map(AccountName::as_str));
        let Observed::Present(folder) = observed else {
            let mut delta = Delta::create(self.ownership.fields());
            delta.diff.compare("readers", None, wanted.as_deref());
            let seed = self
                .seed
                .as_ref()
                .map(|seed| format!("what the code has there: {}", seed.amount()));
            delta.diff.compare("filled with", None, seed.as_deref());
            return Some(delta);
        };
        let mut diff = Diff::default();
        folder.place.compare(TYPE, &self.ownership, &mut diff);
        // Whoever else may enter it was let in by somebody else.
        let missing = |group: &AccountName| !folder.readers.contains(group.as_str());
        if self.readers.iter().any(missing) {
            let found = join(folder.readers.iter().map(String::as_str));
            diff.compare("readers", found.as_deref(), wanted.as_deref());
        }
        Delta::update(diff)
    }

    fn conflict(&self, folder: &Folder, claim: Claim) -> Option<Conflict> {
        let place = &folder.place;
        let found = if place.file_type != TYPE {
            format!("a {} is there", place.file_type)
        } else if place.owner != self.ownership.owner.as_str() && place.owner != "root" {
            format!("a folder of {} is there", place.owner)
        } else {
            return None;
        };
        (!claim.is_ours()).then(|| Conflict {
            subject: self.path.to_string(),
            found,
            because: format!(
                "no run of foobar-stack made it, and it would become a folder of {}",
                self.ownership.owner
            ),
            hint: format!("move it away, or add \"{}\" to server.adopt", self.path),
        })
    }

    fn owned(&self) -> Vec<Owned> {
        let data = if self.is_state {
            Data::State
        } else {
            Data::Folder
        };
        vec![Owned::Data(data(self.path.clone()))]
    }

    fn work(
        &self,
        observed: &Observed<Folder>,
        change: &Change,
        _: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    ) {
        work.future(Future::Directory(self.path.clone()));
        let mut script = Script::new();
        let [mode, owner, group] = self.ownership.words();
        if let (Some(seed), None) = (&self.seed, observed.present()) {
            work.needs_space(&self.path, seed);
            let payload = work.payload(Content::Tree(Arc::clone(seed)));
            let words = [self.path.as_str(), &payload, owner, group];
            script.call("seed_directory", words);
        }
        let words = [self.path.as_str(), mode, owner, group];
        let readers = self.readers.iter().map(AccountName::as_str);
        script.call("make_directory", words.into_iter().chain(readers));
        work.step(Phase::Commit, &change.id, script);
    }
}

/// The names in one text; none if there are none.
fn join<'a>(names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<&str> = names.collect();
    (!names.is_empty()).then(|| names.join(", "))
}
