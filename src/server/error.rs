//! What can go wrong between this machine and the root shell, and what to do next.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why the server cannot be worked with.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The destination is not a host name, an address or an alias.
    #[error("'{destination}' is not an ssh destination")]
    Destination {
        /// What was given.
        destination: String,
    },
    /// The private key that was asked for is not there.
    #[error("the private key {} cannot be read", .path.display())]
    IdentityFile {
        /// Where it should be.
        path: PathBuf,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// The ssh configuration that was asked for is not there.
    #[error("the ssh configuration {} cannot be read", .path.display())]
    ConfigFile {
        /// Where it should be.
        path: PathBuf,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// There is no `ssh` on this machine.
    #[error("the program 'ssh' cannot be started")]
    MissingSsh(#[source] io::Error),
    /// Something of this machine failed: a temporary file, a pipe.
    #[error("the connection to {destination} cannot be set up on this machine")]
    Local {
        /// Where the connection goes.
        destination: String,
        /// What failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No ssh server answers: name unknown, no route, refused, timeout.
    #[error("{destination} cannot be reached: {message}")]
    Unreachable {
        /// Where the connection goes.
        destination: String,
        /// What ssh says.
        message: String,
    },
    /// The server's host key is not in known_hosts.
    #[error("the host key of {destination} is unknown")]
    HostKeyUnknown {
        /// Where the connection goes.
        destination: String,
    },
    /// The server's host key is not the one that is known.
    #[error("the host key of {destination} is not the {}", if *.pinned { "one in the inventory" } else { "known one" })]
    HostKeyChanged {
        /// Where the connection goes.
        destination: String,
        /// The name it has in known_hosts.
        name: String,
        /// The fingerprint of the key that the server has, if ssh said it.
        fingerprint: Option<String>,
        /// True if the inventory, not known_hosts, says what the key should be.
        pinned: bool,
    },
    /// The server lets this login not in.
    #[error("{destination} refused the login{}: {message}", of_user(.user.as_deref()))]
    LoginRefused {
        /// Where the connection goes.
        destination: String,
        /// The login, if the inventory says one.
        user: Option<String>,
        /// What ssh says.
        message: String,
    },
    /// ssh failed for a reason of its own.
    #[error("ssh to {destination} failed: {message}")]
    Ssh {
        /// Where the connection goes.
        destination: String,
        /// What ssh says.
        message: String,
    },
    /// The login is not root, and sudo does not make it root.
    #[error("{user} on {destination} cannot become root: {message}")]
    Sudo {
        /// Where the connection goes.
        destination: String,
        /// The login.
        user: String,
        /// What sudo says.
        message: String,
    },
    /// The connection, or the shell behind it, ended before the answer.
    #[error("the connection to {destination} was lost after {:.1} s of {doing}", .after.as_secs_f64())]
    Lost {
        /// Where the connection goes.
        destination: String,
        /// What was under way.
        doing: &'static str,
        /// How long it had been under way.
        after: Duration,
        /// What ended it.
        source: io::Error,
    },
    /// The other end is not the shell that it should be.
    #[error("the login shell on {destination} did not run the command: {message}")]
    Protocol {
        /// Where the connection goes.
        destination: String,
        /// The last that it printed.
        message: String,
    },
}

fn of_user(user: Option<&str>) -> String {
    user.map(|user| format!(" of {user}")).unwrap_or_default()
}

impl ServerError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Destination { .. } => {
                "give a host name, an address or an alias of ~/.ssh/config as server.ssh; user and port have keys of their own".to_owned()
            }
            Self::IdentityFile { .. } => {
                "correct server.identity_file in the inventory, or leave it out to let ssh choose".to_owned()
            }
            Self::ConfigFile { .. } => {
                "correct --ssh-config, or server.ssh_config in the inventory; of a virtual machine 'vagrant up' writes it".to_owned()
            }
            Self::MissingSsh(_) => "install the OpenSSH client (package openssh-client)".to_owned(),
            Self::Local { .. } => return None,
            Self::Unreachable { destination, .. } => format!(
                "check server.ssh and server.port in the inventory, and that 'ssh {destination} true' works"
            ),
            Self::HostKeyUnknown { .. } => {
                "compare the fingerprint that 'ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub' prints on the server's console, then use --accept-new-host-key, or put the key in server.host_key of the inventory".to_owned()
            }
            Self::HostKeyChanged { pinned, name, fingerprint, .. } => {
                let sent = fingerprint
                    .as_ref()
                    .map(|fingerprint| format!("the server has {fingerprint}; "))
                    .unwrap_or_default();
                let next = if *pinned {
                    "correct server.host_key in the inventory".to_owned()
                } else {
                    format!("remove the old key with: ssh-keygen -R {}", crate::shell::quote(name))
                };
                format!("{sent}if the server was set up anew, {next}; if not, someone may be listening in")
            }
            Self::LoginRefused { destination, user, .. } => {
                let login = match user {
                    Some(user) => format!("{user}@{destination}"),
                    None => destination.clone(),
                };
                format!("check server.user and server.identity_file in the inventory and the keys of 'ssh-add -l'; to let a key in: ssh-copy-id {login}")
            }
            Self::Ssh { destination, .. } => format!("'ssh -v {destination} true' shows what ssh does"),
            Self::Sudo { user, message, .. } if message.contains("must have a tty") => format!(
                "sudo asks for a terminal, and there is none: take `Defaults requiretty` out, or allow this login without: echo 'Defaults:{user} !requiretty' >>/etc/sudoers.d/foobar-stack"
            ),
            Self::Sudo { message, .. } if message.ends_with("not found") => {
                "install sudo on the server, or log in as root".to_owned()
            }
            Self::Sudo { user, .. } => format!(
                "log in as root, or allow it on the server: echo '{user} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/foobar-stack"
            ),
            Self::Lost { .. } => {
                "run the same command again: it finds out how far the server got".to_owned()
            }
            Self::Protocol { destination, .. } => format!(
                "'ssh {destination} echo works' must print 'works': give the login a usual shell"
            ),
        })
    }

    /// True if the server could not be reached or did not let us in; false if the mistake is on
    /// this machine.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        !matches!(
            self,
            Self::Destination { .. }
                | Self::IdentityFile { .. }
                | Self::ConfigFile { .. }
                | Self::MissingSsh(_)
                | Self::Local { .. }
        )
    }
}

/// What the log of an ssh that failed is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    HostKeyUnknown,
    HostKeyChanged,
    LoginRefused,
    Unreachable,
    Other,
}

/// Finds the cause in the log of ssh: its exit status is 255 for every one of them. ssh is
/// not translated, so the words are the same everywhere.
pub(super) fn cause(log: &str) -> Cause {
    let causes = [
        ("IDENTIFICATION HAS CHANGED", Cause::HostKeyChanged),
        ("no matching host key type", Cause::HostKeyChanged),
        ("host key is known for", Cause::HostKeyUnknown),
        ("Host key verification failed", Cause::HostKeyUnknown),
        ("Permission denied (", Cause::LoginRefused),
        ("Too many authentication failures", Cause::LoginRefused),
        ("Could not resolve hostname", Cause::Unreachable),
        ("connect to host", Cause::Unreachable),
        ("Connection timed out", Cause::Unreachable),
        ("Connection closed", Cause::Unreachable),
        ("Connection reset", Cause::Unreachable),
        ("kex_exchange_identification", Cause::Unreachable),
        ("banner exchange", Cause::Unreachable),
    ];
    causes
        .iter()
        .find(|(words, _)| log.contains(words))
        .map_or(Cause::Other, |(_, cause)| *cause)
}

/// The last line that says something, for a message of one line.
pub(super) fn last_line(text: &str) -> String {
    let line = text
        .lines()
        .rev()
        .map(str::trim)
        .find(|line| !line.is_empty());
    line.unwrap_or("it said nothing").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_of_ssh_tells_the_cause() {
        for (log, expected) in [
            (
                "ssh: connect to host 127.0.0.1 port 1: Connection refused",
                Cause::Unreachable,
            ),
            (
                "ssh: Could not resolve hostname nowhere.invalid: Name or service not known",
                Cause::Unreachable,
            ),
            (
                "Connection closed by UNKNOWN port 65535",
                Cause::Unreachable,
            ),
            (
                "No ED25519 host key is known for [127.0.0.1]:22 and you have requested strict checking.\r\nHost key verification failed.",
                Cause::HostKeyUnknown,
            ),
            (
                "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
                Cause::HostKeyChanged,
            ),
            (
                "root@10.0.0.1: Permission denied (publickey).",
                Cause::LoginRefused,
            ),
            ("config: line 3: Bad configuration option: x", Cause::Other),
        ] {
            assert_eq!(cause(log), expected, "{log}");
        }
    }

    #[test]
    fn what_sudo_says_decides_what_to_do() {
        for (message, words) in [
            (
                "sudo: sorry, you must have a tty to run sudo",
                "Defaults:deploy !requiretty",
            ),
            ("sh: 1: sudo: not found", "install sudo"),
            (
                "sudo: a password is required",
                "deploy ALL=(ALL) NOPASSWD: ALL",
            ),
        ] {
            let error = ServerError::Sudo {
                destination: "web1".to_owned(),
                user: "deploy".to_owned(),
                message: message.to_owned(),
            };
            let hint = error.hint().unwrap_or_default();
            assert!(hint.contains(words), "{hint}");
        }
    }

    #[test]
    fn the_last_line_is_the_last_that_says_something() {
        assert_eq!(last_line("a\r\nb\r\n\n"), "b");
        assert_eq!(last_line(""), "it said nothing");
    }
}
