//! The mistakes found so far.

use super::raw::At;
use crate::diagnostic::{Diagnostic, Diagnostics, Source};
use crate::types::InvalidValue;
use std::ops::Range;
use std::sync::Arc;

/// A part of the text that may be a secret.
pub(super) struct Hidden {
    pub(super) span: Range<usize>,
    pub(super) value: String,
}

/// Collects the mistakes of one text.
pub(super) struct Mistakes<'a> {
    source: &'a Arc<Source>,
    found: Vec<Diagnostic>,
    secrets: Vec<Hidden>,
    /// The table of several that is looked at: `sites.shop`. Messages name keys by their sections
    /// alone.
    within: Option<String>,
    /// True if keys or values had to be left out already: then one that seems to be missing
    /// may be the one that was left out, and nothing is said about it.
    pub(super) incomplete: bool,
}

impl<'a> Mistakes<'a> {
    pub(super) fn new(source: &'a Arc<Source>, secrets: Vec<Hidden>) -> Self {
        Self {
            source,
            found: Vec::new(),
            secrets,
            within: None,
            incomplete: false,
        }
    }

    /// The text.
    pub(super) fn text(&self) -> &'a str {
        &self.source.text
    }

    /// A list of its own for mistakes that nobody is to see.
    pub(super) fn apart(&self) -> Self {
        Self::new(self.source, Vec::new())
    }

    /// From here on, mistakes are those of this table: `sites.shop`.
    pub(super) fn within(&mut self, table: Option<String>) {
        self.within = table;
    }

    /// What is written at a place, if it may be repeated in a message.
    pub(super) fn written(&self, span: &Range<usize>) -> Option<&'a str> {
        let text = self.text().get(span.clone());
        text.filter(|_| !self.is_secret(span))
    }

    /// Begins a diagnostic; it counts once it is pushed.
    pub(super) fn at(&self, span: Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.source, span, message)
    }

    /// Adds a mistake. One in a line with a secret shows neither the line nor the secret.
    pub(super) fn push(&mut self, mut mistake: Diagnostic) {
        if let Some(table) = &self.within {
            mistake.message = full_key(&mistake.message, table);
            mistake.help = mistake.help.map(|help| full_sections(&help, table));
        }
        let context = mistake.context.iter().map(|(span, _)| span);
        if std::iter::once(&mistake.span)
            .chain(context)
            .any(|span| self.is_secret(span))
        {
            mistake.sensitive = true;
        }
        if mistake.sensitive {
            mistake.message = self.hide(&mistake.message);
            mistake.help = mistake.help.map(|help| self.hide(&help));
        }
        // A message is one line, whatever the text it repeats holds.
        mistake.message = mistake.message.replace(char::is_control, " ");
        self.found.push(mistake);
    }

    /// The words of a mistake, without any secret that they repeat (always in quotes).
    fn hide(&self, words: &str) -> String {
        let mut words = words.to_owned();
        for Hidden { value, .. } in &self.secrets {
            for quoted in [format!("`{value}`"), format!("\"{value}\"")] {
                words = words.replace(&quoted, "(sensitive)");
            }
        }
        words
    }

    /// True if a line of the place holds what may be a secret.
    fn is_secret(&self, span: &Range<usize>) -> bool {
        let lines = |span: &Range<usize>| {
            let text = self.text();
            let start = text[..span.start]
                .rfind('\n')
                .map_or(0, |newline| newline + 1);
            let end = text[span.end..]
                .find('\n')
                .map_or(text.len(), |length| span.end + length);
            start..end
        };
        let here = lines(span);
        let secrets = self.secrets.iter().map(|secret| lines(&secret.span));
        secrets
            .into_iter()
            .any(|there| there.start <= here.end && here.start <= there.end)
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
        let end = self.text().len();
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

    /// How many were found.
    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    /// True if nothing was found.
    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// The mistakes in the order of the text.
    pub(super) fn finish(mut self) -> Diagnostics {
        self.found
            .sort_by_key(|mistake| (mistake.span.start, mistake.span.end));
        Diagnostics(self.found)
    }
}

/// The sections of a site, and of a server.
const SECTIONS: [&str; 5] = ["dns", "tls", "web", "app", "database"];

/// A message that begins with a key of a section, with the whole key; any other names the table.
fn full_key(message: &str, table: &str) -> String {
    let Some((section, rest)) = message.split_once('.') else {
        return format!("{table}: {message}");
    };
    match section {
        "site" | "server" => format!("{table}.{rest}"),
        _ if SECTIONS.contains(&section) => format!("{table}.{message}"),
        _ => format!("{table}: {message}"),
    }
}

/// A help with the headers of sections as they are written for this table.
fn full_sections(help: &str, table: &str) -> String {
    let own = ["[site]", "[server]"];
    let help = own.iter().fold(help.to_owned(), |help, header| {
        help.replace(header, &format!("[{table}]"))
    });
    SECTIONS.iter().fold(help, |help, section| {
        let own = format!("[{table}.{section}");
        let help = help.replace(&format!("[{section}]"), &format!("{own}]"));
        help.replace(&format!("[{section}."), &format!("{own}."))
    })
}
