//! A folder of files: the app's code.

use super::{Blob, Digest};
use std::fmt;

/// What stands at one path of a [`Tree`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A regular file.
    File {
        /// Whether it may be run.
        executable: bool,
        /// Its bytes.
        content: Blob,
    },
    /// A symbolic link, with its target as it stands.
    Link(String),
}

/// A folder, sorted by path, without empty folders.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Tree {
    entries: Vec<(String, Node)>,
}

impl fmt::Debug for Tree {
    /// Its digest stands for the content, of which there may be much.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tree({})", self.digest())
    }
}

impl Tree {
    /// Takes the entries: paths relative to the folder, with `/` between their parts.
    #[must_use]
    pub fn new(mut entries: Vec<(String, Node)>) -> Self {
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        Self { entries }
    }

    /// The part of it whose paths `keep` says yes to.
    #[must_use]
    pub fn part(&self, keep: impl Fn(&str) -> bool) -> Self {
        let kept = self.entries.iter().filter(|(path, _)| keep(path));
        Self {
            entries: kept.cloned().collect(),
        }
    }

    /// Every path and what stands there, in order.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.entries
            .iter()
            .map(|(path, node)| (path.as_str(), node))
    }

    /// What stands at a path.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Node> {
        let place = self
            .entries
            .binary_search_by(|entry| entry.0.as_str().cmp(path));
        place.ok().map(|place| &self.entries[place].1)
    }

    /// True if there is something below a path.
    #[must_use]
    pub fn has_folder(&self, path: &str) -> bool {
        let below = format!("{path}/");
        let place = self.entries.partition_point(|entry| entry.0 < below);
        let first = self.entries.get(place);
        path == "." || first.is_some_and(|entry| entry.0.starts_with(&below))
    }

    /// What is below a folder of it, by paths relative to that.
    #[must_use]
    pub fn below(&self, folder: &str) -> Self {
        let relative = |(path, node): &(String, Node)| {
            let path = path.strip_prefix(folder)?.strip_prefix('/')?;
            Some((path.to_owned(), node.clone()))
        };
        Self {
            entries: self.entries.iter().filter_map(relative).collect(),
        }
    }

    /// With a link at this path, instead of what stands there or below.
    #[must_use]
    pub fn with_link(&self, path: &str, target: String) -> Self {
        let below = format!("{path}/");
        let mut tree = self.part(|other| other != path && !other.starts_with(&below));
        let place = tree
            .entries
            .partition_point(|entry| entry.0.as_str() < path);
        let link = Node::Link(target);
        tree.entries.insert(place, (path.to_owned(), link));
        tree
    }

    /// How many files and links there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The size of all files, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.entries
            .iter()
            .map(|(_, node)| match node {
                Node::File { content, .. } => content.size(),
                Node::Link(_) => 0,
            })
            .sum()
    }

    /// How much it holds, for people.
    #[must_use]
    pub fn amount(&self) -> String {
        let files = if self.len() == 1 { "file" } else { "files" };
        format!("{} {files}, {} bytes", self.len(), self.size())
    }

    /// The digest of paths, kinds and contents: equal trees have equal digests. Lengths are
    /// part of what is hashed, so that no two different trees run into the same bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut lines = String::new();
        for (path, node) in &self.entries {
            let line = match node {
                Node::File {
                    executable,
                    content,
                } => {
                    let digest = content.digest();
                    format!("file {executable} {digest} {}:{path}\n", path.len())
                }
                Node::Link(target) => {
                    format!("link {}:{target} {}:{path}\n", target.len(), path.len())
                }
            };
            lines.push_str(&line);
        }
        Digest::of(lines.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &str, executable: bool) -> Node {
        Node::File {
            executable,
            content: Blob::new(content.as_bytes()),
        }
    }

    #[test]
    fn the_digest_sees_path_content_and_mode_but_not_order() {
        let tree = |entries: &[(&str, Node)]| {
            Tree::new(
                entries
                    .iter()
                    .map(|(p, n)| ((*p).to_owned(), n.clone()))
                    .collect(),
            )
            .digest()
        };
        let one = tree(&[("a", file("x", false)), ("b", file("y", false))]);
        assert_eq!(
            one,
            tree(&[("b", file("y", false)), ("a", file("x", false))])
        );
        assert_ne!(
            one,
            tree(&[("a", file("y", false)), ("b", file("x", false))])
        );
        assert_ne!(
            one,
            tree(&[("a", file("x", true)), ("b", file("y", false))])
        );
        assert_ne!(
            one,
            tree(&[("a", Node::Link("x".into())), ("b", file("y", false))])
        );
    }
}
