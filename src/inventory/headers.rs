//! Response headers of the inventory.

use super::mistakes::Mistakes;
use super::raw::{self, At};
use crate::types::InvalidValue;
use std::collections::BTreeMap;

/// Response headers; names are compared as HTTP does, in any case.
pub(super) fn headers(
    key: &str,
    raw: &raw::Texts,
    mistakes: &mut Mistakes<'_>,
) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::new();
    let mut names: BTreeMap<String, &At<String>> = BTreeMap::new();
    for (name, value) in raw {
        let checked = mistakes.check(key, Some(name), |text| header_name(text));
        let value = mistakes.check(key, Some(value), |text| header_value(text));
        if let Some(first) = names.insert(name.to_lowercase(), name) {
            let mistake = mistakes.at(
                name.span(),
                format!("the header `{}` is given twice", **name),
            );
            let mistake = mistake.label("names differ in case only");
            mistakes.push(mistake.context(first.span(), "the same header"));
        }
        headers.extend(checked.zip(value));
    }
    headers
}

fn header_name(text: &str) -> Result<String, InvalidValue> {
    // A token of RFC 9110 section 5.6.2.
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if text.is_empty() || !text.chars().all(token) {
        return Err(InvalidValue::new(format!("{text:?} is not a header name")));
    }
    let ours = match text.to_ascii_lowercase().as_str() {
        "strict-transport-security" => "say it with web.hsts",
        "content-length" | "transfer-encoding" | "connection" => "Nginx itself sets it",
        _ => return Ok(text.to_owned()),
    };
    Err(InvalidValue::new(format!("`{text}` cannot be set here")).hint(ours))
}

fn header_value(text: &str) -> Result<String, InvalidValue> {
    if text.chars().any(char::is_control) {
        return Err(InvalidValue::new("the value has a control character"));
    }
    Ok(text.to_owned())
}

/// The header Permissions-Policy: a dictionary of lists (RFC 9651), `camera=(), usb=(self)`.
pub(super) fn permissions_policy(text: &str) -> Result<String, InvalidValue> {
    let value = header_value(text)?;
    let name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c == '-')
    };
    let list =
        |list: &str| matches!(list, "*" | "self") || (list.starts_with('(') && list.ends_with(')'));
    let member = |member: &str| {
        let parts = member.trim().split_once('=');
        parts.is_some_and(|(feature, who)| name(feature) && list(who))
    };
    match text.split(',').find(|one| !member(one)) {
        Some(odd) if !text.is_empty() => Err(InvalidValue::new(format!(
            "`{}` is nothing that Permissions-Policy takes",
            odd.trim()
        ))
        .hint("like \"camera=(), fullscreen=(self \\\"https://video.example\\\")\"")),
        _ => Ok(value),
    }
}
