//! The mistakes found so far.

use super::raw::At;
use crate::diagnostic::{Diagnostic, Diagnostics, Source};
use crate::types::InvalidValue;
use std::ops::Range;
use std::sync::Arc;

/// Collects the mistakes of one text.
pub(super) struct Mistakes<'a> {
    source: &'a Arc<Source>,
    found: Vec<Diagnostic>,
    /// True if keys or values had to be left out already: then one that seems to be missing
    /// may be the one that was left out, and nothing is said about it.
    pub(super) incomplete: bool,
}

impl<'a> Mistakes<'a> {
    pub(super) fn new(source: &'a Arc<Source>) -> Self {
        Self {
            source,
            found: Vec::new(),
            incomplete: false,
        }
    }

    /// The text.
    pub(super) fn text(&self) -> &'a str {
        &self.source.text
    }

    /// Begins a diagnostic; it counts once it is pushed.
    pub(super) fn at(&self, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.source, span, message)
    }

    /// Adds a mistake.
    pub(super) fn push(&mut self, mistake: Diagnostic) {
        self.found.push(mistake);
    }

    /// Adds a value that its type refused.
    pub(super) fn invalid(&mut self, span: Range<usize>, key: &str, error: &InvalidValue) {
        let mut mistake = self.at(span, format!("{key}: {error}"));
        mistake.help = error.suggestion().map(str::to_owned);
        self.push(mistake);
    }

    /// Adds a key that is not there, at the table that should have it.
    pub(super) fn missing(&mut self, span: Range<usize>, message: &str, help: &str) {
        if !self.incomplete {
            self.push(self.at(span, message).help(help));
        }
    }

    /// The end of the text, where a missing section would be written.
    pub(super) fn end(&self) -> Range<usize> {
        let end = self.text().trim_end().len();
        end..end
    }

    /// Checks one value, if it is there.
    pub(super) fn check<T, V>(
        &mut self,
        key: &str,
        value: Option<&At<V>>,
        check: impl Fn(&V) -> Result<T, InvalidValue>,
    ) -> Option<T> {
        let value = value?;
        match check(value) {
            Ok(checked) => Some(checked),
            Err(error) => {
                self.invalid(value.span(), key, &error);
                None
            }
        }
    }

    /// True if nothing was found.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The mistakes in the order of the text. `secret` says of a span whether a line of it
    /// holds what may be a secret.
    pub(super) fn finish(mut self, secret: impl Fn(&Range<usize>) -> bool) -> Diagnostics {
        for mistake in &mut self.found {
            let context = mistake.context.iter().map(|(span, _)| span);
            if std::iter::once(&mistake.span).chain(context).any(&secret) {
                mistake.sensitive = true;
            }
        }
        self.found
            .sort_by_key(|mistake| (mistake.span.start, mistake.span.end));
        Diagnostics(self.found)
    }
}
