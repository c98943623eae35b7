//! Foreign apt sources: where they are, who signs them, and which packages they may give.
//!
//! A source is in place before the packages are installed. Its pins (`apt_preferences(5)`) go by
//! the host that it is on: nothing from there is installed but what is named.

use super::vocabulary::probe::{decode, fields};
use super::{
    Change, Claim, Conflict, Content, Delta, Diff, EntryError, ExecutionPlan, Kind, Materials,
    Observed, Owned, Phase, PlanContext, Probe, Rendered, TextChange,
};
use crate::shell::Script;
use crate::types::AbsolutePath;
use serde::Deserialize;

/// A foreign source of packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AptSource {
    name: String,
    host: String,
    packages: Vec<String>,
    list: AbsolutePath,
    pins: AbsolutePath,
    list_text: String,
    pins_text: String,
}

/// The fields of `[[apt_source]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What its files are called.
    name: String,
    /// Where it is.
    url: String,
    /// The suite; a path that ends with "/" has no components.
    suite: String,
    #[serde(default)]
    components: Vec<String>,
    /// The file beside the inventory with the public key, in ASCII armor.
    key: String,
    /// What it may give: names, with `*` for anything.
    packages: Vec<String>,
}

/// What was found of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    list: Option<String>,
    pins: Option<String>,
    /// The packages that are installed and that it may give, with their versions.
    installed: Vec<String>,
    /// Files of others that have a source on its host.
    others: Vec<String>,
}

/// Higher than all that apt itself gives, also to a release that somebody prefers.
const PRIORITY: u32 = 991;

fn list_text(entry: &Entry, key: &str) -> String {
    let Entry {
        name, url, suite, ..
    } = entry;
    let mut text = format!(
        "# Managed by foobar-stack (role base): changes made here are overwritten.\n\
         # The inventory has this as server.sources.{name}.\n\
         Types: deb\nURIs: {url}\nSuites: {suite}\n"
    );
    if !entry.components.is_empty() {
        text += &format!("Components: {}\n", entry.components.join(" "));
    }
    text += "Signed-By:\n";
    for line in key.trim().lines() {
        let line = line.trim_end();
        text += &format!(" {}\n", if line.is_empty() { "." } else { line });
    }
    text
}

fn pins_text(entry: &Entry, host: &str) -> String {
    let packages = entry.packages.join(" ");
    format!(
        "Explanation: Managed by foobar-stack (role base): changes made here are overwritten.\n\
         Explanation: Nothing comes from there but what server.sources.{} names.\n\
         Package: *\nPin: origin \"{host}\"\nPin-Priority: -1\n\n\
         Package: {packages}\nPin: origin \"{host}\"\nPin-Priority: {PRIORITY}\n",
        entry.name
    )
}

impl Kind for AptSource {
    const NAME: &'static str = "apt_source";
    const PROBE_SHELL: &'static [&'static str] = &[include_str!("apt_source.sh")];
    type Entry = Entry;
    type State = Found;

    fn build(entry: Entry, materials: &dyn Materials) -> Result<Self, EntryError> {
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if entry.name.is_empty() || !entry.name.chars().all(legal) {
            let message = format!("`{}` is not the name of a source", entry.name);
            return Err(EntryError::field("name", message));
        }
        let words = [&entry.url, &entry.suite].into_iter();
        let words = words.chain(&entry.components).chain(&entry.packages);
        if let Some(wrong) = words.into_iter().find(|word| {
            word.is_empty() || word.contains(|c: char| c.is_whitespace() || c.is_control())
        }) {
            return Err(EntryError::entry(format!("`{wrong}` is not one word")));
        }
        let host = entry.url.split_once("://").map(|(_, rest)| rest);
        let host = host.and_then(|rest| rest.split(['/', ':']).next());
        let host = host.filter(|host| !host.is_empty()).ok_or_else(|| {
            EntryError::field("url", format!("`{}` is not the URL of a source", entry.url))
        })?;
        let key = materials.file(&entry.key)?;
        let key = String::from_utf8_lossy(&key);
        if !key.contains("-----BEGIN PGP PUBLIC KEY BLOCK-----") {
            let message = format!("{} is not a public key of PGP in ASCII armor", entry.key);
            return Err(EntryError::field("key", message).help(
                "it begins with `-----BEGIN PGP PUBLIC KEY BLOCK-----`; of a keyring, \
                 `gpg --no-default-keyring --keyring ./FILE --armor --export` prints it",
            ));
        }
        let path = |folder: &str, end: &str| {
            AbsolutePath::new(&format!(
                "/etc/apt/{folder}/foobar-stack-{}{end}",
                entry.name
            ))
            .map_err(|error| EntryError::field("name", error.to_string()))
        };
        Ok(Self {
            host: host.to_owned(),
            list: path("sources.list.d", ".sources")?,
            pins: path("preferences.d", "")?,
            list_text: list_text(&entry, &key),
            pins_text: pins_text(&entry, host),
            name: entry.name,
            packages: entry.packages,
        })
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn paths(&self) -> Vec<&AbsolutePath> {
        vec![&self.list, &self.pins]
    }

    fn probe(batch: &[&Self], _: &Probe, script: &mut Script) {
        let words = batch.iter().flat_map(|source| {
            let host = source.host.replace('.', "[.]");
            [source.name.clone(), host, source.packages.join(" ")]
        });
        script.call("probe_apt_source", words);
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<Found>> {
        let find = |source: &&Self| {
            let mut found = Found::default();
            let mut seen = 0;
            for line in reply.lines() {
                let Some([word, name, value]) = fields::<3>(line) else {
                    continue;
                };
                if name != source.name {
                    continue;
                }
                let text = || decode(value).and_then(|bytes| String::from_utf8(bytes).ok());
                match word {
                    "list" => found.list = Some(text().unwrap_or_default()),
                    "pins" => found.pins = Some(text().unwrap_or_default()),
                    "installed" => found.installed.push(value.to_owned()),
                    "other" => found.others.push(value.to_owned()),
                    "end" => seen += 1,
                    _ => {}
                }
            }
            match seen {
                1 => Observed::Present(found),
                _ => Observed::unknown(format!("the probe says nothing of {}", source.name)),
            }
        };
        batch.iter().map(find).collect()
    }

    fn applied(&self, before: &Observed<Found>, _: &PlanContext<'_>) -> Observed<Found> {
        let before = before.present().cloned().unwrap_or_default();
        Observed::Present(Found {
            list: Some(self.list_text.clone()),
            pins: Some(self.pins_text.clone()),
            ..before
        })
    }

    fn compare(&self, observed: &Observed<Found>, _: &PlanContext<'_>) -> Option<Delta> {
        let found = observed.present().cloned().unwrap_or_default();
        let same = |found: &Option<String>, text: &str| found.as_deref() == Some(text);
        if same(&found.list, &self.list_text) && same(&found.pins, &self.pins_text) {
            return None;
        }
        let mut delta = match &found.list {
            None => Delta::create([("packages", self.packages.join(", "))]),
            Some(_) => Delta::quiet(
                super::Action::Update,
                "it differs from the inventory",
                Diff::default(),
            ),
        };
        if !found.installed.is_empty() {
            let installed = found.installed.join(", ");
            let diff = &mut delta.diff;
            diff.compare("installed", Some(&installed), Some("as new as there"));
        }
        // The key is the longest part of it, and comes last.
        let both = |list: &str, pins: &str| format!("{pins}\n{list}");
        let before = match (&found.list, &found.pins) {
            (None, None) => String::new(),
            (list, pins) => both(
                list.as_deref().unwrap_or_default(),
                pins.as_deref().unwrap_or_default(),
            ),
        };
        delta.diff.text = Some(TextChange {
            before,
            after: both(&self.list_text, &self.pins_text),
        });
        Some(delta)
    }

    fn conflict(&self, found: &Found, _: Claim) -> Option<Conflict> {
        // Whoever made ours: apt refuses two that name different keys, and the pins would hold for both.
        let other = found.others.first()?;
        Some(Conflict {
            subject: format!("apt source {}", self.host),
            found: format!("{other} has a source on that host, too"),
            because: "no run of foobar-stack made it, and what pins one would pin both".to_owned(),
            hint: format!(
                "remove {other}, with its key and its pins, and plan again; or take \
                 server.sources.{} out of the inventory, and leave it as it is",
                self.name
            ),
        })
    }

    fn rendered(&self, _: &str) -> Vec<Rendered> {
        let file = |path: &AbsolutePath, text: &str| Rendered {
            path: path.clone(),
            content: Some(text.as_bytes().into()),
        };
        vec![
            file(&self.list, &self.list_text),
            file(&self.pins, &self.pins_text),
        ]
    }

    fn owned(&self) -> Vec<Owned> {
        vec![
            Owned::Path(self.list.clone()),
            Owned::Path(self.pins.clone()),
        ]
    }

    fn work(
        &self,
        _: &Observed<Found>,
        change: &Change,
        _: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    ) {
        work.uses("file");
        let pins = work.payload(Content::Bytes(self.pins_text.as_bytes().into()));
        let list = work.payload(Content::Bytes(self.list_text.as_bytes().into()));
        let mut script = Script::new();
        let own = [
            self.name.as_str(),
            &pins,
            self.pins.as_str(),
            &list,
            self.list.as_str(),
        ];
        let packages = self.packages.iter().map(String::as_str);
        script.call("put_apt_source", own.into_iter().chain(packages));
        work.step(Phase::Sources, &change.id, script);
    }
}
