//! `completions`: what a shell needs to complete our command lines.

use crate::cli::Cli;
use crate::report::Reporter;
use clap::CommandFactory;
use clap_complete::Shell;

/// Prints the script for a shell.
pub(super) fn run(shell: Shell, reporter: &Reporter) {
    let mut script = Vec::new();
    clap_complete::generate(
        shell,
        &mut Cli::command(),
        env!("CARGO_PKG_NAME"),
        &mut script,
    );
    reporter.output(&String::from_utf8_lossy(&script));
}
