//! Logs in to a sandbox, or has it run a command.

use super::ssh::ssh_arguments;
use super::{Sandbox, SandboxError, is_running};
use std::io::IsTerminal;
use tokio::process::Command;

/// Runs a command inside, on this process's own input and output, and gives its exit code.
///
/// Without a command it is a login shell. 255 is also what ssh itself fails with.
pub async fn exec(sandbox: &Sandbox, argv: &[String]) -> Result<i32, SandboxError> {
    if !is_running(sandbox) {
        return Err(SandboxError::Off {
            name: sandbox.name.clone(),
        });
    }
    let mut command = Command::new("ssh");
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        command.arg("-t");
    }
    command.args(ssh_arguments(sandbox));
    if !argv.is_empty() {
        let quoted = shlex::try_join(argv.iter().map(String::as_str)).map_err(|error| {
            SandboxError::Step {
                action: "quote the command".to_owned(),
                detail: error.to_string(),
            }
        })?;
        command.arg("--").arg(quoted);
    }
    let status = command
        .status()
        .await
        .map_err(|source| SandboxError::Start {
            program: "ssh".to_owned(),
            source,
        })?;
    Ok(status.code().unwrap_or(255))
}
