//! What is no longer in the inventory and is kept on the server.

use crate::resource::{Change, Observed, Resource, Spec, State};

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
