//! One role's entries become resources, validators and checks.

use super::Inputs;
use super::manifest::{Entry, EntryKind, Manifest};
use super::materials::RoleMaterials;
use super::template::Renderer;
use crate::check::Check;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::{Stack, Validator};
use crate::resource::{EntryError, Resource, Spec};
use crate::types::{AbsolutePath, private_key};
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use tera::Context;

/// Adds what a role declares to the stack, and gives its variables; none if the role is left out.
pub(super) fn apply(
    manifest: &Manifest,
    inputs: &Inputs,
    context: Context,
    stack: &mut Stack,
) -> Result<Option<Map<String, Json>>, Diagnostics> {
    let mut renderer = Renderer::new(manifest, context)?;
    if !renderer.holds(manifest.when.as_ref())? {
        return Ok(None);
    }
    let mut vars = Map::new();
    renderer.context.insert("vars", &vars);
    for (name, value) in &manifest.vars {
        let rendered = renderer
            .value(value)?
            .map_or(Ok(Json::Null), serde_json::to_value);
        vars.insert(name.get_ref().clone(), rendered.unwrap_or(Json::Null));
        renderer.context.insert("vars", &vars);
    }
    let mut mistakes = Vec::new();
    for entry in &manifest.entries {
        if let Err(Diagnostics(more)) = each(entry, manifest, inputs, &mut renderer, stack) {
            mistakes.extend(more);
        }
    }
    if mistakes.is_empty() {
        Ok(Some(vars))
    } else {
        Err(Diagnostics(mistakes))
    }
}

/// Adds an entry once, or once for each item.
fn each(
    entry: &Entry,
    manifest: &Manifest,
    inputs: &Inputs,
    renderer: &mut Renderer<'_>,
    stack: &mut Stack,
) -> Result<(), Diagnostics> {
    let Some(for_each) = &entry.for_each else {
        return one(entry, manifest, inputs, renderer, stack);
    };
    let items = match renderer.expression(for_each)? {
        Json::Array(items) => items,
        Json::Null => Vec::new(),
        Json::Object(map) => map
            .into_iter()
            .map(|(key, value)| {
                Json::Object(
                    [("key".to_owned(), key.into()), ("value".to_owned(), value)]
                        .into_iter()
                        .collect(),
                )
            })
            .collect(),
        _ => {
            let message = "`for_each` wants an array or a map";
            return Err(Diagnostic::new(&manifest.source, for_each.span(), message).into());
        }
    };
    for item in items {
        renderer.context.insert("item", &item);
        one(entry, manifest, inputs, renderer, stack)?;
    }
    renderer.context.remove("item");
    Ok(())
}

/// The fields of `[[validate]]`.
#[derive(Deserialize)]
struct ValidateEntry {
    name: String,
    command: Vec<String>,
    paths: Vec<AbsolutePath>,
}

fn one(
    entry: &Entry,
    manifest: &Manifest,
    inputs: &Inputs,
    renderer: &Renderer<'_>,
    stack: &mut Stack,
) -> Result<(), Diagnostics> {
    if entry.kind == EntryKind::Require {
        return require(entry, manifest, renderer);
    }
    if !renderer.holds(entry.when.as_ref())? {
        return Ok(());
    }
    let mut table = toml::Table::new();
    for (key, value) in &entry.fields {
        if let Some(value) = renderer.value(value)? {
            table.insert(key.get_ref().clone(), value);
        }
    }
    let wrong = |error: EntryError| diagnose(error, entry, manifest);
    match &entry.kind {
        EntryKind::Resource(kind) => {
            let materials = RoleMaterials {
                manifest,
                renderer,
                inputs,
            };
            let spec = Spec::build(kind, table, &materials).map_err(wrong)?;
            shows_no_key(&spec, entry, manifest)?;
            let id = spec.id();
            let origin = format!(
                "{}:{}",
                manifest.source.name,
                manifest.source.line(entry.span.start)
            );
            if let Some(other) = stack.resources.iter().find(|other| other.id == id) {
                let message = format!("{id} is declared twice");
                let diagnostic = Diagnostic::new(&manifest.source, entry.span.clone(), message);
                return Err(diagnostic
                    .help(format!("the other stands at {}", other.origin))
                    .into());
            }
            stack.resources.push(Resource {
                id,
                role: manifest.name.clone(),
                origin,
                spec,
            });
        }
        EntryKind::Validate => {
            let fields: ValidateEntry = table.try_into().map_err(|error: toml::de::Error| {
                wrong(EntryError::entry(error.message().to_owned()))
            })?;
            if fields.command.is_empty() {
                return Err(wrong(EntryError::field(
                    "command",
                    "a command has at least one word",
                )));
            }
            stack.validators.push(Validator {
                role: manifest.name.clone(),
                name: fields.name,
                command: fields.command,
                paths: fields.paths,
            });
        }
        EntryKind::Check(kind) => {
            let check = Check::from_entry(&manifest.name, kind, table)
                .map_err(|error| wrong(EntryError::entry(chain(&error))))?;
            stack.checks.push(check);
        }
        EntryKind::Require => {}
    }
    Ok(())
}

/// Refuses a private key in a file that is shown, and kept where others can read it.
fn shows_no_key(spec: &Spec, entry: &Entry, manifest: &Manifest) -> Result<(), Diagnostics> {
    // The date is in the serial of a zone and nowhere else.
    for file in spec.rendered("20260101") {
        let Some(what) = file.content.as_deref().and_then(private_key) else {
            continue;
        };
        let message = format!(
            "{} would hold {what}, and everybody could read it",
            file.path
        );
        let error = EntryError::Field {
            field: None,
            message,
            help: Some(
                "write `sensitive = true` beside a file's template, content or source, or make \
                 the key a secret of the inventory"
                    .to_owned(),
            ),
        };
        let Diagnostics(mut mistakes) = diagnose(error, entry, manifest);
        mistakes.iter_mut().for_each(|one| one.sensitive = true);
        return Err(Diagnostics(mistakes));
    }
    Ok(())
}

/// An error and its causes in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(error.to_string().trim_end());
        source = error.source();
    }
    text
}

/// A requirement that does not hold is a mistake, in the words of the role.
fn require(entry: &Entry, manifest: &Manifest, renderer: &Renderer<'_>) -> Result<(), Diagnostics> {
    let text = |name: &str| {
        let found = entry.fields.iter().find(|(key, _)| key.get_ref() == name);
        found.and_then(|(_, value)| match &value.node {
            super::value::Node::Text(text) => {
                Some(super::value::Text::new(value.span.clone(), text.clone()))
            }
            _ => None,
        })
    };
    let place = |message: String| Diagnostic::new(&manifest.source, entry.span.clone(), message);
    let (Some(that), Some(message)) = (text("that"), text("message")) else {
        return Err(place("a requirement has the texts `that` and `message`".to_owned()).into());
    };
    if !renderer.holds(entry.when.as_ref())? || renderer.holds(Some(&that))? {
        return Ok(());
    }
    let message = renderer.text(message.get_ref(), &message.span())?;
    let mut diagnostic =
        Diagnostic::new(&manifest.source, that.span(), message).label("required here");
    if let Some(hint) = text("hint") {
        diagnostic = diagnostic.help(renderer.text(hint.get_ref(), &hint.span())?);
    }
    Err(diagnostic.into())
}

/// Gives an error of an entry its place: that of the field, if it names one.
fn diagnose(error: EntryError, entry: &Entry, manifest: &Manifest) -> Diagnostics {
    match error {
        EntryError::Text(diagnostics) => diagnostics,
        EntryError::Field {
            field,
            message,
            help,
        } => {
            let place = field.and_then(|field| {
                let found = entry.fields.iter().find(|(key, _)| *key.get_ref() == field);
                found.map(|(_, value)| value.span.clone())
            });
            let diagnostic = Diagnostic::new(
                &manifest.source,
                place.unwrap_or_else(|| entry.span.clone()),
                message,
            );
            match help {
                Some(help) => diagnostic.help(help).into(),
                None => diagnostic.into(),
            }
        }
    }
}
