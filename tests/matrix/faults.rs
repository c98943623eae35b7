//! A full apply that is struck: at every step the client is killed, the executor is killed, the
//! connection is cut, the power goes. What follows must converge, with nothing lost or left.

use crate::lab::{Disk, Machine};
use crate::support::{Ending, until};
use crate::{Case, Scope};
use std::collections::{BTreeMap, BTreeSet};

const CLEAN: &str = include_str!("clean.sh");
const MANAGED: &str = include_str!("managed.sh");

/// What a machine looks like before and after a full apply.
pub(crate) struct Reference {
    /// The titles of the steps.
    pub(crate) titles: Vec<String>,
    /// The digests of files, by path.
    before: BTreeMap<String, String>,
    after: BTreeMap<String, String>,
    /// The server's record of what is managed.
    record: String,
}

impl Reference {
    /// Applies once, undisturbed.
    pub(crate) fn of(machine: &Machine) -> Self {
        machine.reset(Disk::Installed);
        let before = files(machine);
        machine.run(&["apply", "--yes", "--json"]).exits(0);
        let titles = machine.on("cat /var/lib/foobar-stack/runs/*/titles");
        let reference = Self {
            titles: titles.lines().map(str::to_owned).collect(),
            before,
            after: files(machine),
            record: record(machine),
        };
        reference.holds(machine);
        reference
    }

    /// Fails unless everything is as after an undisturbed apply, and nothing else is there.
    #[track_caller]
    pub(crate) fn holds(&self, machine: &Machine) {
        let plan = machine.run(&["plan", "--json", "--detailed-exitcode"]);
        assert!(plan.changes().is_empty(), "{}", plan.said());
        plan.exits(0);
        machine.run(&["verify", "--json"]).exits(0);
        assert_eq!(machine.on(CLEAN), "", "left behind");
        let now = files(machine);
        let differs: Vec<_> = now
            .iter()
            .filter(|(path, text)| self.after.get(*path) != Some(*text))
            .map(|(path, _)| path)
            .chain(self.after.keys().filter(|path| !now.contains_key(*path)))
            .collect();
        assert!(differs.is_empty(), "not as ever: {differs:?}");
        assert_eq!(
            record(machine),
            self.record,
            "the record of what is managed"
        );
    }

    /// Fails unless every file is the old one or the new one.
    #[track_caller]
    fn nothing_is_half_written(&self, machine: &Machine) {
        for (path, text) in files(machine) {
            let is_staged = path.ends_with(".foobar-stack");
            let of = |files: &BTreeMap<String, String>| files.get(&path) == Some(&text);
            assert!(
                is_staged || of(&self.before) || of(&self.after),
                "half written: {path}"
            );
        }
    }
}

fn files(machine: &Machine) -> BTreeMap<String, String> {
    let said = machine.on(MANAGED);
    let pair = |line: &str| {
        let (text, path) = line.split_once("  ")?;
        Some((path.to_owned(), text.to_owned()))
    };
    said.lines().filter_map(pair).collect()
}

fn record(machine: &Machine) -> String {
    let said = machine.on("cat /var/lib/foobar-stack/managed");
    let mut lines: Vec<&str> = said.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

fn ids(run: &Ending) -> BTreeSet<String> {
    run.changes().into_iter().map(|change| change.id).collect()
}

/// What happens to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Client,
    Executor,
    Connection,
    Power,
}

impl Fault {
    const ALL: [Self; 4] = [Self::Client, Self::Executor, Self::Connection, Self::Power];

    fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Executor => "executor",
            Self::Connection => "connection",
            Self::Power => "power",
        }
    }

    /// What the server does to itself.
    fn how(self) -> &'static str {
        match self {
            Self::Executor => "kill",
            Self::Connection => "cut",
            Self::Client | Self::Power => "wait",
        }
    }
}

/// Where a run is struck.
#[derive(Debug, Clone)]
struct Strike {
    fault: Fault,
    /// As `strike.sh` reads it: place and moment.
    at: String,
    /// Whether the client stays until the server is there again.
    stays: bool,
}

/// All cases: every step with every fault, then places between and within steps.
pub(crate) fn cases(titles: &[String]) -> Vec<Case> {
    let mut cases = Vec::new();
    for (number, title) in titles.iter().enumerate() {
        for (turn, fault) in Fault::ALL.into_iter().enumerate() {
            // Each fault at about three places of a full apply, each at others.
            let sampled = number % 13 == turn * 3 + 2;
            cases.push(step(number, title, fault, "begin", sampled));
        }
    }
    for (number, title) in titles.iter().enumerate() {
        for fault in [Fault::Executor, Fault::Power] {
            cases.push(step(number, title, fault, "end", false));
        }
    }
    for fault in Fault::ALL {
        let strike = Strike {
            fault,
            at: "proof begin".to_owned(),
            stays: true,
        };
        cases.push(Case::new(
            &format!("proof: {}", fault.name()),
            Scope::sampled(fault == Fault::Connection),
            move |machine, reference| struck(machine, reference, Disk::Installed, &strike),
        ));
        for (turn, tenths) in [4, 12, 25, 50, 80, 120].into_iter().enumerate() {
            let strike = Strike {
                fault,
                at: format!("0 later-{}.{}", tenths / 10, tenths % 10),
                stays: turn % 2 == 0,
            };
            cases.push(Case::new(
                &format!("packages after {tenths} tenths: {}", fault.name()),
                Scope::sampled(tenths == 50 && fault == Fault::Power),
                move |machine, reference| struck(machine, reference, Disk::Downloaded, &strike),
            ));
        }
    }
    for fault in [Fault::Executor, Fault::Power] {
        for lines in [0, 2, 4, 6, 9, 12] {
            cases.push(Case::new(
                &format!("undoing after {lines} lines: {}", fault.name()),
                Scope::sampled(lines == 4 && fault == Fault::Executor),
                move |machine, reference| struck_while_undoing(machine, reference, fault, lines),
            ));
        }
    }
    cases
}

fn step(number: usize, title: &str, fault: Fault, moment: &str, sampled: bool) -> Case {
    let strike = Strike {
        fault,
        at: format!("{number} {moment}"),
        stays: number.is_multiple_of(5),
    };
    Case::new(
        &format!("step {number} {moment} ({title}): {}", fault.name()),
        Scope::sampled(sampled),
        move |machine, reference| struck(machine, reference, Disk::Installed, &strike),
    )
}

/// Strikes a full apply, and applies again.
fn struck(machine: &Machine, reference: &Reference, disk: Disk, strike: &Strike) {
    machine.reset(disk);
    let planned = ids(&machine.run(&["plan", "--json"]).exits(0));
    machine.on(&format!(
        "echo {} {} >/strike",
        strike.at,
        strike.fault.how()
    ));
    let client = machine.start(&["apply", "--yes", "--json"]);
    match strike.fault {
        Fault::Client => {
            machine.at_the_strike();
            client.kill();
            machine.on("touch /go-on");
            each_step_once(&machine.run(&["attach", "--json"]).exits(0));
        }
        Fault::Connection => {
            let end = client.ending().exits(0).says(&["the connection is lost"]);
            each_step_once(&end);
        }
        Fault::Executor => {
            client
                .ending()
                .exits(1)
                .says(&["the run ended on the server without a last word"]);
        }
        Fault::Power => {
            machine.at_the_strike();
            machine.power_off();
            if strike.stays {
                machine.boot();
                client.ending().exits(1).says(&["the connection is lost"]);
            } else {
                client.kill();
                machine.boot();
            }
        }
    }
    let (code, _) = machine.ask("test ! -e /strike");
    assert_eq!(code, 0, "it was not struck");
    if matches!(strike.fault, Fault::Executor | Fault::Power) {
        if disk == Disk::Installed {
            reference.nothing_is_half_written(machine);
        }
        converge(machine, &planned);
    }
    reference.holds(machine);
}

/// Plans what is left and applies it. A killed run's last child may hold the lock a while.
#[track_caller]
fn converge(machine: &Machine, planned: &BTreeSet<String>) {
    let left = machine.run(&["plan", "--json"]).exits(0);
    let more: Vec<String> = ids(&left).difference(planned).cloned().collect();
    assert!(
        more.is_empty(),
        "more than before: {more:?}\n{}",
        left.said()
    );
    until("the lock", || {
        let run = machine.run(&["apply", "--yes", "--json"]);
        (run.code != 5).then(|| run.exits(0))
    });
}

/// Every step of the run was begun once and ended once, as told.
#[track_caller]
fn each_step_once(run: &Ending) {
    let planned = run.lines("run");
    let planned = planned.iter().find_map(|line| line["steps"].as_u64());
    for state in ["started", "finished"] {
        let mut steps: Vec<u64> = run
            .lines("step")
            .iter()
            .filter(|line| line["state"] == state)
            .filter_map(|line| line["step"].as_u64())
            .collect();
        let told = steps.clone();
        steps.sort_unstable();
        steps.dedup();
        assert_eq!(steps, told, "{state}: not in order, or twice");
        assert_eq!(u64::try_from(steps.len()).ok(), planned, "{state}: missing");
    }
}

/// Strikes a run that takes back what it did, since its app does not live.
fn struck_while_undoing(machine: &Machine, reference: &Reference, fault: Fault, lines: u32) {
    machine.reset(Disk::Applied);
    machine.run(&["apply", "--yes", "--json"]).exits(0);
    let site = machine.site();
    site.write("app/app.py", "raise SystemExit('this app does not live')\n");
    site.edit("# max_connections = 100", "max_connections = 90");
    site.edit("# ttl = \"1h\"", "ttl = \"2h\"");
    site.edit("# max_body = \"10m\"", "max_body = \"11m\"");
    site.edit(
        "# aliases = [\"www.foobar.com\"]",
        "aliases = [\"www.foobar.com\", \"more.foobar.com\"]",
    );
    let planned = ids(&site.run(&["plan", "--json"]).exits(0));
    machine.on(&format!("echo undo lines-{lines} {} >/strike", fault.how()));
    let client = site.start(&["apply", "--yes", "--json"]);
    if fault == Fault::Power {
        machine.at_the_strike();
        client.kill();
        machine.power_off();
        machine.boot();
    } else {
        client.ending().exits(1);
    }
    let (code, _) = machine.ask("test ! -e /strike");
    assert_eq!(code, 0, "it was not struck");
    let mut planned = planned;
    // What was touched by the undone run may be compared anew by who reads it.
    planned.insert("service:nginx.service".to_owned());
    converge(machine, &planned);
    reference.holds(machine);
}
