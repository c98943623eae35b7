//! Conflicts: what a server already has that the stack would take over, and must not unless it
//! is told to.
//!
//! Pure. What is the stack's own already is never in conflict: [`Claims`] reads that from the
//! server's notes. Each resource is asked about what was found of it
//! ([`Kind::conflict`](crate::resource::Kind::conflict)). A plan of a server with conflicts is
//! refused before anything is run. `docs/moving-an-existing-server.md` has the whole list, with
//! the rule for each.

pub use crate::resource::{Claim, Conflict};

use crate::facts::Facts;
use crate::plan::{Managed, Stack};
use crate::resource::{Observed, Resource, State};
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

/// The conflicts of the resources of `roles`, or of all, with what was observed of them.
#[must_use]
pub fn of_resources(
    stack: &Stack,
    observed: &[Observed<State>],
    claims: &Claims,
    roles: Option<&[String]>,
) -> Vec<Conflict> {
    let pairs = stack.resources.iter().zip(observed);
    pairs
        .filter(|(resource, _)| roles.is_none_or(|roles| roles.contains(&resource.role)))
        .filter_map(|(resource, observed)| resource.spec.conflict(observed, claims.claim(resource)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{NoMaterials, Spec};

    fn directory(path: &str) -> Resource {
        let entry = toml::Table::from_iter([("path".to_owned(), path.into())]);
        let spec = Spec::build("directory", entry, &NoMaterials).unwrap();
        Resource {
            id: spec.id(),
            role: "x".to_owned(),
            origin: String::new(),
            spec,
        }
    }

    #[test]
    fn the_notes_of_the_server_say_whose_a_thing_is() {
        let note = |line: &str, made: &str| Claims {
            managed: Managed::parse(line).into_iter().collect(),
            made: Managed::parse(&format!("made\t\t{made}"))
                .into_iter()
                .collect(),
        };
        for (line, made, claim) in [
            ("made\tx\tfolder\t/srv/x", "", Claim::Made),
            ("taken\tx\tfolder\t/srv/x", "", Claim::Adopted),
            ("made\tx\tfolder\t/srv/y", "", Claim::Foreign),
            ("", "path\t/srv/x", Claim::Made),
            ("taken\tx\tfolder\t/srv/x", "path\t/srv/x", Claim::Made),
            ("", "account\tx", Claim::Foreign),
        ] {
            let claims = note(line, made);
            assert_eq!(claims.claim(&directory("/srv/x")), claim, "{line} {made}");
        }
    }
}
