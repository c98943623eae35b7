//! The difference of two texts: for people with the changed lines in colour, and as a unified
//! diff for programs.

use super::text::{BAD, DIM, GOOD, PLACE, count, paint, visible_line};
use crate::resource::TextChange;
use similar::{ChangeTag, TextDiff};
use std::time::Duration;

/// Lines around a changed one.
const CONTEXT: usize = 3;
/// Lines of a new or removed file that are shown; a few more are shown, too, if that is all.
const WHOLE_FILE: usize = 12;
/// Lines of one diff that are shown.
const CHANGED_LINES: usize = 120;
/// Characters of one line that are shown.
const LINE_LENGTH: usize = 300;
/// Bytes of a text beyond which it is only counted.
const LARGE: usize = 1 << 20;
/// After this time the rest of a text counts as different.
const TIMEOUT: Duration = Duration::from_millis(500);

/// The difference as a unified diff with the path, or whatever the thing is called, as its name;
/// all of it.
pub(super) fn unified(path: &str, change: &TextChange) -> String {
    let name = |text: &str, side| {
        if text.is_empty() {
            "/dev/null".to_owned()
        } else {
            format!("{side}/{}", path.trim_start_matches('/'))
        }
    };
    compare(change)
        .unified_diff()
        .context_radius(CONTEXT)
        .header(&name(&change.before, "a"), &name(&change.after, "b"))
        .to_string()
}

/// The difference, one painted line each; with `all` however long it is.
pub(super) fn lines(change: &TextChange, all: bool) -> Vec<String> {
    let TextChange { before, after } = change;
    if before.contains('\0') || after.contains('\0') {
        return vec![note(&sizes("binary", change))];
    }
    if !all && before.len().max(after.len()) > LARGE {
        return vec![note(&sizes("large text", change))];
    }
    let (lines, limit) = if before.is_empty() || after.is_empty() {
        (one_sided(change), WHOLE_FILE)
    } else {
        (hunks(change), CHANGED_LINES)
    };
    if all { lines } else { shortened(lines, limit) }
}

fn one_sided(change: &TextChange) -> Vec<String> {
    let (tag, text) = if change.before.is_empty() {
        (ChangeTag::Insert, &change.after)
    } else {
        (ChangeTag::Delete, &change.before)
    };
    text.lines().map(|line| drawn(tag, line)).collect()
}

fn hunks(change: &TextChange) -> Vec<String> {
    let diff = compare(change);
    let mut lines = Vec::new();
    let mut builder = diff.unified_diff();
    for hunk in builder.context_radius(CONTEXT).iter_hunks() {
        lines.push(paint(PLACE, hunk.header()));
        for change in hunk.iter_changes() {
            let line = change.value();
            lines.push(drawn(change.tag(), line.strip_suffix('\n').unwrap_or(line)));
            if change.missing_newline() {
                lines.push(note("no newline at the end"));
            }
        }
    }
    lines
}

fn compare(change: &TextChange) -> TextDiff<'_, '_, '_, str> {
    TextDiff::configure()
        .timeout(TIMEOUT)
        .diff_lines(&change.before, &change.after)
}

fn drawn(tag: ChangeTag, line: &str) -> String {
    let mut shown: String = line.chars().take(LINE_LENGTH).collect();
    let hidden = line.chars().count().saturating_sub(LINE_LENGTH);
    if hidden > 0 {
        shown.push_str(&format!("… {} more", count(hidden, "character")));
    }
    let shown = visible_line(&shown);
    match tag {
        ChangeTag::Equal => format!(" {shown}"),
        ChangeTag::Insert => paint(GOOD, format_args!("+{shown}")),
        ChangeTag::Delete => paint(BAD, format_args!("-{shown}")),
    }
}

fn shortened(mut lines: Vec<String>, limit: usize) -> Vec<String> {
    // A note takes a line itself: do not hide so little.
    if lines.len() > limit + 3 {
        let hidden = lines.len() - limit;
        lines.truncate(limit);
        lines.push(note(&format!("… {hidden} more lines (-v shows all)")));
    }
    lines
}

fn note(text: &str) -> String {
    paint(DIM, text)
}

fn sizes(what: &str, change: &TextChange) -> String {
    format!(
        "{what}, not shown: {} before, {} after",
        count(change.before.len(), "byte"),
        count(change.after.len(), "byte")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use anstream::adapter::strip_str;

    fn change(before: &str, after: &str) -> TextChange {
        TextChange {
            before: before.to_owned(),
            after: after.to_owned(),
        }
    }

    fn drawn(before: &str, after: &str, all: bool) -> String {
        let painted = lines(&change(before, after), all).join("\n");
        strip_str(&painted).to_string()
    }

    fn numbered(count: usize) -> String {
        (1..=count).map(|number| format!("{number}\n")).collect()
    }

    #[test]
    fn a_changed_text_shows_its_hunks() {
        let after = numbered(9).replace("5\n", "five\n");
        assert_eq!(
            drawn(&numbered(9), &after, false),
            "@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8"
        );
        assert_eq!(
            drawn("a\nb", "a\nb\n", false),
            "@@ -1,2 +1,2 @@\n a\n-b\nno newline at the end\n+b"
        );
    }

    #[test]
    fn a_long_new_text_is_cut_unless_all_is_wanted() {
        assert_eq!(drawn("", &numbered(15), false).lines().count(), 15);
        let cut = drawn("", &numbered(46), false);
        assert_eq!(cut.lines().count(), 13);
        assert!(
            cut.ends_with("+12\n… 34 more lines (-v shows all)"),
            "{cut}"
        );
        assert_eq!(drawn("", &numbered(46), true).lines().count(), 46);
        assert!(drawn(&numbered(2), "", false).starts_with("-1\n-2"));
    }

    #[test]
    fn what_is_no_text_for_a_screen_is_counted() {
        assert_eq!(
            drawn("a\0", "b", false),
            "binary, not shown: 2 bytes before, 1 byte after"
        );
        let large = "x\n".repeat(LARGE);
        assert!(drawn(&large, "b\n", false).starts_with("large text, not shown"));
        let long = drawn("", &"y".repeat(1000), false);
        assert!(long.ends_with("yy… 700 characters more"), "{long}");
    }

    #[test]
    fn what_a_file_holds_cannot_move_the_cursor() {
        let text = drawn("safe\r\n", "\u{1b}[2Jgone\n", false);
        assert_eq!(text, "@@ -1 +1 @@\n-safe\\r\n+\\u{1b}[2Jgone");
    }

    #[test]
    fn a_unified_diff_is_one_that_patch_reads() {
        assert_eq!(
            unified("/etc/motd", &change("a\n", "b\n")),
            "--- a/etc/motd\n+++ b/etc/motd\n@@ -1 +1 @@\n-a\n+b\n"
        );
        assert!(
            unified("/etc/motd", &change("", "b\n")).starts_with("--- /dev/null\n+++ b/etc/motd\n")
        );
    }
}
