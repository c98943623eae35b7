//! Reads a folder of the client: the app's code.

use super::exclude::{self, Exclude};
use crate::error::Error;
use crate::types::{Blob, Node, Reopen, Tree};
use ignore::WalkBuilder;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A large file, which is read again when it is sent.
struct OnDisk(PathBuf);

impl Reopen for OnDisk {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(File::open(&self.0)?))
    }
}

/// The folder without what the patterns exclude; they read as lines of a `.gitignore`.
pub(in crate::commands) fn read(folder: &Path, patterns: &[String]) -> Result<Tree, Error> {
    read_all(folder, patterns).map(|(tree, _)| tree)
}

/// The same, and the folders in which there is nothing, which no release has.
pub(super) fn read_all(folder: &Path, patterns: &[String]) -> Result<(Tree, Vec<String>), Error> {
    let lines = match std::fs::read_to_string(folder.join(exclude::FILE)) {
        Ok(lines) => lines,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => {
            return Err(Error::io(format!("read {}", exclude::FILE))(error));
        }
    };
    let exclude = Exclude::new(folder, patterns, &lines)?;
    let walk = WalkBuilder::new(folder)
        .standard_filters(false)
        .follow_links(false)
        .sort_by_file_name(std::ffi::OsStr::cmp)
        .filter_entry(move |entry| {
            let folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            !exclude.has(entry.path(), folder)
        })
        .build();
    let (mut entries, mut empty) = (Vec::new(), Vec::new());
    for entry in walk {
        let entry = entry.map_err(|source| Error::Walk {
            folder: folder.display().to_string(),
            source,
        })?;
        let shown = entry.path().display().to_string();
        let relative = entry
            .path()
            .strip_prefix(folder)
            .ok()
            .and_then(Path::to_str);
        let Some(relative) = relative else {
            return Err(Error::Name { path: shown });
        };
        if relative.is_empty() {
            continue;
        }
        if relative.contains(char::is_control) {
            return Err(Error::Name { path: shown });
        }
        let Some(kind) = entry.file_type() else {
            continue;
        };
        let node = if kind.is_dir() {
            if std::fs::read_dir(entry.path()).is_ok_and(|mut inside| inside.next().is_none()) {
                empty.push(relative.to_owned());
            }
            continue;
        } else if kind.is_symlink() {
            let target = std::fs::read_link(entry.path())
                .map_err(Error::io(format!("read the link {shown}")))?;
            let Some(target) = target.to_str().filter(|it| !it.contains(char::is_control)) else {
                return Err(Error::Name { path: shown });
            };
            Node::Link(target.to_owned())
        } else if kind.is_file() {
            let metadata = entry.metadata().map_err(|source| Error::Walk {
                folder: folder.display().to_string(),
                source,
            })?;
            let content = if metadata.len() <= Blob::SMALL {
                std::fs::read(entry.path()).map(Blob::new)
            } else {
                Blob::elsewhere(Arc::new(OnDisk(entry.path().to_owned())))
            };
            Node::File {
                executable: metadata.permissions().mode() & 0o111 != 0,
                content: content.map_err(Error::io(format!("read {shown}")))?,
            }
        } else {
            return Err(Error::SpecialFile { path: shown });
        };
        entries.push((relative.to_owned(), node));
    }
    Ok((Tree::new(entries), empty))
}

/// Adds the files of a folder to `all`, by their paths with `prefix` before them; none if there
/// is no such folder.
pub(in crate::commands) fn add_files(
    folder: &Path,
    prefix: &str,
    all: &mut BTreeMap<String, Arc<[u8]>>,
) -> Result<(), Error> {
    if folder.is_dir() {
        for (path, node) in read(folder, &[])?.entries() {
            if let Node::File { content, .. } = node {
                let path = format!("{prefix}/{path}");
                let bytes = content.bytes();
                let bytes = bytes.map_err(Error::io(format!("read {path}")))?;
                all.insert(path, bytes);
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_excluded_stays_at_home() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(path("a/__pycache__")).unwrap();
        std::fs::create_dir_all(path(".git")).unwrap();
        for name in [
            "a/x.py",
            "a/__pycache__/x.pyc",
            ".git/config",
            "run.sh",
            ".env",
        ] {
            std::fs::write(path(name), name).unwrap();
        }
        std::fs::set_permissions(path("run.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink("a/x.py", path("link")).unwrap();
        std::fs::write(path(".foobar-stack-ignore"), "# not these\n*.log\n").unwrap();
        std::fs::write(path("a/x.log"), "").unwrap();
        let exclude = [".git", "__pycache__", ".env"].map(str::to_owned);
        std::fs::create_dir_all(path("b/empty")).unwrap();
        let (tree, empty) = read_all(folder.path(), &exclude).unwrap();
        assert_eq!(empty, ["b/empty"]);
        let names: Vec<&str> = tree.entries().map(|(path, _)| path).collect();
        assert_eq!(names, ["a/x.py", "link", "run.sh"]);
        assert!(tree.entries().any(|(_, node)| matches!(
            node,
            Node::File {
                executable: true,
                ..
            }
        )));
        assert!(
            tree.entries()
                .any(|(_, node)| *node == Node::Link("a/x.py".into()))
        );
    }
}
