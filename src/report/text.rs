//! Text on its way to a screen: colours, and characters that must not reach a terminal.
//!
//! Everything is painted; whoever writes takes the colours out again where there are none to
//! be. What comes from a server or a user's file goes through [`visible`] first, so that it
//! can neither move the cursor nor hide a part of itself.

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
}
