//! Mistakes of the inventory, a role or a template, drawn as a compiler draws them.

use crate::diagnostic::{Diagnostic, Diagnostics};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str};
use std::ops::Range;

/// What is shown in place of a line that may hold a secret.
const MASK: &str = "(sensitive)";

/// Draws every mistake: message, place, the line with a caret under what is wrong, and what
/// to do, for a terminal of `width` columns. Ends in a line break.
#[must_use]
pub fn render(diagnostics: &Diagnostics, color: bool, width: usize) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer.term_width(width);
    let mut drawn = String::new();
    for diagnostic in &diagnostics.0 {
        draw(diagnostic, &renderer, width, &mut drawn);
        drawn.push_str("\n\n");
    }
    if drawn.ends_with("\n\n") {
        drawn.pop();
    }
    drawn
}

fn draw(diagnostic: &Diagnostic, renderer: &Renderer, width: usize, drawn: &mut String) {
    let shown = if diagnostic.sensitive {
        masked(diagnostic)
    } else {
        Shown::of(diagnostic)
    };
    let mut snippet = Snippet::source(shown.text.as_str())
        .path(diagnostic.source.name.as_str())
        .annotation(
            AnnotationKind::Primary
                .span(shown.span)
                .label(some(&diagnostic.label)),
        );
    for ((_, words), span) in diagnostic.context.iter().zip(shown.context) {
        snippet = snippet.annotation(AnnotationKind::Context.span(span).label(some(words)));
    }
    let mut group = Group::with_title(Level::ERROR.primary_title(diagnostic.message.as_str()));
    group = group.element(snippet);
    if let Some(help) = &diagnostic.help {
        // The help stands to the right of the line numbers and of `= help: `.
        let numbers = diagnostic.source.line(usize::MAX).to_string().len();
        let room = width.saturating_sub(numbers + 10).max(40);
        group = group.element(Level::HELP.message(wrapped(&normalize_untrusted_str(help), room)));
    }
    drawn.push_str(&renderer.render(&[group]));
}

fn some(words: &str) -> Option<&str> {
    (!words.is_empty()).then_some(words)
}

/// A text with the places in it.
struct Shown {
    text: String,
    span: Range<usize>,
    context: Vec<Range<usize>>,
}

impl Shown {
    fn of(diagnostic: &Diagnostic) -> Self {
        let mut text = diagnostic.source.text.clone();
        // A place behind the last line break is drawn on a line of its own, not on the last.
        if text.ends_with('\n') && diagnostic.span.start == text.len() {
            text.push('\n');
        }
        let inside = |span: &Range<usize>| {
            let floor = |mut at: usize| {
                at = at.min(text.len());
                while !text.is_char_boundary(at) {
                    at -= 1;
                }
                at
            };
            let start = floor(span.start);
            start..floor(span.end).max(start)
        };
        Self {
            span: inside(&diagnostic.span),
            context: diagnostic
                .context
                .iter()
                .map(|(span, _)| inside(span))
                .collect(),
            text,
        }
    }
}

/// The same places in a text of which every marked line is masked. Line numbers and columns
/// stay; what follows a place, its length, too, is gone. Of the line only `key = ` is left
/// if it stands right before the place.
fn masked(diagnostic: &Diagnostic) -> Shown {
    let plain = Shown::of(diagnostic);
    let mut places = vec![&plain.span];
    places.extend(&plain.context);
    let line_of = |at: usize| plain.text[..at].matches('\n').count();
    let mut text = String::new();
    let mut moved: Vec<Option<Range<usize>>> = vec![None; places.len()];
    let mut offset = 0;
    for (number, line) in plain.text.split_inclusive('\n').enumerate() {
        let here = offset..offset + line.len();
        offset = here.end;
        let touches =
            |place: &&&Range<usize>| (line_of(place.start)..=line_of(place.end)).contains(&number);
        let Some(first) = places.iter().find(touches) else {
            text.push_str(line);
            continue;
        };
        let column = first.start.saturating_sub(here.start).min(line.len());
        text.push_str(&without_values(&line[..column]));
        for (place, moved) in places.iter().zip(&mut moved) {
            if here.contains(&place.start)
                || (place.start == here.end && place.start == plain.text.len())
            {
                *moved = Some(text.len()..text.len() + MASK.len());
            }
        }
        text.push_str(MASK);
        text.push('\n');
    }
    let mut moved = moved.into_iter().map(Option::unwrap_or_default);
    Shown {
        span: moved.next().unwrap_or_default(),
        context: moved.collect(),
        text,
    }
}

/// The beginning of a line as it may be shown: a key with its `=`, or as many dots.
fn without_values(before: &str) -> String {
    let key = before.trim_end().strip_suffix('=').map(str::trim);
    let bare = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if before.trim().is_empty() || key.is_some_and(|key| key.chars().all(bare)) {
        return before.to_owned();
    }
    // Spaces, too: the length of a value says something of it.
    "·".repeat(before.chars().count())
}

/// Breaks lines at spaces where they grow longer than `room`.
fn wrapped(text: &str, room: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        let mut current = String::new();
        for word in line.split(' ') {
            if !current.is_empty() && current.chars().count() + 1 + word.chars().count() > room {
                lines.push(std::mem::take(&mut current));
            } else if !current.is_empty() {
                current.push(' ');
            }
            current.push_str(word);
        }
        lines.push(current);
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Source;

    fn plain(diagnostic: Diagnostic) -> String {
        render(&Diagnostics::from(diagnostic), false, 80)
    }

    #[test]
    fn a_mistake_is_drawn_with_its_line() {
        let source = Source::new("inventory.toml", "[site]\ndomian = \"foobar.com\"\n");
        let mistake = Diagnostic::new(&source, 7..13, "unknown key `domian` in [site]")
            .label("did you mean `domain`?")
            .help("write it right");
        assert_eq!(
            plain(mistake),
            "error: unknown key `domian` in [site]\n \
             --> inventory.toml:2:1\n  \
             |\n\
             2 | domian = \"foobar.com\"\n  \
             | ^^^^^^ did you mean `domain`?\n  \
             |\n  \
             = help: write it right\n"
        );
    }

    #[test]
    fn a_sensitive_line_is_masked_at_its_place() {
        let text =
            "a = 1\nPASSWORD = \"hunter2\" # hunter2\n{ x = \"hunter3\", y = \"hunter4\" }\n";
        let source = Source::new("x.toml", text);
        let at = text.find("\"hunter2").unwrap();
        let other = text.find("\"hunter4").unwrap();
        let mistake = Diagnostic::new(&source, at..at + 9, "a secret")
            .context(other..other + 9, "another")
            .sensitive();
        let drawn = plain(mistake);
        assert!(!drawn.contains("hunter"), "{drawn}");
        assert!(drawn.contains("x.toml:2:12"), "{drawn}");
        assert!(
            drawn.contains("2 | PASSWORD = (sensitive)\n  |            ^^^"),
            "{drawn}"
        );
    }

    #[test]
    fn any_place_can_be_drawn() {
        for text in ["", "\n", "a", "é\n", "a\r\nb\r\n", "tab\tx"] {
            let source = Source::new("x", text);
            for start in 0..=text.len() + 1 {
                for end in start..=text.len() + 1 {
                    let mistake =
                        Diagnostic::new(&source, start..end, "m").context(start..end, "c");
                    assert!(plain(mistake.clone()).contains("error: m"));
                    assert!(plain(mistake.sensitive()).contains("error: m"));
                }
            }
        }
    }

    #[test]
    fn help_is_wrapped() {
        assert_eq!(wrapped("aa bb cc\ndd", 5), "aa bb\ncc\ndd");
        assert_eq!(wrapped("aaaaaaaa b", 5), "aaaaaaaa\nb");
    }
}
