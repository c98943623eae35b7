//! The tables `[server.sources]` as the user writes them.

use super::At;
use schemars::JsonSchema;
use serde::Deserialize;

/// A foreign apt source.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct AptSource {
    /// Where it is: what stands in a line of sources.list after "deb".
    #[schemars(required)]
    pub(in crate::inventory) url: Option<At<String>>,
    /// The suite; a path that ends with "/" has no components. Default: the code name of the
    /// server's release, like "trixie".
    pub(in crate::inventory) suite: Option<At<String>>,
    /// The components. Default: "main".
    pub(in crate::inventory) components: Option<Vec<At<String>>>,
    /// The public key that signs it: a file beside the inventory, in ASCII armor.
    #[schemars(required)]
    pub(in crate::inventory) key: Option<At<String>>,
    /// The packages that it may give, with those that they need from there: names, in which "*"
    /// stands for anything.
    #[schemars(required)]
    pub(in crate::inventory) packages: Option<At<Vec<At<String>>>>,
}
