//! A role as text, as it was read.

use crate::diagnostic::Source;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A role as text.
#[derive(Debug, Clone)]
pub struct RoleSource {
    /// Its name.
    pub name: String,
    /// Its manifest.
    pub manifest: Arc<Source>,
    /// Its templates, by file name.
    pub templates: BTreeMap<String, Arc<Source>>,
}
