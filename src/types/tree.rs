//! A folder of files in memory: the app's code.

use super::Digest;
use std::fmt;
use std::sync::Arc;

/// What stands at one path of a [`Tree`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A regular file.
    File {
        /// Whether it may be run.
        executable: bool,
        /// Its bytes.
        content: Arc<[u8]>,
    },
    /// A symbolic link, with its target as it stands.
    Link(String),
}

/// A folder in memory, sorted by path, without empty folders.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Tree {
    entries: Vec<(String, Node)>,
    /// Those of the files, made once: there may be much to read.
    digests: Vec<Option<Digest>>,
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
        let digest = |(_, node): &(String, Node)| match node {
            Node::File { content, .. } => Some(Digest::of(content)),
            Node::Link(_) => None,
        };
        let digests = entries.iter().map(digest).collect();
        Self { entries, digests }
    }

    /// The part of it whose paths `keep` says yes to.
    #[must_use]
    pub fn part(&self, keep: impl Fn(&str) -> bool) -> Self {
        let all = self.entries.iter().zip(&self.digests);
        let (entries, digests) = all
            .filter(|(entry, _)| keep(&entry.0))
            .map(|(entry, digest)| (entry.clone(), digest.clone()))
            .unzip();
        Self { entries, digests }
    }

    /// The digest of each file, in the order of the entries; none for a link.
    pub fn digests(&self) -> impl Iterator<Item = Option<&Digest>> {
        self.digests.iter().map(Option::as_ref)
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
        tree.digests.insert(place, None);
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
                Node::File { content, .. } => content.len() as u64,
                Node::Link(_) => 0,
            })
            .sum()
    }

    /// The digest of paths, kinds and contents: equal trees have equal digests. Lengths are
    /// part of what is hashed, so that no two different trees run into the same bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut lines = String::new();
        for ((path, node), digest) in self.entries.iter().zip(&self.digests) {
            let line = match node {
                Node::File { executable, .. } => {
                    let digest = digest.as_ref().map_or("", Digest::as_str);
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
            content: content.as_bytes().into(),
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
