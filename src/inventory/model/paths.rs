//! What Nginx does for single paths of a site.

use crate::types::SecretSource;
use serde::Serialize;
use std::collections::BTreeMap;

/// What the inventory says of a path; what it does not say is `None` or empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct PathRule {
    /// Where visitors are sent on to; then there is nothing else.
    pub redirect: Option<Redirect>,
    /// Who may log in, and where the hash of the password comes from.
    pub users: BTreeMap<String, SecretSource>,
    /// Networks that may ask.
    pub allow: Vec<String>,
    /// Whether neither users nor networks of a shorter path count.
    pub public: bool,
    /// Largest request body, in bytes.
    pub max_body: Option<u64>,
    /// How long a request may take in the app, in seconds.
    pub timeout: Option<u32>,
    /// Whether responses and uploads are collected before they are passed on.
    pub buffering: Option<bool>,
    /// The most requests of one client.
    pub rate: Option<Rate>,
    /// The most requests of one client at the same time.
    pub connections: Option<u32>,
    /// For how long a response is good.
    pub cache: Option<Cache>,
    /// Further response headers.
    pub headers: BTreeMap<String, String>,
    /// The page for paths that no file has.
    pub fallback: Option<String>,
    /// Directives of Nginx.
    pub snippet: Option<String>,
}

/// Where visitors are sent on to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Redirect {
    /// A path of the site, or a URL.
    pub to: String,
    /// 301, 302, 303, 307 or 308 (RFC 9110 section 15.4).
    pub status: u16,
}

/// The most requests of one client in a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Rate {
    /// How many.
    pub number: u32,
    /// In which time: `s` for a second, `m` for a minute.
    pub unit: char,
    /// How many may come at once.
    pub burst: u32,
}

/// For how long a response is good (RFC 9111, RFC 8246).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cache {
    /// For so many seconds.
    Seconds(u32),
    /// It never changes under its URL.
    Immutable,
    /// Whoever has it asks whether it is still good.
    NoCache,
    /// Nobody keeps it.
    NoStore,
}

impl Cache {
    /// The header `Cache-Control`. What only some may see is kept by browsers alone.
    pub(in crate::inventory) fn control(self, restricted: bool) -> String {
        let whose = if restricted { "private" } else { "public" };
        match self {
            Self::Seconds(seconds) => format!("{whose}, max-age={seconds}"),
            Self::Immutable => format!("{whose}, max-age=31536000, immutable"),
            Self::NoCache => "no-cache".to_owned(),
            Self::NoStore => "no-store".to_owned(),
        }
    }
}

/// What Nginx does for one place of a site, with all that shorter paths say of it, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Location {
    /// The path.
    pub path: String,
    /// Whether it is this page alone; else everything below it, too.
    pub exact: bool,
    /// Who answers.
    pub handler: Handler,
    /// What holds there: without users and networks if it is open to everyone.
    pub rule: PathRule,
    /// The place of the path whose users may log in, among all paths, from 1.
    pub users_number: Option<usize>,
    /// Whether those who wait for events get each as it comes.
    pub events: bool,
    /// Whether everything is passed on as it comes.
    pub streams: bool,
    /// The path whose rate it is, as part of a file's name.
    pub rate_of: Option<String>,
    /// The path whose limit of connections it is, likewise.
    pub connections_of: Option<String>,
    /// The path whose snippet it is, likewise.
    pub snippet_of: Option<String>,
    /// Whether its response headers are not those of the site.
    pub own_headers: bool,
    /// All headers of the inventory that hold there.
    pub headers: BTreeMap<String, String>,
    /// Their names in lower case.
    pub header_names: Vec<String>,
    /// The header `Cache-Control`, if the inventory says it.
    pub cache_control: Option<String>,
}

/// Who answers requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Handler {
    /// The app, or the files of its release.
    App,
    /// A folder of static files.
    Static {
        /// Its number among those of the site, from 1.
        number: usize,
        /// The folder in the release, and what lies between it and the path: `static/` and
        /// `css/` for `/static/css/`.
        folder: String,
        /// See `folder`.
        rest: String,
    },
    /// A folder that the app, or whoever uploads something, writes to: none of it is run.
    Uploads,
}

/// Somebody who may log in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The name of the secret with the hash of the password.
    pub secret: String,
    /// What the file with both is called.
    pub file: String,
}
