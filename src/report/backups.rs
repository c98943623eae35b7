//! What there is of backups, for people: lines of the status.

use super::text::{BAD, CHANGED, GOOD, paint, size, span, visible};
use crate::check::CopyRecord;
use crate::operate::status::Status;
use crate::types::minute;

/// The last backup, what has failed since, and which second could be restored.
pub(super) fn backup_lines(status: &Status) -> Vec<(&'static str, String)> {
    let Some(record) = status.backup.as_ref().filter(|_| status.backups) else {
        let words = "none: the inventory has no section [backup]";
        return vec![("backups", paint(CHANGED, words))];
    };
    let mut lines = Vec::new();
    match &record.last {
        None => lines.push(("backups", paint(CHANGED, "none yet"))),
        Some(last) => {
            let proven = match &record.proven {
                Some((_, id)) if *id == last.id => paint(GOOD, "proven"),
                _ => paint(CHANGED, "unproven: it was never restored"),
            };
            let words = format!(
                "the last one of {}, {} in {}, {proven}",
                minute(last.made),
                size(last.bytes),
                span(i64::try_from(last.seconds).unwrap_or_default()),
            );
            lines.push(("backups", words));
        }
    }
    if let Some((time, why)) = &record.failed {
        let words = format!("failed at {}: {}", minute(*time), visible(why));
        lines.push(("", paint(BAD, words)));
    }
    if let Some((time, why)) = &record.drill_failed {
        let why = why.split_once(' ').map_or(why.as_str(), |(_, why)| why);
        let words = format!("not restored at {}: {}", minute(*time), visible(why));
        lines.push(("", paint(BAD, words)));
    }
    if let Some(until) = record.logs {
        let words = format!("each moment until {} could be restored", minute(until));
        lines.push(("", words));
    }
    if let Some((time, why)) = &record.logs_failed {
        let words = format!(
            "what was written since is not in the repository, {}: {}",
            minute(*time),
            visible(why)
        );
        lines.push(("", paint(BAD, words)));
    }
    if record.last.is_some() && record.recovery_key.is_none() {
        let words =
            "no recovery key: they are lost with this server; `foobar-stack backup key FILE`";
        lines.push(("", paint(CHANGED, words)));
    }
    if let Some(names) = &record.missing {
        let words = format!(
            "not on the server: {}, which backup.databases names",
            visible(names)
        );
        lines.push(("", paint(BAD, words)));
    }
    if let Some(names) = &record.uncovered {
        let words = format!(
            "in no backup: the databases {}; name in backup.databases what you need",
            visible(names)
        );
        lines.push(("", paint(CHANGED, words)));
    }
    lines.extend(record.copies.values().flat_map(copy_lines));
    lines
}

/// Until when a further repository has the backups, and what has failed since.
fn copy_lines(copy: &CopyRecord) -> Vec<(&'static str, String)> {
    let (address, record) = (visible(&copy.address), &copy.record);
    let bad = |words: String| ("", paint(BAD, words));
    let mut lines = vec![match &record.last {
        None => ("", paint(CHANGED, format!("no copy in {address} yet"))),
        Some(last) => {
            let of = minute(last.made);
            ("", format!("copied to {address}, the last one of {of}"))
        }
    }];
    if let Some((time, why)) = &record.failed {
        let words = format!("not copied there at {}: {}", minute(*time), visible(why));
        lines.push(bad(words));
    }
    if let Some((time, why)) = &record.drill_failed {
        let why = why.split_once(' ').map_or(why.as_str(), |(_, why)| why);
        let words = format!(
            "not restored from there at {}: {}",
            minute(*time),
            visible(why)
        );
        lines.push(bad(words));
    }
    if let Some((time, why)) = &record.logs_failed {
        let words = format!(
            "what was written since is not there, {}: {}",
            minute(*time),
            visible(why)
        );
        lines.push(bad(words));
    }
    if record.last.is_some() && record.recovery_key.is_none() {
        let words = "no recovery key opens it: `foobar-stack backup key FILE`";
        lines.push(("", paint(CHANGED, words)));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::BackupRecord;

    #[test]
    fn a_further_repository_has_lines_of_its_own() {
        let mut record = BackupRecord::default();
        for (name, line) in [
            ("copy.2.address", "1795376400 sftp:b:/b"),
            ("copy.2.succeeded", "1795376400 A 100 2"),
            ("copy.2.failed", "1795376460 no route"),
            ("copy.3.address", "1795376400 /third"),
            ("copy.x.failed", "1795376400 not a number"),
        ] {
            record.read(name, line);
        }
        let lines = record.copies.values().flat_map(copy_lines);
        let lines: Vec<String> = lines
            .map(|(_, words)| anstream::adapter::strip_str(&words).to_string())
            .collect();
        assert_eq!(
            lines,
            [
                "copied to sftp:b:/b, the last one of 2026-11-22 19:40 UTC",
                "not copied there at 2026-11-22 19:41 UTC: no route",
                "no recovery key opens it: `foobar-stack backup key FILE`",
                "no copy in /third yet",
            ]
        );
    }

    #[test]
    fn databases_that_are_in_no_backup_are_named() {
        let mut status = Status {
            backups: true,
            ..Status::default()
        };
        let mut record = BackupRecord::default();
        record.read("missing", "1795376400 report");
        record.read("uncovered", "1795376400 reports, wiki");
        status.backup = Some(record);
        let lines: Vec<String> = backup_lines(&status)
            .iter()
            .map(|(_, words)| anstream::adapter::strip_str(words).to_string())
            .collect();
        assert_eq!(
            lines[1..],
            [
                "not on the server: report, which backup.databases names",
                "in no backup: the databases reports, wiki; name in backup.databases what you need",
            ]
        );
    }
}
