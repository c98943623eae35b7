//! The virtual environment of an app, and what its releases share.

use super::mistakes::Mistakes;
use super::raw::{self, At};
use super::values::{file, relative};
use super::{FileReference, Python, sensitive};
use crate::types::InvalidValue;
use std::collections::BTreeMap;

/// The table `app.python`.
pub(super) fn python(
    raw: &At<raw::Python>,
    inside: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> Python {
    let mut within = |key: &str, path: Option<&At<String>>, directory, mistakes: &mut Mistakes| {
        let key = format!("app.python.{key}");
        let place = path?;
        let path = mistakes.check(&key, path, |text| relative(text))?;
        inside.push(FileReference {
            path: path.clone(),
            span: place.span(),
            key,
            directory,
        });
        Some(path)
    };
    let requirements = within("requirements", raw.requirements.as_ref(), false, mistakes);
    let wheels = within("wheels", raw.wheels.as_ref(), true, mistakes);
    let index = mistakes.check("app.python.index", raw.index.as_ref(), |text| index(text));
    if let (Some(index), Some(wheels)) = (&raw.index, &raw.wheels) {
        let message = "app.python has an index and wheels of its own";
        let mistake = mistakes.at(wheels.span(), message).label("one of them");
        mistakes.push(mistake.context(index.span(), "the other"));
    }
    Python {
        requirements,
        index,
        wheels,
        system_packages: raw.system_packages.unwrap_or(false),
    }
}

fn index(text: &str) -> Result<String, InvalidValue> {
    let plain = !text.contains(|c: char| c.is_control() || c.is_whitespace());
    let scheme = ["https://", "http://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    if !scheme || !plain {
        let error = InvalidValue::new(format!("`{text}` is not the address of an index"));
        return Err(error.hint("like \"https://pypi.example.com/simple\""));
    }
    if sensitive::value_is_secret(text).is_some() {
        let error = InvalidValue::new("a password must not stand in the inventory");
        return Err(error.hint("let a command of app.build read it from $CREDENTIALS_DIRECTORY"));
    }
    Ok(text.to_owned())
}

/// The keys `app.persistent` and `app.shared`: nothing lies in another, since each is a link.
pub(super) fn shared(
    raw: &raw::App,
    files: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> (Vec<String>, BTreeMap<String, String>) {
    let mut seen: Vec<(String, &At<String>)> = Vec::new();
    let one = |key: &str, path: &At<String>, mistakes: &mut Mistakes<'_>| {
        mistakes.check(key, Some(path), |text| inner(text))
    };
    let mut persistent = Vec::new();
    let mut shared = BTreeMap::new();
    let mut all = Vec::new();
    for path in &raw.persistent {
        if let Some(name) = one("app.persistent", path, mistakes) {
            all.push((name.clone(), path));
            persistent.push(name);
        }
    }
    for (path, source) in &raw.shared {
        let name = one("app.shared", path, mistakes);
        let source = file(source, "app.shared", false, files, mistakes);
        all.extend(name.clone().map(|name| (name, path)));
        shared.extend(name.zip(source));
    }
    for (name, path) in all {
        let within = |a: &str, b: &str| {
            a.strip_prefix(b)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let other = seen
            .iter()
            .find(|(other, _)| within(&name, other) || within(other, &name));
        if let Some((_, other)) = other {
            let mistake = mistakes.at(path.span(), format!("`{name}` is shared twice"));
            mistakes.push(mistake.context(other.span(), "here it is, too"));
        }
        seen.push((name, path));
    }
    persistent.sort();
    (persistent, shared)
}

/// A path in the release, of characters that need no quotes anywhere.
pub(super) fn inner(text: &str) -> Result<String, InvalidValue> {
    let path = relative(text)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    if path == "." || !path.chars().all(plain) {
        let error = InvalidValue::new(format!("`{text}` is no plain path in the app"));
        return Err(error.hint("a path in the app's folder, of letters, digits and `._-/`"));
    }
    Ok(path)
}
