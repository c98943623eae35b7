//! A server beside the stack that it is to get: what each rule looks at.

use super::claims::Claims;
use super::occupied::Occupied;
use crate::facts::Facts;
use crate::inventory::{Inventory, Server, Site};
use crate::plan::Stack;
use crate::resource::{Claim, Observed, State};

/// The folder of a site's app.
pub(super) fn root(site: &Site) -> String {
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
    pub(super) fn server(&self) -> Option<&Server> {
        self.inventory.servers.get(&self.stack.server)
    }

    /// What the inventory says to take over.
    pub(super) fn adopted(&self) -> &[String] {
        self.server().map_or(&[], |server| &server.adopt)
    }

    /// Whether the server has the role.
    pub(super) fn has(&self, role: &str) -> bool {
        self.stack.roles.iter().any(|one| one == role)
    }

    /// Whether the plan has to do with the role.
    pub(super) fn concerns(&self, role: &str) -> bool {
        let among = |roles: &[String]| roles.iter().any(|one| one == role);
        self.has(role) && self.roles.is_none_or(among)
    }

    /// Whose the resource of this kind and name is.
    pub(super) fn claim(&self, kind: &str, name: &str) -> Claim {
        let mut all = self.stack.resources.iter();
        all.find(|resource| resource.id.kind == kind && resource.id.name == name)
            .map_or(Claim::Foreign, |resource| self.claims.claim(resource))
    }
}
