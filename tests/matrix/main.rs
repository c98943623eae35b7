//! The matrix: a full apply struck at every step, and futures that do not work, on real servers.
//!
//! A sample runs by default. `MATRIX=full` runs everything (about an hour on two cores);
//! `MATRIX_ONLY=words,words` the cases whose names have one of them. `MATRIX_SUITE=sid` takes
//! another release than trixie, `MATRIX_BOXES=4` more servers at once. With a folder in
//! `MATRIX_STATE` the prepared disks are kept there, and the results, too: cases that have
//! passed are left out the next time.
//!
//! This needs root, or sudo without a password, and an archive to install from. Where root or its
//! programs are missing the matrix is left out, and a line says so.

mod faults;
mod futures;
mod lab;
mod moments;
#[path = "../servers/mod.rs"]
mod servers;
#[path = "../real/support.rs"]
#[expect(dead_code, reason = "shared with the tests that need more of it")]
mod support;
mod visitors;

use faults::Reference;
use lab::{Lab, Machine};
use std::collections::{BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// When a case runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Always.
    Sample,
    /// With `MATRIX=full`.
    Full,
}

impl Scope {
    fn sampled(yes: bool) -> Self {
        if yes { Self::Sample } else { Self::Full }
    }
}

type Body = Box<dyn Fn(&Machine, &Reference) + Send + Sync>;

/// One case: it fails by a panic.
pub(crate) struct Case {
    name: String,
    scope: Scope,
    body: Body,
}

impl Case {
    fn new(
        name: &str,
        scope: Scope,
        body: impl Fn(&Machine, &Reference) + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.to_owned(),
            scope,
            body: Box::new(body),
        }
    }
}

/// How a case ended.
struct Outcome {
    name: String,
    took: Duration,
    failure: Option<String>,
}

#[test]
fn the_matrix() {
    if !servers::are_possible("the matrix") {
        return;
    }
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let suite = Some(variable("MATRIX_SUITE")).filter(|suite| !suite.is_empty());
    let lab = Lab::new(suite.as_deref().unwrap_or("trixie"));
    let began = Instant::now();
    lab.prepare(&|text| say(text));
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let boxes = variable("MATRIX_BOXES").parse().unwrap_or(cores);
    let first = Machine::up(&lab, "box-0");
    let reference = Reference::of(&first);

    let passed = Passed::new(&lab);
    let only = variable("MATRIX_ONLY");
    let full = variable("MATRIX") == "full";
    let wanted = |case: &Case| {
        let named = only.split(',').any(|words| case.name.contains(words));
        let in_scope = if only.is_empty() {
            full || case.scope == Scope::Sample
        } else {
            named
        };
        in_scope && !passed.names.contains(&case.name)
    };
    let cases = faults::cases(&reference.titles).into_iter();
    let queue: VecDeque<Case> = cases.chain(futures::cases()).filter(wanted).collect();
    let all = queue.len();
    say(&format!(
        "{}: {all} cases on {boxes} servers, ready after {:.0} s",
        lab.suite,
        began.elapsed().as_secs_f64()
    ));
    let queue = Mutex::new(queue);
    let outcomes = Mutex::new(Vec::new());
    let work = |machine: &Machine, reference: &Reference| {
        while let Some(case) = next(&queue) {
            let outcome = run(&case, machine, reference);
            passed.note(&outcome);
            let mut outcomes = outcomes.lock().unwrap_or_else(PoisonError::into_inner);
            outcomes.push(outcome);
            tell(&outcomes, all, machine);
        }
    };
    std::thread::scope(|scope| {
        for number in 1..boxes.min(all) {
            let (lab, work) = (&lab, &work);
            scope.spawn(move || {
                let machine = Machine::up(lab, &format!("box-{number}"));
                let reference = Reference::of(&machine);
                work(&machine, &reference);
            });
        }
        work(&first, &reference);
    });
    let outcomes = outcomes
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    let (table, failed) = table(&outcomes);
    say(&format!("{table}in {:.0} s", began.elapsed().as_secs_f64()));
    assert_eq!(failed, 0, "{table}");
}

fn next(queue: &Mutex<VecDeque<Case>>) -> Option<Case> {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    queue.pop_front()
}

fn run(case: &Case, machine: &Machine, reference: &Reference) -> Outcome {
    let began = Instant::now();
    let ended = catch_unwind(AssertUnwindSafe(|| (case.body)(machine, reference)));
    let failure = ended.err().map(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_default()
    });
    Outcome {
        name: case.name.clone(),
        took: began.elapsed(),
        failure,
    }
}

/// Says how the last case ended, and how far the matrix is.
fn tell(outcomes: &[Outcome], all: usize, machine: &Machine) {
    let Some(last) = outcomes.last() else { return };
    let failed = outcomes.iter().filter(|one| one.failure.is_some()).count();
    let verdict = if last.failure.is_some() {
        "FAILED"
    } else {
        "ok"
    };
    say(&format!(
        "[{}/{all}, {failed} failed] {verdict} {} ({:.1} s, {})",
        outcomes.len(),
        last.name,
        last.took.as_secs_f64(),
        machine.name
    ));
    if let Some(failure) = &last.failure {
        say(failure);
    }
}

/// The results: a line each that failed, and the sums by the first words of the names.
fn table(outcomes: &[Outcome]) -> (String, usize) {
    let mut text = String::new();
    let mut failed = 0;
    for outcome in outcomes.iter().filter(|one| one.failure.is_some()) {
        failed += 1;
        let _ = writeln!(text, "failed: {}", outcome.name);
    }
    let group = |outcome: &Outcome| {
        let (place, fault) = outcome.name.rsplit_once(": ").unwrap_or(("", ""));
        let word = place.split(' ').next().unwrap_or_default();
        format!("{word}, {fault}")
    };
    let groups: BTreeSet<String> = outcomes.iter().map(group).collect();
    for name in groups {
        let of: Vec<_> = outcomes.iter().filter(|one| group(one) == name).collect();
        let passed = of.iter().filter(|one| one.failure.is_none()).count();
        let took: f64 = of.iter().map(|one| one.took.as_secs_f64()).sum();
        let _ = writeln!(
            text,
            "{name:32} {passed:4} of {:4}   {took:6.0} s",
            of.len()
        );
    }
    (text, failed)
}

/// What has passed in an earlier run of the matrix, where results are kept.
struct Passed {
    names: BTreeSet<String>,
    file: Option<PathBuf>,
}

impl Passed {
    fn new(lab: &Lab) -> Self {
        let file = lab.kept("results");
        let text = file
            .as_ref()
            .and_then(|file| std::fs::read_to_string(file).ok())
            .unwrap_or_default();
        let names = text
            .lines()
            .filter_map(|line| line.strip_prefix("ok\t")?.split('\t').next())
            .map(str::to_owned);
        Self {
            names: names.collect(),
            file,
        }
    }

    fn note(&self, outcome: &Outcome) {
        let Some(file) = &self.file else { return };
        let verdict = if outcome.failure.is_some() {
            "failed"
        } else {
            "ok"
        };
        let line = format!(
            "{verdict}\t{}\t{:.1}\n",
            outcome.name,
            outcome.took.as_secs_f64()
        );
        let file = std::fs::File::options()
            .create(true)
            .append(true)
            .open(file);
        let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
    }
}

/// Says something at once, whatever the harness keeps for itself.
fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
