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
        let (what, expected) = match error.message().split_once(", expected ") {
            Some((what, expected)) => (what, expected),
            None => (error.message(), "nothing"),
        };
        // A text over several lines may be a secret that began far above.
        let secret = what.contains("multi-line") || sensitive::in_text(text, span.start);
        let mistake = |message: String| mistakes.at(span.clone(), message);
        let mistake = match what {
            "duplicate key" => {
                let name = text[span.clone()].trim_matches(['"', '\'']);
                let mistake = mistake(format!("`{name}` is given twice")).label("the second one");
                match first_of(text, table, name, span.start) {
                    Some(first) => mistake.context(first, "the first one"),
                    None => mistake,
                }
            }
            "string values must be quoted" if span.is_empty() => {
                mistake("a value is missing".to_owned()).label("expected a value here")
            }
            "string values must be quoted" | "invalid boolean" | "invalid float" => {
                let word = word_around(text, span.clone());
                let written = text[word.clone()].to_owned();
                let mistake = mistakes
                    .at(word, "a text must stand in quotes")
                    .label("neither a number, nor true or false");
                mistake.help(if secret {
                    "write it in quotes".to_owned()
                } else {
                    format!("write it in quotes: \"{written}\"")
                })
            }
            _ if matches!(expected, "`\"`" | "`'`") => {
                mistake("the quotes are not closed".to_owned())
                    .label(format!("expected {expected}"))
            }
            _ if expected == "nothing" => mistake(format!("this is not TOML: {what}")),
            _ => mistake(format!("this is not TOML: {what}")).label(format!("expected {expected}")),
        };
        let context = mistake.context.iter();
        let secret = secret
            || context
                .into_iter()
                .any(|(span, _)| sensitive::in_text(text, span.start));
        mistakes.push(if secret { mistake.sensitive() } else { mistake });
    }
}

/// The whole bare word of which the parser names a part: `203.0.113.10` for `.113.10`.
fn word_around(text: &str, span: Range<usize>) -> Range<usize> {
    let ends = |c: char| c.is_whitespace() || "=,#[]{}\"'".contains(c);
    let start = text[..span.start].rfind(ends);
    let after = |at: usize| at + text[at..].chars().next().map_or(0, char::len_utf8);
    let rest = &text[span.end..];
    start.map_or(0, after)..span.end + rest.find(ends).unwrap_or(rest.len())
}

/// The last key of this name that stands before `before`: where a duplicate was given first.
fn first_of(text: &str, table: &DeTable<'_>, name: &str, before: usize) -> Option<Range<usize>> {
    let mut best = None;
    find_key(table, name, before, &mut best);
    // Of a section that is given twice, the parser keeps the later header.
    best.or_else(|| {
        let header = format!("[{name}]");
        let start = text[..before].find(&header)? + 1;
        Some(start..start + name.len())
    })
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
