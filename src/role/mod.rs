//! Roles: manifests, templates, an inventory and a server's facts become its [`Stack`].
//!
//! Pure. A role is a manifest (`roles/<name>/role.toml`) and its templates
//! (`templates/<name>/`); it needs no Rust. Whatever is wrong in one is a diagnostic with its
//! place. Reading role folders beside the inventory is done elsewhere; the built-in roles are
//! part of the program.

mod builtin;
mod entry;
mod filters;
mod manifest;
mod materials;
mod order;
mod source;
mod template;
#[cfg(test)]
mod tests;
mod value;

pub use builtin::builtin;
pub use source::RoleSource;

use crate::diagnostic::Diagnostics;
use crate::facts::Facts;
use crate::inventory::Inventory;
use crate::plan::Stack;
use crate::resource::SecretMaterial;
use crate::types::{Code, ReleaseId, SecretValue};
use manifest::Manifest;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that compiling takes besides the facts: all of it is in memory.
#[derive(Debug, Clone)]
pub struct Inputs {
    /// What the user wants.
    pub inventory: Inventory,
    /// The roles, the user's own among them.
    pub roles: Vec<RoleSource>,
    /// Files beside the inventory, by the path it names them with.
    pub files: BTreeMap<String, Arc<[u8]>>,
    /// Those of them that must not be seen.
    pub sensitive_files: BTreeMap<String, SecretValue>,
    /// The secrets, by name.
    pub secrets: BTreeMap<String, SecretMaterial>,
    /// The app's code, if there is an app.
    pub app: Option<Code>,
}

impl Inputs {
    /// The id of the app's release, if there is an app.
    #[must_use]
    pub fn release(&self) -> Option<ReleaseId> {
        self.app.as_ref().map(|code| code.id().clone())
    }
}

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

/// Compiles the stack of the server that has these facts.
///
/// # Errors
/// Every mistake that shows in a role: a template that does not render, a field that is wrong,
/// two resources of one name, a requirement the server does not meet.
pub fn compile(inputs: &Inputs, roles: &Roles, facts: &Facts) -> Result<Stack, Diagnostics> {
    let mut context = tera::Context::from_serialize(&inputs.inventory).unwrap_or_default();
    context.insert("facts", facts);
    if let Some(code) = &inputs.app {
        context.insert("release", &BTreeMap::from([("id", code.id())]));
    }
    let mut exported: BTreeMap<String, serde_json::Map<String, serde_json::Value>> =
        BTreeMap::new();
    let mut stack = Stack::default();
    let mut mistakes = Vec::new();
    // What is wrong in a role is not told again by those that read what it has.
    let mut without: Vec<&str> = Vec::new();
    for manifest in &roles.manifests {
        let waits = |name: &&str| manifest.after.iter().any(|after| after.get_ref() == name);
        if without.iter().any(waits) {
            without.push(&manifest.name);
            continue;
        }
        let settings = inputs
            .inventory
            .roles
            .get(&manifest.name)
            .cloned()
            .unwrap_or_default();
        context.insert("settings", &settings);
        context.insert("roles", &exported);
        match entry::apply(manifest, inputs, context.clone(), &mut stack) {
            Ok(Some(vars)) => {
                stack.roles.push(manifest.name.clone());
                exported.insert(manifest.name.clone(), vars);
            }
            Ok(None) => {}
            Err(Diagnostics(more)) => {
                without.push(&manifest.name);
                mistakes.extend(more);
            }
        }
    }
    if mistakes.is_empty() {
        Ok(stack)
    } else {
        Err(Diagnostics(mistakes))
    }
}
