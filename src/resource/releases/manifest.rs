//! What a release consists of, as a text, and what of it must travel when another release is
//! already there.
//!
//! A line is `f DIGEST  PATH` for a file, `x DIGEST  PATH` for one that may be run, and
//! `l TARGET<tab>PATH` for a link; the lines are sorted as bytes. Behind the first two
//! characters the lines of files are those of `sha256sum`.

use crate::types::{Digest, Node, Tree};
use std::collections::{BTreeMap, BTreeSet};

/// The lines of a release.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Manifest {
    /// By path.
    lines: BTreeMap<String, String>,
    /// Those of what is not as it was.
    doubtful: Vec<String>,
}

impl Manifest {
    /// That of code in memory.
    pub(super) fn of(tree: &Tree) -> Self {
        let line = |path: &str, node: &Node| match node {
            Node::Link(target) => format!("l {target}\t{path}"),
            Node::File {
                executable,
                content,
            } => {
                let kind = if *executable { 'x' } else { 'f' };
                format!("{kind} {}  {path}", content.digest())
            }
        };
        let lines = tree.entries();
        Self {
            lines: lines
                .map(|(path, node)| (path.to_owned(), line(path, node)))
                .collect(),
            doubtful: Vec::new(),
        }
    }

    /// Reads the text of one; what is no line of one is left out.
    pub(super) fn parse(text: &str) -> Self {
        let path = |line: &str| match line.get(..2)? {
            "f " | "x " => line.get(68..).map(str::to_owned),
            "l " => line.split_once('\t').map(|(_, path)| path.to_owned()),
            _ => None,
        };
        let lines = text.lines();
        Self {
            lines: lines
                .filter_map(|line| Some((path(line)?, line.to_owned())))
                .collect(),
            doubtful: Vec::new(),
        }
    }

    /// Notes what cannot be relied on: `PATH` and all below it, or, as `PATH/`, what stands
    /// in that folder.
    pub(super) fn forget(&mut self, edited: &str) {
        let folder = edited.strip_suffix('/').map(|path| match path {
            "" | "." => String::new(),
            path => format!("{path}/"),
        });
        let concerns = |path: &str| match &folder {
            Some(folder) => path
                .strip_prefix(folder.as_str())
                .is_some_and(|rest| !rest.contains('/')),
            None => path
                .strip_prefix(edited)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
        };
        let doubtful = &mut self.doubtful;
        self.lines.retain(|path, line| {
            let concerned = concerns(path);
            if concerned {
                doubtful.push(line.clone());
            }
            !concerned
        });
    }

    fn text(&self) -> String {
        text(self.lines.values().map(String::as_str))
    }

    /// The digest of its text.
    pub(super) fn digest(&self) -> Digest {
        Digest::of(self.text().as_bytes())
    }
}

/// Lines as a text, in the order of their bytes.
fn text<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let sorted: BTreeSet<&str> = lines.collect();
    sorted.into_iter().flat_map(|line| [line, "\n"]).collect()
}

/// What must travel for a release, given another one or nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference {
    /// The files that are not there, or are others.
    pub(super) tree: Tree,
    /// Their lines.
    pub(super) lines: String,
    /// The lines of what is there and does not stay.
    pub(super) gone: String,
}

impl Difference {
    /// What makes `wanted` of `base`.
    pub(super) fn new(wanted: &Tree, base: &Manifest) -> Self {
        let manifest = Manifest::of(wanted);
        let stays = |path: &str| {
            let line = base.lines.get(path);
            line.is_some() && line == manifest.lines.get(path)
        };
        let lines = manifest.lines.iter().filter(|(path, _)| !stays(path));
        let gone = base.lines.iter().filter(|(path, _)| !stays(path));
        let gone = gone.map(|(_, line)| line).chain(&base.doubtful);
        Self {
            lines: text(lines.map(|(_, line)| line.as_str())),
            gone: text(gone.map(String::as_str)),
            tree: wanted.part(|path| !stays(path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, &str)]) -> Tree {
        let node = |content: &str| match content.strip_prefix("-> ") {
            Some(target) => Node::Link(target.to_owned()),
            None => Node::File {
                executable: content.starts_with("#!"),
                content: content.as_bytes().into(),
            },
        };
        let entries = entries.iter();
        Tree::new(
            entries
                .map(|(path, content)| ((*path).to_owned(), node(content)))
                .collect(),
        )
    }

    fn paths(tree: &Tree) -> Vec<&str> {
        tree.entries().map(|(path, _)| path).collect()
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        let tree = tree(&[
            ("a b", "x"),
            ("run", "#!/bin/sh"),
            ("c/l", "-> ../a b"),
            ("ä", ""),
        ]);
        let manifest = Manifest::of(&tree);
        let text = manifest.text();
        assert_eq!(Manifest::parse(&text), manifest);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines.is_sorted());
        let digest = Digest::of(b"x");
        assert!(
            lines.contains(&format!("f {digest}  a b").as_str()),
            "{text}"
        );
        assert!(lines.contains(&"l ../a b\tc/l"), "{text}");
    }

    #[test]
    fn only_what_changed_travels() {
        let old = tree(&[
            ("a", "1"),
            ("b", "2"),
            ("c/d", "3"),
            ("l", "-> a"),
            ("run", "x"),
        ]);
        let new = tree(&[
            ("a", "1"),
            ("b", "!"),
            ("c/d", "3"),
            ("l", "-> b"),
            ("run", "#!x"),
        ]);
        let mut base = Manifest::of(&old);
        let difference = Difference::new(&new, &base);
        assert_eq!(paths(&difference.tree), ["b", "l", "run"]);
        assert_eq!(difference.gone.lines().count(), 3);
        // What stays and what travels are the manifest of what is wanted.
        let old_text = base.text();
        let gone: Vec<&str> = difference.gone.lines().collect();
        let stays = old_text.lines().filter(|line| !gone.contains(line));
        let together = text(stays.chain(difference.lines.lines()));
        assert_eq!(Digest::of(together.as_bytes()), Manifest::of(&new).digest());
        // What was changed on the server travels, too; and what was in such a folder.
        base.forget("a");
        base.forget("c/");
        let difference = Difference::new(&new, &base);
        assert_eq!(paths(&difference.tree), ["a", "b", "c/d", "l", "run"]);
        assert_eq!(difference.gone.lines().count(), 5);
    }

    #[test]
    fn a_folder_that_was_changed_is_not_what_lies_deeper() {
        let tree = tree(&[("a/b/c", ""), ("a/x", ""), ("ab", ""), ("top", "")]);
        for (edited, left) in [
            ("a/", vec!["a/b/c", "ab", "top"]),
            ("a", vec!["ab", "top"]),
            ("a/b", vec!["a/x", "ab", "top"]),
            ("./", vec!["a/b/c", "a/x"]),
        ] {
            let mut manifest = Manifest::of(&tree);
            manifest.forget(edited);
            let found: Vec<&str> = manifest.lines.keys().map(String::as_str).collect();
            assert_eq!(found, left, "{edited}");
        }
    }
}
