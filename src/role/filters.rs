//! The escaping filters of templates: a value cannot break out of its place.
//!
//! Each takes the value as text and gives one word, string or token of its format.

use crate::inventory::Web;
use crate::shell;
use tera::{Error, Kwargs, State, TeraResult, Value};

/// Adds the filters.
pub(super) fn register(tera: &mut tera::Tera) {
    tera.register_filter("nginx", |value: Value, _: Kwargs, _: &State| {
        checked(&value, nginx)
    });
    tera.register_filter("systemd", |value: Value, _: Kwargs, _: &State| {
        scalar(&value).and_then(|text| systemd(&text))
    });
    tera.register_filter("sh", |value: Value, _: Kwargs, _: &State| {
        checked(&value, sh)
    });
    tera.register_filter("sql", |value: Value, _: Kwargs, _: &State| {
        checked(&value, sql)
    });
    tera.register_filter("zone", |value: Value, _: Kwargs, _: &State| {
        checked(&value, zone)
    });
    tera.register_filter("file_name", |value: Value, _: Kwargs, _: &State| {
        checked(&value, |text| Ok(Web::file_name(text)))
    });
    tera.register_filter("json", |value: Value, _: Kwargs, _: &State| json(&value));
}

/// The text of a value that has one.
fn scalar(value: &Value) -> TeraResult<String> {
    if value.is_none() || value.is_array() || value.is_map() {
        return Err(Error::message(
            "only a text, a number or a truth value can be written here",
        ));
    }
    Ok(value.to_string())
}

/// Text that most of the formats cannot carry is refused rather than changed.
fn checked(value: &Value, escape: fn(&str) -> TeraResult<String>) -> TeraResult<String> {
    let text = scalar(value)?;
    if text.contains(['\n', '\r', '\0']) {
        return Err(Error::message(
            "a text with a line break cannot be written here",
        ));
    }
    escape(&text)
}

/// One word of an Nginx configuration: in double quotes, where `"` and `\` are escaped. Nginx
/// has no way to write a `$` that is not the beginning of a variable, so it is refused.
fn nginx(text: &str) -> TeraResult<String> {
    if text.contains('$') {
        return Err(Error::message(
            "a `$` cannot be written here: Nginx would take it for a variable",
        ));
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+%*".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return Ok(text.to_owned());
    }
    Ok(format!(
        "\"{}\"",
        text.replace('\\', "\\\\").replace('"', "\\\"")
    ))
}

/// One word of a systemd command line or `Environment=`: systemd.syntax(7), "Quoting"; `%` is
/// doubled against specifiers (systemd.unit(5)). `${NAME}` stays, it is how the inventory asks
/// systemd for the environment.
fn systemd(text: &str) -> TeraResult<String> {
    if text.contains(['\r', '\0']) {
        return Err(Error::message(
            "a carriage return or a zero byte cannot be written here",
        ));
    }
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
        .replace('%', "%%");
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+{}$%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return Ok(escaped);
    }
    Ok(format!("\"{escaped}\""))
}

/// One word of POSIX sh.
fn sh(text: &str) -> TeraResult<String> {
    Ok(shell::quote(text).into_owned())
}

/// A string literal of MySQL.
fn sql(text: &str) -> TeraResult<String> {
    Ok(format!(
        "'{}'",
        text.replace('\\', "\\\\").replace('\'', "''")
    ))
}

/// A character string of a zone file: RFC 1035, section 5.1.
fn zone(text: &str) -> TeraResult<String> {
    let mut quoted = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => {
                quoted.push('\\');
                quoted.push(char::from(byte));
            }
            b' '..=b'~' => quoted.push(char::from(byte)),
            byte => quoted.push_str(&format!("\\{byte:03}")),
        }
    }
    quoted.push('"');
    Ok(quoted)
}

/// JSON, for programs that read it and for getting a value out of an expression.
fn json(value: &Value) -> TeraResult<String> {
    serde_json::to_string(value).map_err(|error| Error::message(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads one word as Nginx does: quotes, and a backslash before a quote or a backslash.
    fn read_nginx(word: &str) -> Option<String> {
        let Some(inner) = word.strip_prefix('"') else {
            let ends = |c: char| c.is_whitespace() || ";{}\"'\\$#".contains(c);
            return (!word.is_empty() && !word.contains(ends)).then(|| word.to_owned());
        };
        let mut text = String::new();
        let mut chars = inner.chars();
        loop {
            match chars.next()? {
                '"' => return chars.next().is_none().then_some(text),
                '\\' => text.push(chars.next()?),
                c => text.push(c),
            }
        }
    }

    /// Reads one word as systemd does, specifiers too.
    fn read_systemd(word: &str) -> Option<String> {
        let (inner, quoted) = match word.strip_prefix('"') {
            Some(inner) => (inner.strip_suffix('"')?, true),
            None => (word, false),
        };
        let mut text = String::new();
        let mut chars = inner.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => text.push(match chars.next()? {
                    'n' => '\n',
                    c => c,
                }),
                '%' => text.push(chars.next().filter(|c| *c == '%')?),
                '"' => return None,
                c if !quoted && c.is_whitespace() => return None,
                c => text.push(c),
            }
        }
        Some(text)
    }

    /// Reads a string literal as MySQL does.
    fn read_sql(word: &str) -> Option<String> {
        let inner = word.strip_prefix('\'')?.strip_suffix('\'')?;
        let mut text = String::new();
        let mut chars = inner.chars();
        while let Some(c) = chars.next() {
            match c {
                '\'' => text.push(chars.next().filter(|c| *c == '\'')?),
                '\\' => text.push(chars.next()?),
                c => text.push(c),
            }
        }
        Some(text)
    }

    /// Reads a character string of a zone file.
    fn read_zone(word: &str) -> Option<Vec<u8>> {
        let inner = word.strip_prefix('"')?.strip_suffix('"')?.as_bytes();
        let mut bytes = Vec::new();
        let mut at = 0;
        while at < inner.len() {
            match inner[at] {
                b'"' => return None,
                b'\\' if inner.get(at + 1)?.is_ascii_digit() => {
                    let digits = std::str::from_utf8(inner.get(at + 1..at + 4)?).ok()?;
                    bytes.push(digits.parse().ok()?);
                    at += 4;
                }
                b'\\' => {
                    bytes.push(*inner.get(at + 1)?);
                    at += 2;
                }
                byte => {
                    bytes.push(byte);
                    at += 1;
                }
            }
        }
        Some(bytes)
    }

    proptest! {
        #[test]
        fn a_line_break_stays_in_its_word(text in "[a\n\t\\\\n\"%$ ]{0,30}") {
            let word = systemd(&text).unwrap();
            prop_assert!(!word.contains('\n'));
            prop_assert_eq!(read_systemd(&word), Some(text));
        }

        #[test]
        fn no_value_breaks_out(text in "[^\n\r\0]{0,30}") {
            match nginx(&text) {
                Ok(word) => prop_assert_eq!(read_nginx(&word), Some(text.clone())),
                Err(_) => prop_assert!(text.contains('$')),
            }
            prop_assert_eq!(read_systemd(&systemd(&text).unwrap()), Some(text.clone()));
            prop_assert_eq!(read_sql(&sql(&text).unwrap()), Some(text.clone()));
            prop_assert_eq!(read_zone(&zone(&text).unwrap()), Some(text.into_bytes()));
        }
    }

    #[test]
    fn a_line_break_is_refused() {
        for text in ["a\nb", "a\rb", "a\0b"] {
            assert!(checked(&Value::from(text), sh).is_err());
        }
        assert!(checked(&Value::none(), sh).is_err());
        assert_eq!(checked(&Value::from(8), sh).unwrap(), "8");
    }
}
