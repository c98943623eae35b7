//! A program on the server, on this process's own input and output: over the connection that the
//! session has, beside its root shell.

use super::Session;
use std::process::Stdio;
use tokio::process::Command;

/// Becomes root where the login is not. One line without a single quote, an exclamation mark or a
/// backslash, so that csh and fish take it for what it is, too.
const AS_ROOT: &str = r#"[ "$(id -u)" = 0 ] && exec sh "$0"; exec sudo -n sh "$0""#;

impl Session {
    /// What runs the shell program `file` of the server as root, on the input and output of this
    /// process, and ends as that does; with 255 if ssh fails itself. `terminal` says whether it
    /// gets a terminal. `file` is a path of letters, digits, `/` and `-`.
    ///
    /// It holds no part of the session, which must live until it has ended.
    #[must_use]
    pub fn foreground(&self, file: &str, terminal: bool) -> Command {
        debug_assert!(
            file.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"/-".contains(&b))
        );
        let mut command = Command::new("ssh");
        command
            .args(["-F", "none", "-S"])
            .arg(self.connection.control_socket())
            // Only over the connection that is there, never over a new one.
            .args(["-o", "ProxyCommand=false", "-o", "LogLevel=ERROR"])
            .arg(if terminal { "-tt" } else { "-T" })
            .args(["none", "--"])
            .arg(format!("exec sh -c '{AS_ROOT}' {file}"))
            .stdin(Stdio::inherit())
            .stdout(Stdio::inherit())
            .stderr(Stdio::inherit())
            .kill_on_drop(true);
        command
    }
}
