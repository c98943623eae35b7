//! The `foobar-stack` program.

use clap::Parser;
use foobar_stack::cli::{self, Cli};
use foobar_stack::commands;
use foobar_stack::error::{Error, Exit};
use foobar_stack::report::Reporter;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // A reader that has gone does not want the help any more.
            let _ = error.print();
            return cli::exit(&error).code().into();
        }
    };
    let reporter = Reporter::new(cli.settings());
    let exit = run(&cli, &reporter).unwrap_or_else(|error| {
        match &error {
            Error::Input(diagnostics) => reporter.diagnostics(diagnostics),
            other => reporter.error(other, other.hint().as_deref()),
        }
        error.exit()
    });
    reporter.finish(cli.command.name(), exit).code().into()
}

fn run(cli: &Cli, reporter: &Reporter) -> Result<Exit, Error> {
    let runtime = tokio::runtime::Runtime::new().map_err(Error::io("start the runtime"))?;
    let result = runtime.block_on(commands::run(cli, reporter));
    // A question that nobody answered may still wait on standard input.
    runtime.shutdown_background();
    result
}
