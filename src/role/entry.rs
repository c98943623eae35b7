//! One role's entries become resources, validators and checks.

use super::context::{Exported, Scene};
use super::inputs::Inputs;
use super::manifest::{Entry, EntryKind, Manifest, Part};
use super::materials::RoleMaterials;
use super::template::{Renderer, Templates};
use crate::check::Check;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::{Stack, Validator};
use crate::resource::{EntryError, Rendered, Resource, ResourceId, Spec};
use crate::types::{AbsolutePath, ServerName, SiteName, private_key};
use serde::Deserialize;
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// The stack of a server as it comes to be.
pub(super) struct Target<'a> {
    inputs: &'a Inputs,
    pub(super) stack: Stack,
    /// What each resource was made of, to find those that two sites share.
    entries: BTreeMap<ResourceId, toml::Table>,
    /// Whether there are several sites, and what is made must say whose it is.
    several: bool,
}

impl<'a> Target<'a> {
    pub(super) fn new(server: &ServerName, inputs: &'a Inputs) -> Self {
        Self {
            inputs,
            stack: Stack {
                server: server.clone(),
                sites: inputs.inventory.sites.keys().cloned().collect(),
                ..Stack::default()
            },
            entries: BTreeMap::new(),
            several: inputs.inventory.sites.len() > 1,
        }
    }
}

/// Adds what a role has for other roles: nothing if it is left out.
pub(super) fn export(
    role: &Templates<'_>,
    scene: &Scene<'_>,
    exported: &mut Exported,
) -> Result<(), Diagnostics> {
    let name = &role.manifest.name;
    let mut renderer = role.with(scene.server(name, exported));
    let Some(vars) = variables(&role.manifest.server, Map::new(), &mut renderer)? else {
        return Ok(());
    };
    exported.server.insert(name.clone(), vars.clone());
    for site in &scene.inventory.sites {
        let mut renderer = role.with(scene.site(name, site, exported));
        if let Some(vars) = variables(&role.manifest.site, vars.clone(), &mut renderer)? {
            let exports = exported.sites.entry(site.0.clone()).or_default();
            exports.insert(name.clone(), vars);
        }
    }
    Ok(())
}

/// The variables of a part of a role, none if it is left out. They are left in the context, too.
fn variables(
    part: &Part,
    mut vars: Map<String, Json>,
    renderer: &mut Renderer<'_>,
) -> Result<Option<Map<String, Json>>, Diagnostics> {
    renderer.context.insert("vars", &vars);
    if !renderer.holds(part.when.as_ref())? {
        return Ok(None);
    }
    for (name, value) in &part.vars {
        let rendered = renderer
            .value(value)?
            .map_or(Ok(Json::Null), serde_json::to_value);
        vars.insert(name.get_ref().clone(), rendered.unwrap_or(Json::Null));
        renderer.context.insert("vars", &vars);
    }
    Ok(Some(vars))
}

/// Adds what a role declares to the stack. `exported` says which parts of it apply.
pub(super) fn apply(
    role: &Templates<'_>,
    scene: &Scene<'_>,
    exported: &Exported,
    target: &mut Target<'_>,
) -> Result<(), Diagnostics> {
    let manifest = role.manifest;
    let Some(vars) = exported.server.get(&manifest.name) else {
        return Ok(());
    };
    let mut server = role.with(scene.server(&manifest.name, exported));
    server.context.insert("vars", vars);
    let mut sites = Vec::new();
    for site in &scene.inventory.sites {
        let exports = exported.sites.get(site.0);
        if let Some(vars) = exports.and_then(|exports| exports.get(&manifest.name)) {
            let mut renderer = role.with(scene.site(&manifest.name, site, exported));
            renderer.context.insert("vars", vars);
            sites.push((site.0, renderer));
        }
    }
    if sites.is_empty() && manifest.entries.iter().all(|entry| entry.of_site) {
        return Ok(());
    }
    target.stack.roles.push(manifest.name.clone());
    let mut mistakes = Vec::new();
    // What stands together for a site is made together, site by site.
    for run in manifest.entries.chunk_by(|a, b| a.of_site == b.of_site) {
        let parts = if run.iter().any(|entry| entry.of_site) {
            sites
                .iter_mut()
                .map(|(name, renderer)| (Some(*name), renderer))
                .collect()
        } else {
            vec![(None, &mut server)]
        };
        for (site, renderer) in parts {
            for entry in run {
                if let Err(Diagnostics(more)) = each(entry, site, renderer, target) {
                    mistakes.extend(more);
                }
            }
        }
    }
    if mistakes.is_empty() {
        Ok(())
    } else {
        Err(Diagnostics(mistakes))
    }
}

/// Adds an entry once, or once for each item.
fn each(
    entry: &Entry,
    site: Option<&SiteName>,
    renderer: &mut Renderer<'_>,
    target: &mut Target<'_>,
) -> Result<(), Diagnostics> {
    let manifest = renderer.manifest;
    let Some(for_each) = &entry.for_each else {
        return one(entry, site, renderer, target);
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
        one(entry, site, renderer, target)?;
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
    site: Option<&SiteName>,
    renderer: &Renderer<'_>,
    target: &mut Target<'_>,
) -> Result<(), Diagnostics> {
    let manifest = renderer.manifest;
    let own = site.filter(|_| target.several).cloned();
    let stack = &mut target.stack;
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
                renderer,
                inputs: target.inputs,
                site: site.and_then(|site| target.inputs.sites.get(site)),
            };
            let spec = Spec::build(kind, table.clone(), &materials).map_err(wrong)?;
            shows_no_key(&spec, entry, manifest)?;
            let id = spec.id();
            let origin = format!(
                "{}:{}",
                manifest.source.name,
                manifest.source.line(entry.span.start)
            );
            if let Some(other) = stack.resources.iter_mut().find(|other| other.id == id) {
                if target.entries.get(&id) == Some(&table) && same_files(&spec, &other.spec) {
                    // Both want the same: it is of neither alone.
                    if other.site != own {
                        other.site = None;
                    }
                    return Ok(());
                }
                let (message, help) = match (&other.site, &own) {
                    (Some(one), Some(two)) if other.origin == origin => (
                        format!("{id} is not the same for the sites {one} and {two}"),
                        "put something of the site into its name, like {{ site.domain }}; or write `scope = \"server\"` at the top of the role, which is then compiled once".to_owned(),
                    ),
                    _ => (
                        format!("{id} is declared twice"),
                        format!("the other stands at {}", other.origin),
                    ),
                };
                let mistake = Diagnostic::new(&manifest.source, entry.span.clone(), message);
                return Err(mistake.help(help).into());
            }
            target.entries.insert(id.clone(), table);
            stack.resources.push(Resource {
                id,
                role: manifest.name.clone(),
                site: own,
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
            let validator = Validator {
                role: manifest.name.clone(),
                name: fields.name,
                command: fields.command,
                paths: fields.paths,
            };
            if !stack.validators.contains(&validator) {
                stack.validators.push(validator);
            }
        }
        EntryKind::Check(kind) => {
            let check = Check::from_entry(&manifest.name, kind, table)
                .map_err(|error| wrong(EntryError::entry(chain(&error))))?;
            stack.checks.push(Check { site: own, ..check });
        }
        EntryKind::Require => {}
    }
    Ok(())
}

/// Whether two resources of one name come to the same files. Of one with a file that nobody may
/// see it is not known.
fn same_files(one: &Spec, other: &Spec) -> bool {
    let (one, other) = (one.rendered(SOME_DATE), other.rendered(SOME_DATE));
    let known = |file: &Rendered| file.content.is_some();
    one.iter().all(known) && one == other
}

/// The date is in the serial of a zone and nowhere else.
const SOME_DATE: &str = "20260101";

/// Refuses a private key in a file that is shown, and kept where others can read it.
fn shows_no_key(spec: &Spec, entry: &Entry, manifest: &Manifest) -> Result<(), Diagnostics> {
    for file in spec.rendered(SOME_DATE) {
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
