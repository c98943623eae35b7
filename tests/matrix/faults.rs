//! A full apply that is struck: at every step the client is killed, the executor is killed, the
//! connection is cut, the power goes. What follows must converge, with nothing lost or left.

use crate::lab::{Disk, Machine};
use crate::support::{Ending, until};
use crate::{Case, Scope, moments};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const CLEAN: &str = include_str!("clean.sh");
pub(crate) const MANAGED: &str = include_str!("managed.sh");

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

/// Whether this is what useradd and groupadd leave behind when they are killed between writing a
/// lock, `/etc/shadow.PID`, and linking it, or between writing `/etc/shadow+` and renaming it: no
/// later one minds them, and they are theirs.
fn is_of_useradd(path: &str) -> bool {
    let Some(name) = path.strip_prefix("/etc/") else {
        return false;
    };
    let (file, is_left_over) = match name.split_once('.') {
        Some((file, number)) => (
            file,
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()),
        ),
        None => match name.strip_suffix('+') {
            Some(file) => (file, true),
            None => (name, false),
        },
    };
    is_left_over && ["passwd", "shadow", "group", "gshadow"].contains(&file)
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
        self.holds_beside(machine, "nothing else");
    }

    /// The same, but for files whose paths have these words.
    #[track_caller]
    pub(crate) fn holds_beside(&self, machine: &Machine, words: &str) {
        self.is_reached(machine, &self.record);
        let mut now = files(machine);
        now.retain(|path, _| {
            self.after.contains_key(path) || !(path.contains(words) || is_of_useradd(path))
        });
        let differs: Vec<_> = now
            .iter()
            .filter(|(path, text)| self.after.get(*path) != Some(*text))
            .map(|(path, _)| path)
            .chain(self.after.keys().filter(|path| !now.contains_key(*path)))
            .collect();
        assert!(differs.is_empty(), "not as ever: {differs:?}");
    }

    /// The same but for files, of which packages make some as they like: for a machine that
    /// had these packages and no others.
    #[track_caller]
    fn holds_with_packages(&self, machine: &Machine, had: &BTreeSet<String>) {
        // What a package has brought that was not there is ours, and so is its timer.
        let brought = |rest: &str| {
            let package = rest.split_once("\tpackage\t").map(|(_, name)| name);
            let timer = rest.split_once("\tservice\t");
            let timer = timer.and_then(|(_, name)| name.split_once(".timer"));
            let package = package.or(timer.map(|(name, _)| name));
            package.is_some_and(|name| !had.contains(name))
        };
        let line = |line: &str| match line.strip_prefix("adopted\t") {
            Some(rest) if brought(rest) => format!("made\t{rest}"),
            _ => line.to_owned(),
        };
        let record: BTreeSet<String> = self.record.lines().map(line).collect();
        self.is_reached(machine, &record.into_iter().collect::<Vec<_>>().join("\n"));
    }

    #[track_caller]
    fn is_reached(&self, machine: &Machine, expected: &str) {
        let plan = machine.run(&["plan", "--json", "--detailed-exitcode"]);
        assert!(plan.changes().is_empty(), "{}", plan.said());
        plan.exits(0);
        machine.run(&["verify", "--json"]).exits(0);
        assert_eq!(machine.on(CLEAN), "", "left behind");
        assert_eq!(record(machine), expected, "the record of what is managed");
    }

    /// Fails unless every file is the old one or the new one.
    #[track_caller]
    fn nothing_is_half_written(&self, machine: &Machine) {
        for (path, text) in files(machine) {
            // What stands in neither is staged, or a package's own way of doing the same.
            let (old, new) = (self.before.get(&path), self.after.get(&path));
            let is_known = old.is_some() || new.is_some();
            let is_whole = old == Some(&text) || new == Some(&text);
            assert!(!is_known || is_whole, "half written: {path}");
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
    // Which of its slots the app serves from is as it comes.
    let said = machine.on("cat /var/lib/foobar-stack/managed");
    let lines: BTreeSet<String> = said
        .lines()
        .map(|line| line.replace("-green", "-blue"))
        .collect();
    lines.into_iter().collect::<Vec<_>>().join("\n")
}

/// What a plan changes, and what it could not look at.
pub(crate) fn ids(run: &Ending) -> BTreeSet<String> {
    let changes = run.changes().into_iter().map(|change| change.id);
    let plans = run.lines("plan");
    let hidden = plans
        .iter()
        .flat_map(|plan| plan["hidden"].as_array().cloned().unwrap_or_default())
        .filter_map(|hidden| hidden["id"].as_str().map(str::to_owned));
    changes.chain(hidden).collect()
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

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Executor => "executor",
            Self::Connection => "connection",
            Self::Power => "power",
        }
    }

    /// What the server does to itself.
    pub(crate) fn how(self) -> &'static str {
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
    /// The number of a step, or `proof`.
    places: Vec<String>,
    /// As `strike.sh` reads it.
    moment: String,
    /// Whether the client stays until the server is there again.
    stays: bool,
}

/// All cases: every step with every fault, then places between and within steps.
pub(crate) fn cases(titles: &[String]) -> Vec<Case> {
    let mut cases = Vec::new();
    // A run survives these two, so that it can be struck again and again.
    const ROUNDS: usize = 4;
    for fault in [Fault::Client, Fault::Connection] {
        for round in 0..ROUNDS {
            let places = (round..titles.len()).step_by(ROUNDS);
            let strike = Strike {
                fault,
                places: places.map(|number| number.to_string()).collect(),
                moment: "begin".to_owned(),
                stays: true,
            };
            cases.push(Case::new(
                &format!("steps {round}, {}, …: {}", round + ROUNDS, fault.name()),
                Scope::sampled(round == 2),
                move |machine, reference| struck(machine, reference, Disk::Installed, &strike),
            ));
        }
    }
    for (number, title) in titles.iter().enumerate() {
        for fault in [Fault::Executor, Fault::Power] {
            // Each fault at one place of a full apply, and not at the same one.
            let sampled = number == if fault == Fault::Executor { 30 } else { 23 };
            cases.push(step(number, title, fault, "begin", sampled));
        }
    }
    for fault in Fault::ALL {
        let strike = Strike {
            fault,
            places: vec!["proof".to_owned()],
            moment: "begin".to_owned(),
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
                places: vec!["0".to_owned()],
                moment: format!("later-{}.{}", tenths / 10, tenths % 10),
                stays: turn % 2 == 0,
            };
            cases.push(Case::new(
                &format!("packages after {tenths} tenths: {}", fault.name()),
                Scope::Full,
                move |machine, reference| struck(machine, reference, Disk::Downloaded, &strike),
            ));
        }
    }
    cases.append(&mut moments::cases());
    for (number, title) in titles.iter().enumerate() {
        for fault in [Fault::Executor, Fault::Power] {
            cases.push(step(number, title, fault, "end", false));
        }
    }
    cases
}

fn step(number: usize, title: &str, fault: Fault, moment: &str, sampled: bool) -> Case {
    let strike = Strike {
        fault,
        places: vec![number.to_string()],
        moment: moment.to_owned(),
        stays: number.is_multiple_of(8),
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
    let had = machine.on("dpkg-query -W -f '${Package}\n'");
    let had: BTreeSet<String> = had.lines().map(str::to_owned).collect();
    for place in &strike.places {
        machine.strike(place, &format!("{} {}", strike.moment, strike.fault.how()));
    }
    let mut client = machine.start(&["apply", "--yes", "--json"]);
    let planned = match strike.fault {
        Fault::Client => {
            for place in &strike.places {
                machine.at_the_strike(place);
                client.kill();
                client = machine.start(&["attach", "--json"]);
                machine.go_on(place);
            }
            each_step_once(&client.ending().exits(0));
            None
        }
        Fault::Connection => {
            let end = client.ending().exits(0).says(&["the connection is lost"]);
            each_step_once(&end);
            None
        }
        Fault::Executor => {
            let end = client.ending().exits(1);
            let words = "the run ended on the server without a last word";
            Some(ids(&end.says(&[words])))
        }
        Fault::Power => {
            machine.at_the_strike(&strike.places[0]);
            machine.power_off();
            if strike.stays {
                machine.boot();
                let end = client.ending().exits(1);
                Some(ids(&end.says(&["the connection is lost"])))
            } else {
                let end = client.kill();
                machine.boot();
                Some(ids(&end))
            }
        }
    };
    machine.was_struck();
    if let Some(planned) = planned {
        if disk == Disk::Installed {
            reference.nothing_is_half_written(machine);
        }
        converge(machine, &planned);
    }
    if disk == Disk::Installed {
        reference.holds(machine);
    } else {
        reference.holds_with_packages(machine, &had);
    }
}

/// Plans what is left and applies it. A killed run's last child may hold the lock a while.
#[track_caller]
pub(crate) fn converge(machine: &Machine, planned: &BTreeSet<String>) {
    let left = machine.run(&["plan", "--json"]).exits(0);
    // A release that the killed run has made, and that serves nobody, is pruned.
    let more: Vec<String> = ids(&left)
        .difference(planned)
        .filter(|id| !id.starts_with("old_release:"))
        .cloned()
        .collect();
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
