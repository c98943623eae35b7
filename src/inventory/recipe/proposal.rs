//! What is known of a folder with code, and what is proposed for it.

use crate::inventory::app::EXCLUDE;
use std::collections::{BTreeMap, BTreeSet};

/// The folder with the code, as far as it was looked at.
#[derive(Debug, Clone, Default)]
pub struct CodeFolder {
    /// Paths of files and folders, relative to it; folders end with `/`.
    pub paths: BTreeSet<String>,
    /// The texts of those files that say what an app is.
    pub texts: BTreeMap<String, String>,
}

impl CodeFolder {
    /// Whether the text of this file is worth reading.
    #[must_use]
    pub fn tells(path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        [".py", ".mod", ".toml", ".txt"]
            .iter()
            .any(|end| name.ends_with(end))
            || ["package.json", "composer.json", "Gemfile"].contains(&name)
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.paths.contains(path)
    }

    pub(super) fn text(&self, path: &str) -> &str {
        self.texts.get(path).map_or("", String::as_str)
    }
}

/// What is proposed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recipe {
    /// What it is, for people.
    pub what: String,
    /// What stays at home, besides what does anyway.
    pub excluded: Vec<String>,
    /// The lines of `[app]` after the source.
    pub app: Vec<String>,
    /// The lines of `[app.env]`.
    pub env: Vec<String>,
    /// The lines of `[web]`.
    pub web: Vec<String>,
    /// The names of secrets that the code looks for.
    pub secrets: BTreeSet<String>,
    /// Whether it looks for them in its environment.
    pub secret_env: bool,
    /// Whether there is a database.
    pub database: bool,
    /// Files that the code needs and does not have.
    pub files: Vec<(&'static str, &'static str)>,
    /// What a person has to look at.
    pub notes: Vec<String>,
}

impl Recipe {
    /// One without a line.
    #[must_use]
    pub fn new(what: &str) -> Self {
        Self {
            what: what.to_owned(),
            database: true,
            secret_env: true,
            ..Self::default()
        }
    }

    /// A file or a folder stays at home.
    pub fn exclude(&mut self, name: &str) {
        self.excluded.push(name.to_owned());
    }

    /// The line of all that stays at home, where that is more than without a line.
    pub(in crate::inventory) fn exclusion(&self) -> Option<String> {
        let all = EXCLUDE.iter().copied();
        let all = all.chain(self.excluded.iter().map(String::as_str));
        let all: Vec<String> = all.map(quoted).collect();
        (!self.excluded.is_empty()).then(|| format!("exclude = [{}]", all.join(", ")))
    }

    /// A line with a text.
    pub(super) fn text(&mut self, key: &str, value: &str) -> &mut Self {
        self.app.push(format!("{key} = {}", quoted(value)));
        self
    }

    /// A line with a list of texts.
    pub(super) fn list(&mut self, key: &str, values: &[&str]) -> &mut Self {
        let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
        self.app.push(format!("{key} = [{}]", values.join(", ")));
        self
    }

    /// Whether there is a process at all.
    pub(in crate::inventory) fn runs(&self) -> bool {
        !self.app.contains(&"protocol = \"files\"".to_owned())
    }

    pub(super) fn note(&mut self, text: &str) -> &mut Self {
        self.notes.push(text.to_owned());
        self
    }
}

/// A text as TOML has it.
pub(in crate::inventory) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// The words between quotes that follow `after` in a text, each time that it stands there.
pub(super) fn quoted_after<'a>(text: &'a str, after: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(after).filter_map(move |(place, _)| {
        let rest = text[place + after.len()..].trim_start_matches([' ', '(', '[', ',']);
        let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        rest[1..].split(quote).next()
    })
}

/// Whether a variable of the environment is a secret, by its name.
pub(super) fn is_secret(name: &str) -> bool {
    let known = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let ends = ["KEY", "SECRET", "TOKEN", "PASSWORD", "KEY_BASE", "SALT"];
    !name.is_empty() && name.chars().all(known) && ends.iter().any(|end| name.ends_with(end))
}
