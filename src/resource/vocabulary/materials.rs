//! What an entry of a role may draw on, and why one is refused.

use crate::diagnostic::Diagnostics;
use crate::types::{Code, SecretValue};
use std::sync::Arc;

/// What the value of a secret resource is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretMaterial {
    /// Made on the server when it is not there.
    Generated,
    /// Read on the client.
    Value(SecretValue),
}

/// What an entry of a role may draw on besides its own fields.
pub trait Materials {
    /// The rendered text of a template of the entry's role.
    ///
    /// # Errors
    /// When there is no such template, or it does not render.
    fn template(&self, name: &str) -> Result<String, EntryError>;
    /// The same for a template that sees one value more.
    ///
    /// # Errors
    /// When there is no such template, or it does not render.
    fn template_with(
        &self,
        name: &str,
        key: &'static str,
        value: &serde_json::Value,
    ) -> Result<String, EntryError>;
    /// The bytes of a file beside the inventory.
    ///
    /// # Errors
    /// When the file was not read.
    fn file(&self, path: &str) -> Result<Arc<[u8]>, EntryError>;
    /// The bytes of a file beside the inventory that must not be seen.
    ///
    /// # Errors
    /// When the file was not read.
    fn sensitive_file(&self, path: &str) -> Result<SecretValue, EntryError>;
    /// A secret of the inventory.
    ///
    /// # Errors
    /// When the inventory has no such secret.
    fn secret(&self, name: &str) -> Result<SecretMaterial, EntryError>;
    /// Whether a foreign source of the inventory gives a package.
    fn is_foreign(&self, package: &str) -> bool {
        let _ = package;
        false
    }
    /// The app's code.
    ///
    /// # Errors
    /// When the inventory has no app.
    fn app(&self) -> Result<Code, EntryError>;
}

/// Why an entry of a role is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// One of its fields is wrong.
    #[error("{message}")]
    Field {
        /// Which field; none for the entry as a whole.
        field: Option<String>,
        /// What is wrong.
        message: String,
        /// What would be right.
        help: Option<String>,
    },
    /// A text it refers to is wrong; the place is there.
    #[error(transparent)]
    Text(#[from] Diagnostics),
}

impl EntryError {
    /// A wrong field.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Field {
            field: Some(field.to_owned()),
            message: message.into(),
            help: None,
        }
    }

    /// A wrong entry.
    pub fn entry(message: impl Into<String>) -> Self {
        Self::Field {
            field: None,
            message: message.into(),
            help: None,
        }
    }

    /// Adds what would be right.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        if let Self::Field { help, .. } = &mut self {
            *help = Some(text.into());
        }
        self
    }
}

/// Materials of a test that needs none.
#[cfg(test)]
pub(crate) struct NoMaterials;

#[cfg(test)]
impl Materials for NoMaterials {
    fn template(&self, name: &str) -> Result<String, EntryError> {
        Err(EntryError::entry(format!("no template {name}")))
    }
    fn template_with(
        &self,
        name: &str,
        _: &'static str,
        _: &serde_json::Value,
    ) -> Result<String, EntryError> {
        self.template(name)
    }
    fn file(&self, path: &str) -> Result<Arc<[u8]>, EntryError> {
        Err(EntryError::entry(format!("no file {path}")))
    }
    fn sensitive_file(&self, path: &str) -> Result<SecretValue, EntryError> {
        Err(EntryError::entry(format!("no file {path}")))
    }
    fn secret(&self, name: &str) -> Result<SecretMaterial, EntryError> {
        Err(EntryError::entry(format!("no secret {name}")))
    }
    fn app(&self) -> Result<Code, EntryError> {
        Err(EntryError::entry("no app"))
    }
}
