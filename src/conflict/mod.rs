//! Conflicts: what a server already has that the stack would take over, and must not unless it
//! is told to.
//!
//! Pure. What is the stack's own already is never in conflict: [`Claims`] reads that from the
//! server's notes. Each resource is asked about what was found of it
//! ([`Kind::conflict`](crate::resource::Kind::conflict)). A plan of a server with conflicts is
//! refused before anything is run. `docs/moving-an-existing-server.md` has the whole list, with
//! the rule for each.

mod claims;
mod filter;
mod meeting;
mod occupied;
mod ports;
mod recursion;
mod server;
mod server_names;
mod takeover;
#[cfg(test)]
mod tests;

pub use crate::resource::{Claim, Conflict};
pub use claims::Claims;
pub use meeting::Meeting;
pub use occupied::{Listener, Occupied, Process, Question, read};
pub use takeover::{Rule, Takeover};

use crate::inventory::Inventory;
use crate::plan::Stack;
use meeting::root;
use std::fmt;

/// What stands in the way of a plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Conflicts(pub Vec<Conflict>);

impl fmt::Display for Conflicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the stack would take over what is not its own:")?;
        self.0.iter().try_for_each(|one| write!(f, "\n  {one}"))
    }
}

impl Conflicts {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        "nothing was changed; `foobar-stack doctor --adopt` lists everything that the stack takes over"
    }
}

/// What to look for on a server that is to get this stack.
#[must_use]
pub fn question(inventory: &Inventory, stack: &Stack, claims: &Claims) -> Question {
    let has = |role: &str| stack.roles.iter().any(|one| one == role);
    let database = ["mysql.service", "mariadb.service"];
    Question {
        ports: ports::numbers(inventory),
        database: has("database") && !database.iter().any(|unit| claims.service(unit)),
        bind: has("dns") && !claims.service("named.service"),
        roots: inventory.sites.values().map(root).collect(),
        units: ports::units(inventory, stack, claims),
        nginx: claims.nginx_files(),
    }
}

impl Meeting<'_> {
    /// Everything that stands in the way, but for what the inventory says to take over.
    #[must_use]
    pub fn conflicts(&self) -> Vec<Conflict> {
        let mut all = server::conflicts(self);
        all.extend(ports::conflicts(self));
        all.extend(server_names::conflicts(self));
        let pairs = self.stack.resources.iter().zip(self.observed);
        all.extend(
            pairs
                .filter(|(resource, _)| {
                    self.roles
                        .is_none_or(|roles| roles.contains(&resource.role))
                })
                .filter_map(|(resource, observed)| {
                    let claim = self.claims.claim(resource);
                    resource.spec.conflict(observed, claim)
                }),
        );
        let mut said: Vec<String> = self.adopted().to_vec();
        all.retain(|conflict| {
            let new = !said.contains(&conflict.subject);
            said.push(conflict.subject.clone());
            new
        });
        all
    }
}
