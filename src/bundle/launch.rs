//! The two scripts a client needs to have a bundle run: one receives and starts it, one
//! follows its events.

use super::compile::run_directory;
use crate::shell::Script;

const LIBRARY: &str = include_str!("launch.sh");

/// Unpacks the archive on its standard input and starts the program in it as a transient unit.
#[must_use]
pub fn launch(run: &str) -> Script {
    let mut script = Script::new();
    script
        .raw(LIBRARY)
        .call("launch_run", [run_directory(run).as_str(), &unit(run)]);
    script
}

/// Prints the run's events from the line with this number, counted from 1, until the run ends.
#[must_use]
pub fn follow(run: &str, from: usize) -> Script {
    let mut script = Script::new();
    let words = [run_directory(run), unit(run), from.to_string()];
    script.raw(LIBRARY).call("follow_run", words);
    script
}

/// The transient unit of a run.
#[must_use]
pub fn unit(run: &str) -> String {
    format!("foobar-stack-{run}.service")
}
