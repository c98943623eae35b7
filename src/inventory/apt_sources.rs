//! The tables `[server.sources]`: foreign apt sources, and which packages they may give.

use super::mistakes::Mistakes;
use super::raw::{self, At};
use super::values::file;
use super::{AptSource, FileReference};
use crate::types::InvalidValue;
use std::collections::BTreeMap;

/// What the stack itself has: its settings fit the packages of the distribution.
const OWN: [&str; 10] = [
    "apt",
    "bind9",
    "libc6",
    "mariadb-server",
    "mysql-server",
    "nginx",
    "openssh-server",
    "redis-server",
    "systemd",
    "valkey-server",
];

/// The sources, in the order of their names.
pub(super) fn apt_sources(
    raw: &BTreeMap<At<String>, At<raw::AptSource>>,
    files: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> Vec<AptSource> {
    let mut all: Vec<AptSource> = Vec::new();
    for (name, raw) in raw {
        let key = format!("server.sources.{}", **name);
        if let Err(error) = source_name(name) {
            mistakes.invalid(name.span(), "server.sources", &error);
        }
        for (what, there) in [
            ("url", raw.url.is_some()),
            ("key", raw.key.is_some()),
            ("packages", raw.packages.is_some()),
        ] {
            if !there {
                let help = format!(
                    "[{key}]\nurl = \"https://…\"\nkey = \"{}.asc\"\npackages = [\"…\"]",
                    **name
                );
                mistakes.missing(raw.span(), &format!("{key}.{what} is missing"), &help);
            }
        }
        let url = mistakes.check(&format!("{key}.url"), raw.url.as_ref(), |text| url(text));
        let suite = raw.suite.as_ref();
        let suite = mistakes.check(&format!("{key}.suite"), suite, |text| word(text));
        let flat = suite.as_ref().is_some_and(|suite| suite.ends_with('/'));
        let components = match &raw.components {
            None if flat => Vec::new(),
            None => vec!["main".to_owned()],
            Some(list) => {
                let list = list.iter();
                list.filter_map(|one| {
                    mistakes.check(&format!("{key}.components"), Some(one), |text| {
                        match word(text) {
                            Ok(_) if flat => Err(InvalidValue::new(
                                "a suite that ends with \"/\" has no components",
                            )),
                            other => other,
                        }
                    })
                })
                .collect()
            }
        };
        if let Some(list) = raw.packages.as_ref().filter(|list| list.is_empty()) {
            let error = InvalidValue::new("no package is named").hint("packages = [\"nodejs\"]");
            mistakes.invalid(list.span(), &format!("{key}.packages"), &error);
        }
        let packages = raw.packages.iter().flat_map(|list| list.iter());
        let packages = packages
            .filter_map(|one| {
                mistakes.check(&format!("{key}.packages"), Some(one), |text| pattern(text))
            })
            .collect();
        let path = raw.key.as_ref();
        let path = path.and_then(|path| file(path, &format!("{key}.key"), false, files, mistakes));
        let (Some((url, host)), Some(path)) = (url, path) else {
            continue;
        };
        let same = |other: &&AptSource| host_of(&other.url) == Some(host.as_str());
        if let Some(other) = all.iter().find(same) {
            let message = format!("server.sources.{} is on {host}, too", other.name);
            let error = InvalidValue::new(message)
                .hint("what a source may give is told apart by its host: one of each can be here");
            mistakes.invalid(raw.span(), &format!("{key}.url"), &error);
        }
        all.push(AptSource {
            name: name.to_string(),
            url,
            suite,
            components,
            key: path,
            packages,
        });
    }
    all
}

fn source_name(text: &str) -> Result<(), InvalidValue> {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if text.len() <= 40 && text.chars().all(legal) && !text.starts_with('-') && !text.is_empty() {
        return Ok(());
    }
    let error = InvalidValue::new(format!("`{text}` is not a name"));
    Err(error.hint("lower-case letters, digits and `-`, like \"nodesource\""))
}

/// One word, as it may stand in a list of sources.
fn word(text: &str) -> Result<String, InvalidValue> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "-._~/+:".contains(c);
    if text.is_empty() || !text.chars().all(legal) {
        return Err(InvalidValue::new(format!("`{text}` is not one word")));
    }
    Ok(text.to_owned())
}

fn host_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    rest.split(['/', ':']).next()
}

/// The URL, and the host in it.
fn url(text: &str) -> Result<(String, String), InvalidValue> {
    let wrong = |why: &str| {
        let error = InvalidValue::new(format!("`{text}` is not the URL of a source{why}"));
        error.hint("like \"https://deb.example.com/node_22.x\"")
    };
    if !text.starts_with("https://") && !text.starts_with("http://") {
        return Err(wrong(": it begins with https:// or http://"));
    }
    word(text).map_err(|_| wrong(""))?;
    let host = host_of(text).unwrap_or_default();
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    if host.is_empty() || !host.chars().all(legal) {
        return Err(wrong(": its host is no name in lower-case letters"));
    }
    Ok((text.to_owned(), host.to_owned()))
}

/// The name of a package, in which `*` stands for anything, but not for everything.
fn pattern(text: &str) -> Result<String, InvalidValue> {
    let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.*".contains(c);
    let head = text.split('*').next().unwrap_or_default();
    let begins = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if !begins || head.len() < 2 || !text.chars().all(legal) {
        let error = InvalidValue::new(format!("`{text}` names no packages"));
        return Err(error.hint("a name, or how several begin: \"nodejs\", \"php8.4-*\""));
    }
    let taken = |own: &&&str| match text.contains('*') {
        true => own.starts_with(head),
        false => **own == text,
    };
    match OWN.iter().find(taken) {
        None => Ok(text.to_owned()),
        Some(own) => {
            let error = InvalidValue::new(format!("`{text}` would replace {own} of the stack"));
            Err(error.hint("the stack has that from the distribution"))
        }
    }
}
