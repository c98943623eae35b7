//! Which files of the code pip reads when it installs what a requirements file says.
//!
//! The format is pip's ("Requirements File Format" in its manual). Whoever misses a file here makes
//! an environment pass for the right one that is not, so a path counts whether it is meant as
//! seen from the file or from the folder of the code.

use crate::types::Tree;
use std::collections::BTreeSet;

/// The files, and folders with all below them, of what is read with this file as the first.
pub(super) fn read_by_pip(tree: &Tree, first: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut files = vec![first.to_owned()];
    while let Some(file) = files.pop() {
        if !found.insert(file.clone()) {
            continue;
        }
        let Some(crate::types::Node::File { content, .. }) = tree.get(&file) else {
            continue;
        };
        let Ok(bytes) = content.bytes() else {
            continue;
        };
        let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        for (is_file, path) in named(&String::from_utf8_lossy(&bytes)) {
            for path in [inside(folder, &path), inside("", &path)]
                .into_iter()
                .flatten()
            {
                if is_file {
                    files.push(path);
                } else if tree.get(&path).is_some() || tree.has_folder(&path) {
                    found.insert(path);
                }
            }
        }
    }
    found
}

/// The paths in the text of such a file, and whether each is another such file.
fn named(text: &str) -> Vec<(bool, String)> {
    let text = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        let line = line.split(" #").next().unwrap_or_default();
        if line.starts_with('#') {
            continue;
        }
        let mut words = line.split_whitespace().peekable();
        while let Some(word) = words.next() {
            let (option, value) = match option(word) {
                Some((option, Some(value))) => (Some(option), value.to_owned()),
                Some((option, None)) => (Some(option), words.next().unwrap_or_default().to_owned()),
                None => (None, word.to_owned()),
            };
            let value = value.trim_matches(['"', '\'']);
            match option {
                Some('r' | 'c') => found.push((true, value.to_owned())),
                Some(_) => found.extend(local(value, true).map(|path| (false, path))),
                None => found.extend(local(value, false).map(|path| (false, path))),
            }
        }
    }
    found
}

/// An option that is followed by a path, and what of that stands in the same word.
fn option(word: &str) -> Option<(char, Option<&str>)> {
    const LONG: [(&str, char); 4] = [
        ("--requirement", 'r'),
        ("--constraint", 'c'),
        ("--editable", 'e'),
        ("--find-links", 'f'),
    ];
    for (long, short) in LONG {
        if let Some(rest) = word.strip_prefix(long) {
            return match rest.strip_prefix('=') {
                Some(value) => Some((short, Some(value))),
                None => rest.is_empty().then_some((short, None)),
            };
        }
    }
    let mut rest = word.strip_prefix('-')?.chars();
    let short = rest.next().filter(|short| "rcef".contains(*short))?;
    let value = rest.as_str();
    Some((short, (!value.is_empty()).then_some(value)))
}

/// The path that a requirement is, if it is one; where `certain`, a plain name is one, too.
fn local(word: &str, certain: bool) -> Option<String> {
    const ARCHIVES: [&str; 6] = [".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"];
    let word = word.strip_prefix("file:").unwrap_or(word);
    let word = word.split(['[', ';', '#']).next().unwrap_or_default();
    if word.contains("://") || word.starts_with('-') || word.is_empty() {
        return None;
    }
    let is_path = certain
        || word.contains('/')
        || word.starts_with('.')
        || ARCHIVES.iter().any(|end| word.ends_with(end));
    is_path.then(|| word.to_owned())
}

/// The path in the code, as seen from this folder; none if it leads out of it.
fn inside(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Node;

    fn read(first: &str, files: &[(&str, &str)]) -> Vec<String> {
        let file = |text: &str| Node::File {
            executable: false,
            content: text.as_bytes().into(),
        };
        let files = files.iter();
        let tree = Tree::new(
            files
                .map(|(path, text)| ((*path).to_owned(), file(text)))
                .collect(),
        );
        read_by_pip(&tree, first).into_iter().collect()
    }

    #[test]
    fn files_name_files() {
        let files = [
            (
                "requirements.txt",
                "django==5.2  # the web\n-r requirements/prod.txt\n",
            ),
            (
                "requirements/prod.txt",
                "-r base.txt\n--constraint=../pins.txt\n",
            ),
            (
                "requirements/base.txt",
                "-rnone.txt\nrequests \\\n  --hash=sha256:00\n",
            ),
            ("pins.txt", "urllib3==2\n-r requirements/prod.txt\n"),
            ("app.py", ""),
        ];
        let found = read("requirements.txt", &files);
        for path in [
            "requirements.txt",
            "requirements/prod.txt",
            "requirements/base.txt",
            "pins.txt",
        ] {
            assert!(found.contains(&path.to_owned()), "{path}: {found:?}");
        }
        assert!(!found.contains(&"app.py".to_owned()), "{found:?}");
    }

    #[test]
    fn what_is_installed_from_the_code_itself_is_read() {
        for (line, path) in [
            ("-e .", "."),
            ("--editable=lib", "lib"),
            ("./lib", "lib"),
            ("lib/", "lib"),
            ("mine @ ./lib", "lib"),
            (
                "file:lib/x-1.0-py3-none-any.whl",
                "lib/x-1.0-py3-none-any.whl",
            ),
            ("./lib[extra] ; python_version > '3'", "lib"),
            ("--find-links lib", "lib"),
        ] {
            let files = [
                ("r.txt", line),
                ("lib/x-1.0-py3-none-any.whl", ""),
                ("app.py", ""),
            ];
            let found = read("r.txt", &files);
            assert!(found.contains(&path.to_owned()), "{line}: {found:?}");
        }
        // A folder of the same name is not what an index has.
        for line in [
            "lib",
            "lib==1",
            "git+https://lib.example/lib.git",
            "lib>=1,<2",
        ] {
            let found = read("r.txt", &[("r.txt", line), ("lib/x", "")]);
            assert_eq!(found, ["r.txt"], "{line}");
        }
    }

    #[test]
    fn nothing_leads_out_of_the_code() {
        let found = read("r.txt", &[("r.txt", "-r ../../etc/passwd\n-e /srv\n")]);
        assert_eq!(found, ["r.txt"]);
    }
}
