//! Files that a service writes itself, once they are there: runtime state, like a zone that
//! changes by itself. Only the first content is ours.

use super::place::{Ownership, place_of, read_places};
use super::{
    Change, Content, Data, Delta, EntryError, ExecutionPlan, Future, Kind, Materials, Observed,
    Owned, Phase, PlanContext, Probe,
};
use crate::shell::Script;
use crate::types::{AbsolutePath, AccountName, FileMode};
use serde::Deserialize;

/// A file that should be there, whatever is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFile {
    path: AbsolutePath,
    ownership: Ownership,
    content: String,
}

/// The fields of `[[state_file]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    path: AbsolutePath,
    /// What is in it at first.
    content: String,
    owner: Option<AccountName>,
    group: Option<AccountName>,
    mode: Option<FileMode>,
}

impl Kind for StateFile {
    const NAME: &'static str = "state_file";
    const PROBE_SHELL: &'static [&'static str] = &[include_str!("state_file.sh")];
    type Entry = Entry;
    /// Whoever has made it, and whatever is in it.
    type State = ();

    fn build(entry: Entry, _: &dyn Materials) -> Result<Self, EntryError> {
        let ownership = Ownership::new(entry.mode, "0644", entry.owner, entry.group)?;
        Ok(Self {
            path: entry.path,
            ownership,
            content: entry.content,
        })
    }

    fn name(&self) -> String {
        self.path.to_string()
    }

    fn paths(&self) -> Vec<&AbsolutePath> {
        vec![&self.path]
    }

    fn probe(batch: &[&Self], _: &Probe, script: &mut Script) {
        script.call("probe_paths", batch.iter().map(|file| &file.path));
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<()>> {
        let places = read_places(reply);
        let found = |file: &&Self| place_of(&places, &file.path).map(|_| ());
        batch.iter().map(found).collect()
    }

    fn applied(&self, _: &Observed<()>, _: &PlanContext<'_>) -> Observed<()> {
        Observed::Present(())
    }

    fn compare(&self, observed: &Observed<()>, _: &PlanContext<'_>) -> Option<Delta> {
        let missing = !matches!(observed, Observed::Present(()));
        missing.then(|| Delta::create(self.ownership.fields()))
    }

    fn owned(&self) -> Vec<Owned> {
        vec![Owned::Data(Data::State(self.path.clone()))]
    }

    fn work(
        &self,
        _: &Observed<()>,
        change: &Change,
        _: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    ) {
        let payload = work.payload(Content::Bytes(self.content.as_bytes().into()));
        work.future(Future::State(self.path.clone(), payload.clone()));
        let [mode, owner, group] = self.ownership.words();
        let mut script = Script::new();
        let words = [payload.as_str(), self.path.as_str(), mode, owner, group];
        script.call("put_state", words);
        work.step(Phase::Commit, &change.id, script);
        work.uses("file");
    }
}
