//! What must be done for a plan: steps in phases, the payload they need, the future they make.

use super::ResourceId;
use crate::shell::Script;
use crate::types::{AbsolutePath, SecretValue, Tree};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// When a step runs. All steps of a phase end before the next begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Foreign sources of packages take their places. From here on a failure is undone.
    Sources,
    /// The one package transaction.
    Packages,
    /// Makes things in the staging tree. Touches nothing that is live.
    Stage,
    /// Checks the staged future. Touches nothing that is live.
    Validate,
    /// Services that are no longer in the inventory stop, while their files are still there, if
    /// others start that may need their place.
    Retire,
    /// Accounts and folders, then files and links take their places.
    Commit,
    /// Services, databases, releases and commands, in the order of the stack.
    Activate,
    /// After the proof: what must not be there any more goes. Nothing of it is undone.
    Finish,
}

/// What a service must do to take its new configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reaction {
    /// Reload.
    Reload,
    /// Stop and start.
    Restart,
}

impl Reaction {
    /// The word kept on the server.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reload => "reload",
            Self::Restart => "restart",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "reload" => Some(Self::Reload),
            "restart" => Some(Self::Restart),
            _ => None,
        }
    }
}

/// What a service reads: when a resource changes whose id fits the pattern, it reacts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// How it reacts.
    pub reaction: Reaction,
    /// An id in which `*` stands for anything.
    pub pattern: String,
}

impl Reading {
    /// Reads what `Display` writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (reaction, pattern) = text.split_once(' ')?;
        Some(Self {
            reaction: Reaction::parse(reaction)?,
            pattern: pattern.to_owned(),
        })
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.reaction.as_str(), self.pattern)
    }
}

/// One step of the executor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// When it runs.
    pub phase: Phase,
    /// The resource whose change it makes.
    pub id: ResourceId,
    /// What it does.
    pub deed: Deed,
}

impl Step {
    /// Whether both can be done together: they put files in their places, or remove them.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        matches!(
            (&self.deed, &other.deed),
            (Deed::PutFile(_), Deed::PutFile(_)) | (Deed::RemovePath(_), Deed::RemovePath(_))
        )
    }
}

/// What a step does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// These commands; the first that fails ends the step.
    Commands(Script),
    /// Puts a file in its place. Those that follow one another are one step of the executor.
    PutFile(PutFile),
    /// Removes a file or a link. Those that follow one another are one step, too.
    RemovePath(AbsolutePath),
}

/// A file that takes its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutFile {
    /// Where.
    pub path: AbsolutePath,
    /// Mode, owner and group, as words.
    pub ownership: [String; 3],
    /// The name of its payload, whose last part is that of the file.
    pub payload: String,
}

/// Bytes that travel to the server.
#[derive(Debug, Clone)]
pub enum Content {
    /// A file.
    Bytes(Arc<[u8]>),
    /// A file that nobody but root may read on its way.
    Secret(SecretValue),
    /// A folder, travelling as one archive.
    Tree(Arc<Tree>),
}

/// What a file takes on a disk beside its bytes, at most.
const BLOCK: u64 = 4096;

impl Content {
    /// About how much space it takes where it is put, if that is not a place of its own.
    #[must_use]
    pub fn size(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64 + BLOCK,
            Self::Secret(secret) => secret.expose().len() as u64 + BLOCK,
            Self::Tree(_) => 0,
        }
    }
}

/// One file of the payload; the library finds it by its number.
#[derive(Debug, Clone)]
pub struct Payload {
    /// Its name in the payload folder: a number.
    pub name: String,
    /// Its bytes.
    pub content: Content,
}

/// How a path will look: what the validators are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Future {
    /// A file with the content of this payload.
    File(AbsolutePath, String),
    /// Runtime state, anywhere, with the content of this payload at first.
    State(AbsolutePath, String),
    /// A link to this target.
    Link(AbsolutePath, String),
    /// Nothing.
    Absent(AbsolutePath),
    /// A folder.
    Directory(AbsolutePath),
}

impl Future {
    /// Whether validators are shown it: configuration is below `/etc`, state may be elsewhere.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        matches!(self, Self::State(..)) || self.path().as_str().starts_with("/etc/")
    }

    /// The path it speaks of.
    #[must_use]
    pub fn path(&self) -> &AbsolutePath {
        match self {
            Self::File(path, _)
            | Self::State(path, _)
            | Self::Link(path, _)
            | Self::Absent(path)
            | Self::Directory(path) => path,
        }
    }
}

/// Paths whose change may keep us from logging in again.
const ACCESS: [&str; 6] = [
    "/etc/fail2ban",
    "/etc/nftables",
    "/etc/ssh",
    "/etc/pam.d",
    "/etc/sudoers",
    "/etc/systemd/network",
];

/// All the work of a plan, collected from its changes in the order of the stack.
#[derive(Debug, Clone, Default)]
pub struct ExecutionPlan {
    /// Packages to install, all at once.
    pub packages: Vec<(ResourceId, String)>,
    /// The steps, in the order of the stack within each phase.
    pub steps: Vec<Step>,
    /// What travels.
    pub payload: Vec<Payload>,
    /// What else than the payload's files needs space, where, and how many bytes.
    pub space: Vec<(AbsolutePath, u64)>,
    /// What the validators are shown.
    pub future: Vec<Future>,
    /// Services that owe a reaction from the moment the first file is in place.
    pub pending: BTreeMap<String, Reaction>,
    /// What else is noted before the first file is in place.
    pub notes: Script,
    /// Units that this plan starts or restarts, and that must stay up.
    pub watched: BTreeSet<String>,
    /// Units that read their configuration in this plan, whether or not it changes: those that it
    /// starts, restarts or reloads.
    pub readers: BTreeSet<String>,
    /// Whether it may keep us from logging in again: it touches the firewall or sshd.
    pub touches_access: bool,
    /// Kinds whose shell functions the steps need, beside those of the changes.
    pub libraries: BTreeSet<&'static str>,
    /// Shell functions that only some steps of their kind need.
    pub functions: BTreeSet<&'static str>,
    /// Whether systemd must read its units again.
    pub daemon_reload: bool,
}

impl ExecutionPlan {
    /// Adds a step.
    pub fn step(&mut self, phase: Phase, id: &ResourceId, script: Script) {
        self.steps.push(Step {
            phase,
            id: id.clone(),
            deed: Deed::Commands(script),
        });
    }

    /// Puts a file in its place when all files are.
    pub fn put_file(&mut self, id: &ResourceId, file: PutFile) {
        self.steps.push(Step {
            phase: Phase::Commit,
            id: id.clone(),
            deed: Deed::PutFile(file),
        });
    }

    /// Removes a file or a link, with all files or after the proof.
    pub fn remove_path(&mut self, phase: Phase, id: &ResourceId, path: &AbsolutePath) {
        self.steps.push(Step {
            phase,
            id: id.clone(),
            deed: Deed::RemovePath(path.clone()),
        });
    }

    /// Adds a step before all others of its phase.
    pub fn first(&mut self, phase: Phase, id: &ResourceId, script: Script) {
        let step = Step {
            phase,
            id: id.clone(),
            deed: Deed::Commands(script),
        };
        self.steps.insert(0, step);
    }

    /// Notes that a service owes a reaction.
    pub fn pending(&mut self, unit: &str, reaction: Reaction) {
        self.pending.insert(unit.to_owned(), reaction);
    }

    /// Notes that the steps call functions of another kind.
    pub fn uses(&mut self, kind: &'static str) {
        self.libraries.insert(kind);
    }

    /// Adds bytes to the payload and gives the name they have there.
    pub fn payload(&mut self, content: Content) -> String {
        let name = self.payload.len().to_string();
        self.payload.push(Payload {
            name: name.clone(),
            content,
        });
        name
    }

    /// The same for a file: the last part of the payload's name is that of the file.
    pub fn payload_of(&mut self, path: &AbsolutePath, content: Content) -> String {
        let name = format!("{}/{}", self.payload.len(), path.file_name());
        self.payload.push(Payload {
            name: name.clone(),
            content,
        });
        name
    }

    /// Notes that a folder gets all of this.
    pub fn needs_space(&mut self, path: &AbsolutePath, tree: &Tree) {
        let bytes = tree.size() + BLOCK * tree.len() as u64;
        self.space.push((path.clone(), bytes));
    }

    /// Notes how a path will look. Units that change must be read again by systemd.
    pub fn future(&mut self, future: Future) {
        if future.path().as_str().starts_with("/etc/systemd/system/") {
            self.daemon_reload = true;
        }
        let path = future.path().as_str();
        if ACCESS.iter().any(|prefix| path.starts_with(prefix)) {
            self.touches_access = true;
        }
        self.future.push(future);
    }
}
