//! What is not TOML at all.

use super::mistakes::Mistakes;
use super::sensitive;
use std::ops::Range;
use toml::de::{DeTable, DeValue, Error};

/// Adds the errors of the TOML parser. `table` is what it could read in spite of them.
pub(super) fn report(errors: &[Error], table: &DeTable<'_>, mistakes: &mut Mistakes<'_>) {
    let text = mistakes.text();
    for error in errors {
        let span = on_char_boundaries(text, error.span().unwrap_or(0..0));
        let written = text.get(span.clone()).unwrap_or_default();
        let (what, expected) = match error.message().split_once(", expected ") {
            Some((what, expected)) => (what, Some(expected)),
            None => (error.message(), None),
        };
        let mistake = |message: String| mistakes.at(span.clone(), message);
        let unquoted = what == "string values must be quoted" || what == "invalid boolean";
        let mistake = if what == "duplicate key" {
            let name = written.trim_matches(['"', '\'']);
            let mistake = mistake(format!("`{name}` is given twice")).label("the second one");
            match first_of(table, name, span.start) {
                Some(first) => mistake.context(first, "the first one"),
                None => mistake,
            }
        } else if unquoted && written.is_empty() {
            mistake("a value is missing".to_owned()).label("expected a value here")
        } else if unquoted {
            mistake("a text must stand in quotes".to_owned())
                .label("neither a number, nor true or false")
                .help(format!("write it in quotes: \"{written}\""))
        } else if matches!(expected, Some("`\"`" | "`'`")) {
            mistake("the quotes are not closed".to_owned())
                .label(format!("expected {}", expected.unwrap_or_default()))
        } else {
            let mistake = mistake(format!("this is not TOML: {what}"));
            match expected {
                Some(expected) if expected != "nothing" => {
                    mistake.label(format!("expected {expected}"))
                }
                _ => mistake,
            }
        };
        // A text over several lines may be a secret that began far above.
        let mistake = if what.contains("multi-line") || sensitive::in_text(text, span.start) {
            without_text(mistake.sensitive())
        } else {
            mistake
        };
        mistakes.push(mistake);
    }
}

/// Takes out the one part of a syntax diagnostic that may repeat the text.
fn without_text(mut mistake: crate::diagnostic::Diagnostic) -> crate::diagnostic::Diagnostic {
    if mistake.help.is_some() {
        mistake.help = Some("write it in quotes".to_owned());
    }
    mistake
}

/// The last key of this name that stands before `before`: where a duplicate was given first.
fn first_of(table: &DeTable<'_>, name: &str, before: usize) -> Option<Range<usize>> {
    let mut best = None;
    find_key(table, name, before, &mut best);
    best
}

fn find_key(table: &DeTable<'_>, name: &str, before: usize, best: &mut Option<Range<usize>>) {
    for (key, value) in table {
        let span = key.span();
        let later = best.as_ref().is_none_or(|best| best.start < span.start);
        if key.get_ref() == name && span.end <= before && later {
            *best = Some(span);
        }
        match value.get_ref() {
            DeValue::Table(inner) => find_key(inner, name, before, best),
            DeValue::Array(items) => {
                let tables = items.iter().filter_map(|item| item.get_ref().as_table());
                tables.for_each(|inner| find_key(inner, name, before, best));
            }
            _ => {}
        }
    }
}

/// The parser counts bytes: a span may begin or end within a character.
pub(super) fn on_char_boundaries(text: &str, span: Range<usize>) -> Range<usize> {
    let mut start = span.start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = span.end.clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end
}
