//! Releases: the app's code in a folder of its own, named by its content. Which one serves is
//! the deployment's to say.

use super::probe::fields;
use super::{
    Action, Change, Content, Delta, Diff, EntryError, Kind, Materials, Observed, Phase, Probe,
    Surroundings, Work,
};
use crate::shell::Script;
use crate::types::{AbsolutePath, Code};
use serde::Deserialize;
use std::sync::Arc;

/// A release that should be there, whole.
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
    /// The folder in which `releases/` stands.
    path: AbsolutePath,
    /// How many releases stay that have served; at least one, which may still be served.
    keep: Option<u32>,
}

/// The wanted release, as it is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
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
            keep: entry.keep.unwrap_or(3).max(1),
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
                let edited: Vec<String> = lines()
                    .filter(|line| line[0] == "edited")
                    .map(|line| line[2].to_owned())
                    .collect();
                let id = release.id();
                match (one("wanted"), release.code.tree()) {
                    (None, _) => Observed::unknown(format!("the probe says nothing of {path}")),
                    (Some("absent"), None) => {
                        let kept = lines().filter(|line| line[0] == "kept");
                        let kept: Vec<&str> = kept.map(|line| line[2]).collect();
                        let kept = if kept.is_empty() {
                            "none".to_owned()
                        } else {
                            kept.join(", ")
                        };
                        Observed::unknown(format!(
                            "the server does not keep the release {id}; kept are {kept}"
                        ))
                    }
                    (Some("absent"), Some(_)) => Observed::Absent,
                    (Some(_), None) if !edited.is_empty() => Observed::unknown(format!(
                        "the release {id} was changed on the server: {}",
                        edited.join(", ")
                    )),
                    (Some(_), _) => Observed::Present(Found { edited }),
                }
            })
            .collect()
    }

    fn applied(&self, _: &Observed<Found>, _: &Surroundings<'_>) -> Observed<Found> {
        Observed::Present(Found { edited: Vec::new() })
    }

    fn compare(&self, observed: &Observed<Found>, _: &Surroundings<'_>) -> Option<Delta> {
        let Observed::Present(found) = observed else {
            let mut all = vec![("release", self.id().to_owned())];
            if let Some(tree) = self.code.tree() {
                let files = format!("{} files, {} bytes", tree.len(), tree.size());
                all.push(("content", files));
            }
            all.extend(self.code.origin().map(|origin| ("from", origin.to_owned())));
            return Some(Delta::create(all));
        };
        let names = found.edited.join(", ");
        let mut diff = Diff::default();
        if !found.edited.is_empty() {
            diff.compare(
                "edited on the server",
                Some(&names),
                Some("as in the inventory"),
            );
        }
        let because = "its files were changed on the server";
        (!diff.is_empty()).then(|| Delta::quiet(Action::Update, because, diff))
    }

    fn work(&self, _: &Observed<Found>, change: &Change, _: &Surroundings<'_>, work: &mut Work) {
        let path = self.path.as_str();
        let mut script = Script::new();
        if let Some(tree) = self.code.tree() {
            let payload = work.payload(Content::Tree(Arc::clone(tree)));
            script.call("unpack_release", [payload.as_str(), path, self.id()]);
        }
        work.step(Phase::Activate, &change.id, script);
        let mut script = Script::new();
        script.call("prune_releases", [path, &self.keep.to_string()]);
        work.step(Phase::Finish, &change.id, script);
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
            code: Code::new(Tree::default(), "", None),
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
    fn an_edited_file_of_the_wanted_release_is_named() {
        assert_eq!(compare("wanted\x1f/srv/x\x1fpresent\n"), None);
        let delta = compare("wanted\x1f/srv/x\x1fpresent\nedited\x1f/srv/x\x1fapp.py\n");
        assert_eq!(
            delta.unwrap().diff.fields[0].before.as_deref(),
            Some("app.py")
        );
    }

    #[test]
    fn a_release_that_is_not_there_is_made() {
        let delta = compare("wanted\x1f/srv/x\x1fabsent\n").unwrap();
        assert_eq!(delta.action, Action::Create);
        let id = release().id().to_owned();
        assert_eq!(delta.diff.fields[0].after, Some(id));
    }

    #[test]
    fn a_release_without_code_must_be_on_the_server_as_it_was() {
        let mut release = release();
        release.code = Code::kept(release.code.id().clone());
        let there = "wanted\x1f/srv/x\x1fpresent\n";
        let found = observe(&release, there);
        assert_eq!(release.compare(&found, &AROUND), None);
        for reply in [
            "wanted\x1f/srv/x\x1fabsent\n".to_owned(),
            "wanted\x1f/srv/x\x1fabsent\nkept\x1f/srv/x\x1fold\n".to_owned(),
            format!("{there}edited\x1f/srv/x\x1fapp.py\n"),
        ] {
            let Observed::Unknown { reason } = observe(&release, &reply) else {
                panic!("{reply}");
            };
            assert!(reason.contains(release.id()), "{reason}");
            if reply.contains("kept") {
                assert!(reason.ends_with("kept are old"), "{reason}");
            }
        }
    }
}
