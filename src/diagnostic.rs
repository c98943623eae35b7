//! A mistake in a text the user wrote, with its place.
//!
//! Pure: `inventory` and `role` make diagnostics, `report` draws them.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A text with the name the user knows it by: a path, or `<built-in>/…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The name shown before the line number.
    pub name: String,
    /// The whole text.
    pub text: String,
}

impl Source {
    /// Makes a shared source.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            text: text.into(),
        })
    }

    /// The line number, from 1, of a byte offset.
    #[must_use]
    pub fn line(&self, offset: usize) -> usize {
        let end = offset.min(self.text.len());
        self.text.as_bytes()[..end]
            .iter()
            .filter(|&&byte| byte == b'\n')
            .count()
            + 1
    }
}

/// One mistake: what is wrong, where, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, in one line, lowercase, naming its subject.
    pub message: String,
    /// Where it stands.
    pub source: Arc<Source>,
    /// The bytes of `source` that are wrong.
    pub span: Range<usize>,
    /// A few words beside the caret.
    pub label: String,
    /// What to do, if it can be said.
    pub help: Option<String>,
    /// Other places of the same source that explain it, each with a few words.
    pub context: Vec<(Range<usize>, String)>,
    /// True if the text at the span may be a secret, so that it must not be shown.
    pub sensitive: bool,
}

impl Diagnostic {
    /// A mistake without a suggestion yet.
    pub fn new(source: &Arc<Source>, span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            source: Arc::clone(source),
            span,
            label: String::new(),
            help: None,
            context: Vec::new(),
            sensitive: false,
        }
    }

    /// Adds the words beside the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds another place that explains the mistake.
    #[must_use]
    pub fn context(mut self, span: Range<usize>, words: impl Into<String>) -> Self {
        self.context.push((span, words.into()));
        self
    }

    /// Keeps the text of the line off every screen.
    #[must_use]
    pub fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.source.line(self.span.start);
        write!(f, "{}:{line}: {}", self.source.name, self.message)
    }
}

/// Every mistake found, in the order of the text. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", summary(.0))]
pub struct Diagnostics(pub Vec<Diagnostic>);

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Self {
        Self(vec![one])
    }
}

fn summary(all: &[Diagnostic]) -> String {
    match all {
        [one] => one.to_string(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
        [] => "invalid input".to_owned(),
    }
}

/// The known name nearest to `unknown`, if one is near enough to be meant.
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (unknown.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|name| (strsim::osa_distance(unknown, name), name))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_the_one_that_was_meant() {
        let known = ["domain", "aliases", "contact"];
        assert_eq!(nearest("domian", known), Some("domain"));
        assert_eq!(nearest("alias", known), None);
        assert_eq!(nearest("aliasses", known), Some("aliases"));
        assert_eq!(nearest("port", known), None);
    }

    #[test]
    fn a_line_number_counts_from_one() {
        let source = Source::new("x", "a\nb\nc");
        assert_eq!(source.line(0), 1);
        assert_eq!(source.line(2), 2);
        assert_eq!(source.line(99), 3);
    }
}
