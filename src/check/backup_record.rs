//! What a server has recorded of its backups.

use serde::Serialize;
use std::collections::BTreeMap;

/// What the program of the role backup has written down. Times are in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct BackupRecord {
    /// When the repository was opened first.
    pub initialised: Option<i64>,
    /// The last backup.
    pub last: Option<LastBackup>,
    /// When a backup has failed since, and why.
    pub failed: Option<(i64, String)>,
    /// The last backup that was restored to prove it: when, and which one.
    pub proven: Option<(i64, String)>,
    /// When a backup could not be restored since: when, which one and why.
    pub drill_failed: Option<(i64, String)>,
    /// Until when the log of the database is in the repository.
    pub logs: Option<i64>,
    /// When that has failed since, and why.
    pub logs_failed: Option<(i64, String)>,
    /// When it was first seen that the repository has a key besides that of the server, or that
    /// the server's was not made there.
    pub recovery_key: Option<i64>,
    /// The names of databases that are to be in a backup and are not there, with commas between.
    pub missing: Option<String>,
    /// The names of databases of the server that are in no backup, with commas between.
    pub uncovered: Option<String>,
    /// The same of further repositories, which get copies, by their number: the first of them is 2.
    pub copies: BTreeMap<u32, CopyRecord>,
}

/// What was recorded of a further repository.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct CopyRecord {
    /// Where it is, as restic takes it.
    pub address: String,
    /// What was recorded; [`BackupRecord::last`] is the last backup that was copied there.
    #[serde(flatten)]
    pub record: BackupRecord,
}

/// The last backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LastBackup {
    /// When it began, in seconds since 1970.
    pub made: i64,
    /// What it is called: its time, as `20260131T120500Z`.
    pub id: String,
    /// What it has read, in bytes.
    pub bytes: u64,
    /// How long it took, in seconds.
    pub seconds: u64,
}

impl BackupRecord {
    /// Takes in one of its files: its name, and the line in it. What is not understood is left
    /// out.
    pub fn read(&mut self, name: &str, line: &str) {
        if let Some((number, name)) = name
            .strip_prefix("copy.")
            .and_then(|name| name.split_once('.'))
        {
            let Ok(number) = number.parse() else {
                return;
            };
            let copy = self.copies.entry(number).or_default();
            match line.split_once(' ') {
                Some((_, address)) if name == "address" => address.clone_into(&mut copy.address),
                _ => copy.record.read(name, line),
            }
            return;
        }
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        let Ok(time) = first.parse::<i64>() else {
            return;
        };
        let with_text = || Some((time, rest.to_owned()));
        match name {
            "initialised" => self.initialised = Some(time),
            "succeeded" => {
                if let [id, bytes, seconds] = rest.split(' ').collect::<Vec<_>>()[..] {
                    self.last = Some(LastBackup {
                        made: time,
                        id: id.to_owned(),
                        bytes: bytes.parse().unwrap_or_default(),
                        seconds: seconds.parse().unwrap_or_default(),
                    });
                }
            }
            "failed" => self.failed = with_text(),
            "proven" => self.proven = with_text(),
            "drill-failed" => self.drill_failed = with_text(),
            "logs" => self.logs = Some(time),
            "logs-failed" => self.logs_failed = with_text(),
            "missing" => self.missing = Some(rest.to_owned()),
            "uncovered" => self.uncovered = Some(rest.to_owned()),
            "recovery-key" => self.recovery_key = Some(time),
            _ => {}
        }
    }
}
