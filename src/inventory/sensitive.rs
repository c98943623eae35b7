//! What may be a secret, judged by its name, its look or its place.

use super::mistakes::Hidden;
use toml::de::{DeTable, DeValue};

/// Words that make a name one of a secret wherever they stand.
const SECRET: &[&str] = &[
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "SECRET",
    "SECRETS",
    "TOKEN",
    "APIKEY",
    "CREDENTIAL",
    "CREDENTIALS",
];

/// Words that make a name one of a secret at its end.
const SECRET_LAST: &[&str] = &["KEY", "KEYS", "PASS", "PWD", "PW"];

/// Last words that tell of a secret without being one.
const ABOUT: &[&str] = &[
    "AGE",
    "ALG",
    "ALGORITHM",
    "AUDIENCE",
    "COOKIE",
    "COUNT",
    "DAYS",
    "DIR",
    "DIRECTORY",
    "ENABLED",
    "ENDPOINT",
    "EXPIRES",
    "EXPIRY",
    "FIELD",
    "FILE",
    "FORMAT",
    "HEADER",
    "HOURS",
    "ID",
    "ISSUER",
    "LENGTH",
    "LIFETIME",
    "LIMIT",
    "MAX",
    "MIN",
    "MINUTES",
    "NAME",
    "PATH",
    "POLICY",
    "PREFIX",
    "REQUIRED",
    "ROUNDS",
    "SECONDS",
    "SIZE",
    "TIMEOUT",
    "TTL",
    "TYPE",
    "URI",
    "URL",
    "VERSION",
];

/// Words that make a key or token one that everybody may see.
const OPEN: &[&str] = &[
    "PUBLIC",
    "PUB",
    "PUBLISHABLE",
    "SITE",
    "CACHE",
    "SORT",
    "PRIMARY",
    "FOREIGN",
    "PARTITION",
];

/// True if a thing of this name is most likely a secret.
pub(super) fn name_is_secret(name: &str) -> bool {
    let words = words(name);
    let Some(last) = words.last() else {
        return false;
    };
    let is = |list: &[&str], word: &String| list.contains(&word.as_str());
    if is(ABOUT, last) || words.iter().any(|word| is(OPEN, word)) {
        return false;
    }
    // A lone PWD is the working directory.
    (words.len() > 1 || last != "PWD")
        && (is(SECRET_LAST, last) || words.iter().any(|word| is(SECRET, word)))
}

/// The words of a name in any of the usual spellings, in upper case and without a number at
/// the end: `apiKey2` is `API`, `KEY`.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower_before = false;
    for c in name
        .trim_end_matches(|c: char| c.is_ascii_digit() || c == '_')
        .chars()
    {
        if !c.is_alphanumeric() || (c.is_uppercase() && lower_before) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut().filter(|_| c.is_alphanumeric()) {
            word.extend(c.to_uppercase());
        }
        lower_before = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Why a value is most likely a secret, if it is.
pub(super) fn value_is_secret(value: &str) -> Option<&'static str> {
    if value.contains("-----BEGIN ") && value.contains("PRIVATE KEY-----") {
        return Some("a private key");
    }
    let with_password = |rest: &str| {
        let authority = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
        let login = authority.rsplit_once('@').map(|(login, _)| login);
        let password = login.and_then(|login| login.split_once(':'));
        password.is_some_and(|(_, password)| !password.is_empty())
    };
    let found = value.split("://").skip(1).any(with_password);
    found.then_some("an address with a password")
}

/// The parts of the text whose lines must not be shown.
pub(super) fn find(table: &DeTable<'_>) -> Vec<Hidden> {
    let mut found = Vec::new();
    in_table(table, "", &mut found);
    found
}

fn in_table(table: &DeTable<'_>, path: &str, found: &mut Vec<Hidden>) {
    for (key, value) in table {
        let path = format!("{path}.{}", key.get_ref());
        in_value(value, &path, key.get_ref(), found);
    }
}

fn in_value(value: &toml::Spanned<DeValue<'_>>, path: &str, name: &str, found: &mut Vec<Hidden>) {
    match value.get_ref() {
        DeValue::Table(inner) => in_table(inner, path, found),
        DeValue::Array(items) => items
            .iter()
            .for_each(|item| in_value(item, path, name, found)),
        DeValue::Boolean(_) => {}
        other => {
            let text = other.as_str().unwrap_or_default();
            if is_secret_at(path, name) || value_is_secret(text).is_some() {
                found.push(Hidden {
                    span: value.span(),
                    value: text.to_owned(),
                });
            }
        }
    }
}

/// A path without the table of several that it is in: `.app.env` for `.sites.shop.app.env`, and
/// `.server.user` for `.servers.web1.user`.
fn in_short_form(path: &str) -> String {
    let mut parts = path.splitn(4, '.').skip(1);
    match (parts.next(), parts.next(), parts.next()) {
        (Some("sites"), Some(_), Some(rest)) => format!(".{rest}"),
        (Some("servers"), Some(_), Some(rest)) => format!(".server.{rest}"),
        _ => path.to_owned(),
    }
}

/// Keys of the inventory itself are known: `tls.key` is the path of a file.
fn is_secret_at(path: &str, name: &str) -> bool {
    let path = in_short_form(path);
    let secrets = [".app.secrets.", ".tls.hook.secrets."];
    let among = secrets
        .into_iter()
        .find_map(|table| path.strip_prefix(table));
    // A path may have dots.
    let of_path = path.strip_prefix(".web.paths.");
    let among = among.or_else(|| of_path?.rsplit_once(".users.").map(|(_, user)| user));
    match among {
        Some(rest) => {
            let source = rest.split_once('.').map(|(_, source)| source);
            !matches!(source, Some("env" | "file" | "command" | "generate"))
        }
        None => name_is_secret(name) && !matches!(&*path, ".tls.key" | ".server.host_key"),
    }
}

/// True if the line of `at` may hold a secret, in a text that could not be parsed: when in
/// doubt, it may.
pub(super) fn in_text(text: &str, at: usize) -> bool {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let mut above = text[..start].lines().rev().map(str::trim);
    // A value may have slipped into the line after its key.
    let before = above.clone().next().unwrap_or_default();
    let header = above.find(|line| line.starts_with('[')).unwrap_or_default();
    let written = header.trim_matches(['[', ']']);
    let section = match (written.split_once('.'), written.splitn(3, '.').nth(2)) {
        (Some(("sites", _)), Some(section)) => section,
        (Some(("sites", _)), None) => "site",
        (Some(("servers", _)), _) => "server",
        _ => written,
    };
    let known = [
        "server",
        "site",
        "tls",
        "dns",
        "dns.records",
        "dns.zones",
        "dns.zones.records",
        "web",
        "database",
        "firewall",
    ];
    let telling = |line: &str| {
        let names = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        let own = |name: &&str| known.contains(&section) && matches!(*name, "key" | "host_key");
        value_is_secret(line).is_some() || names.filter(|name| !own(name)).any(name_is_secret)
    };
    match section {
        _ if telling(line) || telling(before) => true,
        "app" => line.contains('{'),
        "" | "app.env" => false,
        // A header that is not whole may have been that of the secrets.
        _ => !known.contains(&section) || !header.ends_with(']'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets() {
        for name in [
            "DB_PASSWORD",
            "SECRET_KEY",
            "SECRET_KEY_BASE",
            "API_TOKEN",
            "STRIPE_KEY",
            "apiKey",
            "APIKEY",
            "SMTP_PASS",
            "AWS_SECRET_ACCESS_KEY",
            "PASSWORD_1",
            "GITHUB_TOKEN",
            "REDIS_PWD",
            "password",
            "GOOGLE_CREDENTIALS",
        ] {
            assert!(name_is_secret(name), "{name}");
        }
        for name in [
            "PUBLIC_KEY",
            "STRIPE_PUBLISHABLE_KEY",
            "AWS_ACCESS_KEY_ID",
            "TOKEN_TTL",
            "TOKEN_URL",
            "SECRET_KEY_FILE",
            "PASSWORD_MIN_LENGTH",
            "MAX_TOKENS",
            "KEYBOARD",
            "MONKEY",
            "PWD",
            "SITE_TITLE",
            "DATABASE_URL",
            "NEXT_PUBLIC_API_KEY",
            "PASSPORT_TYPE",
            "COMPASS",
            "",
        ] {
            assert!(!name_is_secret(name), "{name}");
        }
    }

    #[test]
    fn values_of_secrets() {
        for value in [
            "mysql://app:hunter2@db/app",
            "a=redis://:hunter2@cache",
            "-----BEGIN RSA PRIVATE KEY-----\nMII",
        ] {
            assert!(value_is_secret(value).is_some(), "{value}");
        }
        for value in [
            "https://example.com/a:b@c",
            "mysql://app@db/app",
            "me@example.com",
            "http://[::1]:80/",
            "-----BEGIN PUBLIC KEY-----",
        ] {
            assert!(value_is_secret(value).is_none(), "{value}");
        }
    }
}
