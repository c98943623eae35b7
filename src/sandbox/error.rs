//! What can go wrong with a sandbox, each with the next thing to do.

use std::path::PathBuf;
use std::time::Duration;

/// A sandbox could not be made, found, used or removed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SandboxError {
    /// There is no place to keep state or cache.
    #[error("no home directory to keep {what} in")]
    NoHome {
        /// What would have been kept there.
        what: &'static str,
    },
    /// A file or directory refused.
    #[error("could not {action} {}", path.display())]
    File {
        /// What was tried, as a verb: "read", "write"….
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// What was read is not a sandbox's description.
    #[error("{} does not describe a sandbox", path.display())]
    Description {
        /// The file.
        path: PathBuf,
        /// Where it stops making sense.
        #[source]
        source: serde_json::Error,
    },
    /// A program could not be started at all.
    #[error("could not start {program}")]
    Start {
        /// Its name.
        program: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A program ran and said no.
    #[error("could not {action}: {detail}")]
    Step {
        /// What was being done, as a verb phrase.
        action: String,
        /// The last lines it said, or its exit status.
        detail: String,
    },
    /// The name cannot be a host name.
    #[error("{name:?} is no name for a sandbox")]
    BadName {
        /// As it was asked for.
        name: String,
    },
    /// The suite cannot be one.
    #[error("{suite:?} is no name of a suite")]
    BadSuite {
        /// As it was asked for.
        suite: String,
    },
    /// There is no public box of that release of Ubuntu.
    #[error("no public box of Ubuntu's {suite} is known")]
    NoPublicBox {
        /// As it was asked for.
        suite: String,
    },
    /// There is one of that name already.
    #[error("a sandbox named {name} exists already")]
    Taken {
        /// The name.
        name: String,
    },
    /// There is none of that name.
    #[error("no sandbox is named {name}")]
    Unknown {
        /// As it was asked for.
        name: String,
        /// Those that exist.
        known: Vec<String>,
    },
    /// There is none at all.
    #[error("there is no sandbox")]
    None,
    /// Which one is meant must be said.
    #[error("there are several sandboxes: {}", names.join(", "))]
    Several {
        /// All of them.
        names: Vec<String>,
    },
    /// The sandbox exists on paper only: its `up` was cut short.
    #[error("the sandbox {name} was not finished")]
    HalfMade {
        /// Its name.
        name: String,
    },
    /// The sandbox is off.
    #[error("the sandbox {name} is not running")]
    Off {
        /// Its name.
        name: String,
    },
    /// Root is needed, and sudo does not give it without a question.
    #[error("starting throw-away servers needs root, and sudo refused: {detail}")]
    NotRoot {
        /// What sudo said.
        detail: String,
    },
    /// Root is not allowed to do what it takes.
    #[error("this machine does not let root start throw-away servers: {detail}")]
    NotAllowed {
        /// What was said.
        detail: String,
    },
    /// Programs are missing here.
    #[error("this machine lacks {}", packages.join(", "))]
    Missing {
        /// The packages that bring them.
        packages: Vec<String>,
        /// The command that installs them.
        command: String,
    },
    /// The packages' installation failed.
    #[error("installing {} failed: {detail}", packages.join(", "))]
    Install {
        /// Which packages.
        packages: Vec<String>,
        /// The command that was run.
        command: String,
        /// Its last lines.
        detail: String,
    },
    /// No base tree could be made.
    #[error("building the base tree of {suite} failed: {detail}")]
    Base {
        /// Of which suite.
        suite: String,
        /// The last lines of the build.
        detail: String,
        /// All of them.
        log: PathBuf,
    },
    /// The base tree below a sandbox is gone.
    #[error("the base tree of the sandbox {name} is gone")]
    BaseGone {
        /// Whose.
        name: String,
    },
    /// Every private network that could be used is taken.
    #[error("no private /24 network is free on this machine")]
    NoNetwork,
    /// The network has no address left.
    #[error("no address is left for another sandbox")]
    NoAddress,
    /// The sandbox did not boot.
    #[error("the sandbox {name} {}: {detail}", boot_failure(*waited))]
    Boot {
        /// Its name.
        name: String,
        /// How long was waited; `None`: it ended by itself.
        waited: Option<Duration>,
        /// The last lines of its console.
        detail: String,
    },
}

fn boot_failure(waited: Option<Duration>) -> String {
    match waited {
        Some(waited) => format!("did not answer on ssh within {} s", waited.as_secs()),
        None => "stopped while booting".to_owned(),
    }
}

impl SandboxError {
    /// The next thing to do, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NoHome { .. } => "set HOME, or FOOBAR_STACK_STATE and XDG_CACHE_HOME".to_owned(),
            Self::BadName { .. } => {
                "use up to 30 of a-z, 0-9 and -, beginning with a letter".to_owned()
            }
            Self::BadSuite { .. } => "name a suite such as trixie, sid or noble".to_owned(),
            Self::NoPublicBox { .. } => {
                "name a long-term release (jammy, noble, resolute), or one of Debian".to_owned()
            }
            Self::Taken { name } => {
                format!("choose another name, or run: foobar-stack sandbox down {name}")
            }
            Self::Unknown { known, .. } if known.is_empty() => {
                "start one with: foobar-stack sandbox up".to_owned()
            }
            Self::Unknown { known, .. } => format!("there are: {}", known.join(", ")),
            Self::None => "start one with: foobar-stack sandbox up".to_owned(),
            Self::Several { .. } => "name the one you mean".to_owned(),
            Self::HalfMade { name } => {
                format!("remove it with: foobar-stack sandbox down {name}")
            }
            Self::Off { name } => {
                format!(
                    "boot it again with: foobar-stack sandbox up {name}; its console.log says why it ended"
                )
            }
            Self::NotRoot { .. } => {
                "run the command as root, or let sudo work without a password".to_owned()
            }
            Self::NotAllowed { .. } => {
                "run the command outside of this container, or make the container a privileged one"
                    .to_owned()
            }
            Self::Missing { command, .. } | Self::Install { command, .. } => {
                format!("run: {command}")
            }
            Self::Base { log, .. } => format!(
                "see {}; does the suite exist, and does the archive answer?",
                log.display()
            ),
            Self::BaseGone { name } => {
                format!("the cache was emptied; run: foobar-stack sandbox down {name}")
            }
            Self::NoAddress => "end some with: foobar-stack sandbox down".to_owned(),
            Self::File { .. }
            | Self::Description { .. }
            | Self::Start { .. }
            | Self::Step { .. }
            | Self::NoNetwork
            | Self::Boot { .. } => return None,
        };
        Some(hint)
    }
}
