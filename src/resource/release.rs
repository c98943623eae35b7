//! Releases: the app's code in a folder of its own, named by its content, and the link that
//! says which one serves.

use super::probe::fields;
use super::{
    Action, Change, Content, Delta, Diff, EntryError, Kind, Materials, Observed, Phase, Probe,
    Surroundings, Work,
};
use crate::shell::Script;
use crate::types::{AbsolutePath, Code};
use serde::Deserialize;
use std::sync::Arc;

/// A release that should be the current one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    path: AbsolutePath,
    keep: u32,
    code: Code,
}

/// The fields of `[[release]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The folder in which `releases/` and `current` stand.
    path: AbsolutePath,
    /// How many releases stay beside the current one.
    keep: Option<u32>,
}

/// What stands in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The id that `current` points at.
    current: Option<String>,
    /// Whether the wanted release is there, whole.
    unpacked: bool,
    /// Files of the wanted release that were changed on the server.
    edited: Vec<String>,
}

impl Release {
    fn id(&self) -> &str {
        self.code.id().as_str()
    }
}

impl Kind for Release {
    const NAME: &'static str = "release";
    const LIBRARY: &'static str = include_str!("release.sh");
    type Entry = Entry;
    type State = Found;

    fn build(entry: Entry, materials: &dyn Materials) -> Result<Self, EntryError> {
        Ok(Self {
            path: entry.path,
            keep: entry.keep.unwrap_or(3),
            code: materials.app()?,
        })
    }

    fn name(&self) -> String {
        self.path.to_string()
    }

    fn probe(batch: &[&Self], _: &Probe, script: &mut Script) {
        let words = batch
            .iter()
            .flat_map(|release| [release.path.as_str(), release.id()]);
        script.call("probe_release", words);
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<Found>> {
        batch
            .iter()
            .map(|release| {
                let path = release.path.as_str();
                let lines = || {
                    reply
                        .lines()
                        .filter_map(fields::<3>)
                        .filter(|line| line[1] == path)
                };
                let one = |word: &str| lines().find(|line| line[0] == word).map(|line| line[2]);
                match (one("current"), one("wanted")) {
                    (Some(_), Some("absent")) if release.code.tree().is_none() => {
                        let id = release.id();
                        Observed::unknown(format!("the server does not keep the release {id}"))
                    }
                    (None, _) | (_, None) => {
                        Observed::unknown(format!("the probe says nothing of {path}"))
                    }
                    (Some(""), Some("absent")) => Observed::Absent,
                    (Some(current), Some(wanted)) => Observed::Present(Found {
                        current: (!current.is_empty()).then(|| current.to_owned()),
                        unpacked: wanted == "present",
                        edited: lines()
                            .filter(|line| line[0] == "edited")
                            .map(|line| line[2].to_owned())
                            .collect(),
                    }),
                }
            })
            .collect()
    }

    fn applied(&self, _: &Observed<Found>, _: &Surroundings<'_>) -> Observed<Found> {
        Observed::Present(Found {
            current: Some(self.id().to_owned()),
            unpacked: true,
            edited: Vec::new(),
        })
    }

    fn compare(&self, observed: &Observed<Found>, _: &Surroundings<'_>) -> Option<Delta> {
        let Observed::Present(found) = observed else {
            let mut all = vec![("release", self.id().to_owned())];
            if let Some(tree) = self.code.tree() {
                let files = format!("{} files, {} bytes", tree.len(), tree.size());
                all.push(("content", files));
            }
            return Some(Delta::create(all));
        };
        let mut diff = Diff::default();
        diff.compare("release", found.current.as_deref(), Some(self.id()));
        if !found.edited.is_empty() {
            let names = found.edited.join(", ");
            diff.compare(
                "edited on the server",
                Some(&names),
                Some("as in the inventory"),
            );
        } else if !found.unpacked && found.current.as_deref() == Some(self.id()) {
            diff.compare("files", Some("not whole"), Some("whole"));
        }
        let because = if found.current.as_deref() == Some(self.id()) {
            "its files were changed on the server"
        } else {
            "the app's code differs from the release that serves"
        };
        (!diff.is_empty()).then(|| Delta::quiet(Action::Update, because, diff))
    }

    fn work(
        &self,
        observed: &Observed<Found>,
        change: &Change,
        _: &Surroundings<'_>,
        work: &mut Work,
    ) {
        let path = self.path.as_str();
        let mut script = Script::new();
        let whole = observed
            .present()
            .is_some_and(|found| found.unpacked && found.edited.is_empty());
        if let Some(tree) = self.code.tree().filter(|_| !whole) {
            let payload = work.payload(Content::Tree(Arc::clone(tree)));
            script.call("unpack_release", [payload.as_str(), path, self.id()]);
        }
        script.call("switch_release", [path, self.id()]);
        script.call("prune_releases", [path, &self.keep.to_string()]);
        work.step(Phase::Activate, &change.id, script);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Tree;

    const AROUND: Surroundings<'static> = Surroundings {
        now: 0,
        date: "20260101",
        changes: &[],
    };

    fn release() -> Release {
        Release {
            path: AbsolutePath::new("/srv/x").unwrap(),
            keep: 3,
            code: Code::new(Tree::default(), ""),
        }
    }

    fn observe(release: &Release, reply: &str) -> Observed<Found> {
        let reply = reply.replace("ID", release.id());
        Release::observe(&[release], &Probe::new("s".into()), &reply).remove(0)
    }

    fn compare(reply: &str) -> Option<Delta> {
        let release = release();
        let found = observe(&release, reply);
        assert!(!matches!(found, Observed::Unknown { .. }));
        release.compare(&found, &AROUND)
    }

    #[test]
    fn an_edited_file_of_the_current_release_is_named() {
        assert_eq!(
            compare("current\x1f/srv/x\x1fID\nwanted\x1f/srv/x\x1fpresent\n"),
            None
        );
        let delta = compare(
            "current\x1f/srv/x\x1fID\nwanted\x1f/srv/x\x1fpresent\nedited\x1f/srv/x\x1fapp.py\n",
        );
        assert_eq!(
            delta.unwrap().diff.fields[0].before.as_deref(),
            Some("app.py")
        );
    }

    #[test]
    fn another_release_serves() {
        let delta = compare("current\x1f/srv/x\x1fold\nwanted\x1f/srv/x\x1fabsent\n").unwrap();
        assert_eq!(delta.diff.fields[0].before.as_deref(), Some("old"));
        let id = release().id().to_owned();
        assert_eq!(delta.diff.fields[0].after, Some(id));
    }

    #[test]
    fn a_release_without_code_must_be_on_the_server() {
        let mut release = release();
        release.code = Code::kept(release.code.id().clone());
        let there = "current\x1f/srv/x\x1fold\nwanted\x1f/srv/x\x1fpresent\n";
        let found = observe(&release, there);
        assert!(release.compare(&found, &AROUND).is_some());
        let found = observe(&release, &there.replace("present", "absent"));
        let Observed::Unknown { reason } = found else {
            panic!("{found:?}");
        };
        assert!(reason.contains(release.id()), "{reason}");
    }
}
