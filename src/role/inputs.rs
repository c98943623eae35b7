//! Everything that compiling takes besides the facts: all of it is in memory.

use super::RoleSource;
use crate::inventory::Inventory;
use crate::resource::SecretMaterial;
use crate::types::{Code, ReleaseId, SecretValue, SiteName};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the user wrote, with all that it refers to.
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
    /// The secrets of the server, by name.
    pub secrets: BTreeMap<String, SecretMaterial>,
    /// What came with each site; nothing for one that is not here.
    pub sites: BTreeMap<SiteName, SiteInputs>,
}

/// What came with a site.
#[derive(Debug, Clone, Default)]
pub struct SiteInputs {
    /// The secrets, by name.
    pub secrets: BTreeMap<String, SecretMaterial>,
    /// The app's code, if there is an app.
    pub app: Option<Code>,
}

impl Inputs {
    /// The id of each app's release, by the site.
    #[must_use]
    pub fn releases(&self) -> BTreeMap<SiteName, ReleaseId> {
        let sites = self.sites.iter();
        sites
            .filter_map(|(name, site)| Some((name.clone(), site.app.as_ref()?.id().clone())))
            .collect()
    }
}
