//! Text on its way to a screen: colours, and characters that must not reach a terminal.
//!
//! Everything is painted; whoever writes takes the colours out again where there are none to
//! be. What comes from a server or a user's file goes through [`visible`] first, so that it
//! can neither move the cursor nor hide a part of itself.

use anstream::adapter::strip_str;
use anstyle::{AnsiColor, Style};
use std::borrow::Cow;
use std::time::Duration;

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const GOOD: Style = AnsiColor::Green.on_default();
pub(super) const CHANGED: Style = AnsiColor::Yellow.on_default();
pub(super) const BAD: Style = AnsiColor::Red.on_default();
pub(super) const PLACE: Style = AnsiColor::Cyan.on_default();

/// The text in a style.
pub(super) fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// The text on one line, with every character that could deceive a reader written as an escape.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    escape(text, |_| false)
}

/// As [`visible`], but a tab stays: for the lines of files and logs.
pub(super) fn visible_line(text: &str) -> Cow<'_, str> {
    escape(text, |c| c == '\t')
}

/// As [`visible_line`], but lines stay lines: for help and hints of several lines.
pub(super) fn visible_text(text: &str) -> Cow<'_, str> {
    escape(text, |c| c == '\t' || c == '\n')
}

/// A line that a program wrote: as [`visible_line`], but colours of letters stay, and of what it
/// wrote over itself the last is left, as on a terminal.
pub(super) fn visible_log(text: &str) -> String {
    let text = text.trim_end_matches('\r');
    let mut rest = text.rsplit('\r').next().unwrap_or(text);
    let mut out = String::with_capacity(rest.len());
    let mut painted = false;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        out.push_str(&visible_line(before));
        let end = after.find(|c: char| !c.is_ascii_digit() && c != ';');
        if let Some(end) = end.filter(|end| after[*end..].starts_with('m')) {
            let codes = harmless(&after[..end]);
            if !codes.is_empty() {
                out.push_str(&format!("\u{1b}[{codes}m"));
                painted = true;
            }
            rest = &after[end + 1..];
        } else {
            out.push_str("\\u{1b}[");
            rest = after;
        }
    }
    out.push_str(&visible_line(rest));
    if painted {
        out.push_str("\u{1b}[0m");
    }
    out
}

/// The same without colours.
pub(super) fn plain_log(text: &str) -> String {
    strip_str(&visible_log(text)).to_string()
}

/// Of the parameters of SGR (ECMA-48, section 8.3.117) those by which a text stays to be seen:
/// none that hides it, none for a background, and neither black nor white, which a terminal may
/// have as its own background.
fn harmless(parameters: &str) -> String {
    let mut kept = Vec::new();
    let mut all = parameters.split(';');
    while let Some(one) = all.next() {
        match one.parse::<u8>() {
            Err(_) if one.is_empty() => kept.push("0"),
            Ok(0..=4 | 22..=24 | 31..=36 | 39 | 90..=96) => kept.push(one),
            // One of many colours, by its number or its three parts.
            Ok(38 | 48 | 58) => {
                let parts = if all.next() == Some("2") { 3 } else { 1 };
                all.by_ref().take(parts).for_each(drop);
            }
            _ => {}
        }
    }
    kept.join(";")
}

fn escape(text: &str, keep: impl Fn(char) -> bool) -> Cow<'_, str> {
    let deceives = |c: char| (c.is_control() || is_invisible(c)) && !keep(c);
    if !text.contains(deceives) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if deceives(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

/// A JSON text in which the same characters are escapes: JSON itself escapes only the first 32,
/// and none of the others stands outside a string.
pub(super) fn visible_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c.is_control() || is_invisible(c) {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

/// Line and paragraph separators, marks without a width, and what turns the direction of
/// writing (Unicode Standard Annex #9, section 2), by which a text can look like another one.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    )
}

/// A duration in seconds; from a minute on in minutes and seconds.
pub(super) fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds >= 60 {
        format!("{} min {} s", seconds / 60, seconds % 60)
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// `1 check`, `2 checks`.
pub(super) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// `3 d 4 h`, `2 h 5 min`, `40 s`.
pub(super) fn span(seconds: i64) -> String {
    match seconds.max(0) {
        s @ 0..60 => format!("{s} s"),
        s @ 60..3600 => format!("{} min", s / 60),
        s @ 3600..86400 => format!("{} h {} min", s / 3600, s % 3600 / 60),
        s => format!("{} d {} h", s / 86400, s % 86400 / 3600),
    }
}

/// `300 MiB`, `1.2 GiB`.
#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
pub(super) fn size(bytes: u64) -> String {
    let mib = bytes as f64 / f64::from(1 << 20);
    if mib < 1024.0 {
        format!("{mib:.0} MiB")
    } else {
        format!("{:.1} GiB", mib / 1024.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_deceive_is_made_visible() {
        for (text, seen) in [
            ("plain – ünï", "plain – ünï"),
            (
                "\u{1b}[2J\u{1b}]0;title\u{7}",
                "\\u{1b}[2J\\u{1b}]0;title\\u{7}",
            ),
            ("a\rb\nc\td", "a\\rb\\nc\\td"),
            ("\u{9b}31m", "\\u{9b}31m"),
            ("user\u{202e}txt.exe", "user\\u{202e}txt.exe"),
            ("zero\u{200b}width\u{7f}", "zero\\u{200b}width\\u{7f}"),
        ] {
            assert_eq!(visible(text), seen);
        }
        assert_eq!(visible_line("a\tb\r"), "a\tb\\r");
        assert_eq!(visible_text("a\nb\u{1b}"), "a\nb\\u{1b}");
    }

    #[test]
    fn colours_of_a_log_stay_and_what_deceives_does_not() {
        for (text, seen) in [
            ("plain\ttab", "plain\ttab"),
            (
                "\u{1b}[32mok\u{1b}[0m rest",
                "\u{1b}[32mok\u{1b}[0m rest\u{1b}[0m",
            ),
            ("\u{1b}[1;31merror", "\u{1b}[1;31merror\u{1b}[0m"),
            ("\u{1b}[8mhidden\u{1b}[30;40mtoo", "hiddentoo"),
            (
                "\u{1b}[38;5;196mred\u{1b}[38;2;1;32;3;36mcyan",
                "red\u{1b}[36mcyan\u{1b}[0m",
            ),
            (
                "\u{1b}[2Jgone\u{1b}]0;title\u{7}",
                "\\u{1b}[2Jgone\\u{1b}]0;title\\u{7}",
            ),
            ("\u{1b}[31", "\\u{1b}[31"),
            (" 10%\r 50%\r100%\r", "100%"),
        ] {
            assert_eq!(visible_log(text), seen, "{text:?}");
        }
        assert_eq!(plain_log("\u{1b}[32mok\u{1b}[2J"), "ok\\u{1b}[2J");
    }

    #[test]
    fn json_stays_the_same_value() {
        let value = serde_json::json!({ "name": "a\u{9b}31m\u{202e}b\u{7f}\u{1b}ü" });
        let text = visible_json(&value.to_string());
        assert_eq!(text, r#"{"name":"a\u009b31m\u202eb\u007f\u001bü"}"#);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&text).unwrap(),
            value
        );
    }

    #[test]
    fn durations_are_short() {
        for (millis, text) in [(40, "0.0 s"), (12_340, "12.3 s"), (125_000, "2 min 5 s")] {
            assert_eq!(seconds(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn spans_are_short() {
        for (seconds, text) in [
            (-5, "0 s"),
            (59, "59 s"),
            (3599, "59 min"),
            (7500, "2 h 5 min"),
            (2 * 86400 + 3 * 3600, "2 d 3 h"),
        ] {
            assert_eq!(span(seconds), text);
        }
    }
}
