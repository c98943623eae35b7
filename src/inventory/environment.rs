//! What the app is told: its environment, and where its secrets come from.

use super::mistakes::Mistakes;
use super::raw::{self, At};
use super::values::{env_name, file};
use super::{FileReference, Listen, sensitive};
use crate::types::SecretSource;
use std::collections::BTreeMap;

/// What every app finds in its environment anyway, besides where it listens.
const OUR_ENV: &[&str] = &[
    "RELEASE",
    "SITE_DOMAIN",
    "DATABASE_NAME",
    "DATABASE_USER",
    "DATABASE_SOCKET",
    "CREDENTIALS_DIRECTORY",
];

/// The variable that tells the app where it listens.
pub(super) fn place(listen: Listen) -> &'static str {
    match listen {
        Listen::Port => "PORT",
        Listen::Socket => "SOCKET",
    }
}

/// The environment of the app.
pub(super) fn env(
    raw: &raw::Texts,
    listen: Listen,
    mistakes: &mut Mistakes<'_>,
) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    for (name, value) in raw {
        let shown = name.as_str();
        mistakes.check("app.env", Some(name), |text| env_name(text));
        if shown == place(listen) || OUR_ENV.contains(&shown) {
            let mistake = mistakes.at(name.span(), format!("app.env: {shown} is set already"));
            mistakes.push(mistake.help("every app gets it: leave it out"));
        }
        let harmless = matches!(value.as_str(), "" | "true" | "false");
        let secret = match sensitive::value_is_secret(value) {
            Some(what) => Some(format!("the value of {shown} is {what}")),
            None if sensitive::name_is_secret(shown) && !harmless => {
                Some(format!("{shown} seems to be a secret"))
            }
            None => None,
        };
        if let Some(why) = secret {
            let mistake = mistakes.at(value.span(), format!("app.env: {why}"));
            mistakes.push(
                mistake
                    .label("a secret must not stand in the inventory")
                    .help(format!(
                        "move it to [app.secrets]: {shown} = {{ env = \"{shown}\" }}, or file, \
                         command, generate"
                    ))
                    .sensitive(),
            );
        } else if value.chars().any(|c| c.is_control() && !"\n\t".contains(c)) {
            let message = format!("app.env: the value of {shown} has a control character");
            let mistake = mistakes.at(value.span(), message);
            mistakes.push(mistake.help("line breaks (\\n) and tabs are all that systemd hands on"));
        }
        env.insert(shown.to_owned(), value.to_string());
    }
    env
}

/// The sources of the secrets of a table; `table` is where it stands.
pub(super) fn secrets(
    table: &str,
    raw: &BTreeMap<At<String>, At<raw::Secret>>,
    files: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> BTreeMap<String, SecretSource> {
    let mut secrets = BTreeMap::new();
    for (name, secret) in raw {
        let key = format!("{table}.{}", name.as_str());
        mistakes.check(table, Some(name), |text| env_name(text));
        if let Some(source) = secret_source(&key, secret, files, mistakes) {
            secrets.insert(name.to_string(), source);
        }
    }
    secrets
}

pub(super) fn secret_source(
    key: &str,
    raw: &At<raw::Secret>,
    files: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> Option<SecretSource> {
    let texts = [&raw.env, &raw.file, &raw.command];
    let mut spans: Vec<_> = texts
        .iter()
        .filter_map(|text| text.as_ref().map(At::span))
        .collect();
    spans.extend(raw.generate.as_ref().map(At::span));
    spans.sort_by_key(|span| span.start);
    match spans.as_slice() {
        [_] => {}
        [] => {
            let help = "{ env = \"NAME\" }, { file = \"path\" } or { command = \"…\" }; or, if \
                        nobody has to know it, { generate = true }";
            mistakes.missing(raw.span(), &format!("{key} has no source"), help);
            return None;
        }
        [first, second, ..] => {
            let message = format!("{key} has more than one source");
            let mistake = mistakes.at(second.clone(), message).label("another one");
            mistakes.push(mistake.context(first.clone(), "one source"));
            return None;
        }
    }
    if let Some(name) = &raw.env {
        mistakes.check(&format!("{key}.env"), Some(name), |text| env_name(text))?;
        return Some(SecretSource::Env(name.to_string()));
    }
    if let Some(path) = &raw.file {
        let path = file(path, &format!("{key}.file"), false, files, mistakes)?;
        return Some(SecretSource::File(path));
    }
    if let Some(text) = &raw.command {
        // It is a person's own shell line: only an empty one is certainly wrong.
        if text.trim().is_empty() {
            mistakes.push(mistakes.at(text.span(), format!("{key}.command is empty")));
        }
        return Some(SecretSource::Command(text.to_string()));
    }
    let generate = raw.generate.as_ref()?;
    if !**generate {
        let mistake = mistakes.at(generate.span(), format!("{key}.generate cannot be false"));
        mistakes.push(mistake.help("write `generate = true`, or another source"));
    }
    Some(SecretSource::Generate(true))
}
