//! `[[check.backup]]`: the last backup is not too old, and what was written since is kept, too.

use super::backup_record::BackupRecord;
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
        let proven = match &record.proven {
            Some((_, id)) if *id == newest.id => ", restored to prove it",
            _ => "",
        };
        Judgement::Sound(format!("{last}{proven}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_376_400;

    fn judge(lines: &str) -> String {
        let check = Backup {
            max_age: 7200,
            logs: true,
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
