//! What stays at home: the patterns of the inventory, and those of a file in the code itself.

use crate::error::Error;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::path::Path;

/// The file with further patterns, in the uppermost folder of the code.
pub(super) const FILE: &str = ".foobar-stack-ignore";

/// Patterns as in a `.gitignore`.
pub(super) struct Exclude(Gitignore);

impl Exclude {
    /// `lines` are those of the file in the code; paths are looked at below `root`.
    pub(super) fn new(root: &Path, patterns: &[String], lines: &str) -> Result<Self, Error> {
        let mut builder = GitignoreBuilder::new(root);
        let own = ["/.foobar-stack-*"];
        let all = own
            .into_iter()
            .chain(patterns.iter().map(String::as_str))
            .chain(lines.lines());
        for pattern in all {
            builder
                .add_line(None, pattern)
                .map_err(|source| Error::Pattern {
                    pattern: pattern.to_owned(),
                    source,
                })?;
        }
        let built = builder.build().map_err(|source| Error::Pattern {
            pattern: patterns.join(", "),
            source,
        })?;
        Ok(Self(built))
    }

    /// Whether a path stays at home, if what it lies in does not.
    pub(super) fn has(&self, path: &Path, is_folder: bool) -> bool {
        self.0.matched(path, is_folder).is_ignore()
    }

    /// Whether a folder stays at home, by itself or with another one it lies in.
    pub(super) fn has_folder(&self, path: &str) -> bool {
        self.0.matched_path_or_any_parents(path, true).is_ignore()
    }

    /// Whether a file stays at home, by itself or with a folder it lies in.
    pub(super) fn has_file(&self, path: &str) -> bool {
        self.0.matched_path_or_any_parents(path, false).is_ignore()
    }
}
