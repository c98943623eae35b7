//! Conflicts: what a server already has that the stack would take over, and must not unless it
//! is told to.
//!
//! Pure. What is the stack's own already is never in conflict: [`Claims`] reads that from the
//! server's notes. Each resource is asked about what was found of it
//! ([`Kind::conflict`](crate::resource::Kind::conflict)). A plan of a server with conflicts is
//! refused before anything is run. `docs/moving-an-existing-server.md` has the whole list, with
//! the rule for each.

mod filter;
mod occupied;
mod ports;
mod server;
mod takeover;
#[cfg(test)]
mod tests;

pub use crate::resource::{Claim, Conflict};
pub use occupied::{Listener, Occupied, Process, Question, read};
pub use takeover::{Rule, Takeover};

use crate::facts::Facts;
use crate::inventory::{Inventory, Server, Site};
use crate::plan::Stack;
use crate::resource::{Managed, Observed, Owned, Resource, State};
use std::fmt;

/// What on a server is the stack's own, by the server's notes.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    managed: Vec<Managed>,
    made: Vec<Managed>,
}

impl Claims {
    /// Reads the notes that came with the facts.
    #[must_use]
    pub fn of(facts: &Facts) -> Self {
        let read = |line: &String| Managed::parse(line);
        // Not recorded yet, so of no role.
        let note = |line: &String| Managed::parse(&format!("made\t\t{line}"));
        Self {
            managed: facts.managed.iter().filter_map(read).collect(),
            made: facts.made.iter().filter_map(note).collect(),
        }
    }

    /// The domains of the sites that runs have set up there.
    fn domains(&self) -> Vec<&str> {
        // Its folder of pages may have been left behind; this is not.
        fn site(path: &str) -> Option<&str> {
            path.strip_prefix("/etc/nginx/sites-available/")?
                .strip_suffix(".conf")
        }
        let found = self
            .managed
            .iter()
            .filter_map(|managed| match &managed.owned {
                Owned::Path(path) if managed.role == "web" => site(path.as_str()),
                _ => None,
            });
        found.collect()
    }

    /// Whether a run has set up this service.
    fn service(&self, unit: &str) -> bool {
        let is = |managed: &Managed| matches!(&managed.owned, Owned::Service { name, .. } if name == unit);
        self.managed.iter().chain(&self.made).any(is)
    }

    /// The units of the services that runs have set up, with `*` for anything: those of an app
    /// that has another name by now, too.
    fn units(&self) -> Vec<String> {
        let mut all = Vec::new();
        for managed in self.managed.iter().chain(&self.made) {
            if let Owned::Service { name, .. } = &managed.owned {
                // A slot is a target, which starts its instances.
                all.extend(name.strip_suffix(".target").map(|slot| format!("{slot}@*")));
                all.push(name.clone());
            }
        }
        all
    }

    /// Whether a run has made this package.
    fn package(&self, package: &str) -> bool {
        let is =
            |managed: &Managed| matches!(&managed.owned, Owned::Package(name) if name == package);
        self.managed
            .iter()
            .chain(&self.made)
            .any(|managed| managed.made && is(managed))
    }

    /// Whose the resource is.
    #[must_use]
    pub fn claim(&self, resource: &Resource) -> Claim {
        let owned = resource.spec.owned();
        let is = |managed: &&Managed| owned.iter().any(|owned| owned.is(&managed.owned));
        let found = self.made.iter().chain(&self.managed);
        match found.filter(is).map(|managed| managed.made).max() {
            Some(true) => Claim::Made,
            Some(false) => Claim::Adopted,
            None => Claim::Foreign,
        }
    }
}

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
        roots: inventory.sites.values().map(root).collect(),
        units: ports::units(inventory, stack, claims),
    }
}

/// The folder of a site's app.
fn root(site: &Site) -> String {
    format!("/srv/{}", site.app.user)
}

/// A server beside the stack that it is to get.
#[derive(Debug, Clone, Copy)]
pub struct Meeting<'a> {
    /// What the user wants.
    pub inventory: &'a Inventory,
    /// What that makes of this server.
    pub stack: &'a Stack,
    /// What was found of each of its resources.
    pub observed: &'a [Observed<State>],
    /// What else lives there.
    pub occupied: &'a Occupied,
    /// What the server is.
    pub facts: &'a Facts,
    /// What is the stack's own there.
    pub claims: &'a Claims,
    /// The roles that the plan is limited to; none for all.
    pub roles: Option<&'a [String]>,
}

impl Meeting<'_> {
    /// The server, as the inventory has it.
    fn server(&self) -> Option<&Server> {
        self.inventory.servers.get(&self.stack.server)
    }

    /// What the inventory says to take over.
    fn adopted(&self) -> &[String] {
        self.server().map_or(&[], |server| &server.adopt)
    }

    /// Whether the plan has to do with the role.
    fn concerns(&self, role: &str) -> bool {
        let has = |roles: &[String]| roles.iter().any(|one| one == role);
        has(&self.stack.roles) && self.roles.is_none_or(has)
    }

    /// Whose the resource of this kind and name is.
    fn claim(&self, kind: &str, name: &str) -> Claim {
        let mut all = self.stack.resources.iter();
        all.find(|resource| resource.id.kind == kind && resource.id.name == name)
            .map_or(Claim::Foreign, |resource| self.claims.claim(resource))
    }

    /// Everything that stands in the way, but for what the inventory says to take over.
    #[must_use]
    pub fn conflicts(&self) -> Vec<Conflict> {
        let mut all = server::conflicts(self);
        all.extend(ports::conflicts(self));
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
