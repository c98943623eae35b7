//! The whole report against what it should print.

use super::*;
use crate::check::{Hop, Outcome, Verdict};
use crate::plan::Basis;
use crate::resource::{Action, Change, Diff, Impact, ResourceId, TextChange};
use serde_json::Value;
use std::io::Write;

/// A stream that can be read.
#[derive(Clone, Default)]
pub(super) struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What a reporter with these settings writes: standard output, and standard error.
fn written(settings: Settings, tell: impl FnOnce(&Reporter)) -> (String, String) {
    let (out, err) = (Paper::default(), Paper::default());
    let paper = |paper: &Paper| Box::new(paper.clone());
    tell(&Reporter::elsewhere(settings, paper(&out), paper(&err)));
    (out.text(), err.text())
}

fn human(tell: impl FnOnce(&Reporter)) -> (String, String) {
    written(Settings::default(), tell)
}

fn json(tell: impl FnOnce(&Reporter)) -> (Vec<Value>, String) {
    let settings = Settings {
        json: true,
        ..Settings::default()
    };
    let (out, err) = written(settings, tell);
    let parse = |line| serde_json::from_str(line).unwrap();
    (out.lines().map(parse).collect(), err)
}

fn golden(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("../../tests/cases/report");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

fn id(kind: &'static str, name: &str) -> ResourceId {
    ResourceId {
        kind,
        name: name.to_owned(),
    }
}

fn fields<const N: usize>(fields: [(&str, Option<&str>, Option<&str>); N]) -> Diff {
    let mut diff = Diff::default();
    for (name, before, after) in fields {
        diff.compare(name, before, after);
    }
    diff
}

fn with_text(mut diff: Diff, before: &str, after: &str) -> Diff {
    diff.text = Some(TextChange {
        before: before.to_owned(),
        after: after.to_owned(),
    });
    diff
}

/// A plan with every action, and with what a server or a user could use to deceive.
fn plan() -> Plan {
    use Action::{Create, Delete, Reload, Restart, Run, Update};
    let site: String = (1..=40).map(|line| format!("line {line};\n")).collect();
    let placed = || {
        fields([
            ("owner", None, Some("root")),
            ("group", None, Some("root")),
            ("mode", None, Some("0644")),
        ])
    };
    let changes = [
        (
            "base",
            id("package", "nginx"),
            Create,
            Impact::None,
            "it is not there",
            fields([("version", None, Some("1.26.3-3"))]),
        ),
        (
            "database",
            id("file", "/etc/mysql/conf.d/foobar.cnf"),
            Update,
            Impact::None,
            "its content differs from templates/database/mysql.cnf",
            with_text(
                fields([("mode", Some("0600"), Some("0644"))]),
                "[mysqld]\nbind_address = 0.0.0.0\nskip_name_resolve\nmax_connections = 100\n",
                "[mysqld]\nskip_networking\nskip_name_resolve\nmax_connections = 100\n",
            ),
        ),
        (
            "database",
            id("service", "mysql.service"),
            Restart,
            Impact::Restart,
            "file:/etc/mysql/conf.d/foobar.cnf changes",
            fields([]),
        ),
        (
            "app",
            id("secret", "/etc/credstore/foobar/SESSION_KEY"),
            Update,
            Impact::None,
            "it differs from the inventory",
            fields([("content", Some("(sensitive)"), Some("(sensitive, another)"))]),
        ),
        (
            "app",
            id("command", "migrate"),
            Run,
            Impact::None,
            "it never ran for release 5f2b9c",
            fields([]),
        ),
        (
            "web",
            id("file", "/etc/nginx/sites/foobar.com.conf"),
            Create,
            Impact::None,
            "it is not there",
            with_text(placed(), "", &site),
        ),
        (
            "web",
            id("file", "/etc/motd\u{1b}[2J"),
            Update,
            Impact::None,
            "it differs\rfrom the inventory",
            with_text(
                fields([("owner", Some("\u{202e}toor"), Some("root"))]),
                "a\u{1b}]0;owned\u{7}\n",
                "b\n",
            ),
        ),
        (
            "web",
            id("absent", "/etc/nginx/sites-enabled/default"),
            Delete,
            Impact::None,
            "it must not be there",
            fields([("target", Some("/etc/nginx/sites-available/default"), None)]),
        ),
        (
            "web",
            id("service", "nginx.service"),
            Reload,
            Impact::Reload,
            "file:/etc/nginx/sites/foobar.com.conf changes",
            fields([("enabled", Some("no"), Some("yes"))]),
        ),
    ];
    Plan {
        changes: changes
            .map(|(role, id, action, impact, because, diff)| Change {
                id,
                role: role.to_owned(),
                site: None,
                action,
                impact,
                because: because.to_owned(),
                diff,
            })
            .into(),
        hidden: vec![(id("database", "foobar"), "mysql.service".to_owned())],
        target: None,
        basis: Basis {
            generation: 3,
            now: 0,
            date: "20260101".to_owned(),
        },
    }
}

fn empty_plan() -> Plan {
    let mut plan = plan();
    plan.changes.clear();
    plan.hidden.clear();
    plan
}

#[test]
fn a_plan_for_people() {
    let (out, err) = human(|reporter| reporter.plan(&plan()));
    golden("plan", &out);
    assert_eq!(err, "");
    let settings = Settings {
        color: Color::Always,
        ..Settings::default()
    };
    let (out, _) = written(settings, |reporter| reporter.plan(&plan()));
    golden("plan-colour", &out.replace('\u{1b}', "␛"));
}

#[test]
fn no_text_of_a_plan_reaches_the_terminal_as_a_command() {
    let settings = Settings {
        verbosity: Verbosity::Remote,
        ..Settings::default()
    };
    let (out, _) = written(settings, |reporter| reporter.plan(&plan()));
    let odd = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!out.contains(odd), "{out:?}");
    assert!(out.contains("line 40;"), "-v shows all");
}

/// Somebody has written it into a file that is none of ours.
#[test]
fn a_plan_shows_no_secret_that_this_machine_knows() {
    let mut plan = plan();
    let change = &mut plan.changes[0];
    change.because = "hunter2-because".to_owned();
    change
        .diff
        .compare("field", Some("hunter2-before"), Some("hunter2-after"));
    change.diff.text = Some(TextChange {
        before: "a = hunter2-old\n".to_owned(),
        after: "a = hunter2-new\n".to_owned(),
    });
    let secret = crate::types::SecretValue::new(b"hunter2".to_vec());
    for json in [false, true] {
        let settings = Settings {
            json,
            ..Settings::default()
        };
        let (out, err) = written(settings, |reporter| {
            reporter.mask(Masks::new([&secret]));
            reporter.plan(&plan);
        });
        assert!(!format!("{out}{err}").contains("hunter2"), "{out}{err}");
        for part in ["because", "before", "after", "old", "new"] {
            assert!(
                out.contains(&format!("(sensitive)-{part}")),
                "{part}: {out}"
            );
        }
    }
}

#[test]
fn a_plan_without_changes_and_a_partial_one_say_so() {
    let (out, _) = human(|reporter| reporter.plan(&empty_plan()));
    assert_eq!(out, "No changes.\n");
    let target = Some(vec!["web".to_owned(), "app".to_owned()]);
    let mut partial = empty_plan();
    partial.target.clone_from(&target);
    let (out, _) = human(|reporter| reporter.plan(&partial));
    assert_eq!(out, "This plan is partial: only web, app.\nNo changes.\n");
    let mut partial = plan();
    partial.target = target;
    let (out, _) = human(|reporter| reporter.plan(&partial));
    let last: Vec<&str> = out.lines().rev().take(2).collect();
    assert_eq!(
        last,
        [
            "Plan: 2 to create, 3 to update, 1 to delete, 1 reload, 1 restart, 1 command to run",
            "This plan is partial: only web, app."
        ]
    );
}

#[test]
fn a_plan_for_programs() {
    let (lines, _) = json(|reporter| {
        reporter.plan(&plan());
        let _ = reporter.finish("plan", Exit::Changes);
    });
    let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
    let version = concat!("\"", env!("CARGO_PKG_VERSION"), "\"");
    golden("plan-json", &text.join("\n").replace(version, "\"0.0.0\""));
    let documented = [
        "type", "id", "role", "action", "impact", "because", "diff", "fields",
    ];
    for line in lines.iter().filter(|line| line["type"] == "change") {
        assert_eq!(keys(line), documented);
    }
    assert_eq!(lines[0]["type"], "version");
    assert_eq!(lines[0]["format"], 1);
    assert_eq!(lines.last().unwrap()["type"], "summary");
    assert_eq!(lines.last().unwrap()["exit"], 2);
}

fn keys(line: &Value) -> Vec<&str> {
    let object = line.as_object().unwrap();
    object.keys().map(String::as_str).collect()
}

fn titles() -> Vec<StepTitle> {
    vec![
        StepTitle {
            title: "install 6 packages".to_owned(),
            ids: vec![id("package", "nginx"), id("package", "bind9")],
        },
        StepTitle {
            title: "nginx agrees".to_owned(),
            ids: Vec::new(),
        },
    ]
}

const STREAM: &str = "started\tr1\nbegin\t0\nlog\t0\tUnpacking nginx\u{1b}[31m\nend\t0\t1230\nbegin\t1\nlog\t1\tunknown directive \"sevrer\"\nfailed-step\t1\t1\nfailed";

fn follow(reporter: &Reporter) {
    reporter.steps(&titles());
    for line in STREAM.lines() {
        reporter.event(&Event::parse(line).unwrap());
        reporter.tick();
    }
}

#[test]
fn a_run_for_people_without_a_terminal() {
    let (out, err) = human(follow);
    assert_eq!(
        out,
        "▸ install 6 packages\n\
         ✓ install 6 packages  12.3 s\n\
         ▸ nginx agrees\n\
         ✗ nginx agrees  failed with status 1\n\
         \x20 │ unknown directive \"sevrer\"\n"
    );
    assert_eq!(err, "");
}

#[test]
fn a_run_for_programs() {
    let (lines, err) = json(follow);
    let text: Vec<String> = lines[1..].iter().map(ToString::to_string).collect();
    golden("run-json", &text.join("\n"));
    assert_eq!(err, "");
}

fn outcome(hop: Hop, name: &str, outcome: Verdict) -> Outcome {
    let failed = outcome == Verdict::Fail;
    let skipped = outcome == Verdict::Skip;
    Outcome {
        awaited: false,
        hop,
        site: None,
        name: name.to_owned(),
        outcome,
        ms: if skipped { 0 } else { 3 },
        expected: "active and enabled".to_owned(),
        actual: (!skipped).then(|| {
            if failed {
                "inactive"
            } else {
                "as it should be"
            }
            .to_owned()
        }),
        because: skipped.then(|| "database failed: mysql.service".to_owned()),
        unit: failed.then(|| "mysql.service".to_owned()),
        log: if failed {
            vec!["[ERROR] Can't open\u{1b}[2J the log".to_owned()]
        } else {
            Vec::new()
        },
    }
}

fn broken() -> check::Report {
    check::Report {
        outcomes: vec![
            outcome(Hop::Dns, "foobar.com A over UDP", Verdict::Pass),
            outcome(Hop::Tls, "certificate of foobar.com", Verdict::Pass),
            outcome(Hop::Web, "GET https://foobar.com/", Verdict::Skip),
            outcome(Hop::Database, "mysql.service", Verdict::Fail),
        ],
        first_broken: Some(3),
    }
}

const TOOK: Duration = Duration::from_millis(123);

#[test]
fn checks_for_people() {
    let (out, err) = human(|reporter| reporter.verified(&broken(), TOOK));
    golden("checks", &out);
    assert_eq!(err, "");
    let healthy = check::Report {
        outcomes: broken().outcomes[..2].to_vec(),
        first_broken: None,
    };
    let (out, _) = human(|reporter| reporter.verified(&healthy, TOOK));
    assert!(out.ends_with("\nhealthy: 2 checks in 0.12 s\n"), "{out}");
}

#[test]
fn what_is_waited_for_is_not_called_broken() {
    let mut report = check::Report {
        outcomes: vec![
            outcome(Hop::Dns, "foobar.com A over UDP", Verdict::Pass),
            outcome(Hop::Tls, "certificate of foobar.com", Verdict::Fail),
        ],
        first_broken: Some(1),
    };
    let said = |report: &check::Report| human(|reporter| reporter.verified(report, TOOK)).0;
    report.outcomes[1].awaited = true;
    let out = said(&report);
    assert!(
        out.contains("\nwaits at tls: certificate of foobar.com\n"),
        "{out}"
    );
    assert!(
        out.contains("\nnot complete yet: 1 of 2 checks failed "),
        "{out}"
    );
    // Not where something else is wrong, too.
    let mut database = outcome(Hop::Database, "mysql.service", Verdict::Fail);
    database.awaited = false;
    report.outcomes.push(database);
    report.first_broken = Some(2);
    let out = said(&report);
    assert!(
        out.contains("\nbroken at database: mysql.service\n"),
        "{out}"
    );
    assert!(out.contains("\nunhealthy: 2 of 3 checks failed "), "{out}");
}

#[test]
fn quiet_is_errors_only() {
    let quiet = Settings {
        verbosity: Verbosity::Quiet,
        ..Settings::default()
    };
    let (out, err) = written(quiet, |reporter| {
        reporter.note("note");
        reporter.plan(&plan());
        follow(reporter);
        reporter.verified(&broken(), TOOK);
        reporter.output("asked for\n");
    });
    assert_eq!(out, "asked for\n");
    assert!(
        err.starts_with("broken at database: mysql.service\n"),
        "{err}"
    );
    let healthy = empty_report();
    let (out, err) = written(quiet, |reporter| reporter.verified(&healthy, TOOK));
    assert_eq!((out.as_str(), err.as_str()), ("", ""));
}

fn empty_report() -> check::Report {
    check::Report {
        outcomes: Vec::new(),
        first_broken: None,
    }
}

#[test]
fn checks_for_programs() {
    let (lines, _) = json(|reporter| {
        reporter.verified(&broken(), TOOK);
        let _ = reporter.finish("verify", Exit::Unhealthy);
    });
    let known = [
        "type", "hop", "name", "outcome", "ms", "expected", "actual", "because", "unit", "log",
    ];
    for line in &lines[1..5] {
        assert!(keys(line).iter().all(|key| known.contains(key)), "{line}");
    }
    assert_eq!(
        lines[5].to_string(),
        r#"{"type":"summary","command":"verify","exit":3,"checks":{"healthy":false,"pass":2,"fail":1,"skip":1,"first_broken":"mysql.service","ms":123}}"#
    );
}

/// An error that says its cause in its own text, as some crates do.
#[derive(Debug, thiserror::Error)]
#[error("cannot connect: {0}")]
struct Doubled(#[source] io::Error);

#[derive(Debug, thiserror::Error)]
#[error("web1 cannot be reached\u{1b}[2J")]
struct Outer(#[source] Doubled);

#[test]
fn an_error_names_each_cause_once() {
    let error = Outer(Doubled(io::Error::other("no route")));
    let tell = |reporter: &Reporter| reporter.error(&error, Some("look at server.ssh"));
    let people = "error: web1 cannot be reached\\u{1b}[2J\n  \
                  caused by: cannot connect: no route\n\
                  hint: look at server.ssh\n";
    assert_eq!(human(tell), (String::new(), people.to_owned()));
    let (lines, err) = json(tell);
    assert_eq!(err, people);
    assert_eq!(
        lines[1].to_string(),
        r#"{"type":"error","message":"web1 cannot be reached\u001b[2J","causes":["cannot connect: no route"],"hint":"look at server.ssh"}"#
    );
}

#[test]
fn rows_are_aligned_and_are_objects() {
    let table = Table {
        kind: "sandbox",
        columns: vec!["name", "state"],
        rows: vec![
            vec!["trixie".to_owned(), "running".to_owned()],
            vec!["a-long-name".to_owned(), "off".to_owned()],
        ],
    };
    let (out, _) = human(|reporter| reporter.table(&table));
    assert_eq!(
        out,
        "NAME         STATE\ntrixie       running\na-long-name  off\n"
    );
    let (lines, _) = json(|reporter| reporter.table(&table));
    assert_eq!(
        lines[1].to_string(),
        r#"{"type":"sandbox","name":"trixie","state":"running"}"#
    );
}

#[test]
fn findings_say_what_to_do() {
    let findings = [
        Finding {
            state: FindingState::Good,
            subject: "ssh".to_owned(),
            text: "root@web1".to_owned(),
            hint: None,
        },
        Finding {
            state: FindingState::Bad,
            subject: "dpkg".to_owned(),
            text: "nginx is half-configured".to_owned(),
            hint: Some("dpkg --configure -a".to_owned()),
        },
    ];
    let (out, _) = human(|reporter| reporter.findings(&findings));
    assert_eq!(
        out,
        "✓ ssh   root@web1\n✗ dpkg  nginx is half-configured\n        hint: dpkg --configure -a\n"
    );
    let (lines, _) = json(|reporter| reporter.findings(&findings));
    assert_eq!(
        keys(&lines[2]),
        ["type", "state", "subject", "text", "hint"]
    );
}

#[test]
fn traffic_is_for_programs_and_the_curious() {
    let traffic = Traffic {
        connections: 1,
        sudo: 0,
        round_trips: 3,
        bytes_sent: 2048,
        bytes_received: 100,
    };
    let (_, err) = human(|reporter| reporter.traffic(&traffic));
    assert_eq!(err, "");
    let curious = Settings {
        verbosity: Verbosity::Commands,
        ..Settings::default()
    };
    let (_, err) = written(curious, |reporter| reporter.traffic(&traffic));
    assert_eq!(
        err,
        "1 connection, 0 sudo calls, 3 round trips, 2.00 KiB sent, 100 B received\n"
    );
}

#[test]
fn only_yes_is_yes() {
    for (answer, yes) in [
        ("y\n", true),
        ("YES\n", true),
        ("\n", false),
        ("", false),
        ("yep\n", false),
    ] {
        assert_eq!(is_yes(answer), yes, "{answer:?}");
    }
}

#[test]
fn output_that_could_not_be_written_is_a_failure() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    for json in [false, true] {
        let settings = Settings {
            json,
            ..Settings::default()
        };
        let err = Paper::default();
        let reporter = Reporter::on(
            settings,
            Stream::new(Box::new(Full), false, false),
            Stream::new(Box::new(err.clone()), false, false),
        );
        reporter.done("done");
        assert_eq!(reporter.finish("plan", Exit::Done), Exit::Failed);
        assert!(
            err.text()
                .starts_with("error: the output could not be written\n")
        );
    }
}

#[test]
fn programs_are_told_which_server_a_line_is_about() {
    let (lines, _) = json(|reporter| {
        reporter.about(&crate::types::ServerName::default());
        follow(reporter);
        reporter.done("done");
    });
    let about = |line: &&Value| line["server"] == "server";
    assert!(lines.iter().filter(about).count() > 3, "{lines:#?}");
    for kind in ["version", "done"] {
        let mut all = lines.iter();
        let line = all.find(|line| line["type"] == kind);
        assert!(
            line.is_some_and(|line| line.get("server").is_none()),
            "{lines:#?}"
        );
    }
}
