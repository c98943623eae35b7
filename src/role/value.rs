//! Values of a manifest with their places, before their templates are rendered.

use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A text with its place.
pub(super) type Text = Spanned<String>;

/// What a value is.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// A text, which may hold template expressions.
    Text(String),
    /// A number, a truth value or a date.
    Scalar(toml::Value),
    /// Several values.
    Array(Vec<Value>),
    /// Named values, in the order of the text.
    Table(Vec<(Text, Value)>),
}

/// A value with its place.
#[derive(Debug, Clone)]
pub(super) struct Value {
    pub(super) span: Range<usize>,
    pub(super) node: Node,
}

impl Value {
    /// Takes a parsed value over.
    pub(super) fn new(value: Spanned<DeValue<'_>>) -> Self {
        let span = value.span();
        let node = match value.into_inner() {
            DeValue::String(text) => Node::Text(text.into_owned()),
            DeValue::Integer(number) => {
                // The parser has seen that it is a number; one that no i64 holds stays a text,
                // which no field takes for a number.
                match i64::from_str_radix(number.as_str(), number.radix()) {
                    Ok(number) => Node::Scalar(toml::Value::Integer(number)),
                    Err(_) => Node::Text(number.as_str().to_owned()),
                }
            }
            DeValue::Float(number) => match number.as_str().parse() {
                Ok(number) => Node::Scalar(toml::Value::Float(number)),
                Err(_) => Node::Text(number.as_str().to_owned()),
            },
            DeValue::Boolean(value) => Node::Scalar(toml::Value::Boolean(value)),
            DeValue::Datetime(value) => Node::Scalar(toml::Value::Datetime(value)),
            DeValue::Array(values) => Node::Array(values.into_iter().map(Self::new).collect()),
            DeValue::Table(table) => Node::Table(named(table)),
        };
        Self { span, node }
    }

    /// What its type is called.
    pub(super) fn type_name(&self) -> &'static str {
        match &self.node {
            Node::Text(_) => "a text",
            Node::Scalar(toml::Value::Boolean(_)) => "true or false",
            Node::Scalar(toml::Value::Datetime(_)) => "a date",
            Node::Scalar(_) => "a number",
            Node::Array(_) => "an array",
            Node::Table(_) => "a table",
        }
    }
}

/// The entries of a table.
pub(super) fn named(table: DeTable<'_>) -> Vec<(Text, Value)> {
    table
        .into_iter()
        .map(|(key, value)| {
            let span = key.span();
            (
                Spanned::new(span, key.into_inner().into_owned()),
                Value::new(value),
            )
        })
        .collect()
}
