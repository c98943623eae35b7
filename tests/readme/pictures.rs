//! The pictures of the README, drawn of what the program itself prints: a plan of the example
//! inventory after two edits, and a verification of it. `UPDATE=1 cargo test --test readme` draws
//! them anew.

use crate::applied::{NOW, Seen, applied};
use crate::fixtures;
use anstyle_svg::{Term, WIN10_CONSOLE};
use foobar_stack::check::{Hop, Outcome, Report, Verdict};
use foobar_stack::diagnostic::Source;
use foobar_stack::facts::{Facts, Os};
use foobar_stack::inventory;
use foobar_stack::plan::{Basis, Plan, Stack, plan};
use foobar_stack::report::{Color, Reporter, Settings};
use foobar_stack::resource::Observed;
use foobar_stack::role::{Roles, builtin, compile_one};
use foobar_stack::types::ServerName;
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A stream that can be read.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Holds `docs/NAME.svg` against what a command tells.
fn picture(name: &str, tell: impl FnOnce(&Reporter)) {
    let settings = Settings {
        color: Color::Always,
        ..Settings::default()
    };
    let paper = Paper::default();
    let elsewhere = Box::new(io::sink());
    tell(&Reporter::elsewhere(
        settings,
        Box::new(paper.clone()),
        elsewhere,
    ));
    let printed = String::from_utf8(paper.0.lock().unwrap().clone()).unwrap();
    let screen = format!("$ foobar-stack {name}\n{}", printed.replace('\t', "    "));
    let svg = Term::new().palette(WIN10_CONSOLE).render_svg(&screen);
    let (dimmed, readable) = (".dimmed { opacity: 0.4", ".dimmed { opacity: 0.7");
    assert!(!svg.contains("dimmed\">") || svg.contains(dimmed));
    let svg = svg.replace(dimmed, readable);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/{name}.svg"));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &svg).unwrap();
    }
    let drawn = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        drawn == svg,
        "docs/{name}.svg is not what the program prints; UPDATE=1 draws it anew:\n{screen}"
    );
}

/// The example inventory at this address, compiled for a Debian 13.
fn example(edit: impl Fn(&str) -> String) -> Stack {
    let text = include_str!("../../inventory/foobar.toml");
    let text = edit(&text.replace("8.8.8.8", "203.0.113.10"));
    let inventory = inventory::parse(&Source::new("inventory.toml", text)).unwrap();
    let inputs = fixtures::inputs(inventory.inventory, "", builtin());
    let os = Os {
        id: "debian".to_owned(),
        version_id: "13".to_owned(),
        version_codename: "trixie".to_owned(),
        pretty_name: "Debian GNU/Linux 13 (trixie)".to_owned(),
    };
    let packages = [("nginx", "1.26.3-3"), ("mariadb-server", "1:11.8.3-1")];
    let packages = packages.map(|(name, version)| (name.to_owned(), version.to_owned()));
    let facts = Facts::fresh(os, packages.into());
    let roles = Roles::read(&inputs.roles).unwrap();
    compile_one(&inputs, &roles, &ServerName::default(), &facts).unwrap()
}

/// What the stack would change on such a server.
fn planned(stack: &Stack, seen: &Seen) -> Plan {
    let basis = Basis {
        generation: 1,
        now: NOW + 60,
        date: "20261123".to_owned(),
    };
    let resources = stack.resources.iter();
    let observed = resources.map(|one| seen.get(&one.id).cloned().unwrap_or(Observed::Absent));
    plan(stack, &observed.collect::<Vec<_>>(), basis, None)
        .unwrap()
        .0
}

#[test]
fn a_plan() {
    let before = example(str::to_owned);
    let seen = applied(&before, &Seen::new());
    let after = example(|text| {
        let text = text.replace("#: headers =", "headers =");
        let record = "[[dns.records]]\nname = \"mail\"\ntype = \"A\"\nvalue = \"192.0.2.25\"\n";
        text.replace("[tls]\n", &format!("{record}[tls]\n"))
    });
    picture("plan", |reporter| reporter.plan(&planned(&after, &seen)));
}

/// What `verify --json` has said of the example on a real server, and how long it took: where the
/// example has other checks, its lines `check` and `summary` are taken anew from
/// `foobar-stack demo --suite trixie`, with this address.
fn verified() -> (Vec<Outcome>, Duration) {
    let text = include_str!("../cases/report/verify.jsonl");
    let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let mut lines: Vec<Value> = lines.collect();
    let took = lines.pop().unwrap()["checks"]["ms"].as_u64().unwrap();
    let outcomes = lines.iter().map(outcome);
    (outcomes.collect(), Duration::from_millis(took))
}

fn outcome(line: &Value) -> Outcome {
    let text = |key: &str| line[key].as_str().map(str::to_owned);
    let hop = line["hop"].as_str().unwrap();
    let hop = Hop::ROOT_FIRST
        .into_iter()
        .find(|one| one.to_string() == hop);
    assert_eq!(line["outcome"], "pass");
    Outcome {
        hop: hop.unwrap(),
        site: None,
        name: text("name").unwrap(),
        outcome: Verdict::Pass,
        ms: line["ms"].as_u64().unwrap(),
        expected: text("expected").unwrap(),
        actual: text("actual"),
        because: None,
        awaited: false,
        unit: None,
        log: Vec::new(),
    }
}

#[test]
fn a_verification() {
    let (outcomes, took) = verified();
    let named = |hop: Hop, name: &str| format!("{hop} {name}");
    let seen: BTreeSet<String> = outcomes
        .iter()
        .map(|one| named(one.hop, &one.name))
        .collect();
    let stack = example(str::to_owned);
    let checks = stack.checks.iter();
    let checks: BTreeSet<String> = checks.map(|check| named(check.hop, &check.title)).collect();
    assert_eq!(seen, checks, "cases/report/verify.jsonl is of other checks");
    let report = Report {
        outcomes,
        first_broken: None,
    };
    picture("verify", |reporter| {
        reporter.verified(&report, took);
    });
}
