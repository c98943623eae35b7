//! Kinds as data: `cases/kinds/KIND/CASE/` has `entry.toml` (the fields that a role sets) and
//! `observed` (what the server's part of the probe prints, where `␟` parts the fields); beside
//! them `expected` says what is asked, found, planned and done. `UPDATE=1` writes it anew.
//!
//! What else a case may have: `changes`, an id and an action a line, of what else is planned;
//! `app/`, the app's code, or `kept`, the name of a release that is only on the server; and any
//! other file, which is a template or a file beside the inventory.

use foobar_stack::resource::{
    Action, Change, Claim, Content, Deed, EntryError, ExecutionPlan, Impact, Managed, Materials,
    Observed, PlanContext, Probe, Removal, Resource, ResourceId, SecretMaterial, Spec, State,
    kinds, ownership,
};
use foobar_stack::types::{Blob, Code, Node, ReleaseId, SecretValue, Tree};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The files of a case.
struct Case(PathBuf);

impl Case {
    fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.0.join(name)).ok()
    }

    fn need(&self, name: &str) -> Result<String, EntryError> {
        let missing = || EntryError::entry(format!("the case has no file {name}"));
        self.read(name).ok_or_else(missing)
    }

    /// What else is planned.
    fn changes(&self) -> Vec<Change> {
        let text = self.read("changes").unwrap_or_default();
        let change = |line: &str| {
            let (id, action) = line.split_once(' ')?;
            let (kind, name) = id.split_once(':')?;
            let action = match action {
                "create" => Action::Create,
                "delete" => Action::Delete,
                _ => Action::Update,
            };
            Some(Change {
                id: ResourceId {
                    kind: kinds().iter().find(|known| **known == kind)?,
                    name: name.to_owned(),
                },
                role: "other".to_owned(),
                site: None,
                action,
                impact: Impact::None,
                because: String::new(),
                diff: Default::default(),
            })
        };
        text.lines().filter_map(change).collect()
    }
}

impl Materials for Case {
    fn template(&self, name: &str) -> Result<String, EntryError> {
        self.need(name)
    }
    fn template_with(
        &self,
        name: &str,
        _: &'static str,
        value: &serde_json::Value,
    ) -> Result<String, EntryError> {
        Ok(format!("{}{value}\n", self.need(name)?))
    }
    fn file(&self, path: &str) -> Result<Arc<[u8]>, EntryError> {
        Ok(self.need(path)?.into_bytes().into())
    }
    fn sensitive_file(&self, path: &str) -> Result<SecretValue, EntryError> {
        Ok(SecretValue::new(self.need(path)?.into_bytes()))
    }
    fn secret(&self, name: &str) -> Result<SecretMaterial, EntryError> {
        Ok(match self.read(name) {
            Some(value) => SecretMaterial::Value(SecretValue::new(value.into_bytes())),
            None => SecretMaterial::Generated,
        })
    }
    fn app(&self) -> Result<Code, EntryError> {
        if let Some(id) = self.read("kept") {
            let id = ReleaseId::new(id.trim());
            return Ok(Code::kept(
                id.map_err(|error| EntryError::entry(error.to_string()))?,
            ));
        }
        let tree = |folder: &str| -> Result<Tree, EntryError> {
            let files = std::fs::read_dir(self.0.join(folder))
                .map_err(|_| EntryError::entry(format!("the case has no {folder}")))?;
            let file = |entry: std::fs::DirEntry| {
                let content = std::fs::read(entry.path()).unwrap_or_default();
                let content = Blob::new(content);
                let executable = false;
                (
                    name_of(&entry.path()),
                    Node::File {
                        executable,
                        content,
                    },
                )
            };
            Ok(Tree::new(files.flatten().map(file).collect()))
        };
        if let Ok(seed) = tree("seed") {
            let code = Code::new(Tree::default(), "", None);
            return Ok(code.with_seeds([("uploads".to_owned(), Arc::new(seed))].into()));
        }
        Ok(Code::new(tree("app")?, "", None))
    }
}

/// What the case comes to.
fn outcome(kind: &str, case: &Case) -> Result<String, String> {
    let entry = case.need("entry.toml").map_err(|error| error.to_string())?;
    let entry = toml::from_str(&entry).map_err(|error| error.to_string())?;
    let spec = match Spec::build(kind, entry, case) {
        Ok(spec) => spec,
        Err(error) => return Ok(format!("refused: {error}\n")),
    };
    let resource = Resource {
        id: spec.id(),
        role: "lab".to_owned(),
        site: None,
        origin: String::new(),
        spec,
    };
    let mut text = format!("{}\n", resource.id);
    let all = [resource];
    section(&mut text, "goes when it is orphaned", &orphans(&all));
    let probe = Probe::new("salt".to_owned());
    let script = probe.script(&all);
    let asked = script.as_str().rsplit_once(&format!("\nbegin {kind}\n"));
    let asked = asked.map(|(_, rest)| rest.trim_end_matches("end $?\n"));
    section(&mut text, "asked", asked.unwrap_or("nothing"));

    let printed = case
        .read("observed")
        .unwrap_or_default()
        .replace('␟', "\u{1f}");
    let reply = format!("\u{1e}begin {kind}\n{printed}\u{1e}end 0\n");
    let observed = probe.read(&all, &reply).remove(0);
    let [resource] = &all;
    let found = match &observed {
        Observed::Absent => "absent".to_owned(),
        Observed::Present(state) => state.fingerprint(),
        Observed::Hidden { unit } => format!("hidden until {unit} runs"),
        Observed::Unknown { reason } => format!("unknown: {reason}"),
    };
    section(&mut text, "found", &found);
    if matches!(observed, Observed::Unknown { .. } | Observed::Hidden { .. }) {
        return Ok(text);
    }
    if let Some(refusal) = resource.spec.refusal(&observed) {
        section(&mut text, "refused", &refusal.to_string());
        return Ok(text);
    }
    if let Some(conflict) = resource.spec.conflict(&observed, Claim::Foreign) {
        section(
            &mut text,
            "refused, if it is somebody else's",
            &conflict.to_string(),
        );
    }

    let changes = case.changes();
    let context = PlanContext {
        now: 1_795_348_800,
        date: "20261122",
        changes: &changes,
    };
    let Some(delta) = resource.spec.compare(&observed, &context) else {
        section(&mut text, "planned", "nothing");
        return Ok(text);
    };
    let change = Change::of(resource, delta);
    section(&mut text, "planned", &planned(&change));
    let mut work = ExecutionPlan::default();
    resource.spec.work(&observed, &change, &context, &mut work);
    section(&mut text, "done", &done(&work));

    let after: Observed<State> = resource.spec.applied(&observed, &context);
    let still = PlanContext {
        changes: &[],
        ..context
    };
    match resource.spec.compare(&after, &still) {
        None => Ok(text),
        Some(delta) => Err(format!("after it was done there is still {delta:?}")),
    }
}

/// What a run removes that no longer has the resource, and may remove all there is.
fn orphans(resources: &[Resource]) -> String {
    let record = ownership::record(resources, &[], &[], None, &[]);
    let made = |line: &str| Managed::parse(&format!("made\t{}", line.split_once('\t')?.1));
    let record: Vec<Managed> = record.lines().filter_map(made).collect();
    let removal = Removal {
        data: true,
        packages: true,
    };
    let mut gone = Vec::new();
    ownership::retire(&mut gone, &record, removal);
    let names = gone.iter().map(|orphan| format!("{}\n", orphan.id));
    names.collect()
}

fn section(text: &mut String, name: &str, body: &str) {
    if body.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{name}:");
    for line in body.trim_end().lines() {
        let line = line.replace('\u{1f}', "␟");
        let _ = writeln!(text, "{}", format!("  {line}").trim_end());
    }
}

fn planned(change: &Change) -> String {
    let word = |value: &dyn std::fmt::Debug| format!("{value:?}").to_lowercase();
    let (action, impact) = (word(&change.action), word(&change.impact));
    let mut text = format!("{action}, impact {impact}: {}\n", change.because);
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    for field in &change.diff.fields {
        let (before, after) = (value(&field.before), value(&field.after));
        let _ = writeln!(text, "{}: {before} > {after}", field.name);
    }
    if let Some(diff) = &change.diff.text {
        for (mark, side) in [('-', &diff.before), ('+', &diff.after)] {
            for line in side.lines() {
                let _ = writeln!(text, "{mark}{line}");
            }
        }
    }
    text
}

fn done(work: &ExecutionPlan) -> String {
    let mut text = String::new();
    for (_, name) in &work.packages {
        let _ = writeln!(text, "install {name}");
    }
    for (unit, reaction) in &work.pending {
        let _ = writeln!(text, "pending {unit} {}", reaction.as_str());
    }
    for payload in &work.payload {
        let what = match &payload.content {
            Content::Bytes(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
            Content::Secret(_) => "a secret".to_owned(),
            Content::Tree(_) => "a folder".to_owned(),
        };
        let _ = writeln!(text, "payload {}: {what}", payload.name);
    }
    if work.daemon_reload {
        let _ = writeln!(text, "systemd reads its units");
    }
    if work.touches_access {
        let _ = writeln!(text, "it may keep us out");
    }
    for unit in &work.watched {
        let _ = writeln!(text, "watch {unit}");
    }
    for step in &work.steps {
        let _ = writeln!(text, "[{:?}]", step.phase);
        match &step.deed {
            Deed::Commands(script) => text.push_str(script.as_str()),
            Deed::PutFile(file) => {
                let (words, payload) = (file.ownership.join(" "), &file.payload);
                let _ = writeln!(text, "put {}: {words}, payload {payload}", file.path);
            }
            Deed::RemovePath(path) => {
                let _ = writeln!(text, "remove {path}");
            }
        }
    }
    text
}

fn folders(path: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(path) else {
        return Vec::new();
    };
    let mut all: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    all.retain(|path| path.is_dir());
    all.sort();
    all
}

fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

#[test]
fn every_case_comes_to_what_is_expected() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/kinds");
    let update = std::env::var_os("UPDATE").is_some();
    let (mut failed, mut seen, mut count) = (Vec::new(), BTreeSet::new(), 0);
    for folder in folders(&root) {
        let kind = name_of(&folder);
        assert!(kinds().contains(&kind.as_str()), "there is no kind {kind}");
        for path in folders(&folder) {
            let name = format!("{kind}/{}", name_of(&path));
            let case = Case(path);
            count += 1;
            let said = match outcome(&kind, &case) {
                Ok(said) => said,
                Err(error) => {
                    failed.push(format!("--- {name}\n{error}"));
                    continue;
                }
            };
            if update {
                std::fs::write(case.0.join("expected"), &said).unwrap();
            }
            if case.read("expected").unwrap_or_default() != said {
                failed.push(format!("--- {name}\n{said}"));
            }
        }
        seen.insert(kind);
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(count >= 30, "only {count} cases");
    assert!(seen.len() >= 12, "only of {seen:?}");
}
