//! What a command can end with: its errors, and the exit status that every end has.

mod hint;
mod import;

pub use import::ImportError;

use crate::bundle::GenerationError;
use crate::conflict::Conflicts;
use crate::diagnostic::Diagnostics;
use crate::facts::FactsError;
use crate::plan::{NoPlan, SavedPlanError, Stale};
use crate::sandbox::SandboxError;
use crate::server::ServerError;
use crate::types::ReleaseId;
use foobar_stack_load::LoadError;

/// The exit status of the program; the numbers are a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done; for `plan` also if there are changes.
    Done,
    /// It failed.
    Failed,
    /// `plan --detailed-exitcode`: there are changes.
    Changes,
    /// `verify`: the stack is unhealthy; the report has said why.
    Unhealthy,
    /// The server was not reached, or refused the login.
    Unreachable,
    /// Another run holds the lock.
    Locked,
    /// `apply` failed and was rolled back.
    RolledBack,
    /// Wrong usage.
    Usage,
    /// The inventory, a role, a template or a saved plan is invalid.
    Invalid,
    /// It was interrupted.
    Interrupted,
    /// A program that was run for the user (`run`, `sandbox exec`) ended with this status.
    Child(u8),
}

impl Exit {
    /// The number.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Changes => 2,
            Self::Unhealthy => 3,
            Self::Unreachable => 4,
            Self::Locked => 5,
            Self::RolledBack => 6,
            Self::Usage => 64,
            Self::Invalid => 65,
            Self::Interrupted => 130,
            Self::Child(status) => status,
        }
    }
}

/// Why a command failed.
///
/// A room's error is a variant here: `#[error(transparent)] Room(#[from] RoomError)`, with a line
/// in [`Error::hint`] and one in [`Error::exit`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What the user wrote is wrong.
    #[error(transparent)]
    Input(#[from] Diagnostics),
    /// What was typed cannot be done.
    #[error("{message}")]
    Usage {
        /// What is wrong with it.
        message: String,
        /// What to type instead.
        hint: String,
    },
    /// The connection to the server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// What the server is.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// A throw-away server.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The server's state is not known, or must not become what is wanted.
    #[error(transparent)]
    NoPlan(#[from] NoPlan),
    /// The server has what the stack would take over.
    #[error(transparent)]
    Conflicts(#[from] Conflicts),
    /// What else lives on the server is not known.
    #[error("the server cannot say what else lives there: {why}")]
    NotSeen {
        /// Why.
        why: String,
    },
    /// A file that is no saved plan.
    #[error(transparent)]
    SavedPlan(#[from] SavedPlanError),
    /// A saved plan that does not fit any more.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// No load could be put on the site.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Maintenance was not switched.
    #[error("maintenance was not switched: {said}")]
    Maintenance {
        /// What the server said.
        said: String,
    },
    /// No release of a site serves, so that nothing can be run in it.
    #[error("no release of {domain} serves")]
    NotServing {
        /// The site.
        domain: String,
    },
    /// A command of the user's was not started, or lost its server.
    #[error("the command was not run: {said}")]
    Run {
        /// What the server said.
        said: String,
    },
    /// Something about backups was not done.
    #[error("{said}")]
    Backup {
        /// What the server said.
        said: String,
    },
    /// A site did not come back from its backup.
    #[error("the site was not rebuilt: {said}")]
    Rebuild {
        /// What the server said.
        said: String,
    },
    /// A certificate was not revoked.
    #[error("the certificate was not revoked: {said}")]
    Revocation {
        /// What the server said.
        said: String,
    },
    /// A zone was not imported, or not all of it.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// The logs could not be read.
    #[error("the server cannot show its logs: {said}")]
    Logs {
        /// What it said.
        said: String,
    },
    /// Another run is under way.
    #[error("another run holds the lock: {holder}")]
    Locked {
        /// Who holds it, and since when.
        holder: String,
    },
    /// The server has changed since the plan was made.
    #[error("the server has changed since the plan was made: it has generation {generation} now")]
    Moved {
        /// The generation it has.
        generation: u64,
    },
    /// A step of the run failed.
    #[error("the step '{title}' failed with status {status}")]
    Step {
        /// What it was to do.
        title: String,
        /// The status of its command.
        status: i32,
    },
    /// The run did what it should, but the stack is not what it should be.
    #[error("the run is not proven: {why}")]
    Unproven {
        /// What said no.
        why: String,
    },
    /// The run did what it should, and no client has said that the stack is what it should be.
    #[error("the run is not proven, and stays as it is: {why}")]
    Unverified {
        /// What is missing.
        why: String,
    },
    /// The run failed, and what it had touched is as it was before.
    #[error("the run failed and was rolled back; files, links and services are as before")]
    RolledBack(#[source] Box<Error>),
    /// The run failed, and not all of what it had touched could be put back.
    #[error("NOT EVERYTHING COULD BE PUT BACK: {}", what.join(", "))]
    UndoFailed {
        /// What is not as it was.
        what: Vec<String>,
        /// Where the copies of what was replaced are, on the server.
        directory: String,
        /// Why the run failed.
        source: Box<Error>,
    },
    /// The run was asked to stop.
    #[error("stopped before the step '{title}'; {left} steps are left")]
    Stopped {
        /// The step that would have been next.
        title: String,
        /// How many were left.
        left: usize,
    },
    /// The plan removes so much that it may not be meant.
    #[error(
        "the plan removes {deletes} of the {managed} things that foobar-stack manages on this server"
    )]
    ManyDeletions {
        /// How many go.
        deletes: usize,
        /// How many there are.
        managed: usize,
    },
    /// What the server keeps of a generation.
    #[error(transparent)]
    Generation(#[from] GenerationError),
    /// There is no such generation to go back to.
    #[error("{}", no_generation(*wanted))]
    NoGeneration {
        /// The one that was wanted, if one was named.
        wanted: Option<u64>,
        /// Those one can go back to.
        targets: Vec<u64>,
    },
    /// There is no such release to go back to.
    #[error("{}", no_release(wanted.as_ref()))]
    NoRelease {
        /// The one that was wanted, if one was named.
        wanted: Option<ReleaseId>,
        /// Those that are kept, the last one first.
        kept: Vec<ReleaseId>,
    },
    /// The code of a release is not to be had from its server.
    #[error("the code of the release {release} cannot be read on the server: {why}")]
    NoCode {
        /// The release.
        release: ReleaseId,
        /// Why.
        why: String,
    },
    /// A copy of a server does not work as the server does.
    #[error("the copy cannot be made what the server is: it is not healthy with what serves there")]
    NoCopy,
    /// A copy of a server does not get the data of its backup.
    #[error("the copy cannot have the data of the backup: {said}")]
    NoData {
        /// What it says.
        said: String,
    },
    /// There is no run to follow.
    #[error("the server has seen no run yet")]
    NoRun,
    /// Ctrl-C, or a signal to end.
    #[error("interrupted")]
    Interrupted,
    /// The same, while the server received the run.
    #[error("interrupted while the run was sent to the server; it begins if all of it has arrived")]
    InterruptedStart,
    /// A file or a stream of this machine.
    #[error("cannot {action}")]
    Io {
        /// What was to be done, with its subject: `read inventory.toml`.
        action: String,
        /// Why it was not.
        source: std::io::Error,
    },
    /// The server's package lists could not be fetched.
    #[error("the server cannot fetch its package lists:\n{said}")]
    PackageLists {
        /// What apt said.
        said: String,
    },
    /// A secret could not be had. Its value is not part of this.
    #[error("cannot read the secret {name}: {why}")]
    Secret {
        /// Its name in the inventory.
        name: String,
        /// Why.
        why: String,
    },
    /// A pattern of what stays at home is none.
    #[error("app.exclude: `{pattern}` is not a pattern")]
    Pattern {
        /// The pattern.
        pattern: String,
        /// Why.
        source: ignore::Error,
    },
    /// git could not do what the app's code needs.
    #[error("git cannot {action} of {repository}:\n{said}")]
    Git {
        /// What it was to do.
        action: String,
        /// With which repository.
        repository: String,
        /// What it said.
        said: String,
    },
    /// The app's archive could not be fetched.
    #[error("{address} cannot be fetched")]
    Download {
        /// Where it should be.
        address: String,
        /// Why it was not.
        source: reqwest::Error,
    },
    /// The app's archive is larger than any app.
    #[error("{address} is larger than {most} bytes")]
    TooLarge {
        /// Where it is.
        address: String,
        /// What would be let through.
        most: u64,
    },
    /// The app's folder could not be walked.
    #[error("cannot read the folder {folder}")]
    Walk {
        /// The folder.
        folder: String,
        /// Why.
        source: ignore::Error,
    },
    /// A file's name cannot travel.
    #[error("the name of {path} is not plain UTF-8 text")]
    Name {
        /// The file.
        path: String,
    },
    /// Something that is neither file, folder nor link.
    #[error("{path} is neither a file, a folder nor a link")]
    SpecialFile {
        /// What it is.
        path: String,
    },
    /// The user said no.
    #[error("nothing was changed: the answer was not yes")]
    Declined,
    /// The run could not be started on the server.
    #[error("the run could not be started on the server: {said}")]
    Launch {
        /// What the server said.
        said: String,
    },
    /// The run's process ended without a last word.
    #[error("the run ended on the server without a last word")]
    RunDied {
        /// Where its events stand.
        directory: String,
    },
    /// The client was interrupted; the run was not.
    #[error("interrupted; the run continues on the server")]
    LeftBehind {
        /// Its unit.
        unit: String,
    },
    /// After the run there is still something to do.
    #[error(
        "the run ended well, but {changes} changes are still to be made; the plan above names them"
    )]
    NotConverged {
        /// How many.
        changes: usize,
    },
}

impl Error {
    /// Names what was to be done when an I/O error came: `map_err(Error::io("read x"))`.
    pub fn io(action: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let action = action.into();
        |source| Self::Io { action, source }
    }

    /// Decides the exit status: the only place that does.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            Self::Input(_) | Self::SavedPlan(_) => Exit::Invalid,
            Self::Import(error) => error.exit(),
            Self::Usage { .. } | Self::Load(LoadError::Range { .. }) => Exit::Usage,
            Self::Server(error) if error.is_unreachable() => Exit::Unreachable,
            Self::Locked { .. } => Exit::Locked,
            Self::RolledBack(_) => Exit::RolledBack,
            Self::Interrupted
            | Self::InterruptedStart
            | Self::LeftBehind { .. }
            | Self::Stopped { .. } => Exit::Interrupted,
            Self::Server(_)
            | Self::Facts(_)
            | Self::Load(_)
            | Self::Logs { .. }
            | Self::Maintenance { .. }
            | Self::Revocation { .. }
            | Self::NotServing { .. }
            | Self::Run { .. }
            | Self::Backup { .. }
            | Self::Rebuild { .. }
            | Self::Sandbox(_)
            | Self::PackageLists { .. }
            | Self::Secret { .. }
            | Self::Pattern { .. }
            | Self::Git { .. }
            | Self::Download { .. }
            | Self::TooLarge { .. }
            | Self::Walk { .. }
            | Self::Name { .. }
            | Self::SpecialFile { .. }
            | Self::Declined
            | Self::Launch { .. }
            | Self::Unproven { .. }
            | Self::Unverified { .. }
            | Self::UndoFailed { .. }
            | Self::NoRun
            | Self::Generation(_)
            | Self::NoGeneration { .. }
            | Self::NoRelease { .. }
            | Self::NoCode { .. }
            | Self::NoCopy
            | Self::NoData { .. }
            | Self::ManyDeletions { .. }
            | Self::RunDied { .. }
            | Self::NotConverged { .. }
            | Self::NoPlan(_)
            | Self::Conflicts(_)
            | Self::NotSeen { .. }
            | Self::Stale(_)
            | Self::Moved { .. }
            | Self::Step { .. }
            | Self::Io { .. } => Exit::Failed,
        }
    }
}

fn no_release(wanted: Option<&ReleaseId>) -> String {
    match wanted {
        Some(id) => format!("the server does not keep the release {id}"),
        None => "no release served before this one".to_owned(),
    }
}

fn no_generation(wanted: Option<u64>) -> String {
    match wanted {
        Some(number) => {
            format!("the server keeps no proven generation {number}")
        }
        None => "there is no proven generation before the current one".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Diagnostic, Source};
    use crate::plan::{SavedPlan, UnknownState};

    #[test]
    fn every_error_has_its_exit_status() {
        let step = || Error::Step {
            title: "install 6 packages".into(),
            status: 100,
        };
        let mistake = Diagnostic::new(&Source::new("inventory.toml", ""), 0..0, "empty");
        let unreachable = ServerError::Unreachable {
            destination: "web1".into(),
            message: "no route".into(),
        };
        let local = ServerError::MissingSsh(std::io::ErrorKind::NotFound.into());
        for (error, code) in [
            (Error::Input(mistake.into()), 65),
            (
                Error::Usage {
                    message: "x".into(),
                    hint: "y".into(),
                },
                64,
            ),
            (unreachable.into(), 4),
            (local.into(), 1),
            (FactsError::Missing("memory").into(), 1),
            (SandboxError::None.into(), 1),
            (NoPlan::from(UnknownState(Vec::new())).into(), 1),
            (Stale(Vec::new()).into(), 1),
            (SavedPlan::read("x", "{}").unwrap_err().into(), 65),
            (Error::Locked { holder: "h".into() }, 5),
            (Error::Moved { generation: 8 }, 1),
            (
                Error::NoRelease {
                    wanted: None,
                    kept: Vec::new(),
                },
                1,
            ),
            (
                Error::NoGeneration {
                    wanted: Some(8),
                    targets: vec![1],
                },
                1,
            ),
            (step(), 1),
            (Error::RolledBack(Box::new(step())), 6),
            (Error::Interrupted, 130),
            (Error::io("read x")(std::io::ErrorKind::NotFound.into()), 1),
        ] {
            assert_eq!(error.exit().code(), code, "{error}");
        }
        for (exit, code) in [
            (Exit::Done, 0),
            (Exit::Changes, 2),
            (Exit::Unhealthy, 3),
            (Exit::Unreachable, 4),
            (Exit::Child(7), 7),
        ] {
            assert_eq!(exit.code(), code);
        }
    }
}
