//! The two scripts a client needs to have a bundle run: one receives and starts it, one
//! follows its events.

use super::compile::run_directory;
use crate::host;
use crate::shell::Script;

const LIBRARY: &str = include_str!("launch.sh");

/// Unpacks the archive on its standard input and starts the program in it as a transient unit.
#[must_use]
pub fn launch(run: &str) -> Script {
    let mut script = host::script();
    script
        .raw(LIBRARY)
        .call("launch_run", [run_directory(run).as_str(), &unit(run)]);
    script
}

/// Prints the run's events from the line with this number, counted from 1, until the run ends.
#[must_use]
pub fn follow(run: &str, from: usize) -> Script {
    let mut script = host::script();
    let words = [run_directory(run), unit(run), from.to_string()];
    script.raw(LIBRARY).call("follow_run", words);
    script
}

/// Tells the run what was seen from outside: none if all checks pass, else which does not.
#[must_use]
pub fn say_verdict(run: &str, flaw: Option<&str>) -> Script {
    let mut script = host::script();
    let words = [
        run_directory(run),
        flaw.map_or("confirm", |_| "undo").to_owned(),
        flaw.unwrap_or_default().to_owned(),
    ];
    script.raw(LIBRARY).call("say_verdict", words);
    script
}

/// Tells the run that the server can still be reached.
#[must_use]
pub fn reach(run: &str) -> Script {
    let mut script = host::script();
    script.raw(LIBRARY).call("reach_run", [run_directory(run)]);
    script
}

/// Asks the run to stop before its next step.
#[must_use]
pub fn stop(run: &str) -> Script {
    let mut script = host::script();
    script.raw(LIBRARY).call("stop_run", [run_directory(run)]);
    script
}

/// Prints the id of the run that is under way, else of the last one, then the digest of who
/// may prove it and the titles of its steps, a line each.
#[must_use]
pub fn current() -> Script {
    let mut script = host::script();
    script.raw(LIBRARY).raw("current_run");
    script
}

/// Prints what [`History`](super::History) reads: the runs, and which generations are kept.
#[must_use]
pub fn history() -> Script {
    let mut script = host::script();
    script.raw(LIBRARY).raw("print_history");
    script
}

/// Prints what the server keeps of a generation, as [`Generation`](super::Generation) reads it.
#[must_use]
pub fn generation(number: u64) -> Script {
    let mut script = host::script();
    let words = [number.to_string()];
    script.raw(LIBRARY).call("print_generation", words);
    script
}

/// Writes down that the last run, which was recorded as unverified, is proven after all. Fails
/// when it is not the last one, or another one is under way.
#[must_use]
pub fn approve(run: &str) -> Script {
    let mut script = host::program();
    script.raw(LIBRARY).call("approve_run", [run]);
    script
}

/// The transient unit of a run.
#[must_use]
pub fn unit(run: &str) -> String {
    format!("foobar-stack-{run}.service")
}
