//! A change: what a plan says will happen to one resource, and what visitors notice of it.

use super::ResourceId;
use crate::types::SiteName;
use serde::{Deserialize, Serialize};

/// What happens to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is not there and is made.
    Create,
    /// It is there and is changed.
    Update,
    /// It is there and is removed.
    Delete,
    /// A service takes its new configuration without stopping.
    Reload,
    /// A service stops and starts.
    Restart,
    /// A command runs.
    Run,
}

/// What visitors notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Impact {
    /// Nothing.
    None,
    /// A service reloads; connections go on.
    Reload,
    /// A service is away for a moment.
    Restart,
}

/// One field before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// The field's name.
    pub name: String,
    /// What it is; none if it is not there.
    pub before: Option<String>,
    /// What it will be; none if it goes.
    pub after: Option<String>,
}

/// A text before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TextChange {
    /// The text on the server; empty if there is none.
    pub before: String,
    /// The text to be; empty if it goes.
    pub after: String,
}

/// The difference a change makes. Neither part is there for a secret: a field says `(sensitive)`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Diff {
    /// Fields, in a fixed order.
    pub fields: Vec<FieldChange>,
    /// The content, if it is a text.
    pub text: Option<TextChange>,
}

impl Diff {
    /// Adds a field if it differs.
    pub fn compare(&mut self, name: &str, before: Option<&str>, after: Option<&str>) -> &mut Self {
        if before != after {
            self.fields.push(FieldChange {
                name: name.to_owned(),
                before: before.map(str::to_owned),
                after: after.map(str::to_owned),
            });
        }
        self
    }

    /// True if nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.text.is_none()
    }
}

/// What a kind finds when it compares: a change without its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delta {
    /// What happens.
    pub action: Action,
    /// What visitors notice.
    pub impact: Impact,
    /// Why, in a few words.
    pub because: String,
    /// What differs.
    pub diff: Diff,
}

impl Delta {
    /// A change that visitors do not notice.
    pub fn quiet(action: Action, because: impl Into<String>, diff: Diff) -> Self {
        Self {
            action,
            impact: Impact::None,
            because: because.into(),
            diff,
        }
    }

    /// The change for something that is not there: every field from nothing.
    pub fn create<'a>(fields: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let mut diff = Diff::default();
        for (name, after) in fields {
            diff.compare(name, None, Some(&after));
        }
        Self::quiet(Action::Create, "it is not there", diff)
    }

    /// The change for something that differs, or none if it does not.
    #[must_use]
    pub fn update(diff: Diff) -> Option<Self> {
        (!diff.is_empty())
            .then(|| Self::quiet(Action::Update, "it differs from the inventory", diff))
    }
}

/// One change of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What changes.
    pub id: ResourceId,
    /// The role that wants it.
    pub role: String,
    /// The site that it is for, where there are several.
    pub site: Option<SiteName>,
    /// What happens.
    pub action: Action,
    /// What visitors notice.
    pub impact: Impact,
    /// Why, in a few words.
    pub because: String,
    /// What differs.
    pub diff: Diff,
}
