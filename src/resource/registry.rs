//! The registry of kinds: the only place that knows them all.
//!
//! Adding a kind is its file, its `mod` line and one line in `registry` below. Kinds stand
//! in the order in which the probe asks for them.

use super::probe::{Observed, Probe, Section, sections};
use super::{
    Change, Claim, Conflict, Delta, EntryError, ExecutionPlan, Kind, Materials, Owned, PlanContext,
    Rendered, Resource, ResourceId,
};
use super::{
    absent, certificate, command, database, database_user, deployment, directory, file, introspect,
    link, old_release, orphan, orphan_package, package, release, retired, secret, service, user,
    zone,
};
use crate::shell::Script;
use crate::types::{AbsolutePath, SecretValue};
use std::collections::{BTreeMap, BTreeSet};

macro_rules! registry {
    ($($module:ident::$kind:ident),* $(,)?) => {
        /// A resource of any kind.
        #[derive(Debug, Clone)]
        #[expect(missing_docs, reason = "each variant is the kind of its name")]
        pub enum Spec {
            $($kind($module::$kind),)*
        }

        /// What was observed of a resource of any kind.
        #[derive(Debug, Clone, PartialEq)]
        #[expect(missing_docs, reason = "each variant is the kind of its name")]
        pub enum State {
            $($kind(<$module::$kind as Kind>::State),)*
        }

        impl State {
            /// What a change rests on, of all that was found, as a text to compare with a later
            /// one. Nothing of a secret is in it.
            #[must_use]
            pub fn fingerprint(&self) -> String {
                match self {
                    $(Self::$kind(state) => <$module::$kind as Kind>::fingerprint(state),)*
                }
            }
        }

        /// The names of all kinds.
        #[must_use]
        pub fn kinds() -> &'static [&'static str] {
            &[$(<$module::$kind as Kind>::NAME),*]
        }

        /// The fields an entry of this kind may have.
        #[must_use]
        pub fn fields_of(kind: &str) -> Option<&'static [&'static str]> {
            $(if kind == <$module::$kind as Kind>::NAME {
                return Some(introspect::fields::<<$module::$kind as Kind>::Entry>());
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
                $(if kind == <$module::$kind as Kind>::NAME {
                    let entry = entry.try_into().map_err(|error: toml::de::Error| {
                        EntryError::entry(error.message().to_owned())
                    })?;
                    return <$module::$kind as Kind>::build(entry, materials).map(Self::$kind);
                })*
                Err(EntryError::entry(format!("there is no kind `{kind}`")))
            }

            /// The resource's id.
            #[must_use]
            pub fn id(&self) -> ResourceId {
                match self {
                    $(Self::$kind(spec) => ResourceId {
                        kind: <$module::$kind as Kind>::NAME,
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
                    $(Self::$kind(_) => <$module::$kind as Kind>::DEPENDS_ON_CHANGES,)*
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

            /// Why what is there is not taken over, if it must not be.
            #[must_use]
            pub fn conflict(&self, observed: &Observed<State>, claim: Claim) -> Option<Conflict> {
                match (self, observed) {
                    $((Self::$kind(spec), Observed::Present(State::$kind(state))) => {
                        spec.conflict(state, claim)
                    })*
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

        /// Adds the commands that observe all resources, each kind at once.
        pub(super) fn probe(resources: &[Resource], probe: &Probe, script: &mut Script) {
            let mut sent = Vec::new();
            $({
                let batch: Vec<&$module::$kind> = resources
                    .iter()
                    .filter_map(|resource| match &resource.spec {
                        Spec::$kind(spec) => Some(spec),
                        _ => None,
                    })
                    .collect();
                if !batch.is_empty() {
                    for text in <$module::$kind as Kind>::PROBE_SHELL {
                        if !sent.contains(text) {
                            script.library(text);
                            sent.push(*text);
                        }
                    }
                    script.call("begin", [<$module::$kind as Kind>::NAME]);
                    <$module::$kind as Kind>::probe(&batch, probe, script);
                    script.raw("end $?");
                }
            })*
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
                let (places, batch): (Vec<usize>, Vec<&$module::$kind>) = resources
                    .iter()
                    .enumerate()
                    .filter_map(|(place, resource)| match &resource.spec {
                        Spec::$kind(spec) => Some((place, spec)),
                        _ => None,
                    })
                    .unzip();
                let name = <$module::$kind as Kind>::NAME;
                let found = match sections.get(name) {
                    Some(Section { status: Some(0), body }) => {
                        <$module::$kind as Kind>::observe(&batch, probe, body)
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
                if used.contains(<$module::$kind as Kind>::NAME) {
                    for text in <$module::$kind as Kind>::STEP_SHELL {
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
    package::Package,
    user::User,
    directory::Directory,
    file::File,
    link::Link,
    absent::Absent,
    secret::Secret,
    certificate::Certificate,
    zone::Zone,
    release::Release,
    old_release::OldRelease,
    command::Command,
    deployment::Deployment,
    service::Service,
    retired::Retired,
    database::Database,
    database_user::DatabaseUser,
    orphan::Orphan,
    orphan_package::OrphanPackage,
}

/// The status of a probe whose last line is the reason, in words for people.
const TOLD: i32 = 9;

impl Probe {
    /// The same for these resources, so that those that react know the paths of the others.
    pub(super) fn of(&self, resources: &[Resource]) -> Self {
        let own = |resource: &Resource| {
            let paths = resource.spec.paths().into_iter().cloned();
            let id = resource.id.clone();
            paths
                .map(move |path| (id.clone(), path))
                .collect::<Vec<_>>()
        };
        self.with_paths(resources.iter().flat_map(own).collect())
    }

    /// The script that observes all resources, batched by kind.
    #[must_use]
    pub fn script(&self, resources: &[Resource]) -> Script {
        let mut script = Script::new();
        script.library(include_str!("probe.sh"));
        probe(resources, &self.of(resources), &mut script);
        script
    }

    /// Reads the reply: one observation for each resource, in their order.
    #[must_use]
    pub fn read(&self, resources: &[Resource], reply: &str) -> Vec<Observed<State>> {
        observe(resources, &self.of(resources), &sections(reply))
    }
}

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
