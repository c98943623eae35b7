//! Pages that show whether a site is healthy: `app.health` and `web.expect`.

use super::mistakes::Mistakes;
use super::raw::{self, At, TextOr};
use super::{Expect, Health};
use crate::types::InvalidValue;

/// The key `app.health`.
pub(super) fn health(raw: &At<TextOr<raw::Health>>, mistakes: &mut Mistakes<'_>) -> Option<Health> {
    let key = "app.health";
    let table = match table(raw, key, mistakes) {
        Ok(table) => table,
        Err(path) => return path.map(Health::at),
    };
    let path = path(raw, key, table.path.as_ref(), mistakes);
    let status = mistakes.check("app.health.status", table.status.as_ref(), |status| {
        http_status(*status)
    });
    let body = mistakes.check("app.health.body", table.body.as_ref(), |text| line(text));
    Some(Health {
        status: status.unwrap_or(200),
        body,
        json: table
            .json
            .as_ref()
            .and_then(|json| serde_json::to_value(json).ok()),
        ..Health::at(path?)
    })
}

/// The key `web.expect`; without it the page at `/` is asked, with status 200.
pub(super) fn expect(raw: Option<&At<TextOr<raw::Expect>>>, mistakes: &mut Mistakes<'_>) -> Expect {
    let Some(raw) = raw else {
        return Expect::default();
    };
    let key = "web.expect";
    let table = match table(raw, key, mistakes) {
        Ok(table) => table,
        Err(path) => {
            return Expect {
                path: path.unwrap_or_default(),
                ..Expect::default()
            };
        }
    };
    let path = match &table.path {
        Some(path) => mistakes.check("web.expect.path", Some(path), |text| url_path(text)),
        None => None,
    };
    let status = mistakes.check("web.expect.status", table.status.as_ref(), |status| {
        let all = status.all();
        if all.is_empty() {
            return Err(InvalidValue::new("there is no status in the list").hint("like [200, 302]"));
        }
        all.iter().map(|status| http_status(*status)).collect()
    });
    let body = mistakes.check("web.expect.body", table.body.as_ref(), |text| line(text));
    let default = Expect::default();
    Expect {
        path: path.unwrap_or(default.path),
        status: status.unwrap_or(default.status),
        body,
    }
}

/// The table, or what the text that stands instead of one says: the path, if it is one.
fn table<'a, T>(
    raw: &'a At<TextOr<T>>,
    key: &str,
    mistakes: &mut Mistakes<'_>,
) -> Result<&'a T, Option<String>> {
    match &**raw {
        TextOr::Table(table) => Ok(table),
        TextOr::Text(text) => Err(match url_path(text) {
            Ok(path) => Some(path),
            Err(error) => {
                mistakes.invalid(raw.span(), key, &error);
                None
            }
        }),
    }
}

/// The path that a table must have.
fn path<T>(
    raw: &At<TextOr<T>>,
    key: &str,
    path: Option<&At<String>>,
    mistakes: &mut Mistakes<'_>,
) -> Option<String> {
    if path.is_none() {
        let help = "like health = { path = \"/healthz\", status = 200 }";
        mistakes.missing(raw.span(), &format!("{key}.path is missing"), help);
    }
    mistakes.check(&format!("{key}.path"), path, |text| url_path(text))
}

fn http_status(status: u16) -> Result<u16, InvalidValue> {
    if (200..=599).contains(&status) {
        return Ok(status);
    }
    Err(InvalidValue::new(format!("{status} is not the status of a page")).hint("like 200"))
}

fn line(text: &str) -> Result<String, InvalidValue> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(InvalidValue::new("it is empty, or more than one line"));
    }
    Ok(text.to_owned())
}

fn url_path(text: &str) -> Result<String, InvalidValue> {
    let plain = text
        .chars()
        .all(|c| c.is_ascii_graphic() && !"\"<>\\^`{|}#".contains(c));
    if !text.starts_with('/') || !plain {
        let error = InvalidValue::new(format!("`{text}` is not the path of a page"));
        return Err(error.hint("like \"/healthz\""));
    }
    Ok(text.to_owned())
}
