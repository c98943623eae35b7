//! Roles: manifests, templates, an inventory and a server's facts become its [`Stack`].
//!
//! Pure. A role is a manifest (`roles/<name>/role.toml`) and its templates
//! (`templates/<name>/`); it needs no Rust. Whatever is wrong in one is a diagnostic with its
//! place. Reading role folders beside the inventory is done elsewhere; the built-in roles are
//! part of the program.

mod builtin;
mod context;
mod entry;
mod filters;
mod inputs;
mod manifest;
mod materials;
mod order;
mod source;
mod template;
mod value;

pub use builtin::builtin;
pub use source::RoleSource;

pub use inputs::{Inputs, SiteInputs};

use crate::diagnostic::Diagnostics;
use crate::facts::Facts;
use crate::plan::{Fleet, Stack};
use crate::types::ServerName;
use context::{Exported, Scene};
use entry::Target;
use manifest::Manifest;
use std::collections::BTreeMap;
use template::Templates;

/// Roles whose manifests are in order, before any fact is known.
#[derive(Debug)]
pub struct Roles {
    manifests: Vec<Manifest>,
}

impl Roles {
    /// Reads the manifests and puts them in order.
    ///
    /// # Errors
    /// Every mistake in their structure: unknown kinds and fields, roles that wait for each
    /// other.
    pub fn read(sources: &[RoleSource]) -> Result<Self, Diagnostics> {
        let mut manifests = Vec::new();
        let mut mistakes = Vec::new();
        for source in sources {
            match Manifest::read(source) {
                Ok(manifest) => manifests.push(manifest),
                Err(Diagnostics(more)) => mistakes.extend(more),
            }
        }
        if mistakes.is_empty() {
            return Ok(Self {
                manifests: order::order(manifests)?,
            });
        }
        Err(Diagnostics(mistakes))
    }

    /// The packages whose versions the roles ask the server for.
    #[must_use]
    pub fn asked_packages(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .manifests
            .iter()
            .flat_map(|manifest| manifest.packages.clone())
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// The names of the roles, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.manifests.iter().map(|manifest| manifest.name.as_str())
    }
}

/// Compiles the stacks of the servers that have these facts. What the roles have to tell each
/// other is computed for all of them first, what they make after that.
///
/// # Errors
/// Every mistake that shows in a role: a template that does not render, a field that is wrong,
/// two resources of one name, a requirement a server does not meet.
pub fn compile(
    inputs: &Inputs,
    roles: &Roles,
    facts: &BTreeMap<ServerName, Facts>,
) -> Result<Fleet, Diagnostics> {
    let mut mistakes = Vec::new();
    let mut templates = Vec::new();
    // What is wrong in a role is not told again by those that read what it has.
    let mut without: Vec<&str> = Vec::new();
    for manifest in &roles.manifests {
        match Templates::read(manifest) {
            Ok(read) => templates.push(read),
            Err(Diagnostics(more)) => {
                without.push(&manifest.name);
                mistakes.extend(more);
            }
        }
    }
    let mut exported: BTreeMap<&ServerName, Exported> = BTreeMap::new();
    for (name, facts) in facts {
        let scene = Scene::new(inputs, name, facts);
        let exports = exported.entry(name).or_default();
        for role in &templates {
            let manifest = role.manifest;
            let waits = |name: &&str| manifest.after.iter().any(|after| after.get_ref() == name);
            if without.iter().any(waits) {
                without.push(&manifest.name);
            } else if let Err(Diagnostics(more)) = entry::export(role, &scene, exports) {
                without.push(&manifest.name);
                mistakes.extend(more);
            }
        }
    }
    let mut fleet = Fleet::default();
    for (name, facts) in facts {
        let scene = Scene::new(inputs, name, facts);
        let exports = exported.remove(name).unwrap_or_default();
        let mut target = Target::new(name, inputs);
        for role in &templates {
            if without.contains(&role.manifest.name.as_str()) {
                continue;
            }
            if let Err(Diagnostics(more)) = entry::apply(role, &scene, &exports, &mut target) {
                mistakes.extend(more);
            }
        }
        fleet.stacks.insert(name.clone(), target.stack);
    }
    if mistakes.is_empty() {
        Ok(fleet)
    } else {
        Err(Diagnostics(mistakes))
    }
}

/// Compiles the stack of one server of the inventory.
///
/// # Errors
/// As [`compile`].
pub fn compile_one(
    inputs: &Inputs,
    roles: &Roles,
    server: &ServerName,
    facts: &Facts,
) -> Result<Stack, Diagnostics> {
    let facts = [(server.clone(), facts.clone())].into();
    let mut fleet = compile(inputs, roles, &facts)?;
    Ok(fleet.stacks.remove(server).unwrap_or_default())
}
