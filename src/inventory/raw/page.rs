//! Pages that show whether a site is healthy.

use super::At;
use super::one_or_more::OneOrMore;
use schemars::JsonSchema;
use serde::Deserialize;

/// A page that says whether the app is healthy.
#[derive(Debug, Default, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct Health {
    /// Its path.
    #[schemars(required)]
    pub(in crate::inventory) path: Option<At<String>>,
    /// The status it answers with. Default: 200.
    pub(in crate::inventory) status: Option<At<u16>>,
    /// What its body must contain.
    pub(in crate::inventory) body: Option<At<String>>,
    /// What its body must have as JSON; it may have more.
    #[schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")]
    pub(in crate::inventory) json: Option<toml::Table>,
}

/// What visitors must get.
#[derive(Debug, Default, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct Expect {
    /// The path of the page that is asked. Default: "/".
    pub(in crate::inventory) path: Option<At<String>>,
    /// The status it answers with, or a list of those that are good. Default: 200.
    pub(in crate::inventory) status: Option<At<OneOrMore>>,
    /// What its body must contain.
    pub(in crate::inventory) body: Option<At<String>>,
}
