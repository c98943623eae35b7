//! Pages that show whether a site is healthy, as they are wanted.

use serde::Serialize;

/// What visitors must get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expect {
    /// The path of the page that is asked.
    pub path: String,
    /// The status it answers with: one of these.
    pub status: Vec<u16>,
    /// What its body must contain.
    pub body: Option<String>,
}

impl Default for Expect {
    /// A page at `/`, whatever is in it.
    fn default() -> Self {
        Self {
            path: "/".to_owned(),
            status: vec![200],
            body: None,
        }
    }
}

/// The page that says whether the app is healthy.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Health {
    /// Its path.
    pub path: String,
    /// Its status.
    pub status: u16,
    /// What its body must contain.
    pub body: Option<String>,
    /// What its body must have as JSON.
    pub json: Option<serde_json::Value>,
}

impl Health {
    /// The page at this path, with the status that pages have.
    #[must_use]
    pub fn at(path: String) -> Self {
        Self {
            path,
            status: 200,
            body: None,
            json: None,
        }
    }
}
