//! Folders.

use super::ownership::{Ownership, Place, place_of, read_places};
use super::{
    Change, Data, Delta, Diff, EntryError, Future, Kind, Materials, Observed, Owned, Phase, Probe,
    Surroundings, Work,
};
use crate::shell::Script;
use crate::types::{AbsolutePath, AccountName, FileMode};
use serde::Deserialize;

/// A folder that should be there. Its parents are made with it, owned by root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    path: AbsolutePath,
    ownership: Ownership,
}

/// The fields of `[[directory]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    path: AbsolutePath,
    owner: Option<AccountName>,
    group: Option<AccountName>,
    mode: Option<FileMode>,
}

const TYPE: &str = "directory";

impl Kind for Directory {
    const NAME: &'static str = "directory";
    const LIBRARY: &'static str = include_str!("directory.sh");
    type Entry = Entry;
    type State = Place;

    fn build(entry: Entry, _: &dyn Materials) -> Result<Self, EntryError> {
        let ownership = Ownership::new(entry.mode, "0755", entry.owner, entry.group)?;
        Ok(Self {
            path: entry.path,
            ownership,
        })
    }

    fn name(&self) -> String {
        self.path.to_string()
    }

    fn probe(batch: &[&Self], _: &Probe, script: &mut Script) {
        script.call("probe_paths", batch.iter().map(|directory| &directory.path));
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<Place>> {
        let places = read_places(reply);
        batch
            .iter()
            .map(|directory| place_of(&places, &directory.path))
            .collect()
    }

    fn applied(&self, _: &Observed<Place>, _: &Surroundings<'_>) -> Observed<Place> {
        Observed::Present(Place::like(TYPE, &self.ownership))
    }

    fn compare(&self, observed: &Observed<Place>, _: &Surroundings<'_>) -> Option<Delta> {
        let Observed::Present(place) = observed else {
            return Some(Delta::create(self.ownership.fields()));
        };
        let mut diff = Diff::default();
        place.compare(TYPE, &self.ownership, &mut diff);
        Delta::update(diff)
    }

    fn owned(&self) -> Vec<Owned> {
        vec![Owned::Data(Data::Folder(self.path.clone()))]
    }

    fn work(&self, _: &Observed<Place>, change: &Change, _: &Surroundings<'_>, work: &mut Work) {
        work.future(Future::Directory(self.path.clone()));
        let mut script = Script::new();
        let [mode, owner, group] = self.ownership.words();
        script.call("make_directory", [self.path.as_str(), mode, owner, group]);
        work.step(Phase::Commit, &change.id, script);
    }
}
