//! Files: rendered from a template, written in the role, or copied from beside the inventory.

use super::place::{Ownership, Place, place_of, read_places};
use super::secret::salted_digest;
use super::vocabulary::probe::{decode, fields};
use super::{
    Change, Claim, Conflict, Content, Delta, Diff, EntryError, ExecutionPlan, Future, Kind,
    Materials, Observed, Owned, Phase, PlanContext, Probe, PutFile, Rendered, TextChange,
};
use crate::shell::Script;
use crate::types::{AbsolutePath, AccountName, Digest, FileMode, SecretValue, private_key};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::sync::Arc;

/// A file that should be there with this content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    path: AbsolutePath,
    ownership: Ownership,
    content: FileContent,
    /// Where the content comes from, for people.
    origin: String,
    /// Whether what is there is replaced, whoever made it.
    adopt: bool,
}

/// The content of a file. A sensitive one is compared by keyed hash and never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
enum FileContent {
    Plain(Arc<[u8]>),
    Sensitive(SecretValue),
}

/// The fields of `[[file]]`: one of `template`, `content` and `source`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    path: AbsolutePath,
    template: Option<String>,
    content: Option<String>,
    source: Option<String>,
    owner: Option<AccountName>,
    group: Option<AccountName>,
    mode: Option<FileMode>,
    #[serde(default)]
    sensitive: bool,
    /// Whether what is there is replaced, whoever made it.
    #[serde(default)]
    adopt: bool,
}

/// A file as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    place: Place,
    digest: Option<Digest>,
    /// The text on the server, if it may differ and is a text of moderate size.
    text: Option<String>,
    /// Whether a package has brought it, and nobody has changed it since.
    shipped: bool,
}

const TYPE: &str = "regular file";

/// What the first lines of our files say.
const MARK: &str = "Managed by foobar-stack";

impl File {
    fn digest(&self, probe: &Probe) -> Digest {
        match &self.content {
            FileContent::Plain(bytes) => Digest::of(bytes),
            FileContent::Sensitive(secret) => probe.keyed(secret),
        }
    }

    fn is_sensitive(&self) -> bool {
        matches!(self.content, FileContent::Sensitive(_))
    }
}

impl Kind for File {
    const NAME: &'static str = "file";
    const PROBE_SHELL: &'static [&'static str] =
        &[include_str!("secret.sh"), include_str!("file.sh")];
    const STEP_SHELL: &'static [&'static str] = &[include_str!("file.sh")];
    const LEAVES_OTHERS_ALONE: bool = true;
    type Entry = Entry;
    type State = Found;

    fn build(entry: Entry, materials: &dyn Materials) -> Result<Self, EntryError> {
        let (content, origin) = match (&entry.template, &entry.content, &entry.source) {
            (Some(name), None, None) => {
                let text = materials.template(name)?;
                (
                    FileContent::Plain(text.into_bytes().into()),
                    format!("its template {name}"),
                )
            }
            (None, Some(text), None) => {
                let bytes = text.as_bytes().into();
                (FileContent::Plain(bytes), "the role".to_owned())
            }
            (None, None, Some(path)) if entry.sensitive => {
                let secret = materials.sensitive_file(path)?;
                (FileContent::Sensitive(secret), path.clone())
            }
            (None, None, Some(path)) => (FileContent::Plain(materials.file(path)?), path.clone()),
            _ => {
                return Err(EntryError::entry(
                    "a file takes exactly one of `template`, `content` and `source`",
                ));
            }
        };
        let content = match content {
            FileContent::Plain(bytes) if entry.sensitive => {
                FileContent::Sensitive(SecretValue::new(bytes.to_vec()))
            }
            content => content,
        };
        let default_mode = if entry.sensitive { "0600" } else { "0644" };
        let ownership = Ownership::new(entry.mode, default_mode, entry.owner, entry.group)?;
        if entry.sensitive && ownership.mode.is_world_readable() {
            return Err(
                EntryError::field("mode", "a sensitive file must not be readable by all")
                    .help("use \"0600\", or \"0640\" with a group"),
            );
        }
        Ok(Self {
            path: entry.path,
            ownership,
            content,
            origin,
            adopt: entry.adopt,
        })
    }

    fn name(&self) -> String {
        self.path.to_string()
    }

    fn paths(&self) -> Vec<&AbsolutePath> {
        vec![&self.path]
    }

    fn probe(batch: &[&Self], probe: &Probe, script: &mut Script) {
        // What is known need not come back: only a file that differs sends its text.
        let (sensitive, plain): (Vec<&Self>, Vec<&Self>) =
            batch.iter().partition(|file| file.is_sensitive());
        let known: String = plain
            .iter()
            .map(|file| format!("{}  {}\n", file.digest(probe), file.path))
            .collect();
        script.assign("known", &known).assign("salt", probe.salt());
        script.call("probe_paths", batch.iter().map(|file| &file.path));
        script.call("digest_files", plain.iter().map(|file| &file.path));
        script.call("digest_secrets", sensitive.iter().map(|file| &file.path));
    }

    fn observe(batch: &[&Self], probe: &Probe, reply: &str) -> Vec<Observed<Found>> {
        let places = read_places(reply);
        let wanted: BTreeMap<&str, &Self> = batch
            .iter()
            .map(|file| (file.path.as_str(), *file))
            .collect();
        let mut digests = BTreeMap::new();
        let mut shipped = BTreeSet::new();
        let mut texts = BTreeMap::new();
        for line in reply.lines() {
            if let Some(["shipped", path]) = fields::<2>(line) {
                shipped.insert(path);
            } else if let Some(["digest", digest, path]) = fields::<3>(line) {
                digests.insert(path, Digest::parse(digest));
            } else if let Some((path, digest)) = salted_digest(line) {
                digests.insert(path, Some(digest));
            } else if let Some(["same", path]) = fields::<2>(line)
                && let Some(file) = wanted.get(path)
            {
                digests.insert(path, Some(file.digest(probe)));
            } else if let Some(["texts", packed]) = fields::<2>(line) {
                texts = unpack(packed).unwrap_or_default();
            }
        }
        let found_at = |file: &Self| {
            let path = file.path.as_str();
            place_of(&places, &file.path).and_then(|place| {
                let digest = match digests.get(path) {
                    Some(Some(digest)) => Some(digest.clone()),
                    None if place.file_type != TYPE => None,
                    _ => {
                        return Observed::unknown(format!(
                            "the content of {path} could not be read"
                        ));
                    }
                };
                let found = Found {
                    place,
                    digest,
                    text: texts.get(path).cloned(),
                    shipped: shipped.contains(path),
                };
                Observed::Present(file.judge(found, probe))
            })
        };
        batch.iter().map(|file| found_at(file)).collect()
    }

    fn applied(&self, _: &Observed<Found>, _: &PlanContext<'_>) -> Observed<Found> {
        Observed::Present(Found {
            place: Place::like(TYPE, &self.ownership),
            digest: Some(self.own_digest()),
            text: match &self.content {
                FileContent::Plain(bytes) => String::from_utf8(bytes.to_vec()).ok(),
                FileContent::Sensitive(_) => None,
            },
            shipped: false,
        })
    }

    fn compare(&self, observed: &Observed<Found>, _: &PlanContext<'_>) -> Option<Delta> {
        let because = format!("its content differs from {}", self.origin);
        let Observed::Present(found) = observed else {
            let mut delta = Delta::create(self.ownership.fields());
            self.compare_content(None, &mut delta.diff);
            return Some(delta);
        };
        let mut diff = Diff::default();
        if found.digest.as_ref() != Some(&self.own_digest()) {
            self.compare_content(Some(found), &mut diff);
            found.place.compare(TYPE, &self.ownership, &mut diff);
            return Some(Delta::quiet(super::Action::Update, because, diff));
        }
        found.place.compare(TYPE, &self.ownership, &mut diff);
        Delta::update(diff)
    }

    fn conflict(&self, found: &Found, claim: Claim) -> Option<Conflict> {
        let differs = found.digest.as_ref() != Some(&self.own_digest());
        // One that has the mark is ours even if the server's notes are lost.
        let marked = found.text.as_ref().is_some_and(|text| text.contains(MARK));
        let taken = claim.is_ours() || self.adopt || found.shipped || marked;
        (differs && !taken).then(|| Conflict {
            subject: self.path.to_string(),
            found: match found.place.file_type.as_str() {
                TYPE => format!(
                    "a file of {} with another content is there",
                    found.place.owner
                ),
                other => format!("a {other} is there"),
            },
            because: "no run of foobar-stack made it, and no package brought it like that"
                .to_owned(),
            hint: format!(
                "move it away, or add \"{}\" to server.adopt to have it replaced",
                self.path
            ),
        })
    }

    fn rendered(&self, _: &str) -> Vec<Rendered> {
        let content = match &self.content {
            FileContent::Plain(bytes) => Some(Arc::clone(bytes)),
            FileContent::Sensitive(_) => None,
        };
        vec![Rendered {
            path: self.path.clone(),
            content,
        }]
    }

    fn owned(&self) -> Vec<Owned> {
        vec![Owned::Path(self.path.clone())]
    }

    fn secret(&self) -> Option<&SecretValue> {
        match &self.content {
            FileContent::Plain(_) => None,
            FileContent::Sensitive(secret) => Some(secret),
        }
    }

    fn work(
        &self,
        _: &Observed<Found>,
        change: &Change,
        _: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    ) {
        let content = match &self.content {
            FileContent::Plain(bytes) => Content::Bytes(Arc::clone(bytes)),
            FileContent::Sensitive(secret) => Content::Secret(secret.clone()),
        };
        let payload = work.payload_of(&self.path, content);
        work.future(Future::File(self.path.clone(), payload.clone()));
        let words = self.ownership.words();
        if !self.is_sensitive() {
            let file = PutFile {
                path: self.path.clone(),
                ownership: words.map(str::to_owned),
                payload,
            };
            work.put_file(&change.id, file);
            return;
        }
        work.uses("secret");
        let mut script = Script::new();
        let place = [payload.as_str(), self.path.as_str()];
        script.call("put_secret", place.into_iter().chain(words));
        work.step(Phase::Commit, &change.id, script);
    }
}

impl File {
    /// The digest that stands for the right content. That of a sensitive file says nothing of
    /// it: what is observed may be written down.
    fn own_digest(&self) -> Digest {
        match &self.content {
            FileContent::Plain(bytes) => Digest::of(bytes),
            FileContent::Sensitive(_) => Digest::of(b"(sensitive)"),
        }
    }

    /// Puts that digest in the place of the keyed one of a sensitive file where they agree.
    fn judge(&self, mut found: Found, probe: &Probe) -> Found {
        if self.is_sensitive() {
            found.digest = found
                .digest
                .filter(|digest| *digest == self.digest(probe))
                .map(|_| self.own_digest());
            found.text = None;
        }
        found
    }

    fn compare_content(&self, found: Option<&Found>, diff: &mut Diff) {
        match (&self.content, found) {
            (FileContent::Sensitive(_), found) => {
                let before = found.map(|_| "(sensitive)");
                diff.compare("content", before, Some("(sensitive, another)"));
            }
            (FileContent::Plain(bytes), found) => {
                let before = match found {
                    None => Some(""),
                    Some(found) => found.text.as_deref(),
                };
                match (before, std::str::from_utf8(bytes)) {
                    (Some(before), Ok(after)) => {
                        diff.text = Some(TextChange {
                            before: before.into(),
                            after: after.into(),
                        });
                    }
                    _ => {
                        let size = |digest: &Digest| format!("sha256 {}", digest.short());
                        let before = found.and_then(|found| found.digest.as_ref()).map(size);
                        diff.compare(
                            "content",
                            before.as_deref(),
                            Some(&size(&Digest::of(bytes))),
                        );
                    }
                }
            }
        }
    }
}

/// The texts of an archive that `tar` packed and `base64` wrote, by path.
fn unpack(packed: &str) -> Option<BTreeMap<String, String>> {
    let packed = decode(packed)?;
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(packed.as_slice()));
    let mut texts = BTreeMap::new();
    for entry in archive.entries().ok()? {
        let mut entry = entry.ok()?;
        let path = String::from_utf8(entry.path_bytes().into_owned()).ok()?;
        let mut text = String::new();
        // Somebody's key is nobody else's to see, wherever it was put.
        if entry.read_to_string(&mut text).is_ok() && private_key(text.as_bytes()).is_none() {
            texts.insert(path, text);
        }
    }
    Some(texts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;

    const AROUND: PlanContext<'static> = PlanContext {
        now: 0,
        date: "20260101",
        changes: &[],
    };

    fn file(content: FileContent) -> File {
        File {
            path: AbsolutePath::new("/etc/x").unwrap(),
            ownership: Ownership::new(None, "0644", None, None).unwrap(),
            content,
            origin: "its template x".into(),
            adopt: false,
        }
    }

    fn plain(text: &str) -> File {
        file(FileContent::Plain(text.as_bytes().into()))
    }

    fn observe(file: &File, reply: &str) -> Observed<Found> {
        File::observe(&[file], &Probe::new("salt".into()), reply).remove(0)
    }

    /// As the server packs texts.
    fn packed(path: &str, text: &[u8]) -> String {
        let mut header = tar::Header::new_gnu();
        header.as_gnu_mut().unwrap().name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(text.len() as u64);
        header.set_cksum();
        let encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        let mut archive = tar::Builder::new(encoder);
        archive.append(&header, text).unwrap();
        let bytes = archive.into_inner().unwrap().finish().unwrap();
        base64::engine::general_purpose::STANDARD.encode(bytes)
    }

    #[test]
    fn a_file_that_differs_shows_its_text() {
        let wanted = plain("new\n");
        let reply = format!(
            "regular file\x1f644\x1froot\x1froot\x1f/etc/x\ndigest\x1f{}\x1f/etc/x\ntexts\x1f{}\n",
            Digest::of(b"old\n"),
            packed("/etc/x", b"old\n")
        );
        let delta = wanted.compare(&observe(&wanted, &reply), &AROUND).unwrap();
        let text = delta.diff.text.unwrap();
        assert_eq!(
            (text.before.as_str(), text.after.as_str()),
            ("old\n", "new\n")
        );
    }

    #[test]
    fn only_the_mode_differs() {
        let wanted = plain("new\n");
        let reply = "regular file\x1f600\x1froot\x1froot\x1f/etc/x\nsame\x1f/etc/x\n";
        let delta = wanted.compare(&observe(&wanted, reply), &AROUND).unwrap();
        assert_eq!(delta.diff.text, None);
        assert_eq!(delta.diff.fields.len(), 1);
        assert_eq!(delta.diff.fields[0].name, "mode");
    }

    #[test]
    fn what_the_reply_does_not_say_is_unknown() {
        let wanted = plain("new\n");
        assert!(matches!(observe(&wanted, ""), Observed::Unknown { .. }));
        let no_digest = "regular file\x1f644\x1froot\x1froot\x1f/etc/x\n";
        assert!(matches!(
            observe(&wanted, no_digest),
            Observed::Unknown { .. }
        ));
        assert_eq!(observe(&wanted, "absent\x1f/etc/x\n"), Observed::Absent);
    }

    #[test]
    fn a_sensitive_file_is_compared_by_its_keyed_digest_and_never_shown() {
        let wanted = file(FileContent::Sensitive(SecretValue::new(b"canary".to_vec())));
        let reply = |digest: &Digest| {
            format!(
                "regular file\x1f644\x1froot\x1froot\x1f/etc/x\nsalted\x1f/etc/x\x1f{digest}  -\n"
            )
        };
        let same = observe(&wanted, &reply(&Digest::of(b"saltcanary")));
        assert_eq!(wanted.compare(&same, &AROUND), None);
        let other = observe(&wanted, &reply(&Digest::of(b"saltother")));
        let delta = wanted.compare(&other, &AROUND).unwrap();
        assert_eq!(delta.diff.text, None);
        assert!(!format!("{delta:?}").contains("canary"));
        assert_eq!(
            wanted.compare(&wanted.applied(&other, &AROUND), &AROUND),
            None
        );
    }
}
