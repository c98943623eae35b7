//! Services, compared.

use super::*;
use crate::resource::databases::ServerSettings;
use crate::resource::{NoMaterials, Resource, ResourceId, Spec};

type Service = super::Service<ServerSettings>;

fn service() -> Service {
    Service {
        name: "nginx.service".into(),
        enabled: true,
        reload_on: vec!["file:/etc/nginx/*".into()],
        restart_on: vec!["package:nginx".into(), "file:/etc/systemd/system/*".into()],
        in_force: Some(InForce {
            command: vec!["compare".into()],
            otherwise: Reaction::Reload,
        }),
        live: None,
        undo: None,
        impact: None,
        orphaned: false,
    }
}

fn change(kind: &'static str, name: &str) -> Change {
    Change {
        id: ResourceId {
            kind,
            name: name.into(),
        },
        role: "web".into(),
        site: None,
        action: Action::Update,
        impact: Impact::None,
        because: String::new(),
        diff: Diff::default(),
    }
}

fn compare(reply: &str, changes: &[Change]) -> Option<Delta> {
    let service = service();
    let context = PlanContext {
        now: 0,
        date: "20260101",
        changes,
    };
    let found = Service::observe(&[&service], &probe(), reply).remove(0);
    assert!(!matches!(found, Observed::Unknown { .. }), "{reply}");
    service.compare(&found, &context)
}

const CONFIG: &str = "/etc/nginx/nginx.conf";
const DROP_IN: &str = "/etc/systemd/system/nginx.service.d/x.conf";

/// A probe that knows two files the service reads.
fn probe() -> Probe {
    let file = |path: &str| {
        let entry = toml::toml! {
            path = path
            content = ""
        };
        let spec = Spec::build("file", entry, &NoMaterials).unwrap();
        Resource {
            id: spec.id(),
            role: "web".into(),
            site: None,
            origin: String::new(),
            spec,
        }
    };
    Probe::new("s".into()).of(&[file(CONFIG), file(DROP_IN)])
}

/// Started at ten seconds past twelve, reloaded at twenty.
fn shown(active: &str, file_state: &str, reload: &str) -> String {
    format!(
        "show\nLoadState=loaded\nActiveState={active}\nUnitFileState={file_state}\nNeedDaemonReload={reload}\n\
         ActiveEnterTimestamp=Sun 2026-11-22 12:00:10.000000 UTC\n\
         StateChangeTimestamp=Sun 2026-11-22 12:00:20.000000 UTC\nReloadResult=success\n"
    )
}

#[test]
fn a_service_takes_what_is_newer_than_what_it_runs() {
    // 12:00:00.
    const NOON: u64 = 1_795_348_800;
    for (path, second, expected) in [
        (CONFIG, 5, None),
        (CONFIG, 20, None),
        (CONFIG, 21, Some(Action::Reload)),
        (DROP_IN, 10, None),
        (DROP_IN, 15, Some(Action::Restart)),
        ("/etc/nginx/mine.conf", 30, None),
    ] {
        let changed = format!("changed\x1f{}.000000000\x1f{path}\n", NOON + second);
        let reply = changed + &shown("active", "enabled", "no");
        let delta = compare(&reply, &[]);
        let action = delta.as_ref().map(|delta| delta.action);
        assert_eq!(action, expected, "{path} at {second}");
        assert!(delta.is_none_or(|delta| delta.because.starts_with(path)));
    }
}

#[test]
fn a_service_takes_what_its_command_says_is_not_in_force() {
    let reply = |status: &str, active: &str| {
        format!("compared\x1fnginx.service\x1f{status}\x1fthe table is not there\n")
            + &shown(active, "enabled", "no")
    };
    assert_eq!(compare(&reply("0", "active"), &[]), None);
    let delta = compare(&reply("1", "active"), &[]).unwrap();
    assert_eq!(
        (delta.action, delta.because.as_str()),
        (Action::Reload, "the table is not there")
    );
    let stopped = compare(&reply("1", "inactive"), &[]).unwrap();
    assert_eq!(stopped.because, "it does not run");
}

#[test]
fn a_reload_that_failed_is_made_again() {
    let failed = shown("active", "enabled", "no").replace("success", "exit-code");
    assert_eq!(compare(&failed, &[]).unwrap().action, Action::Reload);
}

#[test]
fn a_time_that_cannot_be_read_is_unknown() {
    let service = service();
    let reply = shown("active", "enabled", "no").replace(" UTC", " CET");
    let found = Service::observe(&[&service], &probe(), &reply).remove(0);
    assert!(matches!(found, Observed::Unknown { .. }));
}

#[test]
fn a_service_in_order_changes_only_for_a_cause() {
    let running = shown("active", "enabled", "no");
    assert_eq!(compare(&running, &[]), None);
    assert_eq!(compare(&running, &[change("file", "/etc/mysql/x")]), None);
    let reload = compare(&running, &[change("file", "/etc/nginx/nginx.conf")]).unwrap();
    assert_eq!(
        (reload.action, reload.impact),
        (Action::Reload, Impact::Reload)
    );
    let both = [
        change("file", "/etc/nginx/nginx.conf"),
        change("package", "nginx"),
    ];
    assert_eq!(compare(&running, &both).unwrap().action, Action::Restart);
}

#[test]
fn a_stopped_service_is_started_not_reloaded() {
    let stopped = shown("inactive", "enabled", "no");
    let delta = compare(&stopped, &[change("file", "/etc/nginx/nginx.conf")]).unwrap();
    assert_eq!(delta.action, Action::Update);
    assert_eq!(delta.diff.fields.len(), 1);
}

#[test]
fn a_disabled_service_is_only_enabled() {
    let delta = compare(&shown("active", "disabled", "no"), &[]).unwrap();
    assert_eq!((delta.action, delta.impact), (Action::Update, Impact::None));
    assert_eq!(delta.diff.fields[0].name, "at boot");
}

#[test]
fn what_an_earlier_run_owes_is_not_forgotten() {
    let reply = format!(
        "pending\x1fnginx.service\x1freload\n{}",
        shown("active", "enabled", "no")
    );
    assert_eq!(compare(&reply, &[]).unwrap().action, Action::Reload);
    assert_eq!(
        compare(&shown("active", "enabled", "yes"), &[])
            .unwrap()
            .action,
        Action::Restart
    );
}

#[test]
fn a_plan_for_a_service_that_does_not_run_rests_on_that_alone() {
    let fingerprint = |active: &str, file_state: &str| {
        let reply = shown(active, file_state, "no");
        let found = Service::observe(&[&service()], &Probe::new("s".into()), &reply).remove(0);
        Service::fingerprint(found.present().unwrap())
    };
    assert_eq!(
        fingerprint("failed", "enabled"),
        fingerprint("activating", "enabled")
    );
    assert_ne!(
        fingerprint("failed", "enabled"),
        fingerprint("active", "enabled")
    );
    assert_ne!(
        fingerprint("failed", "enabled"),
        fingerprint("failed", "masked")
    );
}

#[test]
fn silence_is_unknown_and_not_found_is_absent() {
    let service = service();
    let observe =
        |reply: &str| Service::observe(&[&service], &Probe::new("s".into()), reply).remove(0);
    assert!(matches!(observe("show\n"), Observed::Unknown { .. }));
    assert_eq!(
        observe("show\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\n"),
        Observed::Absent
    );
}

#[test]
fn one_that_left_takes_that_its_files_have_gone_and_nothing_else() {
    let reading = Reading::parse("reload file:/etc/ssh/*").unwrap();
    assert_eq!(reading.to_string(), "reload file:/etc/ssh/*");
    let service = Service::orphaned("nginx.service", &[reading]);
    let found = |reply: &str| Service::observe(&[&service], &probe(), reply).remove(0);
    let gone = [change("absent", "/etc/ssh/x")];
    let compare = |reply: &str, changes: &[Change]| {
        let context = PlanContext {
            now: 0,
            date: "20260101",
            changes,
        };
        service.compare(&found(reply), &context)
    };
    let running = shown("active", "disabled", "no");
    assert_eq!(compare(&running, &[]), None);
    let delta = compare(&running, &gone).unwrap();
    assert_eq!(delta.action, Action::Reload);
    assert!(delta.diff.is_empty());
    assert_eq!(compare(&shown("inactive", "enabled", "no"), &gone), None);
    assert_eq!(service.owned(), []);
}

/// What `await_force` comes to when the question ends with these statuses, ten seconds apart.
fn awaited(statuses: &[u8]) -> (bool, String) {
    let mut answers = String::new();
    for (place, status) in statuses.iter().enumerate() {
        answers.push_str(&format!("{place}) return {status} ;;\n"));
    }
    // Each question is asked in a shell of its own, so the count is in a file.
    let program = format!(
        "now=0\nclock() {{ now=$((now + 1000)); }}\nsleep() {{ :; }}\n\
         fail() {{ echo \"$1\"; exit 1; }}\n\
         timeout() {{\nread -r count <asked\necho $((count + 1)) >asked\n\
         case $count in\n{answers}*) return 1 ;;\nesac\n}}\n\
         {}\necho 0 >asked\n",
        include_str!("steps.sh")
    );
    let folder = tempfile::tempdir().unwrap();
    let output = std::process::Command::new("sh")
        .current_dir(folder.path())
        .args(["-c", &format!("{program}await_force bind.service ask")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    (output.status.success(), said)
}

#[test]
fn a_daemon_that_is_silent_has_more_time_than_one_that_says_no() {
    assert!(awaited(&[0]).0);
    assert!(awaited(&[1, 0]).0);
    let (good, said) = awaited(&[1, 1, 1, 0]);
    assert!(
        !good && said.contains("bind.service did not take"),
        "{said}"
    );
    assert!(awaited(&[124, 124, 124, 124, 124, 124, 1, 0]).0);
    assert!(!awaited(&[124; 30]).0, "not for ever");
}
