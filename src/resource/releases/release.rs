//! Releases: the app's code in a folder of its own, named by its content. Which one serves is
//! the deployment's to say.

use super::manifest::{Difference, Manifest};
use super::old_release::OldRelease;
use super::part::{self, Part};
use super::shell;
use crate::resource::vocabulary::probe::{decode, fields};
use crate::resource::{
    Action, Change, Content, Data, Delta, Diff, EntryError, ExecutionPlan, Kind, Materials,
    Observed, Owned, Phase, PlanContext, Probe,
};
use crate::shell::Script;
use crate::types::{AbsolutePath, AccountName, Code};
use serde::Deserialize;
use std::io::Read;
use std::sync::Arc;

/// A release that should be there, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    path: AbsolutePath,
    keep: u32,
    code: Code,
    /// What makes it ready, if something does.
    prepare: Option<Preparation>,
}

/// What makes a release ready.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Preparation {
    /// The account that its parts run as.
    user: AccountName,
    parts: Vec<Part>,
    packages: Vec<String>,
}

/// The fields of `[[release]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The folder in which `releases/` stands.
    path: AbsolutePath,
    /// How many releases stay that have served; at least one, which may still be served.
    keep: Option<u32>,
    /// What makes a release ready, part by part, before anything else sees it. For it, and for its
    /// time, the release belongs to `user`.
    #[serde(default)]
    prepare: Vec<Part>,
    user: Option<AccountName>,
    /// Packages whose versions decide what is made.
    #[serde(default)]
    packages: Vec<String>,
}

/// What is there of the wanted release, or to make it of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Whether it is there, whole.
    whole: bool,
    /// Files of it that were changed on the server.
    edited: Vec<String>,
    /// What it can be made of, if it is not there.
    base: Option<Base>,
    /// All that are ours, with when each was last proven, in seconds since 1970; 0 for one that
    /// never was.
    kept: Vec<(u64, String)>,
    /// The one that serves.
    current: String,
}

/// A release of which another can be made, without what was changed in it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Base {
    id: String,
    manifest: Manifest,
}

/// A manifest is text, and a line for each file: more is no manifest.
const MOST_TEXT: u64 = 256 << 20;

impl Release {
    fn id(&self) -> &str {
        self.code.id().as_str()
    }

    /// What is there, of the probe's lines for this release.
    fn found(&self, lines: &[[&str; 3]], kept: Vec<(u64, String)>) -> Observed<Found> {
        let all = |word: &'static str| lines.iter().filter(move |line| line[0] == word);
        let one = |word| all(word).map(|line| line[2]).next();
        let current = one("current").unwrap_or_default().to_owned();
        let edited: Vec<String> = all("edited").map(|line| line[2].to_owned()).collect();
        let id = self.id();
        match (one("wanted"), self.code.tree()) {
            (None, _) => Observed::unknown(format!("the probe says nothing of {}", self.path)),
            (Some("absent"), None) => {
                let kept: Vec<&str> = kept.iter().map(|(_, id)| id.as_str()).collect();
                let kept = if kept.is_empty() {
                    "none".to_owned()
                } else {
                    kept.join(", ")
                };
                Observed::unknown(format!(
                    "the server does not keep the release {id}; kept are {kept}"
                ))
            }
            (Some("absent"), Some(_)) => {
                let manifest = one("manifest").and_then(unpacked);
                let base = one("base").zip(manifest).map(|(id, text)| {
                    let mut manifest = Manifest::parse(&text);
                    all("changed").for_each(|line| manifest.forget(line[2]));
                    let id = id.to_owned();
                    Base { id, manifest }
                });
                if base.is_none() && kept.is_empty() {
                    return Observed::Absent;
                }
                Observed::Present(Found {
                    whole: false,
                    edited,
                    base,
                    kept,
                    current,
                })
            }
            (Some(_), None) if !edited.is_empty() => Observed::unknown(format!(
                "the release {id} was changed on the server: {}",
                edited.join(", ")
            )),
            (Some(_), _) => Observed::Present(Found {
                whole: true,
                edited,
                base: None,
                kept,
                current,
            }),
        }
    }

    /// The releases that this one makes superfluous: those that never served, and those that have,
    /// but for the newest ones. What serves stays until another one does.
    #[must_use]
    pub fn superseded(&self, found: &Found) -> Vec<OldRelease> {
        let others = found.kept.iter().filter(|(_, id)| id != self.id());
        let (mut served, never): (Vec<_>, Vec<_>) = others.partition(|(used, _)| *used > 0);
        served.sort_by(|one, other| other.cmp(one));
        let keep = self.keep as usize;
        let old = served.iter().skip(keep).map(|(_, id)| (id, Some(keep)));
        let never = never.iter().map(|(_, id)| (id, None));
        never
            .chain(old)
            .filter(|(id, _)| **id != found.current)
            .map(|(id, newer)| OldRelease::new(&self.path, id, newer))
            .collect()
    }

    /// What must travel to make it of what is there.
    fn difference(&self, observed: &Observed<Found>) -> Option<(Difference, Option<String>)> {
        let tree = self.code.tree()?;
        let base = observed.present().and_then(|found| found.base.as_ref());
        let nothing = Manifest::default();
        let manifest = base.map_or(&nothing, |base| &base.manifest);
        let difference = Difference::new(tree, manifest);
        Some((difference, base.map(|base| base.id.clone())))
    }
}

/// The text of what `gzip` and `base64` made.
fn unpacked(text: &str) -> Option<String> {
    let packed = decode(text)?;
    let mut text = String::new();
    let reader = flate2::read::GzDecoder::new(packed.as_slice());
    reader.take(MOST_TEXT).read_to_string(&mut text).ok()?;
    Some(text)
}

impl Kind for Release {
    const NAME: &'static str = "release";
    const PROBE_SHELL: &'static [&'static str] = &[shell::MARK, shell::PROBE];
    const STEP_SHELL: &'static [&'static str] = &[shell::MARK, shell::STEPS];
    type Entry = Entry;
    type State = Found;

    fn build(entry: Entry, materials: &dyn Materials) -> Result<Self, EntryError> {
        Ok(Self {
            path: entry.path,
            keep: entry.keep.unwrap_or(3).max(1),
            code: materials.app()?,
            prepare: match (entry.user, entry.prepare) {
                (_, parts) if parts.is_empty() => None,
                (Some(user), parts) => Some(Preparation {
                    user,
                    parts,
                    packages: entry.packages,
                }),
                (None, _) => {
                    return Err(EntryError::field("prepare", "it needs `user`, too"));
                }
            },
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
        let lines: Vec<[&str; 3]> = reply.lines().filter_map(fields::<3>).collect();
        let own = |release: &Self| {
            let lines = lines.iter().filter(|line| line[1] == release.path.as_str());
            lines.copied().collect::<Vec<_>>()
        };
        let kept = |release: &Self| {
            let lines = reply.lines().filter_map(fields::<4>);
            let lines = lines.filter(|line| line[0] == "kept" && line[1] == release.path.as_str());
            lines
                .map(|[_, _, used, id]| (used.parse().unwrap_or(0), id.to_owned()))
                .collect()
        };
        batch
            .iter()
            .map(|release| release.found(&own(release), kept(release)))
            .collect()
    }

    fn applied(&self, before: &Observed<Found>, _: &PlanContext<'_>) -> Observed<Found> {
        let before = before.present();
        Observed::Present(Found {
            whole: true,
            edited: Vec::new(),
            base: None,
            kept: before.map_or_else(Vec::new, |found| found.kept.clone()),
            current: self.id().to_owned(),
        })
    }

    /// Of what it is made does not matter, nor what of that was changed, nor what else is kept.
    fn fingerprint(found: &Found) -> String {
        format!("{:?} {:?}", found.whole, found.edited)
    }

    fn compare(&self, observed: &Observed<Found>, _: &PlanContext<'_>) -> Option<Delta> {
        let found = match observed {
            Observed::Present(found) if found.whole => found,
            _ => {
                let mut all = vec![("release", self.id().to_owned())];
                all.extend(self.code.origin().map(|origin| ("from", origin.to_owned())));
                all.extend(self.code.tree().map(|tree| ("content", tree.amount())));
                if let Some((difference, Some(base))) = self.difference(observed) {
                    let sent = difference.tree.amount();
                    all.push(("sent", format!("{sent}; the rest is that of {base}")));
                }
                return Some(Delta::create(all));
            }
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

    fn owned(&self) -> Vec<Owned> {
        let releases = AbsolutePath::new(&format!("{}/releases", self.path));
        let owned = |path| Owned::Data(Data::Tree(path));
        releases.into_iter().map(owned).collect()
    }

    fn work(
        &self,
        observed: &Observed<Found>,
        change: &Change,
        _: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    ) {
        let path = self.path.as_str();
        let mut script = Script::new();
        if let Some((tree, (difference, base))) = self.code.tree().zip(self.difference(observed)) {
            let Difference {
                tree: sent,
                lines,
                gone,
            } = difference;
            let digest = Manifest::of(tree).digest();
            work.needs_space(&self.path, tree);
            let sent = work.payload(Content::Tree(Arc::new(sent)));
            let lines = work.payload(Content::Bytes(lines.as_bytes().into()));
            let mut words = vec![
                path.to_owned(),
                self.id().to_owned(),
                digest.to_string(),
                sent,
                lines,
            ];
            if let Some(base) = base {
                let gone = work.payload(Content::Bytes(gone.as_bytes().into()));
                words.extend([base, gone]);
            }
            script.call("make_release", words);
            if let Some(Preparation {
                user,
                parts,
                packages,
            }) = &self.prepare
            {
                work.functions.insert(shell::PREPARE);
                let place = (&self.path, self.id());
                part::prepare(&mut script, place, user, packages, parts, tree);
            }
            script.call("place_release", [path, self.id()]);
        }
        work.step(Phase::Activate, &change.id, script);
        let mut script = Script::new();
        script.call("forget_replaced", [path, self.id()]);
        if observed.present().is_some_and(|found| found.whole) {
            work.step(Phase::Finish, &change.id, script);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{Digest, Node, Tree};
    use base64::Engine as _;
    use std::io::Write;

    const AROUND: PlanContext<'static> = PlanContext {
        now: 0,
        date: "20260101",
        changes: &[],
    };

    /// Two files, one of which has this content.
    fn tree(content: &str) -> Tree {
        let file = |content: &str| Node::File {
            executable: false,
            content: content.as_bytes().into(),
        };
        let entries = [("same", file("same")), ("app.py", file(content))];
        Tree::new(entries.map(|(path, node)| (path.to_owned(), node)).into())
    }

    fn release() -> Release {
        Release {
            path: AbsolutePath::new("/srv/x").unwrap(),
            keep: 3,
            code: Code::new(tree("new"), "", None),
            prepare: None,
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
            "wanted\x1f/srv/x\x1fabsent\nkept\x1f/srv/x\x1f7\x1fold\n".to_owned(),
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

    #[test]
    fn what_is_superseded_is_what_never_served_and_what_is_old() {
        let release = release();
        let reply = "wanted\x1f/srv/x\x1fabsent\ncurrent\x1f/srv/x\x1f1\n\
            kept\x1f/srv/x\x1f10\x1f1\nkept\x1f/srv/x\x1f20\x1f2\nkept\x1f/srv/x\x1f30\x1f3\n\
            kept\x1f/srv/x\x1f40\x1f4\nkept\x1f/srv/x\x1f5\x1f5\nkept\x1f/srv/x\x1f0\x1f6\n\
            kept\x1f/srv/x\x1f0\x1fID\n";
        let found = observe(&release, reply);
        let old = release.superseded(found.present().unwrap());
        let names: Vec<String> = old.iter().map(Kind::name).collect();
        // 1 is as old, but serves.
        assert_eq!(names, ["/srv/x/releases/6", "/srv/x/releases/5"]);
    }

    /// What the probe says of a server where another release serves.
    fn other(changed: &str) -> String {
        let digest = |text: &str| Digest::of(text.as_bytes());
        let manifest = format!("f {}  app.py\nf {}  same\n", digest("old"), digest("same"));
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(manifest.as_bytes()).unwrap();
        let packed = encoder.finish().unwrap();
        let packed = base64::engine::general_purpose::STANDARD.encode(packed);
        format!(
            "wanted\x1f/srv/x\x1fabsent\nbase\x1f/srv/x\x1f0123456789ab\n{changed}\n\
             manifest\x1f/srv/x\x1f{packed}\n"
        )
    }

    #[test]
    fn a_release_is_made_of_the_one_that_serves() {
        let delta = compare(&other("")).unwrap();
        assert_eq!(delta.action, Action::Create);
        let sent = delta.diff.fields.iter().find(|field| field.name == "sent");
        assert_eq!(
            sent.unwrap().after.as_deref(),
            Some("1 file, 3 bytes; the rest is that of 0123456789ab")
        );
        for changed in ["changed\x1f/srv/x\x1fsame", "changed\x1f/srv/x\x1f/"] {
            let delta = compare(&other(changed)).unwrap();
            let sent = delta.diff.fields.iter().find(|field| field.name == "sent");
            let sent = sent.unwrap().after.clone().unwrap();
            assert!(sent.starts_with("2 files, 7 bytes;"), "{sent}");
        }
        let broken = other("").replace("manifest\x1f/srv/x\x1f", "manifest\x1f/srv/x\x1f!");
        assert_eq!(observe(&release(), &broken), Observed::Absent);
    }
}
