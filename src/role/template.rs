//! Rendering: texts of a manifest, expressions, and template files, with the place of whatever
//! does not render.

use super::filters;
use super::manifest::Manifest;
use super::value::{Node, Text, Value};
use crate::diagnostic::{Diagnostic, Diagnostics, Source};
use std::ops::Range;
use std::sync::Arc;
use tera::{Context, ErrorKind, Tera};

/// The templates of one role, read once for all its sites.
pub(super) struct Templates<'a> {
    pub(super) manifest: &'a Manifest,
    tera: Tera,
}

/// Renders the texts of one role for a server, or for a site on it.
#[derive(Clone)]
pub(super) struct Renderer<'a> {
    pub(super) manifest: &'a Manifest,
    tera: &'a Tera,
    pub(super) context: Context,
}

impl<'a> Templates<'a> {
    /// Reads the role's templates.
    pub(super) fn read(manifest: &'a Manifest) -> Result<Self, Diagnostics> {
        let mut tera = Tera::new();
        // What is rendered is configuration, not HTML; the filters escape.
        tera.autoescape_on(Vec::<&str>::new());
        filters::register(&mut tera);
        // One that includes another has to come after it, so what fails is tried again after the
        // others, as long as that helps.
        let mut missing: Vec<_> = manifest.templates.iter().collect();
        let mut mistakes = Vec::new();
        loop {
            let before = missing.len();
            mistakes.clear();
            missing.retain(|(name, source)| {
                let added = tera.add_raw_template(name, &source.text);
                mistakes.extend(
                    added
                        .as_ref()
                        .err()
                        .map(|error| located(error, source, 0..0, 0)),
                );
                added.is_err()
            });
            if missing.is_empty() || missing.len() == before {
                break;
            }
        }
        if mistakes.is_empty() {
            Ok(Self { manifest, tera })
        } else {
            Err(Diagnostics(mistakes))
        }
    }

    /// What renders them with these values.
    pub(super) fn with(&'a self, context: Context) -> Renderer<'a> {
        Renderer {
            manifest: self.manifest,
            tera: &self.tera,
            context,
        }
    }
}

impl Renderer<'_> {
    /// Renders a template file, which may see one value more.
    pub(super) fn file(
        &self,
        name: &str,
        more: Option<(&'static str, &serde_json::Value)>,
    ) -> Result<String, Diagnostics> {
        let source = self.manifest.templates.get(name);
        let mut context = self.context.clone();
        if let Some((key, value)) = more {
            context.insert(key, value);
        }
        self.tera.render(name, &context).map_err(|error| {
            let source = source.unwrap_or(&self.manifest.source);
            located(&error, source, 0..0, 0).into()
        })
    }

    /// Renders a text of the manifest.
    pub(super) fn text(&self, text: &str, span: &Range<usize>) -> Result<String, Diagnostics> {
        if !text.contains("{{") && !text.contains("{%") && !text.contains("{#") {
            return Ok(text.to_owned());
        }
        self.tera
            .render_str(text, &self.context, false)
            .map_err(|error| {
                let source = &self.manifest.source;
                located(&error, source, span.clone(), offset(source, span, text, 0)).into()
            })
    }

    /// Evaluates an expression.
    pub(super) fn expression(&self, expression: &Text) -> Result<serde_json::Value, Diagnostics> {
        let span = expression.span();
        let source = &self.manifest.source;
        const HEAD: &str = "{{ (";
        let text = format!("{HEAD}{}) | json }}}}", expression.get_ref());
        let json = self
            .tera
            .render_str(&text, &self.context, false)
            .map_err(|error| {
                let offset = offset(source, &span, expression.get_ref(), HEAD.len());
                Diagnostics::from(located(&error, source, span.clone(), offset))
            })?;
        serde_json::from_str(&json)
            .map_err(|error| Diagnostic::new(source, span, error.to_string()).into())
    }

    /// Whether a condition holds; none holds.
    pub(super) fn holds(&self, condition: Option<&Text>) -> Result<bool, Diagnostics> {
        let Some(condition) = condition else {
            return Ok(true);
        };
        Ok(match self.expression(condition)? {
            serde_json::Value::Null => false,
            serde_json::Value::Bool(value) => value,
            serde_json::Value::Number(number) => number.as_f64() != Some(0.0),
            serde_json::Value::String(text) => !text.is_empty(),
            serde_json::Value::Array(values) => !values.is_empty(),
            serde_json::Value::Object(map) => !map.is_empty(),
        })
    }

    /// Renders a value of the manifest, whatever its type; `{ expr = "…" }` keeps the type of
    /// its expression. None for an expression that gives nothing.
    pub(super) fn value(&self, value: &Value) -> Result<Option<toml::Value>, Diagnostics> {
        match &value.node {
            Node::Text(text) => self
                .text(text, &value.span)
                .map(|text| Some(toml::Value::String(text))),
            Node::Scalar(scalar) => Ok(Some(scalar.clone())),
            Node::Array(values) => {
                let mut array = Vec::new();
                for value in values {
                    array.extend(self.value(value)?);
                }
                Ok(Some(toml::Value::Array(array)))
            }
            Node::Table(entries) => {
                if let [
                    (
                        key,
                        Value {
                            span,
                            node: Node::Text(text),
                        },
                    ),
                ] = entries.as_slice()
                    && key.get_ref() == "expr"
                {
                    let expression = Text::new(span.clone(), text.clone());
                    return Ok(from_json(self.expression(&expression)?));
                }
                let mut table = toml::Table::new();
                for (key, value) in entries {
                    if let Some(value) = self.value(value)? {
                        table.insert(key.get_ref().clone(), value);
                    }
                }
                Ok(Some(toml::Value::Table(table)))
            }
        }
    }
}

/// The same value in TOML, which has no null.
pub(super) fn from_json(value: serde_json::Value) -> Option<toml::Value> {
    Some(match value {
        serde_json::Value::Null => return None,
        serde_json::Value::Bool(value) => toml::Value::Boolean(value),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => toml::Value::Integer(number),
            // Tera divides into floating-point numbers; a whole one is meant as such.
            (None, Some(number)) if number.fract() == 0.0 && number.abs() < 9e15 =>
            {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "it is whole and small enough"
                )]
                toml::Value::Integer(number as i64)
            }
            (None, number) => toml::Value::Float(number?),
        },
        serde_json::Value::String(text) => toml::Value::String(text),
        serde_json::Value::Array(values) => {
            toml::Value::Array(values.into_iter().filter_map(from_json).collect())
        }
        serde_json::Value::Object(map) => toml::Value::Table(
            map.into_iter()
                .filter_map(|(key, value)| Some((key, from_json(value)?)))
                .collect(),
        ),
    })
}

/// How far a place in the rendered text lies from its place in the source: none if the text
/// stands there in another form, with escapes.
fn offset(source: &Source, span: &Range<usize>, text: &str, head: usize) -> isize {
    let literal = source.text.get(span.clone()).unwrap_or_default();
    match literal.find(text) {
        Some(quote) => {
            isize::try_from(span.start + quote).unwrap_or(0) - isize::try_from(head).unwrap_or(0)
        }
        None => isize::MIN,
    }
}

/// The diagnostic of what does not render. `span` is where the text stands in the source (all
/// of it for a template file), `offset` what must be added to a place in the text.
fn located(
    error: &tera::Error,
    source: &Arc<Source>,
    span: Range<usize>,
    offset: isize,
) -> Diagnostic {
    match error.kind() {
        ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
            let range = &report.span().range;
            let shift = |at: usize| at.checked_add_signed(offset).unwrap_or(span.start);
            let (start, end) = (shift(range.start), shift(range.end));
            let inside = |at: usize| source.text.is_char_boundary(at);
            let place = if offset != isize::MIN && start <= end && inside(start) && inside(end) {
                start..end
            } else {
                span
            };
            let mut message = report.message().trim_end_matches('.').to_owned();
            if let Some(first) = message.get(..1) {
                let lower = first.to_lowercase();
                message.replace_range(..1, &lower);
            }
            Diagnostic::new(source, place, message)
        }
        kind => Diagnostic::new(source, span, kind.to_string()),
    }
}
