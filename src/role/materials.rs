//! What the entries of a role draw on: its templates, and what came with the inventory.

use super::inputs::{Inputs, SiteInputs};
use super::template::Renderer;
use crate::diagnostic::nearest;
use crate::resource::{EntryError, Materials, SecretMaterial};
use crate::types::{Code, SecretValue};
use std::sync::Arc;

/// The materials of one role, for a server or for a site on it.
pub(super) struct RoleMaterials<'a> {
    pub(super) renderer: &'a Renderer<'a>,
    pub(super) inputs: &'a Inputs,
    pub(super) site: Option<&'a SiteInputs>,
}

impl Materials for RoleMaterials<'_> {
    fn template(&self, name: &str) -> Result<String, EntryError> {
        self.known(name)?;
        Ok(self.renderer.file(name, None)?)
    }

    fn template_with(
        &self,
        name: &str,
        key: &'static str,
        value: &serde_json::Value,
    ) -> Result<String, EntryError> {
        self.known(name)?;
        Ok(self.renderer.file(name, Some((key, value)))?)
    }

    fn file(&self, path: &str) -> Result<Arc<[u8]>, EntryError> {
        if self.inputs.sensitive_files.contains_key(path) {
            let message = format!("{path} must not be seen: it is secret, or holds a private key");
            let error = EntryError::field("source", message);
            return Err(error.help("write `sensitive = true` beside it"));
        }
        let missing = || {
            EntryError::field(
                "source",
                format!("{path} was not found beside the inventory"),
            )
        };
        self.inputs.files.get(path).cloned().ok_or_else(missing)
    }

    fn sensitive_file(&self, path: &str) -> Result<SecretValue, EntryError> {
        let missing = || {
            EntryError::field(
                "source",
                format!("{path} was not found beside the inventory"),
            )
        };
        let sensitive = self.inputs.sensitive_files.get(path).cloned();
        let plain = || self.inputs.files.get(path);
        sensitive
            .or_else(|| plain().map(|bytes| SecretValue::new(bytes.to_vec())))
            .ok_or_else(missing)
    }

    fn secret(&self, name: &str) -> Result<SecretMaterial, EntryError> {
        let missing = || EntryError::field("name", format!("the inventory has no secret `{name}`"));
        // A server has secrets of its own, and those that are a site's are called otherwise.
        let of_server = self.inputs.secrets.get(name);
        let secret = match of_server {
            Some(secret) => Some(secret),
            None => self.site()?.secrets.get(name),
        };
        secret.cloned().ok_or_else(missing)
    }

    fn is_foreign(&self, package: &str) -> bool {
        let servers = self.inputs.inventory.servers.values();
        let mut sources = servers.flat_map(|server| &server.sources);
        sources.any(|source| source.gives(package))
    }

    fn app(&self) -> Result<Code, EntryError> {
        let app = self.site()?.app.clone();
        app.ok_or_else(|| EntryError::entry("the inventory has no app"))
    }
}

impl RoleMaterials<'_> {
    /// What came with the site.
    fn site(&self) -> Result<&SiteInputs, EntryError> {
        self.site.ok_or_else(|| {
            let error = EntryError::entry("this is a site's own, and the entry is of the server");
            error.help("write it below `site`, or give the role the scope \"site\"")
        })
    }

    /// Refuses the name of a template that is not there.
    fn known(&self, name: &str) -> Result<(), EntryError> {
        let manifest = self.renderer.manifest;
        let templates = &manifest.templates;
        if templates.contains_key(name) {
            return Ok(());
        }
        let message = format!("there is no template templates/{}/{name}", manifest.name);
        let error = EntryError::field("template", message);
        Err(match nearest(name, templates.keys().map(String::as_str)) {
            Some(near) => error.help(format!("did you mean `{near}`?")),
            None => error,
        })
    }
}
