//! What a backup holds comes back: which one, what of it, and what is lost by it.
//!
//! The program of the role backup does it, on the server.

use super::backup::with_repository;
use crate::host;
use crate::shell::Script;
use crate::types::minute;

/// What makes backups, and restores them.
const PROGRAM: &str = "/usr/local/lib/foobar-stack/backup";

/// The unit in which a backup is proven.
const DRILL: &str = "foobar-stack-backup-drill.service";

/// Which backup to begin with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// The newest one.
    Newest,
    /// The one with this id.
    Backup(String),
    /// The last one before a moment, in seconds since 1970, and what the log says until then.
    Moment(i64),
}

/// What of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// All databases and folders.
    All,
    /// A database.
    Database(String),
    /// A table, as `database.table`.
    Table(String),
    /// A folder, or a file.
    Folder(String),
}

/// What a restore would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The backup.
    pub id: String,
    /// The moment that would be restored, in seconds since 1970.
    pub moment: i64,
    /// What would be replaced.
    pub replaced: Vec<Replaced>,
}

/// Something that would be replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Replaced {
    /// A database.
    Database(String),
    /// A table, as `database.table`.
    Table(String),
    /// A folder, and how many of its files are younger than the backup.
    Folder {
        /// Its path.
        path: String,
        /// How many of its files are younger.
        younger: u64,
    },
}

impl From {
    fn word(&self) -> String {
        match self {
            Self::Newest => "newest".to_owned(),
            Self::Backup(id) => id.clone(),
            Self::Moment(seconds) => format!("@{seconds}"),
        }
    }
}

impl What {
    fn words(&self) -> [&str; 2] {
        match self {
            Self::All => ["all", ""],
            Self::Database(name) => ["database", name],
            Self::Table(name) => ["table", name],
            Self::Folder(path) => ["folder", path],
        }
    }
}

/// Who is waited for, if a line of a script says that.
#[must_use]
pub fn waiting(line: &str) -> Option<&str> {
    line.strip_prefix("waiting: ")
}

/// The script that says what would be replaced from a repository, from that in which backups are
/// made if none is given; [`Preview::read`] reads it.
#[must_use]
pub fn preview(repository: Option<&str>, from: &From, what: &What) -> Script {
    let [kind, name] = what.words();
    let words = ["preview", &from.word(), kind, name];
    let mut script = Script::new();
    script.call(PROGRAM, with_repository(repository, words));
    script
}

/// The script that restores, in a unit of its own, so that it goes on without this session; it
/// prints what the program said.
#[must_use]
pub fn restore(repository: Option<&str>, from: &From, what: &What) -> Script {
    let [kind, name] = what.words();
    let words = ["restore", &from.word(), kind, name];
    let mut script = host::program();
    script
        .raw(include_str!("restore.sh"))
        .call("restore_in_unit", in_unit(repository, &words));
    script
}

/// The script that proves a backup, the newest one if none is named, and prints the result.
#[must_use]
pub fn drill(repository: Option<&str>, id: Option<&str>) -> Script {
    let mut script = host::program();
    script.assign("unit", DRILL).raw(include_str!("restore.sh"));
    let words: Vec<&str> = std::iter::once("drill").chain(id).collect();
    match (repository, id) {
        (None, None) => script.call::<[&str; 0]>("drill_in_unit", []),
        _ => script.call("restore_in_unit", in_unit(repository, &words)),
    };
    script
}

/// The program and its words.
fn in_unit<'a>(repository: Option<&'a str>, words: &[&'a str]) -> Vec<&'a str> {
    let words = with_repository(repository, words.iter().copied());
    std::iter::once(PROGRAM).chain(words).collect()
}

impl Preview {
    /// Reads what [`preview`] printed.
    #[must_use]
    pub fn read(reply: &str) -> Option<Self> {
        let mut lines = reply.lines().filter(|line| waiting(line).is_none());
        let (id, moment) = lines.next()?.strip_prefix("backup ")?.split_once(' ')?;
        let replaced = lines.filter_map(|line| {
            let (kind, name) = line.split_once(' ')?;
            Some(match kind {
                "database" => Replaced::Database(name.to_owned()),
                "table" => Replaced::Table(name.to_owned()),
                _ => {
                    let (path, younger) = name.rsplit_once(' ')?;
                    Replaced::Folder {
                        path: path.to_owned(),
                        younger: younger.parse().ok()?,
                    }
                }
            })
        });
        Some(Self {
            id: id.to_owned(),
            moment: moment.parse().ok()?,
            replaced: replaced.collect(),
        })
    }

    /// What is lost to the site, a line each, for people.
    #[must_use]
    pub fn losses(&self) -> Vec<String> {
        let since = minute(self.moment);
        let lines = self.replaced.iter().map(|one| match one {
            Replaced::Database(name) => format!(
                "the database {name}: all that was written after {since}; it is kept in a database {name}_before_…"
            ),
            Replaced::Table(name) => format!(
                "the table {name}: all that was written after {since}; it is kept in a database …_before_…"
            ),
            Replaced::Folder { path, younger } => format!(
                "{path}: {younger} files that are younger than the backup; they are kept in {path}.before-…"
            ),
        });
        lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_a_word_of_its_own() {
        let script = preview(
            None,
            &From::Moment(60),
            &What::Folder("/srv/it's here".to_owned()),
        );
        assert!(
            script.as_str().ends_with(
                "/usr/local/lib/foobar-stack/backup preview @60 folder \"/srv/it's here\"\n"
            ),
            "{}",
            script.as_str()
        );
        let script = restore(None, &From::Newest, &What::All);
        let end = "restore_in_unit /usr/local/lib/foobar-stack/backup restore newest all ''\n";
        assert!(script.as_str().ends_with(end), "{}", script.as_str());
        let script = drill(Some("/srv/second"), None);
        let end = "restore_in_unit /usr/local/lib/foobar-stack/backup from /srv/second drill\n";
        assert!(script.as_str().ends_with(end), "{}", script.as_str());
    }

    #[test]
    fn what_is_lost_is_read_and_said() {
        let reply = "waiting: a drill since noon\nbackup 20260131T120500Z 1769861100\ndatabase foobar\nfolder /srv/a b 3\n";
        let preview = Preview::read(reply).unwrap();
        assert_eq!(preview.id, "20260131T120500Z");
        assert_eq!(
            preview.losses(),
            [
                "the database foobar: all that was written after 2026-01-31 12:05 UTC; it is kept in a database foobar_before_…",
                "/srv/a b: 3 files that are younger than the backup; they are kept in /srv/a b.before-…",
            ]
        );
        assert_eq!(Preview::read("backup 20260131T120500Z x\n"), None);
    }
}
