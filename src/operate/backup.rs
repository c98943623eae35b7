//! Backups are made, listed, and opened with a key that is kept elsewhere.
//!
//! The program of the role backup does it, on the server.

use crate::host;
use crate::plan::Stack;
use crate::shell::Script;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

/// What makes backups.
const PROGRAM: &str = "/usr/local/lib/foobar-stack/backup";

/// The unit in which it makes one.
pub const UNIT: &str = "foobar-stack-backup.service";

/// A backup that could be restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// What it is called: when it began, as `20260131T120500Z`.
    pub id: String,
    /// How many files it has.
    pub files: u64,
    /// What they hold, in bytes.
    pub bytes: u64,
    /// Whether it was restored, to prove it or for good.
    pub proven: bool,
}

/// Whether the server of the stack is backed up.
#[must_use]
pub fn is_possible(stack: &Stack) -> bool {
    stack.roles.iter().any(|role| role == "backup")
}

/// The script that has a backup made, in its unit, so that it goes on without this session; it
/// prints whom it waits for, and the line of the record about it.
#[must_use]
pub fn now() -> Script {
    let mut script = host::program();
    script
        .assign("unit", UNIT)
        .raw(include_str!("restore.sh"))
        .call("backup_in_unit", [] as [&str; 0]);
    script
}

/// The words of the program that work on a repository of the inventory; without one on that in which
/// backups are made.
pub(super) fn with_repository<'a>(
    repository: Option<&'a str>,
    words: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    let from = repository.map(|address| ["from", address]);
    from.into_iter().flatten().chain(words).collect()
}

/// The script that lists the backups in a repository, in that where they are made if none is given.
#[must_use]
pub fn list(repository: Option<&str>) -> Script {
    let mut script = Script::new();
    script.call(PROGRAM, with_repository(repository, ["list"]));
    script
}

/// The script that lets a key, on its standard input, open the repositories, too; its status is
/// [`SOME`] if it opens some of them.
#[must_use]
pub fn add_key() -> Script {
    let mut script = Script::new();
    script.call(PROGRAM, ["add-key"]);
    script
}

/// The status of [`add_key`] where the key opens some of the repositories, and not the others.
pub const SOME: i32 = 3;

/// The script that tries the key on its standard input; if it opens one of the repositories, it
/// opens the others from then on, too.
#[must_use]
pub fn share_key() -> Script {
    let mut script = Script::new();
    script.call(PROGRAM, ["share-key"]);
    script
}

/// The script that tries the key on its standard input, with each repository; its status is not 0
/// where there are no backups yet, either.
#[must_use]
pub fn try_key() -> Script {
    let mut script = Script::new();
    script.call(PROGRAM, ["try-key"]);
    script
}

/// The script that prints what a backup in a repository holds, the newest if none is named:
/// `backup ID`, then [`Fetched`] a line each.
#[must_use]
pub fn fetch(repository: Option<&str>, id: Option<&str>, path: Option<&str>) -> Script {
    let mut script = Script::new();
    let words = ["fetch", id.unwrap_or("newest"), path.unwrap_or_default()];
    script.call(PROGRAM, with_repository(repository, words));
    script
}

/// The script that prints the manifest of a backup.
#[must_use]
pub fn manifest(id: &str) -> Script {
    let mut script = Script::new();
    script.call(PROGRAM, ["manifest", id]);
    script
}

/// A line of what [`fetch`] printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The backup.
    Backup(String),
    /// A path that the backup begins with.
    Has(String),
    /// What follows is a file.
    File,
    /// What follows is an archive of a folder.
    Folder,
    /// A part of it.
    Part(Vec<u8>),
}

impl Fetched {
    /// Reads a line. `None` if it is none of these.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        Some(match line.split_once(' ') {
            Some(("backup", id)) => Self::Backup(id.to_owned()),
            Some(("has", path)) => Self::Has(path.to_owned()),
            Some(_) => return None,
            None if line == "file" => Self::File,
            None if line == "folder" => Self::Folder,
            None => Self::Part(BASE64_STANDARD.decode(line).ok()?),
        })
    }
}

/// Reads what [`list`] printed.
#[must_use]
pub fn read_list(reply: &str) -> Vec<Listed> {
    let read = |line: &str| {
        let mut words = line.split(' ');
        let mut word = || words.next();
        Some(Listed {
            id: word()?.to_owned(),
            files: word()?.parse().ok()?,
            bytes: word()?.parse().ok()?,
            proven: word() == Some("proven"),
        })
    };
    reply.lines().filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_fetched_is_read() {
        let part = Fetched::Part(b"hello".to_vec());
        for (line, want) in [
            ("backup 2026", Some(Fetched::Backup("2026".to_owned()))),
            ("has /srv/a b", Some(Fetched::Has("/srv/a b".to_owned()))),
            ("file", Some(Fetched::File)),
            ("folder", Some(Fetched::Folder)),
            ("aGVsbG8=", Some(part)),
            ("not base64", None),
            ("%", None),
        ] {
            assert_eq!(Fetched::read(line), want, "{line}");
        }
    }

    #[test]
    fn a_list_is_read() {
        let list = read_list("20260131T120500Z 33 173466 \n20260201T120500Z 34 173500 proven\nx\n");
        let short: Vec<_> = list
            .iter()
            .map(|one| (one.id.as_str(), one.files, one.bytes, one.proven))
            .collect();
        assert_eq!(
            short,
            [
                ("20260131T120500Z", 33, 173_466, false),
                ("20260201T120500Z", 34, 173_500, true)
            ]
        );
    }
}
