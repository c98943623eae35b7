//! What is made of the app's code on the server: the key `app.build`, and what it comes to together
//! with `app.python`.

use super::mistakes::Mistakes;
use super::prepare::inner;
use super::raw::{self, At, TextOr};
use super::values::{relative, words};
use super::{App, BuildStep, FileReference, Part, Python, Shares};
use crate::types::AccountName;
use std::collections::BTreeMap;
use std::ops::Range;

/// Where the virtual environment stands in a release.
const ENVIRONMENT: &str = ".venv";
const HELP: &str = "{ command = \"npm ci\", from = [\"package.json\", \"package-lock.json\"], \
                    makes = [\"node_modules\"] }";

/// The key `app.build`. What stands in the folders of `persistent` and in the place of `linked`
/// files is in no release.
pub(super) fn build(
    raw: &raw::App,
    persistent: &[String],
    linked: &BTreeMap<String, String>,
    made_from: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> Vec<BuildStep> {
    let mut made: Vec<(String, Range<usize>)> = Vec::new();
    if let Some(table) = &raw.python {
        made.push((ENVIRONMENT.to_owned(), table.span()));
    }
    let mut steps = Vec::new();
    for item in &raw.build {
        let step = match &**item {
            TextOr::Text(text) => match words(text) {
                Ok(command) => Some(BuildStep::Command(command)),
                Err(error) => {
                    mistakes.invalid(item.span(), "app.build", &error);
                    None
                }
            },
            TextOr::Table(table) => {
                let step = shared(item.span(), table, made_from, mistakes);
                for path in &table.makes {
                    makes(path, persistent, linked, &mut made, mistakes);
                }
                step
            }
        };
        steps.extend(step);
    }
    steps
}

/// A table of `app.build`.
fn shared(
    place: Range<usize>,
    table: &raw::BuildStep,
    made_from: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> Option<BuildStep> {
    let there = [
        ("command", table.command.is_some()),
        ("from", !table.from.is_empty()),
        ("makes", !table.makes.is_empty()),
    ];
    for (key, there) in there {
        if !there {
            mistakes.missing(place.clone(), &format!("app.build: {key} is missing"), HELP);
        }
    }
    let command = mistakes.check("app.build", table.command.as_ref(), |text| words(text));
    let mut from = Vec::new();
    for path in &table.from {
        let checked = mistakes.check("app.build", Some(path), |text| relative(text));
        if let Some(checked) = checked {
            from.push(checked.clone());
            made_from.push(FileReference {
                path: checked,
                span: path.span(),
                key: "app.build".to_owned(),
                directory: false,
            });
        }
    }
    let makes = table.makes.iter().filter_map(|path| inner(path).ok());
    Some(BuildStep::Shared {
        command: command?,
        from,
        makes: makes.collect(),
    })
}

/// A path that a command makes: nobody else does, and it is part of the release.
fn makes(
    path: &At<String>,
    persistent: &[String],
    linked: &BTreeMap<String, String>,
    made: &mut Vec<(String, Range<usize>)>,
    mistakes: &mut Mistakes<'_>,
) {
    let Some(name) = mistakes.check("app.build", Some(path), |text| inner(text)) else {
        return;
    };
    let within = |a: &str, b: &str| {
        a.strip_prefix(b)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    if let Some(other) = persistent
        .iter()
        .chain(linked.keys())
        .find(|other| within(&name, other))
    {
        let message = format!("app.build: `{name}` is no part of the release");
        let help = format!("app.persistent or app.shared puts {other} elsewhere");
        mistakes.push(mistakes.at(path.span(), message).help(help));
    }
    let other = made
        .iter()
        .find(|(other, _)| within(&name, other) || within(other, &name));
    if let Some((_, other)) = other {
        let mistake = mistakes.at(path.span(), format!("app.build: `{name}` is made twice"));
        mistakes.push(mistake.context(other.clone(), "here it is made, too"));
    }
    made.push((name, path.span()));
}

/// What makes a release ready, in order. Commands that follow each other and share nothing run in
/// one unit.
pub(super) fn parts(
    user: &AccountName,
    python: Option<&Python>,
    build: &[BuildStep],
    env: &BTreeMap<String, String>,
    packages: &[String],
) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let mut add = |commands: Vec<Vec<String>>, shares: Option<Shares>| {
        let number = parts.len() + 1;
        if let (Some(last), None) = (parts.last_mut(), &shares)
            && last.shares.is_none()
        {
            last.commands.extend(commands);
            return;
        }
        let unit = match number {
            1 => format!("{user}-prepare.service"),
            _ => format!("{user}-prepare-{number}.service"),
        };
        parts.push(Part {
            unit,
            commands,
            shares,
        });
    };
    let mut before: Vec<Vec<String>> = Vec::new();
    let mut recipe = |commands: &[Vec<String>], makes: &[String]| {
        before.extend_from_slice(commands);
        serde_json::to_string(&(&before, makes, env, packages)).unwrap_or_default()
    };
    if let Some(python) = python {
        let commands = environment(python);
        let makes = vec![ENVIRONMENT.to_owned()];
        let shares = Shares {
            recipe: recipe(&commands, &makes),
            makes,
            from: python.wheels.iter().cloned().collect(),
            requirements: python.requirements.clone(),
        };
        add(commands, Some(shares));
    }
    for step in build {
        match step {
            BuildStep::Command(command) => {
                let commands = vec![command.clone()];
                recipe(&commands, &[]);
                add(commands, None);
            }
            BuildStep::Shared {
                command,
                from,
                makes,
            } => {
                let commands = vec![command.clone()];
                let shares = Shares {
                    recipe: recipe(&commands, makes),
                    makes: makes.clone(),
                    from: from.clone(),
                    requirements: None,
                };
                add(commands, Some(shares));
            }
        }
    }
    parts
}

/// The commands that make a virtual environment.
fn environment(python: &Python) -> Vec<Vec<String>> {
    let mut make = vec!["/usr/bin/python3", "-m", "venv"];
    if python.system_packages {
        make.push("--system-site-packages");
    }
    make.push(ENVIRONMENT);
    let mut commands = vec![make];
    if let Some(requirements) = &python.requirements {
        let mut install = vec![
            ".venv/bin/pip",
            "install",
            "--no-input",
            "--disable-pip-version-check",
        ];
        if let Some(index) = &python.index {
            install.extend(["--index-url", index]);
        }
        if let Some(wheels) = &python.wheels {
            install.extend(["--no-index", "--find-links", wheels]);
        }
        install.extend(["--requirement", requirements]);
        commands.push(install);
    }
    let owned = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect();
    commands.into_iter().map(owned).collect()
}

impl App {
    /// Whether something is made of the code on the server.
    #[must_use]
    pub fn is_prepared(&self) -> bool {
        !self.parts.is_empty()
    }

    /// All that decides what is made of the code, as a text; empty if nothing is.
    #[must_use]
    pub fn recipe(&self) -> String {
        if !self.is_prepared() {
            return String::new();
        }
        let parts = (&self.build, &self.python, &self.env, &self.packages);
        serde_json::to_string(&parts).unwrap_or_default()
    }
}
