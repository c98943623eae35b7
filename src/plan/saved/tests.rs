//! What a saved plan rests on, and what it does not.

use super::*;
use crate::resource::{EntryError, Materials, NoMaterials, PlanContext, SecretMaterial, Spec};
use crate::types::{Code, SecretValue};
use std::sync::Arc;

const NOW: i64 = 1_795_000_000;

/// A resource as it should be, and as it is found.
struct Entry {
    kind: &'static str,
    desired: String,
    observed: Found,
}

enum Found {
    Absent,
    /// As if these fields had been applied.
    Like(String),
    Hidden,
    Unknown,
}

/// A server and its inventory.
struct World {
    server: &'static str,
    entries: Vec<Entry>,
    basis: Basis,
}

fn entry(kind: &'static str, desired: &str, observed: Found) -> Entry {
    Entry {
        kind,
        desired: desired.into(),
        observed,
    }
}

fn build(kind: &str, fields: &str, materials: &dyn Materials) -> Spec {
    Spec::build(kind, toml::from_str(fields).unwrap(), materials).unwrap()
}

const NGINX: &str = "path = '/etc/nginx/nginx.conf'\ncontent = 'new'";
const NGINX_UNIT: &str = "name = 'nginx.service'\nreload_on = ['file:/etc/nginx/*']";
const MOTD: &str = "path = '/etc/motd'\ncontent = 'hello'";
const ZONE: &str = "domain = 'foobar.com'\npath = '/etc/bind/foobar.com.zone'\nttl = 3600\n\
    nameservers = ['ns1.foobar.com']\ncontact = 'hostmaster@foobar.com'\nrecords = [\n\
    { name = 'foobar.com', type = 'NS', value = 'ns1.foobar.com.', ttl = 3600 },\n\
    { name = 'ns1.foobar.com', type = 'A', value = '8.8.8.8', ttl = 3600 }]";
const CERTIFICATE: &str =
    "names = ['foobar.com']\ncertificate = '/etc/ssl/a.pem'\nkey = '/etc/ssl/a.key'\ndays = 90";
const DATABASE: &str =
    "name = 'foobar'\ncharset = 'utf8mb4'\ncollation = 'utf8mb4_bin'\nunit = 'mysql.service'";

/// A server on which a file and a zone have drifted, a package is missing, a service has
/// stopped, and a file and a package are in order.
fn world() -> World {
    let like = |text: &str| Found::Like(text.to_owned());
    World {
        server: "web1",
        entries: vec![
            entry("package", "name = 'tree'", Found::Absent),
            entry("package", "name = 'nginx'", like("name = 'nginx'")),
            entry("file", NGINX, like(&NGINX.replace("new", "old"))),
            entry("file", MOTD, like(MOTD)),
            entry("zone", ZONE, like(&ZONE.replace("8.8.8.8", "8.8.4.4"))),
            entry("certificate", CERTIFICATE, like(CERTIFICATE)),
            entry("service", NGINX_UNIT, like(NGINX_UNIT)),
            entry("service", "name = 'mysql.service'", Found::Absent),
            entry("database", DATABASE, Found::Hidden),
        ],
        basis: Basis {
            generation: 7,
            now: NOW,
            date: "20261122".into(),
        },
    }
}

impl World {
    /// The entry whose fields have this word.
    fn of(&mut self, word: &str) -> &mut Entry {
        let mut entries = self.entries.iter_mut();
        entries.find(|one| one.desired.contains(word)).unwrap()
    }

    fn look(&self) -> (Stack, Vec<Observed<State>>) {
        // What was applied before was applied long enough ago for a certificate to end.
        let context = PlanContext {
            now: NOW - 80 * 86_400,
            date: "20260901",
            changes: &[],
        };
        let mut stack = Stack::default();
        let mut observed = Vec::new();
        for Entry {
            kind,
            desired,
            observed: found,
        } in &self.entries
        {
            let spec = build(kind, desired, &NoMaterials);
            stack.resources.push(Resource {
                id: spec.id(),
                role: "web".into(),
                site: None,
                origin: String::new(),
                spec,
            });
            observed.push(match found {
                Found::Absent => Observed::Absent,
                Found::Like(fields) => {
                    build(kind, fields, &NoMaterials).applied(&Observed::Absent, &context)
                }
                Found::Hidden => Observed::Hidden {
                    unit: "mysql.service".into(),
                },
                Found::Unknown => Observed::unknown("no answer"),
            });
        }
        (stack, observed)
    }

    fn plan(&self) -> Plan {
        let (stack, observed) = self.look();
        plan(&stack, &observed, self.basis.clone(), None).unwrap().0
    }

    fn save(&self) -> SavedPlan {
        let (stack, observed) = self.look();
        SavedPlan::of(&self.plan(), &stack, &observed, "site.toml", self.server)
    }

    /// What would be run of a saved plan here, or the lines of the refusal.
    fn apply(&self, saved: &SavedPlan) -> Result<Plan, Vec<String>> {
        let (stack, observed) = self.look();
        let (now, _) = saved.plan(&stack, &observed, self.basis.clone()).unwrap();
        match saved.check(self.server, &stack, &observed, &now) {
            Ok(()) => Ok(now),
            Err(Stale(moved)) => Err(moved.iter().map(ToString::to_string).collect()),
        }
    }
}

#[test]
fn what_is_saved_is_read_again_and_runs_as_it_was() {
    let world = world();
    let saved = world.save();
    let text = saved.write().unwrap();
    let read = SavedPlan::read("site.plan", &text).unwrap();
    assert_eq!(read, saved);
    assert_eq!(world.apply(&read), Ok(world.plan()));
    let ids: Vec<&str> = saved.resources.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(
        ids,
        [
            "package:tree",
            "file:/etc/nginx/nginx.conf",
            "zone:foobar.com",
            "certificate:/etc/ssl/a.pem",
            "service:nginx.service",
            "service:mysql.service",
            "database:foobar"
        ]
    );
    for content in ["new", "old", "8.8.8.8", "8.8.4.4"] {
        assert!(!text.contains(content), "{text}");
    }
}

#[test]
fn what_it_rests_on_and_has_moved_is_named() {
    type Edit = fn(&mut World);
    let table: [(Edit, &[&str]); 13] = [
        (
            |world| world.of("nginx.conf").observed = Found::Like(NGINX.replace("new", "other")),
            &["file:/etc/nginx/nginx.conf has changed on the server"],
        ),
        (
            |world| {
                let found = NGINX.replace("new", "old") + "\nmode = '0600'";
                world.of("nginx.conf").observed = Found::Like(found);
            },
            &["file:/etc/nginx/nginx.conf has changed on the server"],
        ),
        (
            |world| world.of("nginx.conf").observed = Found::Absent,
            &["file:/etc/nginx/nginx.conf has changed on the server"],
        ),
        (
            |world| world.of("nginx.conf").observed = Found::Like(NGINX.into()),
            &["file:/etc/nginx/nginx.conf is already as it should be"],
        ),
        (
            |world| world.of("'tree'").observed = Found::Like("name = 'tree'".into()),
            &["package:tree is already as it should be"],
        ),
        (
            |world| world.of("nginx.conf").desired = NGINX.replace("new", "newer"),
            &["file:/etc/nginx/nginx.conf is another in the inventory or its roles"],
        ),
        (
            |world| world.of("foobar.com").desired = ZONE.replace("3600", "60"),
            &["zone:foobar.com is another in the inventory or its roles"],
        ),
        (
            |world| {
                world.entries.remove(0);
                world.of("nginx.conf").observed = Found::Absent;
            },
            &[
                "package:tree is no longer part of the stack",
                "file:/etc/nginx/nginx.conf has changed on the server",
            ],
        ),
        (
            |world| world.of("nginx.service").observed = Found::Absent,
            &["service:nginx.service has changed on the server"],
        ),
        (
            |world| world.of("nginx.service").desired = NGINX_UNIT.replace("reload", "restart"),
            &["service:nginx.service is another in the inventory or its roles"],
        ),
        (
            // A certificate that need not be renewed yet, by a clock that was set right.
            |world| world.basis.now -= 60 * 86_400,
            &["certificate:/etc/ssl/a.pem needs something else by now"],
        ),
        (
            |world| world.of("'foobar'").observed = Found::Absent,
            &["database:foobar has changed on the server"],
        ),
        (
            |world| world.server = "web2",
            &["the server was web1, and is web2 now"],
        ),
    ];
    let saved = world().save();
    for (edit, expected) in table {
        let mut moved = world();
        edit(&mut moved);
        let refusal = moved.apply(&saved).unwrap_err();
        assert_eq!(refusal, expected);
    }
}

#[test]
fn what_it_does_not_rest_on_may_move() {
    type Edit = fn(&mut World);
    let table: [(Edit, &[&str]); 7] = [
        (|world| world.basis.generation += 1, &[]),
        (|world| world.basis.date = "20261123".into(), &[]),
        (|world| world.basis.now += 86_400, &[]),
        (
            |world| world.of("/etc/motd").observed = Found::Absent,
            &["file:/etc/motd"],
        ),
        (
            |world| world.of("/etc/motd").observed = Found::Unknown,
            &["file:/etc/motd"],
        ),
        (
            |world| world.of("/etc/motd").desired = MOTD.replace("hello", "welcome"),
            &["file:/etc/motd"],
        ),
        (
            |world| {
                let more = "path = '/etc/nginx/more.conf'\ncontent = 'more'";
                world.entries.insert(0, entry("file", more, Found::Absent));
                world.entries.swap(1, 2);
            },
            &["file:/etc/nginx/more.conf"],
        ),
    ];
    let before = world();
    let saved = before.save();
    let ids = |plan: &Plan| -> Vec<(String, Action)> {
        let changes = plan.changes.iter();
        changes
            .map(|change| (change.id.to_string(), change.action))
            .collect()
    };
    for (number, (edit, others)) in table.into_iter().enumerate() {
        let mut moved = world();
        edit(&mut moved);
        let now = moved.apply(&saved);
        let now = now.unwrap_or_else(|refusal| panic!("row {number}: {refusal:?}"));
        assert_eq!(ids(&now), ids(&before.plan()), "row {number}");
        let (stack, observed) = moved.look();
        let found = saved.others(&stack, &observed, &moved.basis);
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(found, others, "row {number}");
    }
}

#[test]
fn a_serial_is_that_of_the_day_on_which_it_is_run() {
    let mut later = world();
    let saved = later.save();
    later.basis.date = "20261123".into();
    let now = later.apply(&saved).unwrap();
    let zone = now
        .changes
        .iter()
        .find(|one| one.id.kind == "zone")
        .unwrap();
    let text = zone.diff.text.as_ref().unwrap();
    assert!(text.after.contains(" 2026112301 "), "{}", text.after);
}

#[test]
fn a_plan_of_some_roles_stays_one() {
    let world = world();
    let (stack, observed) = world.look();
    let target = ["web".to_owned()];
    let (first, _) = plan(&stack, &observed, world.basis.clone(), Some(&target)).unwrap();
    let saved = SavedPlan::of(&first, &stack, &observed, "site.toml", "web1");
    assert_eq!(world.apply(&saved).unwrap().target.unwrap(), target);
}

#[test]
fn nothing_to_do_can_be_saved_too() {
    let mut world = world();
    world.entries.retain(|one| one.desired == MOTD);
    let saved = world.save();
    assert!(world.apply(&saved).unwrap().is_empty());
}

/// An inventory with one secret.
struct OneSecret(&'static str);

impl Materials for OneSecret {
    fn template(&self, name: &str) -> Result<String, EntryError> {
        NoMaterials.template(name)
    }
    fn template_with(
        &self,
        name: &str,
        _: &'static str,
        _: &serde_json::Value,
    ) -> Result<String, EntryError> {
        NoMaterials.template(name)
    }
    fn file(&self, path: &str) -> Result<Arc<[u8]>, EntryError> {
        NoMaterials.file(path)
    }
    fn sensitive_file(&self, _: &str) -> Result<SecretValue, EntryError> {
        Ok(SecretValue::new(self.0.into()))
    }
    fn secret(&self, _: &str) -> Result<SecretMaterial, EntryError> {
        Ok(SecretMaterial::Value(SecretValue::new(self.0.into())))
    }
    fn app(&self) -> Result<Code, EntryError> {
        NoMaterials.app()
    }
}

/// What is saved for a server where a secret and a file with one are as they should be but for
/// their modes, or, with another `found`, in all.
fn saved_with(secret: &'static str, found: &'static str) -> String {
    let entries = [
        ("secret", "/etc/s", "name = 'S'"),
        ("file", "/etc/k", "source = 'k'\nsensitive = true"),
    ];
    let probe = crate::resource::Probe::new("salt".into());
    let digest = probe.keyed(&SecretValue::new(found.into()));
    let reply = entries.map(|(kind, path, _)| {
        format!(
            "\x1ebegin {kind}\nregular file\x1f400\x1froot\x1froot\x1f{path}\n\
             salted\x1f{path}\x1f{digest}  -\n\x1eend 0\n"
        )
    });
    let resources = entries.map(|(kind, path, fields)| {
        let fields = format!("path = '{path}'\n{fields}");
        let spec = build(kind, &fields, &OneSecret(secret));
        Resource {
            id: spec.id(),
            role: "app".into(),
            site: None,
            origin: String::new(),
            spec,
        }
    });
    let stack = Stack {
        resources: resources.to_vec(),
        ..Stack::default()
    };
    let observed = probe.read(&stack.resources, &reply.concat());
    let (plan, _) = plan(&stack, &observed, world().basis, None).unwrap();
    assert_eq!(plan.changes.len(), 2);
    SavedPlan::of(&plan, &stack, &observed, "site.toml", "web1")
        .write()
        .unwrap()
}

#[test]
fn what_is_saved_is_the_same_whatever_the_secret_is() {
    let agrees = saved_with("canary", "canary");
    assert!(!agrees.contains("canary"));
    assert_eq!(agrees, saved_with("another", "another"));
    let differs = saved_with("canary", "found");
    assert_eq!(differs, saved_with("another", "something"));
    assert_ne!(agrees, differs);
}

#[test]
fn what_is_no_saved_plan_is_told_from_that_of_another_version() {
    let good = world().save().write().unwrap();
    let half = &good[..good.len() / 2];
    for text in ["", "[server]\n", "{}", "{\"password\": \"canary\"}", half] {
        let error = SavedPlan::read("f", text).unwrap_err();
        assert!(matches!(error, SavedPlanError::NotAPlan { .. }), "{text}");
        assert!(!error.to_string().contains("canary"));
    }
    let added = good.replacen('{', "{\"more\": 1,", 1);
    assert!(SavedPlan::read("f", &added).is_err());
    let other = good.replace(PROGRAM, "foobar-stack 99.0.0");
    let error = SavedPlan::read("f", &other).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("f was saved by foobar-stack 99.0.0, and this is {PROGRAM}")
    );
}
