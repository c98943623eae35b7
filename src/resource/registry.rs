//! The registry of kinds: the only place that knows them all.
//!
//! Adding a kind is its file, its `mod` line and one line in `registry` below. Kinds stand
//! in the order in which the probe asks for them.

use super::acme_certificate::AcmeCertificate;
use super::apt_source::AptSource;
use super::certificate::Certificate;
use super::command::Command;
use super::databases::{Database, DatabaseUser, ServerSettings};
use super::directory::Directory;
use super::file::File;
use super::introspect;
use super::link::Link;
use super::orphans::{Absent, Orphan, OrphanPackage, Retired};
use super::package::Package;
use super::releases::{Deployment, OldRelease, Release};
use super::secret::Secret;
use super::service;
use super::state_file::StateFile;
use super::user::User;
use super::vocabulary::probe::Section;
use super::vocabulary::{
    Change, Claim, Conflict, Delta, EntryError, ExecutionPlan, Kind, Materials, Observed, Owned,
    PlanContext, Probe, Reading, Refusal, Rendered, ResourceId,
};
use super::zone::Zone;
use crate::shell::Script;
use crate::types::{AbsolutePath, SecretValue, SiteName};
use std::collections::{BTreeMap, BTreeSet};

/// A service; one of a database server takes some of its settings while it runs.
type Service = service::Service<ServerSettings>;

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

impl Spec {
    /// The service of this name, which is no longer in the stack and keeps running, but has read
    /// these.
    #[must_use]
    pub(super) fn orphaned_service(name: &str, reads: &[Reading]) -> Self {
        Self::Service(Service::orphaned(name, reads))
    }
}

impl Change {
    /// The change of this resource.
    #[must_use]
    pub fn of(resource: &Resource, delta: Delta) -> Self {
        let Delta {
            action,
            impact,
            because,
            diff,
        } = delta;
        Self {
            id: resource.id.clone(),
            role: resource.role.clone(),
            site: resource.site.clone(),
            action,
            impact,
            because,
            diff,
        }
    }
}

macro_rules! registry {
    ($($kind:ident),* $(,)?) => {
        /// A resource of any kind.
        #[derive(Debug, Clone)]
        #[expect(missing_docs, reason = "each variant is the kind of its name")]
        pub enum Spec {
            $($kind($kind),)*
        }

        /// What was observed of a resource of any kind.
        #[derive(Debug, Clone, PartialEq)]
        #[expect(missing_docs, reason = "each variant is the kind of its name")]
        pub enum State {
            $($kind(<$kind as Kind>::State),)*
        }

        impl State {
            /// What a change rests on, of all that was found, as a text to compare with a later
            /// one. Nothing of a secret is in it.
            #[must_use]
            pub fn fingerprint(&self) -> String {
                match self {
                    $(Self::$kind(state) => <$kind as Kind>::fingerprint(state),)*
                }
            }
        }

        /// The names of all kinds.
        #[must_use]
        pub fn kinds() -> &'static [&'static str] {
            &[$(<$kind as Kind>::NAME),*]
        }

        /// The fields an entry of this kind may have.
        #[must_use]
        pub fn fields_of(kind: &str) -> Option<&'static [&'static str]> {
            $(if kind == <$kind as Kind>::NAME {
                return Some(introspect::fields::<<$kind as Kind>::Entry>());
            })*
            None
        }

        impl Spec {
            /// Makes a resource of the kind from the rendered fields of a role's entry.
            ///
            /// # Errors
            /// When there is no such kind, a field is wrong, or what it refers to is missing.
            pub fn build(
                kind: &str,
                entry: toml::Table,
                materials: &dyn Materials,
            ) -> Result<Self, EntryError> {
                $(if kind == <$kind as Kind>::NAME {
                    let entry = entry.try_into().map_err(|error: toml::de::Error| {
                        EntryError::entry(error.message().to_owned())
                    })?;
                    return <$kind as Kind>::build(entry, materials).map(Self::$kind);
                })*
                Err(EntryError::entry(format!("there is no kind `{kind}`")))
            }

            /// The resource's id.
            #[must_use]
            pub fn id(&self) -> ResourceId {
                match self {
                    $(Self::$kind(spec) => ResourceId {
                        kind: <$kind as Kind>::NAME,
                        name: spec.name(),
                    },)*
                }
            }

            /// The paths it owns that a service may have read.
            pub(super) fn paths(&self) -> Vec<&AbsolutePath> {
                match self {
                    $(Self::$kind(spec) => spec.paths(),)*
                }
            }

            /// Whether it reacts to the changes of others.
            #[must_use]
            pub fn depends_on_changes(&self) -> bool {
                match self {
                    $(Self::$kind(_) => <$kind as Kind>::DEPENDS_ON_CHANGES,)*
                }
            }

            /// Whether a change of it leaves all other resources as they are, but for those that
            /// react.
            #[must_use]
            pub fn leaves_others_alone(&self) -> bool {
                match self {
                    $(Self::$kind(_) => <$kind as Kind>::LEAVES_OTHERS_ALONE,)*
                }
            }

            /// What must change, if anything.
            #[must_use]
            pub fn compare(
                &self,
                observed: &Observed<State>,
                context: &PlanContext<'_>,
            ) -> Option<Delta> {
                match self {
                    $(Self::$kind(spec) => {
                        let observed = observed.narrow(|state| match state {
                            State::$kind(state) => Some(state),
                            _ => None,
                        });
                        spec.compare(&observed, context)
                    })*
                }
            }

            /// What would be observed right after it was applied over `before`.
            #[must_use]
            pub fn applied(
                &self,
                before: &Observed<State>,
                context: &PlanContext<'_>,
            ) -> Observed<State> {
                match self {
                    $(Self::$kind(spec) => {
                        let before = before.narrow(|state| match state {
                            State::$kind(state) => Some(state),
                            _ => None,
                        });
                        spec.applied(&before, context).map(State::$kind)
                    })*
                }
            }

            /// What it owns on the server.
            #[must_use]
            pub fn owned(&self) -> Vec<Owned> {
                match self {
                    $(Self::$kind(spec) => spec.owned(),)*
                }
            }

            /// Why what is there must not become what is wanted, if so.
            #[must_use]
            pub fn refusal(&self, observed: &Observed<State>) -> Option<Refusal> {
                match (self, observed) {
                    $((Self::$kind(spec), Observed::Present(State::$kind(it))) => spec.refusal(it),)*
                    _ => None,
                }
            }

            /// Why what is there is not taken over, if it must not be.
            #[must_use]
            pub fn conflict(&self, observed: &Observed<State>, claim: Claim) -> Option<Conflict> {
                match (self, observed) {
                    $((Self::$kind(spec), Observed::Present(State::$kind(it))) => spec.conflict(it, claim),)*
                    _ => None,
                }
            }

            /// The file it writes, if it writes one.
            #[must_use]
            pub fn rendered(&self, date: &str) -> Vec<Rendered> {
                match self {
                    $(Self::$kind(spec) => spec.rendered(date),)*
                }
            }

            /// The secret it brings to the server, if it brings one.
            #[must_use]
            pub fn secret(&self) -> Option<&SecretValue> {
                match self {
                    $(Self::$kind(spec) => spec.secret(),)*
                }
            }

            /// Adds the work that makes the change.
            pub fn work(
                &self,
                observed: &Observed<State>,
                change: &Change,
                context: &PlanContext<'_>,
                work: &mut ExecutionPlan,
            ) {
                match self {
                    $(Self::$kind(spec) => {
                        let observed = observed.narrow(|state| match state {
                            State::$kind(state) => Some(state),
                            _ => None,
                        });
                        spec.work(&observed, change, context, work);
                    })*
                }
            }
        }

        /// Adds the commands that observe all resources, each kind at once, and those that ask
        /// daemons beside the others.
        pub(super) fn probe(resources: &[Resource], probe: &Probe, script: &mut Script) {
            let (mut others, mut daemons) = (Script::new(), Script::new());
            let mut sent = Vec::new();
            $({
                let batch: Vec<&$kind> = resources
                    .iter()
                    .filter_map(|resource| match &resource.spec {
                        Spec::$kind(spec) => Some(spec),
                        _ => None,
                    })
                    .collect();
                if !batch.is_empty() {
                    for text in <$kind as Kind>::PROBE_SHELL {
                        if !sent.contains(text) {
                            script.library(probe_half(text));
                            sent.push(*text);
                        }
                    }
                    let part = if <$kind as Kind>::ASKS_DAEMONS { &mut daemons } else { &mut others };
                    part.call("begin", [<$kind as Kind>::NAME]);
                    <$kind as Kind>::probe(&batch, probe, part);
                    part.raw("end $?");
                }
            })*
            if others.is_empty() || daemons.is_empty() {
                script.append(&others).append(&daemons);
                return;
            }
            // What the daemons say stands in the pipe until the others are through.
            script
                .raw("{")
                .append(&daemons)
                .raw("} | {\n{")
                .append(&others)
                .raw("} </dev/null\ncat\n}");
        }

        /// Reads the sections of a reply: one observation for each resource, in their order.
        pub(super) fn observe(
            resources: &[Resource],
            probe: &Probe,
            sections: &BTreeMap<&str, Section<'_>>,
        ) -> Vec<Observed<State>> {
            let mut all: Vec<Observed<State>> = resources
                .iter()
                .map(|resource| Observed::unknown(format!("{} was not asked for", resource.id)))
                .collect();
            $({
                let (places, batch): (Vec<usize>, Vec<&$kind>) = resources
                    .iter()
                    .enumerate()
                    .filter_map(|(place, resource)| match &resource.spec {
                        Spec::$kind(spec) => Some((place, spec)),
                        _ => None,
                    })
                    .unzip();
                let name = <$kind as Kind>::NAME;
                let found = match sections.get(name) {
                    Some(Section { status: Some(0), body }) => {
                        <$kind as Kind>::observe(&batch, probe, body)
                    }
                    section => failed(&batch, name, section),
                };
                for (place, one) in places.into_iter().zip(found) {
                    all[place] = one.map(State::$kind);
                }
            })*
            all
        }

        /// The shell functions of every kind that has steps in `work`.
        #[must_use]
        pub(crate) fn libraries(used: &BTreeSet<&str>) -> Vec<&'static str> {
            let mut all = Vec::new();
            $({
                if used.contains(<$kind as Kind>::NAME) {
                    for text in <$kind as Kind>::STEP_SHELL {
                        if !all.contains(text) {
                            all.push(*text);
                        }
                    }
                }
            })*
            all
        }
    };
}

registry! {
    AptSource,
    Package,
    User,
    Directory,
    File,
    Link,
    Absent,
    StateFile,
    Secret,
    Certificate,
    AcmeCertificate,
    Zone,
    Release,
    OldRelease,
    Command,
    Deployment,
    Service,
    Retired,
    Database,
    DatabaseUser,
    Orphan,
    OrphanPackage,
}

/// What a probe needs of a kind's shell functions: those above the line that begins the steps'.
fn probe_half(text: &'static str) -> &'static str {
    text.split("\n# --- steps").next().unwrap_or(text)
}

/// The status of a probe whose last line is the reason, in words for people.
const TOLD: i32 = 9;

/// What all of a kind is when its part of the probe did not end well.
fn failed<K: Kind>(
    batch: &[&K],
    name: &str,
    section: Option<&Section<'_>>,
) -> Vec<Observed<K::State>> {
    let reason = match section {
        Some(Section {
            status: Some(status),
            body,
        }) => {
            let last = body.lines().next_back().unwrap_or_default();
            if *status == TOLD {
                return all_unknown(batch, last);
            }
            format!("the probe of kind {name} failed with status {status}: {last}")
        }
        Some(Section { status: None, .. }) => format!("the probe broke off in kind {name}"),
        None => format!("the probe did not reach kind {name}"),
    };
    all_unknown(batch, &reason)
}

fn all_unknown<K: Kind>(batch: &[&K], reason: &str) -> Vec<Observed<K::State>> {
    let unknown = |_: &&K| Observed::unknown(reason);
    batch.iter().map(unknown).collect()
}

impl Observed<State> {
    /// The observation with the state of one kind; another kind's state is a bug, and unknown.
    fn narrow<T: Clone>(&self, pick: impl Fn(&State) -> Option<&T>) -> Observed<T> {
        match self {
            Self::Absent => Observed::Absent,
            Self::Hidden { unit } => Observed::Hidden { unit: unit.clone() },
            Self::Unknown { reason } => Observed::unknown(reason.clone()),
            Self::Present(state) => match pick(state) {
                Some(state) => Observed::Present(state.clone()),
                None => Observed::unknown("it was observed as another kind"),
            },
        }
    }
}
