//! The structural pass: unknown keys and wrong types, all of them, found by walking the
//! parsed text along the schema of [`super::raw`].
//!
//! What is wrong is taken out of the table, so that the rest can go on to the semantic pass.

use super::mistakes::Mistakes;
use crate::diagnostic::nearest;
use serde_json::Value as Json;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Checks a table against the schema of an object and takes out what does not fit.
pub(super) fn check(table: &mut DeTable<'_>, schema: &Json, mistakes: &mut Mistakes<'_>) {
    Walk { root: schema }.table(table, schema, "", mistakes);
}

struct Walk<'a> {
    /// The schema of the whole file, to say where a misplaced key belongs.
    root: &'a Json,
}

impl Walk<'_> {
    fn table(&self, table: &mut DeTable<'_>, schema: &Json, path: &str, mistakes: &mut Mistakes) {
        let additional = &schema["additionalProperties"];
        for (key, mut value) in std::mem::take(table) {
            let name = key.get_ref().as_ref();
            let inner = join(path, name);
            let keep = match schema["properties"].get(name) {
                Some(property) => self.value(&mut value, property, &inner, mistakes),
                None if additional.is_object() => {
                    self.value(&mut value, additional, &inner, mistakes)
                }
                None if additional == &Json::Bool(false) => {
                    self.unknown_key(name, key.span(), schema, path, mistakes);
                    false
                }
                None => true,
            };
            if keep {
                table.insert(key, value);
            } else {
                mistakes.incomplete = true;
            }
        }
    }

    /// True if the value fits.
    fn value(
        &self,
        value: &mut Spanned<DeValue<'_>>,
        schema: &Json,
        path: &str,
        mistakes: &mut Mistakes<'_>,
    ) -> bool {
        let span = value.span();
        let choices = choices(schema);
        let Some(schema) = choices.iter().find(|choice| fits(choice, value.get_ref())) else {
            wrong_type(value.get_ref(), span, schema, &choices, path, mistakes);
            return false;
        };
        match value.get_mut() {
            DeValue::Table(table) => {
                self.table(table, schema, path, mistakes);
                true
            }
            DeValue::Array(items) => {
                // Not `all()`: every item is to be looked at.
                let mut fitting = true;
                for item in items.iter_mut() {
                    fitting &= self.value(item, &schema["items"], path, mistakes);
                }
                fitting
            }
            DeValue::String(text) => one_of(text, span, &choices, path, mistakes),
            DeValue::Integer(number) => {
                let number =
                    i128::from_str_radix(&number.as_str().replace('_', ""), number.radix());
                in_range(number.ok(), span, schema, path, mistakes)
            }
            _ => true,
        }
    }

    fn unknown_key(
        &self,
        name: &str,
        span: Range<usize>,
        schema: &Json,
        path: &str,
        mistakes: &mut Mistakes<'_>,
    ) {
        let known: Vec<&str> = keys(schema).collect();
        let message = if path.is_empty() {
            format!("unknown section [{name}]")
        } else {
            format!("unknown key `{name}` in [{path}]")
        };
        let mistake = mistakes.at(span, message);
        let lower = name.to_lowercase().replace('-', "_");
        mistakes.push(
            if let Some(meant) = nearest(&lower, known.iter().copied()) {
                mistake.label(format!("did you mean `{meant}`?"))
            } else if let Some(home) = self.home_of(&lower) {
                let mistake = mistake.label("not known here");
                mistake.help(format!("`{lower}` belongs to [{home}]"))
            } else {
                let names = if path.is_empty() { "sections" } else { "keys" };
                let mistake = mistake.label("not known here");
                mistake.help(format!("the {names} known here are {}", known.join(", ")))
            },
        );
    }

    /// The section that has a key of this name, if exactly one has.
    fn home_of(&self, name: &str) -> Option<&str> {
        let mut homes = keys(self.root)
            .filter(|section| keys(&self.root["properties"][section]).any(|key| key == name));
        let home = homes.next();
        home.filter(|_| homes.next().is_none())
    }
}

fn keys(schema: &Json) -> impl Iterator<Item = &str> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties.map(|(name, _)| name.as_str())
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// The schemas of which a value must fit one.
fn choices(schema: &Json) -> Vec<&Json> {
    let inner = schema["anyOf"].as_array().or(schema["oneOf"].as_array());
    match inner {
        Some(inner) => inner.iter().flat_map(choices).collect(),
        None => vec![schema],
    }
}

/// The JSON Schema type of a TOML value, and its name in a sentence.
fn type_of(value: &DeValue<'_>) -> (&'static str, &'static str) {
    match value {
        DeValue::String(_) => ("string", "a text"),
        DeValue::Integer(_) => ("integer", "a whole number"),
        DeValue::Float(_) => ("number", "a number with a point"),
        DeValue::Boolean(_) => ("boolean", "true or false"),
        DeValue::Datetime(_) => ("datetime", "a date or time"),
        DeValue::Array(_) => ("array", "a list"),
        DeValue::Table(_) => ("object", "a table"),
    }
}

fn fits(schema: &Json, value: &DeValue<'_>) -> bool {
    schema["type"]
        .as_str()
        .is_none_or(|wanted| wanted == type_of(value).0)
}

fn in_words(schema: &Json) -> &'static str {
    match schema["type"].as_str() {
        Some("string") => "a text in quotes",
        Some("integer") => "a whole number",
        Some("boolean") => "true or false",
        Some("array") => "a list",
        Some("object") => "a table",
        _ => "something else",
    }
}

fn wrong_type(
    value: &DeValue<'_>,
    span: Range<usize>,
    schema: &Json,
    choices: &[&Json],
    path: &str,
    mistakes: &mut Mistakes<'_>,
) {
    if schema["writeOnly"] == true {
        let mistake = mistakes.at(
            span,
            format!("{path}: a secret must not stand in the inventory"),
        );
        mistakes.push(
            mistake
                .label("say where it comes from instead")
                .help(
                    "{ env = \"NAME\" }, { file = \"path\" } or { command = \"…\" }; or, if \
                     nobody has to know it, { generate = true }",
                )
                .sensitive(),
        );
        return;
    }
    let mut wanted: Vec<&str> = choices.iter().map(|choice| in_words(choice)).collect();
    wanted.dedup();
    let (_, given) = type_of(value);
    let written = mistakes.written(&span);
    let mut mistake = mistakes
        .at(span, format!("{path} must be {}", wanted.join(" or ")))
        .label(format!("this is {given}"));
    let wants = |kind: &str| choices.iter().any(|choice| choice["type"] == kind);
    let scalar = !matches!(value, DeValue::Array(_) | DeValue::Table(_));
    mistake.help = written.and_then(|written| match value {
        DeValue::String(text) if wants("integer") && text.parse::<u32>().is_ok() => {
            Some(format!("leave the quotes out: {text}"))
        }
        DeValue::String(text) if wants("boolean") && matches!(&**text, "true" | "false") => {
            Some(format!("leave the quotes out: {text}"))
        }
        _ if wants("string") && scalar => Some(format!("write it in quotes: \"{written}\"")),
        _ if wants("array") && scalar => {
            let list = choices.iter().find(|choice| choice["type"] == "array");
            let fitting = list.is_some_and(|list| fits(&list["items"], value));
            fitting.then(|| format!("write it as a list: [{written}]"))
        }
        _ => None,
    });
    mistakes.push(mistake);
}

/// True if the text is allowed: always, unless the schema names the allowed ones.
fn one_of(
    text: &str,
    span: Range<usize>,
    choices: &[&Json],
    path: &str,
    mistakes: &mut Mistakes<'_>,
) -> bool {
    let listed = choices.iter().flat_map(|choice| {
        let several = choice["enum"].as_array().into_iter().flatten();
        several.chain(choice.get("const")).filter_map(Json::as_str)
    });
    let allowed: Vec<&str> = listed.collect();
    if allowed.is_empty() || allowed.contains(&text) {
        return true;
    }
    let same = |name: &&&str| name.eq_ignore_ascii_case(text);
    let meant = allowed.iter().find(same).copied();
    let meant = meant.or_else(|| nearest(text, allowed.iter().copied()));
    let mut mistake = mistakes.at(span, format!("{path} cannot be \"{text}\""));
    if let Some(meant) = meant {
        mistake = mistake.label(format!("did you mean \"{meant}\"?"));
    }
    mistakes.push(mistake.help(format!("it is one of \"{}\"", allowed.join("\", \""))));
    false
}

/// True if the number lies in the schema's range. `None` is a number too large to read.
fn in_range(
    number: Option<i128>,
    span: Range<usize>,
    schema: &Json,
    path: &str,
    mistakes: &mut Mistakes<'_>,
) -> bool {
    let bound = |name: &str| schema[name].as_i64().map(i128::from);
    let least = bound("minimum").unwrap_or(i64::MIN.into());
    let most = bound("maximum").unwrap_or(i64::MAX.into());
    if number.is_some_and(|number| (least..=most).contains(&number)) {
        return true;
    }
    let allowed = match (bound("minimum"), bound("maximum")) {
        (Some(least), Some(most)) => format!("from {least} to {most}"),
        (Some(least), None) if number.is_some_and(|number| number < least) => {
            format!("{least} or more")
        }
        _ => format!("at most {}", i64::MAX),
    };
    mistakes.push(
        mistakes
            .at(span, format!("{path} must be {allowed}"))
            .label("out of range"),
    );
    false
}
