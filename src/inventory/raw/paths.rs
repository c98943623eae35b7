//! What Nginx does for single paths: `[web.paths."/admin/"]`.

use super::text_or::TextOr;
use super::{Amount, At, List, Secret, Texts};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What holds for a path: one that ends with `/` for everything below it, too, until a longer
/// path says otherwise.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct PathRule {
    /// Where visitors are sent on to: a path of the site, a URL, or a table that says the status,
    /// too. Where both end with `/`, what follows the path comes along. Status by default: 301.
    pub(in crate::inventory) redirect: Option<At<TextOr<Redirect>>>,
    /// Who may log in (HTTP basic authentication): a name, and where the hash of the password
    /// comes from, as `openssl passwd -6` prints it.
    #[serde(default)]
    pub(in crate::inventory) users: BTreeMap<At<String>, At<Secret>>,
    /// Addresses and networks that may ask; all others get 403. Default: everyone.
    pub(in crate::inventory) allow: Option<List>,
    /// Whether it is open to everyone, whatever a shorter path says of users and addresses.
    /// Default: false.
    pub(in crate::inventory) public: Option<At<bool>>,
    /// The largest request body that is let through. Default: web.max_body.
    pub(in crate::inventory) max_body: Option<At<Amount>>,
    /// How long a request may take in the app, and how long it may be silent. Default: web.timeout.
    pub(in crate::inventory) timeout: Option<At<Amount>>,
    /// Whether responses and uploads are collected before they are passed on. Without it they
    /// travel as they come. Default: true, but for event streams.
    pub(in crate::inventory) buffering: Option<At<bool>>,
    /// The most requests of one client: "10/s", "30/m". More get 429. Default: no limit.
    pub(in crate::inventory) rate: Option<At<String>>,
    /// How many may come at once. Default: the number in `rate`.
    #[schemars(range(min = 1, max = 100_000))]
    pub(in crate::inventory) burst: Option<At<u32>>,
    /// The most requests of one client at the same time. More get 429. Default: no limit of its
    /// own.
    #[schemars(range(min = 1, max = 60_000))]
    pub(in crate::inventory) connections: Option<At<u32>>,
    /// For how long browsers may keep a response: "1h"; "immutable", for what never changes under
    /// its URL; "no-cache", to ask whether it is still good; "no-store". Default: what the app says.
    pub(in crate::inventory) cache: Option<At<String>>,
    /// Further response headers; they replace those of the same name.
    #[serde(default)]
    pub(in crate::inventory) headers: Texts,
    /// The page for paths that no file has, as single-page apps want it. Static files only.
    pub(in crate::inventory) fallback: Option<At<String>>,
    /// Directives of Nginx, as they would stand in its `location`. For what no other key says.
    pub(in crate::inventory) snippet: Option<At<String>>,
}

/// Where visitors are sent on to.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct Redirect {
    /// A path of the site, or a URL.
    #[schemars(required)]
    pub(in crate::inventory) to: Option<At<String>>,
    /// 301, 302, 303, 307 or 308. Default: 301.
    pub(in crate::inventory) status: Option<At<u16>>,
}
