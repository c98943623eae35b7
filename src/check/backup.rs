//! `[[check.backup]]`: the last backup is not too old, and what was written since is kept, too.

use super::backup_record::{BackupRecord, CopyRecord};
use super::hop::Hop;
use super::judgement::{Defaults, Judgement};
use super::server::Section;
use crate::host::STATE;
use crate::types::minute;
use serde::Deserialize;

/// How far the log of the database in the repository may be behind, in seconds: it is brought
/// there each minute.
const LOGS_BEHIND: i64 = 600;

/// The fields.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// How old the last one may be, in seconds.
    pub max_age: i64,
    /// Whether the log of a database is kept, too.
    #[serde(default)]
    pub logs: bool,
    /// Further repositories that have to have all that, too.
    #[serde(default)]
    pub copies: Vec<String>,
}

impl Backup {
    pub(super) fn defaults(&self) -> Defaults {
        Defaults {
            title: "backups".to_owned(),
            hop: Hop::Server,
            needs: Vec::new(),
            unit: Some("foobar-stack-backup.service".to_owned()),
        }
    }

    pub(super) fn expected(&self) -> String {
        format!("one that is not older than {} h", self.max_age / 3600)
    }

    /// The words after `sh -c` that print the time and each file of the record.
    pub(super) fn words(&self) -> [String; 3] {
        let program = include_str!("backup.sh").to_owned();
        [program, "sh".to_owned(), format!("{STATE}/backup/record")]
    }

    /// Judges what the server has recorded. A run is undone for none of it.
    #[must_use]
    pub fn judge(&self, section: Option<&Section>) -> Judgement {
        let output = match section {
            Some(Section { status: 0, output }) => output,
            Some(failed) => return Judgement::Flawed(format!("the record {}", failed.failure())),
            None => return Judgement::Flawed("the server did not say".to_owned()),
        };
        let mut now = 0;
        let mut record = BackupRecord::default();
        for line in output.lines() {
            match line.split_once(' ') {
                Some(("now", time)) => now = time.parse().unwrap_or_default(),
                Some((name, rest)) => record.read(name, rest),
                None => {}
            }
        }
        self.conclude(now, &record)
    }

    fn conclude(&self, now: i64, record: &BackupRecord) -> Judgement {
        let last = match (&record.last, record.initialised) {
            (Some(last), _) => format!("the last one is of {}", minute(last.made)),
            (None, _) => "there is none yet".to_owned(),
        };
        if let Some((time, why)) = &record.failed {
            let time = minute(*time);
            return Judgement::Awaited(format!("the backup of {time} failed: {why}; {last}"));
        }
        if let Some((time, why)) = &record.drill_failed {
            let why = why.split_once(' ').map_or(why.as_str(), |(_, why)| why);
            let time = minute(*time);
            return Judgement::Awaited(format!("the drill of {time} failed: {why}; {last}"));
        }
        let Some(newest) = &record.last else {
            return match record.initialised {
                Some(since) if now - since <= self.max_age => {
                    Judgement::Sound("the first one is being made".to_owned())
                }
                _ => Judgement::Awaited(last),
            };
        };
        if now - newest.made > self.max_age {
            return Judgement::Awaited(format!("{last}, which is too old"));
        }
        let until = record.logs.filter(|until| *until > newest.made);
        if self.logs && now - until.unwrap_or(newest.made) > LOGS_BEHIND {
            let until = minute(until.unwrap_or(newest.made));
            let why = record.logs_failed.as_ref();
            let why = why.map(|(_, why)| format!(": {why}")).unwrap_or_default();
            return Judgement::Awaited(format!(
                "nothing that was written to the database after {until} is in the repository{why}"
            ));
        }
        if let Some(names) = &record.missing {
            return Judgement::Awaited(format!(
                "{names}, which backup.databases names, is not on the server; {last}"
            ));
        }
        if let Some(wrong) = self.wrong_with_copies(now, record) {
            return Judgement::Awaited(format!("{wrong}; {last}"));
        }
        let proven = match &record.proven {
            Some((_, id)) if *id == newest.id => ", restored to prove it",
            _ => "",
        };
        let is_copied = record.copies.values().all(|copy| {
            let copied = copy.record.last.as_ref();
            copied.is_some_and(|copied| copied.id == newest.id)
        });
        let copied = match self.copies.as_slice() {
            [one] if is_copied => format!(", copied to {one}"),
            [_, _, ..] if is_copied => {
                format!(", copied to {} repositories", self.copies.len())
            }
            _ => String::new(),
        };
        Judgement::Sound(format!("{last}{proven}{copied}"))
    }

    /// What is wrong with the first of the copies with which something is.
    fn wrong_with_copies(&self, now: i64, record: &BackupRecord) -> Option<String> {
        self.copies.iter().zip(2..).find_map(|(address, number)| {
            let found = record.copies.get(&number);
            let found = found.filter(|found| found.address == *address);
            let Some(CopyRecord { record, .. }) = found else {
                return Some(format!("{address} has no copy yet"));
            };
            if let Some((time, why)) = &record.failed {
                let time = minute(*time);
                return Some(format!("the copy to {address} of {time} failed: {why}"));
            }
            let Some(copied) = &record.last else {
                let is_new = record
                    .initialised
                    .is_some_and(|since| now - since <= self.max_age);
                return (!is_new).then(|| format!("{address} has no copy yet"));
            };
            if now - copied.made > self.max_age {
                let made = minute(copied.made);
                return Some(format!(
                    "the last copy in {address} is of {made}, which is too old"
                ));
            }
            let until = record.logs.unwrap_or_default().max(copied.made);
            if self.logs && now - until > LOGS_BEHIND {
                let why = record.logs_failed.as_ref();
                let why = why.map(|(_, why)| format!(": {why}")).unwrap_or_default();
                let until = minute(until);
                return Some(format!(
                    "nothing that was written to the database after {until} is in {address}{why}"
                ));
            }
            None
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_376_400;

    fn judge(lines: &str) -> String {
        judge_with(&[], lines)
    }

    fn judge_with(copies: &[&str], lines: &str) -> String {
        let check = Backup {
            max_age: 7200,
            logs: true,
            copies: copies.iter().map(|&copy| copy.to_owned()).collect(),
        };
        let section = Section {
            status: 0,
            output: format!("now {NOW}\n{lines}"),
        };
        match check.judge(Some(&section)) {
            Judgement::Sound(text) => format!("sound: {text}"),
            Judgement::Awaited(text) => format!("awaited: {text}"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_copy_that_is_behind_is_named() {
        let ago = |seconds: i64| NOW - seconds;
        let last = minute(ago(600));
        let first = format!("succeeded {} A 100 2\nlogs {}\n", ago(600), ago(60));
        let there = format!("copy.2.address {} sftp:b:/b\n", ago(9000));
        let good = format!(
            "copy.2.succeeded {} A 100 2\ncopy.2.logs {}\n",
            ago(600),
            ago(60)
        );
        for (lines, want) in [
            (
                format!("{there}{good}"),
                format!("sound: the last one is of {last}, copied to sftp:b:/b"),
            ),
            (
                String::new(),
                format!("awaited: sftp:b:/b has no copy yet; the last one is of {last}"),
            ),
            // It was another one.
            (
                format!("{}{good}", there.replace("sftp:b", "sftp:c")),
                format!("awaited: sftp:b:/b has no copy yet; the last one is of {last}"),
            ),
            (
                format!("{there}{good}copy.2.failed {} no route", ago(60)),
                format!(
                    "awaited: the copy to sftp:b:/b of {} failed: no route; the last one is of {last}",
                    minute(ago(60))
                ),
            ),
            (
                format!("{there}copy.2.succeeded {} A 100 2", ago(7300)),
                format!(
                    "awaited: the last copy in sftp:b:/b is of {}, which is too old; the last one is of {last}",
                    minute(ago(7300))
                ),
            ),
            (
                format!(
                    "{there}copy.2.succeeded {} A 100 2\ncopy.2.logs-failed {} no route",
                    ago(700),
                    ago(60)
                ),
                format!(
                    "awaited: nothing that was written to the database after {} is in sftp:b:/b: no route; the last one is of {last}",
                    minute(ago(700))
                ),
            ),
            (
                format!("{there}copy.2.initialised {}", ago(60)),
                format!("sound: the last one is of {last}"),
            ),
        ] {
            assert_eq!(
                judge_with(&["sftp:b:/b"], &format!("{first}{lines}")),
                want,
                "{lines}"
            );
        }
    }

    #[test]
    fn judgements() {
        let ago = |seconds: i64| NOW - seconds;
        let last = minute(ago(600));
        for (lines, want) in [
            (String::new(), "awaited: there is none yet".to_owned()),
            (
                format!("initialised {}", ago(60)),
                "sound: the first one is being made".to_owned(),
            ),
            (
                format!("initialised {}", ago(8000)),
                "awaited: there is none yet".to_owned(),
            ),
            (
                format!("succeeded {} A 100 2\nlogs {}", ago(600), ago(60)),
                format!("sound: the last one is of {last}"),
            ),
            (
                format!(
                    "succeeded {} A 100 2\nlogs {}\nproven {} A",
                    ago(600),
                    ago(60),
                    ago(5)
                ),
                format!("sound: the last one is of {last}, restored to prove it"),
            ),
            (
                format!(
                    "succeeded {} A 100 2\nlogs {}\ndrill-failed {} A it differs",
                    ago(600),
                    ago(60),
                    ago(30)
                ),
                format!(
                    "awaited: the drill of {} failed: it differs; the last one is of {last}",
                    minute(ago(30))
                ),
            ),
            (
                format!("succeeded {} A 100 2\nlogs {}", ago(7300), ago(60)),
                format!(
                    "awaited: the last one is of {}, which is too old",
                    minute(ago(7300))
                ),
            ),
            (
                format!(
                    "succeeded {} A 100 2\nfailed {} it is full",
                    ago(600),
                    ago(60)
                ),
                format!(
                    "awaited: the backup of {} failed: it is full; the last one is of {last}",
                    minute(ago(60))
                ),
            ),
            (
                format!(
                    "succeeded {} A 100 2\nlogs {}\nlogs-failed {} no route",
                    ago(3600),
                    ago(1000),
                    ago(60)
                ),
                format!(
                    "awaited: nothing that was written to the database after {} is in the \
                     repository: no route",
                    minute(ago(1000))
                ),
            ),
        ] {
            assert_eq!(judge(&lines), want, "{lines}");
        }
    }
}
