//! Resources: what should be so on the server, one kind a file.
//!
//! Pure. A kind's file holds its whole life: the fields a role may set, how it is observed
//! (its half of the probe), how desired and observed are compared, the steps that change it
//! and the impact that has. The shell functions it needs on the server stand beside it, in
//! the `.sh` file of the same name. A new kind is such a file and one line in `registry`.

mod absent;
mod certificate;
mod change;
mod command;
mod conflict;
mod data;
mod database;
mod database_user;
mod deployment;
mod directory;
mod execution_plan;
mod file;
mod gap;
mod grants;
mod introspect;
mod link;
mod old_release;
mod orphan;
mod orphan_package;
mod ownership;
mod package;
mod pending;
mod probe;
mod recorded;
mod registry;
mod release;
mod retired;
mod seal;
mod secret;
mod service;
mod setting;
mod sql;
mod user;
mod variables;
mod zone;
mod zone_text;

pub use change::{Action, Change, Delta, Diff, FieldChange, Impact, TextChange};
pub use conflict::{Claim, Conflict};
pub use data::Data;
pub(crate) use database::CHECK_TABLE;
pub use deployment::{KeptRelease, Slot, kept_releases};
pub use execution_plan::{Content, ExecutionPlan, Future, Payload, Phase, Reaction, Reading, Step};
pub use probe::{Observed, Probe, section};
pub(crate) use registry::libraries;
pub use registry::{Spec, State, fields_of, kinds};
pub use seal::Seal;

use crate::diagnostic::Diagnostics;
use crate::shell::Script;
use crate::types::{AbsolutePath, Code, SecretValue, SiteName};
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;

/// What a resource is called everywhere: its kind, and its name among its kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId {
    /// The kind's name, as in a role's `[[kind]]`.
    pub kind: &'static str,
    /// What tells it from others of its kind: a path, a unit, a package.
    pub name: String,
}

impl ResourceId {
    /// True if `pattern` (an id in which `*` stands for anything) fits. A path that should be
    /// gone is a file, too.
    #[must_use]
    pub fn matches(&self, pattern: &str) -> bool {
        let gone = self.kind == "absent" && fits(pattern, &format!("file:{}", self.name));
        gone || fits(pattern, &self.to_string())
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.name)
    }
}

/// Whether a pattern with `*` for any run of characters fits the whole text.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|tail| {
            tail.char_indices()
                .map(|(at, _)| at)
                .chain([tail.len()])
                .any(|at| fits(rest, &tail[at..]))
        }),
    }
}

/// One thing on the server that should be so.
#[derive(Debug, Clone)]
pub struct Resource {
    /// Its id.
    pub id: ResourceId,
    /// The role that wants it.
    pub role: String,
    /// The site that it is for, where there are several and it is for one of them alone.
    pub site: Option<SiteName>,
    /// Where the role declares it: file and line.
    pub origin: String,
    /// What it should be.
    pub spec: Spec,
}

/// What the value of a secret resource is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretMaterial {
    /// Made on the server when it is not there.
    Generated,
    /// Read on the client.
    Value(SecretValue),
}

/// What an entry of a role may draw on besides its own fields.
pub trait Materials {
    /// The rendered text of a template of the entry's role.
    ///
    /// # Errors
    /// When there is no such template, or it does not render.
    fn template(&self, name: &str) -> Result<String, EntryError>;
    /// The same for a template that sees one value more.
    ///
    /// # Errors
    /// When there is no such template, or it does not render.
    fn template_with(
        &self,
        name: &str,
        key: &'static str,
        value: &serde_json::Value,
    ) -> Result<String, EntryError>;
    /// The bytes of a file beside the inventory.
    ///
    /// # Errors
    /// When the file was not read.
    fn file(&self, path: &str) -> Result<Arc<[u8]>, EntryError>;
    /// The bytes of a file beside the inventory that must not be seen.
    ///
    /// # Errors
    /// When the file was not read.
    fn sensitive_file(&self, path: &str) -> Result<SecretValue, EntryError>;
    /// A secret of the inventory.
    ///
    /// # Errors
    /// When the inventory has no such secret.
    fn secret(&self, name: &str) -> Result<SecretMaterial, EntryError>;
    /// The app's code.
    ///
    /// # Errors
    /// When the inventory has no app.
    fn app(&self) -> Result<Code, EntryError>;
}

/// Why an entry of a role is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// One of its fields is wrong.
    #[error("{message}")]
    Field {
        /// Which field; none for the entry as a whole.
        field: Option<String>,
        /// What is wrong.
        message: String,
        /// What would be right.
        help: Option<String>,
    },
    /// A text it refers to is wrong; the place is there.
    #[error(transparent)]
    Text(#[from] Diagnostics),
}

impl EntryError {
    /// A wrong field.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Field {
            field: Some(field.to_owned()),
            message: message.into(),
            help: None,
        }
    }

    /// A wrong entry.
    pub fn entry(message: impl Into<String>) -> Self {
        Self::Field {
            field: None,
            message: message.into(),
            help: None,
        }
    }

    /// Adds what would be right.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        if let Self::Field { help, .. } = &mut self {
            *help = Some(text.into());
        }
        self
    }
}

/// What a comparison may know of beside the resource itself.
#[derive(Debug, Clone, Copy)]
pub struct PlanContext<'a> {
    /// The server's clock, in seconds since 1970.
    pub now: i64,
    /// The server's date in UTC, as `YYYYMMDD`.
    pub date: &'a str,
    /// The changes found so far; every change of what does not react, for what reacts.
    pub changes: &'a [Change],
}

impl PlanContext<'_> {
    /// The changes whose id fits one of the patterns.
    pub fn matching<'b>(&'b self, patterns: &'b [String]) -> impl Iterator<Item = &'b Change> {
        self.changes
            .iter()
            .filter(move |change| patterns.iter().any(|pattern| change.id.matches(pattern)))
    }

    /// Whether this plan creates the resource with this id.
    #[must_use]
    pub fn creates(&self, kind: &str, name: &str) -> bool {
        self.changes.iter().any(|change| {
            change.action == Action::Create && change.id.kind == kind && change.id.name == name
        })
    }
}

/// What a resource owns on the server: what is removed when it is no longer in the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owned {
    /// A file or a link.
    Path(AbsolutePath),
    /// A systemd unit.
    Service {
        /// Its name.
        name: String,
        /// The files it reads.
        reads: Vec<Reading>,
    },
    /// What only exists once: it goes only when that is asked for.
    Data(Data),
    /// A package: it goes only when that is asked for.
    Package(String),
}

/// What may be removed beside files, links and services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Removal {
    /// Data.
    pub data: bool,
    /// Packages.
    pub packages: bool,
}

impl Owned {
    /// The resource that says it should be gone.
    #[must_use]
    pub fn gone(&self, removal: Removal) -> Spec {
        match self {
            Self::Path(path) => Spec::Absent(absent::Absent::orphaned(path.clone())),
            Self::Service { name, .. } => Spec::Retired(retired::Retired::new(name)),
            Self::Data(data) => Spec::Orphan(orphan::Orphan::new(data.clone(), removal.data)),
            Self::Package(name) => {
                Spec::OrphanPackage(orphan_package::OrphanPackage::new(name, removal.packages))
            }
        }
    }

    /// The service of this name, which is no longer in the stack and keeps running, but has read
    /// these.
    #[must_use]
    pub fn orphaned(name: &str, reads: &[Reading]) -> Spec {
        Spec::Service(service::Service::orphaned(name, reads))
    }

    /// Whether both are the same thing, whatever it is taken for: what was a file may have become
    /// a secret.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        fn path(owned: &Owned) -> Option<&AbsolutePath> {
            match owned {
                Owned::Path(path) => Some(path),
                Owned::Data(data) => data.path(),
                _ => None,
            }
        }
        if let (Self::Service { name: this, .. }, Self::Service { name: that, .. }) = (self, other)
        {
            return this == that;
        }
        self == other || path(self).is_some_and(|this| path(other) == Some(this))
    }
}

/// What is no longer in the inventory and is kept on the server, each as one would call it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retained {
    /// Data.
    pub data: Vec<String>,
    /// Packages.
    pub packages: Vec<String>,
}

impl Retained {
    /// What of these resources and what was found of them stays: none of what the changes remove.
    #[must_use]
    pub fn of(resources: &[Resource], observed: &[Observed<State>], changes: &[Change]) -> Self {
        let mut retained = Self::default();
        for (resource, observed) in resources.iter().zip(observed) {
            if changes.iter().any(|change| change.id == resource.id) {
                continue;
            }
            match (&resource.spec, observed) {
                (Spec::Orphan(orphan), Observed::Present(_)) => {
                    retained.data.push(orphan.retained());
                }
                (Spec::OrphanPackage(orphan), Observed::Present(State::OrphanPackage(found))) => {
                    retained.packages.push(orphan.retained(found));
                }
                _ => {}
            }
        }
        retained
    }
}

/// A file as it would be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Where.
    pub path: AbsolutePath,
    /// What; none if it must not be seen.
    pub content: Option<Arc<[u8]>>,
}

/// A kind of resource: its whole life.
pub trait Kind: Sized + Clone + fmt::Debug {
    /// The name in a role's `[[name]]`.
    const NAME: &'static str;
    /// The shell functions that its probe needs; of a text that several kinds name, one is sent.
    const PROBE_SHELL: &'static [&'static str];
    /// Those that its steps need.
    const STEP_SHELL: &'static [&'static str] = Self::PROBE_SHELL;
    /// Whether it reacts to the changes of others, and so is compared after them.
    const DEPENDS_ON_CHANGES: bool = false;

    /// The fields a role may set.
    type Entry: DeserializeOwned;
    /// What is observed of one.
    type State: Clone + fmt::Debug + PartialEq;

    /// Makes the resource from its fields.
    ///
    /// # Errors
    /// When a field is wrong, or what it refers to is missing.
    fn build(entry: Self::Entry, materials: &dyn Materials) -> Result<Self, EntryError>;

    /// What tells it from others of its kind.
    fn name(&self) -> String;

    /// The paths it owns that a service may have read.
    fn paths(&self) -> Vec<&AbsolutePath> {
        Vec::new()
    }

    /// Adds the command that observes all of `batch`; its status is that of the probe.
    fn probe(batch: &[&Self], probe: &Probe, script: &mut Script);

    /// Reads what the command printed: one observation for each of `batch`, in its order.
    fn observe(batch: &[&Self], probe: &Probe, reply: &str) -> Vec<Observed<Self::State>>;

    /// What would be observed right after it was applied over `before`.
    fn applied(
        &self,
        before: &Observed<Self::State>,
        context: &PlanContext<'_>,
    ) -> Observed<Self::State>;

    /// What a change of it rests on, of all that was found, as a text to compare with a later
    /// one: everything, unless a part of it comes and goes by itself.
    fn fingerprint(state: &Self::State) -> String {
        format!("{state:?}")
    }

    /// What must change, if anything.
    fn compare(&self, observed: &Observed<Self::State>, context: &PlanContext<'_>)
    -> Option<Delta>;

    /// What it owns on the server.
    fn owned(&self) -> Vec<Owned> {
        Vec::new()
    }

    /// Why what is there is not taken over, if it must not be. Asked only for what is there.
    fn conflict(&self, state: &Self::State, claim: Claim) -> Option<Conflict> {
        let _ = (state, claim);
        None
    }

    /// The files it writes, for who wants to look at them. `date` is the server's, as
    /// `YYYYMMDD`.
    fn rendered(&self, date: &str) -> Vec<Rendered> {
        let _ = date;
        Vec::new()
    }

    /// The secret it brings to the server, if it brings one.
    fn secret(&self) -> Option<&SecretValue> {
        None
    }

    /// Adds the work that makes the change.
    fn work(
        &self,
        observed: &Observed<Self::State>,
        change: &Change,
        context: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    );
}

/// Materials of a test that needs none.
#[cfg(test)]
pub(crate) struct NoMaterials;

#[cfg(test)]
impl Materials for NoMaterials {
    fn template(&self, name: &str) -> Result<String, EntryError> {
        Err(EntryError::entry(format!("no template {name}")))
    }
    fn template_with(
        &self,
        name: &str,
        _: &'static str,
        _: &serde_json::Value,
    ) -> Result<String, EntryError> {
        self.template(name)
    }
    fn file(&self, path: &str) -> Result<Arc<[u8]>, EntryError> {
        Err(EntryError::entry(format!("no file {path}")))
    }
    fn sensitive_file(&self, path: &str) -> Result<SecretValue, EntryError> {
        Err(EntryError::entry(format!("no file {path}")))
    }
    fn secret(&self, name: &str) -> Result<SecretMaterial, EntryError> {
        Err(EntryError::entry(format!("no secret {name}")))
    }
    fn app(&self) -> Result<Code, EntryError> {
        Err(EntryError::entry("no app"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_ids() {
        let id = ResourceId {
            kind: "file",
            name: "/etc/nginx/nginx.conf".into(),
        };
        assert!(id.matches("file:/etc/nginx/*"));
        assert!(id.matches("file:/etc/nginx/nginx.conf"));
        assert!(id.matches("*:*.conf"));
        assert!(!id.matches("file:/etc/nginx"));
        assert!(!id.matches("link:/etc/nginx/*"));
    }
}
