//! How resources are observed: one script for all of them, or for some, and what it found.

use super::registry::{Resource, State, observe, probe};
use super::vocabulary::probe::{LIBRARY, sections};
use super::vocabulary::{Observed, Probe};
use crate::host;
use crate::shell::Script;

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
        self.script_of(resources, resources)
    }

    /// Reads the reply: one observation for each resource, in their order.
    #[must_use]
    pub fn read(&self, resources: &[Resource], reply: &str) -> Vec<Observed<State>> {
        self.read_of(resources, resources, reply)
    }

    /// The script that observes `some` of all resources.
    #[must_use]
    pub fn script_of(&self, some: &[Resource], all: &[Resource]) -> Script {
        let mut script = host::script();
        script.library(LIBRARY);
        probe(some, &self.of(all), &mut script);
        script
    }

    /// Reads the reply to that.
    #[must_use]
    pub fn read_of(
        &self,
        some: &[Resource],
        all: &[Resource],
        reply: &str,
    ) -> Vec<Observed<State>> {
        observe(some, &self.of(all), &sections(reply))
    }
}
