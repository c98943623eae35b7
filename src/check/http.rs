//! `[[check.http]]`: a page, as a visitor would get it.

use super::hop::Hop;
use super::judgement::{Defaults, Judgement};
use crate::types::Fqdn;
use serde::{Deserialize, Deserializer};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fmt;

/// The fields.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// What to get.
    pub url: Url,
    /// The status (RFC 9110 section 15), or several that are good.
    #[serde(default = "ok", deserialize_with = "statuses")]
    pub status: Vec<u16>,
    /// The key of the inventory that says what is expected.
    pub key: Option<String>,
    /// What the page must contain.
    pub contains: Option<String>,
    /// What it must have as JSON: objects may have more.
    pub json: Option<serde_json::Value>,
    /// Where it must send visitors to. Redirects are never followed.
    pub location: Option<String>,
    /// Headers that must be there, each with a value that begins like this.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

fn ok() -> Vec<u16> {
    vec![200]
}

fn statuses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u16>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Statuses {
        One(u16),
        Several(Vec<u16>),
    }
    Ok(match Statuses::deserialize(deserializer)? {
        Statuses::One(status) => vec![status],
        Statuses::Several(all) => all,
    })
}

/// The address of a page: `http` or `https`, a name, perhaps a port, and a path.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Url {
    /// Whether TLS is spoken.
    pub https: bool,
    /// The name.
    pub host: Fqdn,
    /// The port, also when the text leaves it out.
    pub port: u16,
    /// Path and query.
    path: String,
}

impl TryFrom<String> for Url {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let wrong = |why: &str| format!("`{text}` is not the URL of a page: {why}");
        // What browsers correct without a word is a mistake here.
        let violation = Cell::new(None);
        let parsed = url::Url::options()
            .syntax_violation_callback(Some(&|found| violation.set(Some(found))))
            .parse(&text)
            .map_err(|error| wrong(&error.to_string()))?;
        if let Some(violation) = violation.get() {
            return Err(wrong(violation.description()));
        }
        let https = match parsed.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(wrong("it does not begin with `http://` or `https://`")),
        };
        if parsed.fragment().is_some() {
            return Err(wrong("its `#` is never sent"));
        }
        let host = Fqdn::new(parsed.host_str().unwrap_or_default());
        Ok(Self {
            https,
            host: host.map_err(|error| wrong(&error.to_string()))?,
            port: parsed.port_or_known_default().unwrap_or_default(),
            path: parsed[url::Position::BeforePath..].to_owned(),
        })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            https,
            host,
            port,
            path,
        } = self;
        match (https, port) {
            (true, 443) => write!(f, "https://{host}{path}"),
            (false, 80) => write!(f, "http://{host}{path}"),
            (true, _) => write!(f, "https://{host}:{port}{path}"),
            (false, _) => write!(f, "http://{host}:{port}{path}"),
        }
    }
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The version of HTTP.
    pub version: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body, or its beginning.
    pub body: String,
}

impl Response {
    /// Whether it comes from a site whose visitors are kept out for maintenance.
    #[must_use]
    pub fn is_maintenance(&self) -> bool {
        let marked =
            |(name, value): &(String, String)| name == "foobar-stack-maintenance" && value == "on";
        self.status == 503 && self.headers.iter().any(marked)
    }
}

impl Http {
    pub(super) fn defaults(&self) -> Defaults {
        let mut needs = vec![Hop::Dns, Hop::Tcp];
        if self.url.https {
            needs.push(Hop::Tls);
        }
        // Nginx sends visitors elsewhere by itself.
        if self.location.is_none() {
            needs.extend([Hop::Database, Hop::App]);
        }
        Defaults {
            title: format!("GET {}", self.url),
            hop: Hop::Web,
            needs,
            unit: Some("nginx.service".to_owned()),
        }
    }

    pub(super) fn expected(&self) -> String {
        let all: Vec<String> = self.status.iter().map(u16::to_string).collect();
        let mut text = all.join(" or ");
        if let Some(location) = &self.location {
            text.push_str(&format!(" to {location}"));
        }
        if let Some(words) = &self.contains {
            text.push_str(&format!(" with `{words}`"));
        }
        if let Some(json) = &self.json {
            text.push_str(&format!(" with {json}"));
        }
        for (name, value) in &self.headers {
            text.push_str(&format!(", {name}: {value}"));
        }
        if let Some(key) = &self.key {
            text.push_str(&format!(" ({key} in the inventory)"));
        }
        text
    }

    /// Judges the response, or why there is none.
    #[must_use]
    pub fn judge(&self, reply: &Result<Response, String>) -> Judgement {
        let response = match reply {
            Ok(response) => response,
            Err(reason) => return Judgement::Broken(reason.clone()),
        };
        let mut seen = response.status.to_string();
        let location = response.header("location");
        if let Some(location) = location {
            seen.push_str(&format!(" to {location}"));
        }
        if !self.status.contains(&response.status) {
            match first_line(&response.body) {
                // Nginx's own pages begin with the status.
                Some(line) if line.starts_with(&seen) => seen = line,
                Some(line) => seen.push_str(&format!(": {line}")),
                None => {}
            }
            return Judgement::Broken(seen);
        }
        if self.location.is_some() && location != self.location.as_deref() {
            return Judgement::Broken(seen);
        }
        if let Some(words) = &self.contains
            && !response.body.contains(words.as_str())
        {
            let begin = first_line(&response.body).unwrap_or_else(|| "an empty page".to_owned());
            return Judgement::Broken(format!("{seen} without `{words}`: {begin}"));
        }
        if let Some(json) = &self.json
            && !serde_json::from_str(&response.body).is_ok_and(|page| has_all(&page, json))
        {
            let begin = first_line(&response.body).unwrap_or_else(|| "an empty page".to_owned());
            return Judgement::Broken(format!("{seen} without {json}: {begin}"));
        }
        for (name, wanted) in &self.headers {
            match response.header(name) {
                Some(value) if value.starts_with(wanted.as_str()) => {}
                Some(value) => return Judgement::Flawed(format!("{seen}, {name}: {value}")),
                None => return Judgement::Flawed(format!("{seen} without the header {name}")),
            }
        }
        Judgement::Sound(format!(
            "{seen}, {}, {} bytes",
            response.version,
            response.body.len()
        ))
    }
}

/// Whether a value has all that another one says: objects may have more, all else is equal.
/// `has_all` in `resource/releases/deployment/page.sh` is the same, for the server.
fn has_all(value: &serde_json::Value, wanted: &serde_json::Value) -> bool {
    match (value, wanted) {
        (serde_json::Value::Object(value), serde_json::Value::Object(wanted)) => wanted
            .iter()
            .all(|(key, wanted)| value.get(key).is_some_and(|value| has_all(value, wanted))),
        _ => is_equal(value, wanted),
    }
}

/// Whether two values are the same to JSON, where 1 and 1.0 are one number (RFC 8259 section 6).
fn is_equal(one: &serde_json::Value, other: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            let pairs = one.iter().zip(other);
            one.len() == other.len() && pairs.into_iter().all(|(one, other)| is_equal(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let same = |(key, one)| other.get(key).is_some_and(|other| is_equal(one, other));
            one.len() == other.len() && one.iter().all(same)
        }
        _ => one == other,
    }
}

impl Response {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// The first line of a page that says something, without its tags, cut to the width of a
/// screen.
fn first_line(body: &str) -> Option<String> {
    let mut text = String::new();
    let mut tag = false;
    for c in body.chars() {
        match c {
            '<' => tag = true,
            '>' => tag = false,
            c if !tag => text.push(c),
            _ => {}
        }
    }
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    Some(line.chars().take(80).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<Url, String> {
        Url::try_from(text.to_owned())
    }

    #[test]
    fn urls() {
        for (text, shown, port) in [
            ("https://foobar.com", "https://foobar.com/", 443),
            (
                "https://Foobar.com:443/a?b=c",
                "https://foobar.com/a?b=c",
                443,
            ),
            ("http://foobar.com:8080/", "http://foobar.com:8080/", 8080),
            ("http://foobar.com?x", "http://foobar.com/?x", 80),
        ] {
            let url = url(text).unwrap();
            assert_eq!((url.to_string().as_str(), url.port), (shown, port));
        }
        for text in [
            "",
            "foobar.com",
            "ftp://foobar.com/",
            "https://",
            "https:///a",
            "https://foobar.com:x/",
            "https://foobar.com:70000/",
            "https://a@foobar.com/",
            "https://foobar.com/a b",
            "https://foobar.com/#a",
            "https://192.0.2.1/",
        ] {
            assert!(url(text).is_err(), "{text}");
        }
    }

    /// The program that the server asks with, as it stands in the shell.
    fn jq(value: &str, wanted: &str) -> Option<bool> {
        let shell = include_str!("../resource/releases/deployment/page.sh");
        let (_, program) = shell.split_once("--argjson wanted \"$json\" '").unwrap();
        let (program, _) = program.split_once('\'').unwrap();
        let mut child = std::process::Command::new("jq")
            .args(["-e", "--argjson", "wanted", wanted, program])
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::null())
            .spawn()
            .ok()?;
        std::io::Write::write_all(&mut child.stdin.take()?, value.as_bytes()).unwrap();
        Some(child.wait().unwrap().success())
    }

    #[test]
    fn json_may_have_more_but_not_less_here_and_on_the_server() {
        for (value, wanted, expected) in [
            (
                r#"{"a": {"b": 1, "c": 2}, "d": []}"#,
                r#"{"a": {"b": 1}}"#,
                true,
            ),
            (r#"{"a": {"b": 1}}"#, r#"{"a": {"b": 2}}"#, false),
            (r#"{"status": "not ok"}"#, r#"{"status": "ok"}"#, false),
            ("[1, 2]", r#"{"a": 1}"#, false),
            (r#"{"a": 1}"#, r#"{"a": 1.0}"#, true),
            (r#"{"a": 1.0, "b": 0}"#, r#"{"a": 1}"#, true),
            (r#"{"a": 1.5}"#, r#"{"a": 1}"#, false),
            (
                r#"{"a": [1, {"b": 2.0}]}"#,
                r#"{"a": [1.0, {"b": 2}]}"#,
                true,
            ),
            (
                r#"{"a": [{"b": 2, "c": 3}]}"#,
                r#"{"a": [{"b": 2}]}"#,
                false,
            ),
            ("[1, 2]", "[1]", false),
            ("1e2", "100", true),
            (r#"{"a": null}"#, r#"{"b": null}"#, false),
            (r#""1""#, "1", false),
        ] {
            let parse = |text: &str| serde_json::from_str(text).unwrap();
            let here = has_all(&parse(value), &parse(wanted));
            assert_eq!(here, expected, "{value} {wanted}");
            // Not every machine that runs tests has it; every server does.
            if let Some(there) = jq(value, wanted) {
                assert_eq!(there, expected, "jq: {value} {wanted}");
            }
        }
    }

    #[test]
    fn judgements() {
        let page = Response {
            status: 200,
            version: "HTTP/2.0".to_owned(),
            headers: vec![(
                "strict-transport-security".to_owned(),
                "max-age=31536000".to_owned(),
            )],
            body: "\n<h1>foobar</h1>\n".to_owned(),
        };
        let redirect = Response {
            status: 301,
            headers: vec![("location".to_owned(), "https://foobar.com/".to_owned())],
            body: "<html>".to_owned(),
            ..page.clone()
        };
        let gateway = Response {
            status: 502,
            headers: vec![],
            ..page.clone()
        };
        let nginx = Response {
            body: "<title>502 Bad Gateway</title>".to_owned(),
            ..gateway.clone()
        };
        let empty = Response {
            body: String::new(),
            ..page.clone()
        };

        let sound = |text: &str| Judgement::Sound(text.to_owned());
        let flawed = |text: &str| Judgement::Flawed(text.to_owned());
        let broken = |text: &str| Judgement::Broken(text.to_owned());
        let hsts = "headers = { Strict-Transport-Security = 'max-age=";
        let to = "status = 301\nlocation = 'https://";
        for (entry, response, want) in [
            ("", &page, sound("200, HTTP/2.0, 17 bytes")),
            (
                "contains = 'foobar'",
                &page,
                sound("200, HTTP/2.0, 17 bytes"),
            ),
            (
                &format!("{hsts}31536000' }}"),
                &page,
                sound("200, HTTP/2.0, 17 bytes"),
            ),
            (
                &format!("{to}foobar.com/'"),
                &redirect,
                sound("301 to https://foobar.com/, HTTP/2.0, 6 bytes"),
            ),
            (
                "status = 301",
                &redirect,
                sound("301 to https://foobar.com/, HTTP/2.0, 6 bytes"),
            ),
            ("", &gateway, broken("502: foobar")),
            ("", &nginx, broken("502 Bad Gateway")),
            ("", &redirect, broken("301 to https://foobar.com/")),
            (
                &format!("{to}foobar.org/'"),
                &redirect,
                broken("301 to https://foobar.com/"),
            ),
            (
                &format!("{to}foobar.com/'").replace("301", "200"),
                &page,
                broken("200"),
            ),
            (
                "contains = 'bar!'",
                &page,
                broken("200 without `bar!`: foobar"),
            ),
            (
                "contains = 'bar'",
                &empty,
                broken("200 without `bar`: an empty page"),
            ),
            (
                &format!("{hsts}9' }}"),
                &page,
                flawed("200, Strict-Transport-Security: max-age=31536000"),
            ),
            (
                "headers = { X-A = '' }",
                &page,
                flawed("200 without the header X-A"),
            ),
        ] {
            let check: Http =
                toml::from_str(&format!("url = 'https://foobar.com/'\n{entry}")).unwrap();
            assert_eq!(check.judge(&Ok(response.clone())), want, "{entry}");
        }
    }

    #[test]
    fn no_response_breaks_with_the_reason() {
        let check: Http = toml::from_str("url = 'https://foobar.com/'").unwrap();
        assert_eq!(
            check.judge(&Err("connection refused".to_owned())),
            Judgement::Broken("connection refused".to_owned())
        );
    }

    #[test]
    fn a_page_is_told_by_its_first_line() {
        assert_eq!(first_line(&"é".repeat(90)).unwrap().chars().count(), 80);
        assert_eq!(first_line(" \n<br>"), None);
        let nginx = "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n";
        assert_eq!(first_line(nginx).as_deref(), Some("502 Bad Gateway"));
    }
}
