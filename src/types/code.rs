//! The app's code, and the name of the release that it makes.

use super::{Digest, InvalidValue, Tree, checked_text};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name of a release: twelve lower-case hexadecimal digits.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(try_from = "String", into = "String")]
pub struct ReleaseId(String);

checked_text!(ReleaseId);

impl ReleaseId {
    /// The name of no release: for who only looks at what would be written.
    #[must_use]
    pub fn stand_in() -> Self {
        Self("0".repeat(12))
    }

    /// Checks the text.
    ///
    /// # Errors
    /// When it is something else.
    pub fn new(text: &str) -> Result<Self, InvalidValue> {
        let hexadecimal = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() == 12 && hexadecimal {
            return Ok(Self(text.to_owned()));
        }
        let error = InvalidValue::new(format!("`{text}` is not the name of a release"));
        Err(error.hint("twelve digits of 0-9 and a-f, like \"3f786850e387\""))
    }
}

/// The app's code: a release that can be made, or one that is known by its name alone and must
/// be on the server already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    id: ReleaseId,
    tree: Option<Arc<Tree>>,
    origin: Option<String>,
    seeds: BTreeMap<String, Arc<Tree>>,
}

impl Code {
    /// Code in memory. `recipe` says what is made of it on the server: the release goes by the
    /// digest of both, so that another recipe gives another release. `origin` is what people call
    /// the place it comes from.
    #[must_use]
    pub fn new(tree: Tree, recipe: &str, origin: Option<String>) -> Self {
        let digest = if recipe.is_empty() {
            tree.digest()
        } else {
            Digest::of_parts([tree.digest().as_str().as_bytes(), b"\n", recipe.as_bytes()])
        };
        Self {
            id: ReleaseId(digest.short().to_owned()),
            tree: Some(Arc::new(tree)),
            origin,
            seeds: BTreeMap::new(),
        }
    }

    /// With what it brings for folders that outlive releases, by their paths in it. That is no part
    /// of the release, and does not count in its name.
    #[must_use]
    pub fn with_seeds(self, seeds: BTreeMap<String, Arc<Tree>>) -> Self {
        Self { seeds, ..self }
    }

    /// A release that an earlier run has made.
    #[must_use]
    pub fn kept(id: ReleaseId) -> Self {
        Self {
            id,
            tree: None,
            origin: None,
            seeds: BTreeMap::new(),
        }
    }

    /// The name of its release.
    #[must_use]
    pub fn id(&self) -> &ReleaseId {
        &self.id
    }

    /// Its files, unless only the server has them.
    #[must_use]
    pub fn tree(&self) -> Option<&Arc<Tree>> {
        self.tree.as_ref()
    }

    /// What it brings for this folder, if anything.
    #[must_use]
    pub fn seed(&self, folder: &str) -> Option<&Arc<Tree>> {
        self.seeds.get(folder)
    }

    /// Where it comes from, for people, if that says more than its name.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        self.origin.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Node;

    #[test]
    fn a_release_goes_by_its_files_and_its_recipe() {
        let tree = |content: &str| {
            let file = Node::File {
                executable: false,
                content: content.as_bytes().into(),
            };
            Tree::new(vec![("a".to_owned(), file)])
        };
        let plain = Code::new(tree("x"), "", None);
        assert_eq!(plain.id().as_str(), tree("x").digest().short());
        assert_ne!(plain.id(), Code::new(tree("y"), "", None).id());
        assert_ne!(plain.id(), Code::new(tree("x"), "make", None).id());
        assert_eq!(Code::kept(plain.id().clone()).id(), plain.id());
    }

    #[test]
    fn a_name_is_no_path() {
        assert!(ReleaseId::new("0123456789ab").is_ok());
        for wrong in [
            "",
            "0123456789a",
            "0123456789AB",
            "../456789abc",
            "0123456789abc",
        ] {
            assert!(ReleaseId::new(wrong).is_err(), "{wrong}");
        }
    }
}
