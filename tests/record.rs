//! The record on the server, as this and other versions have written it: `tests/cases/record/N`
//! is what version N of it looks like, taken from a server; `later` is one that no version has
//! written yet.

use foobar_stack::bundle::{Generation, History, RunStatus};
use foobar_stack::diagnostic::Source;
use foobar_stack::inventory;
use foobar_stack::resource::{
    EntryError, Managed, Materials, Removal, Resource, SecretMaterial, Spec, ownership,
};
use foobar_stack::role::Roles;
use foobar_stack::types::{Code, SecretValue};

macro_rules! case {
    ($path:literal) => {
        include_str!(concat!("cases/record/", $path))
    };
}

/// The lines that are understood, and those that are not.
fn read(record: &str) -> (Vec<Managed>, Vec<&str>) {
    let mut foreign = Vec::new();
    let mut managed = Vec::new();
    for line in record.lines() {
        match Managed::parse(line) {
            Some(one) => managed.push(one),
            None => foreign.push(line),
        }
    }
    (managed, foreign)
}

/// The record after a run that concerns nothing of it, in order.
fn written(record: &str) -> Vec<String> {
    let (managed, foreign) = read(record);
    let text = ownership::record(&[], &managed, &foreign, Some(&[]), &[]);
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| line.strip_prefix("as-is\t").unwrap_or(line).to_owned())
        .collect();
    lines.sort_unstable();
    lines
}

fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn a_record_of_the_first_version_is_read_whole() {
    let (managed, foreign) = read(case!("1/managed"));
    assert_eq!((managed.len(), foreign), (56, Vec::new()));
    // What was there before is `adopted` now; all else stays as it is.
    let expected = case!("1/managed").replace("taken\t", "adopted\t");
    assert_eq!(written(case!("1/managed")), sorted(&expected));
    for line in case!("1/made").lines() {
        assert!(
            Managed::parse(&format!("made\t\t{line}")).is_some(),
            "{line}"
        );
    }

    let history = History::parse(case!("1/history"));
    assert_eq!(history.runs.len(), 1);
    assert_eq!(history.current().map(|run| run.generation), Some(1));

    let generation = Generation::read(1, case!("1/generation.json").as_bytes()).unwrap();
    let digest = history.runs[0].inventory.clone();
    assert!(digest.is_some_and(|digest| digest.len() == generation.digest().as_str().len()));
    let roles = generation.roles();
    assert_eq!(roles.len(), 7);
    if let Err(found) = Roles::read(&roles) {
        panic!("{:#?}", found.0);
    }
    let source = Source::new("inventory.toml", generation.inventory.clone());
    assert!(inventory::parse(&source).is_ok());
}

#[test]
fn everything_of_an_old_record_can_be_removed() {
    let (managed, _) = read(case!("1/managed"));
    let mut resources = Vec::new();
    let removal = Removal {
        data: true,
        packages: true,
    };
    ownership::retire(&mut resources, &managed, removal);
    let made = managed.iter().filter(|one| one.made).count();
    let gone = |resource: &&Resource| resource.id.kind != "service";
    assert_eq!(resources.iter().filter(gone).count(), made);
}

#[test]
fn what_a_later_version_has_written_stays() {
    let record = case!("later/managed");
    assert_eq!(read(record).1.len(), 3);
    assert_eq!(written(record), sorted(record));

    // Also where the thing itself is still of the stack.
    let (managed, foreign) = read(record);
    let entry = toml::from_str("name = 'nginx.service'\nreload_on = ['file:/etc/nginx/*']");
    let materials = Nothing;
    let spec = Spec::build("service", entry.unwrap(), &materials).unwrap();
    let own = [Resource {
        id: spec.id(),
        role: "web".to_owned(),
        site: None,
        origin: String::new(),
        spec,
    }];
    let text = ownership::record(&own, &managed, &foreign, None, &[]);
    let line = "made\tweb\tservice\tnginx.service\treload file:/etc/nginx/*\tserver web1\n";
    assert!(text.contains(line), "{text}");

    let run = "1\t1\tme\trun\t1 to update\tdigest\trehearsed\t\tmore\n";
    let history = History::parse(run);
    assert_eq!(history.runs[0].standing, RunStatus::Partial);
    assert_eq!(history.current(), None, "what it counts for is not known");
}

/// No materials.
struct Nothing;

impl Materials for Nothing {
    fn template(&self, name: &str) -> Result<String, EntryError> {
        Err(EntryError::entry(format!("no template {name}")))
    }
    fn template_with(
        &self,
        name: &str,
        _: &'static str,
        _: &serde_json::Value,
    ) -> Result<String, EntryError> {
        self.template(name)
    }
    fn file(&self, path: &str) -> Result<std::sync::Arc<[u8]>, EntryError> {
        Err(EntryError::entry(format!("no file {path}")))
    }
    fn sensitive_file(&self, path: &str) -> Result<SecretValue, EntryError> {
        Err(EntryError::entry(format!("no file {path}")))
    }
    fn secret(&self, name: &str) -> Result<SecretMaterial, EntryError> {
        Err(EntryError::entry(format!("no secret {name}")))
    }
    fn app(&self) -> Result<Code, EntryError> {
        Err(EntryError::entry("no app"))
    }
}
