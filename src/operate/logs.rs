//! Logs: the journal of the stack's units and the files that its configuration names.

use super::Units;
use crate::plan::Stack;
use crate::shell::Script;
use serde::Deserialize;

/// What to show.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// Only this role.
    pub role: Option<String>,
    /// Go on as lines come.
    pub follow: bool,
    /// The last so many lines, of the journal and of each file; of the journal all with `since`.
    pub lines: Option<u32>,
    /// From then on, as journalctl(1) takes it. Files have no common way to say when.
    pub since: Option<String>,
}

/// A line of a log.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize)]
pub struct Line {
    /// When, in microseconds since 1970; a line of a file says that itself, in its own way.
    pub time: Option<i64>,
    /// The role whose log it is.
    pub role: String,
    /// Who says it: the identifier of a process with its number, or the name of a file.
    pub who: String,
    /// The unit, for what stands in the journal.
    pub unit: Option<String>,
    /// From 0, an emergency, to 7, of use to developers only.
    pub priority: Option<u8>,
    /// What is said.
    pub text: String,
}

/// Files with logs, each with its role: what the directives of the rendered configuration name.
#[must_use]
pub fn files(stack: &Stack, date: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for resource in &stack.resources {
        for content in resource
            .spec
            .rendered(date)
            .into_iter()
            .filter_map(|file| file.content)
        {
            named(
                &String::from_utf8_lossy(&content),
                &resource.role,
                &mut files,
            );
        }
    }
    files
}

/// Adds the files that a text names.
fn named(text: &str, role: &str, files: &mut Vec<(String, String)>) {
    for line in text.lines() {
        let words: Vec<&str> = line
            .split(|c: char| c.is_whitespace() || "=;".contains(c))
            .filter(|word| !word.is_empty())
            .collect();
        if let [
            "access_log" | "error_log" | "slow_query_log_file" | "log_error",
            path,
            ..,
        ] = words[..]
            && path.starts_with('/')
            && !files.iter().any(|(_, known)| known == path)
        {
            files.push((role.to_owned(), path.to_owned()));
        }
    }
}

/// The script that prints the lines [`Reader`] reads; none if the role has no logs.
#[must_use]
pub fn script(units: &Units, files: &[(String, String)], query: &Query) -> Option<Script> {
    let wanted = |role: &str| query.role.as_deref().is_none_or(|one| one == role);
    let names: Vec<&str> = match &query.role {
        Some(role) => units.of(role).iter().map(String::as_str).collect(),
        None => units.all().map(|(_, unit)| unit).collect(),
    };
    let units: Vec<String> = names.iter().map(|unit| format!("--unit={unit}")).collect();
    let files = files.iter().filter(|(role, _)| wanted(role));
    let files: Vec<&str> = files.map(|(_, path)| path.as_str()).collect();
    if units.is_empty() && files.is_empty() {
        return None;
    }
    let lines = query.lines.map(|lines| lines.to_string());
    let mut options: Vec<String> = units;
    options.extend(query.since.as_ref().map(|since| format!("--since={since}")));
    if let Some(lines) = &lines {
        options.push(format!("--lines={lines}"));
    }
    options.extend(query.follow.then(|| "--follow".to_owned()));
    let mut script = Script::new();
    script
        .assign("lines", lines.as_deref().unwrap_or("50"))
        .assign("follow", if query.follow { "yes" } else { "" })
        .raw(include_str!("logs.sh"));
    script.call(
        "show_logs",
        files
            .into_iter()
            .chain(["--"])
            .chain(options.iter().map(String::as_str)),
    );
    Some(script)
}

/// An entry of the journal as journalctl(1) prints it.
#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    time: Option<String>,
    #[serde(rename = "SYSLOG_IDENTIFIER")]
    identifier: Option<String>,
    #[serde(rename = "_PID")]
    process: Option<String>,
    #[serde(rename = "_SYSTEMD_UNIT")]
    unit: Option<String>,
    /// The unit a message of systemd itself is about.
    #[serde(rename = "UNIT")]
    about: Option<String>,
    #[serde(rename = "PRIORITY")]
    priority: Option<String>,
    #[serde(rename = "MESSAGE")]
    message: Option<Message>,
}

/// Text, or bytes that are none.
#[derive(Deserialize)]
#[serde(untagged)]
enum Message {
    Text(String),
    Bytes(Vec<u8>),
}

/// Reads what the script prints.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    /// The units of the stack.
    pub units: &'a Units,
    /// The files of the stack, as [`files`] found them.
    pub files: &'a [(String, String)],
}

impl Reader<'_> {
    /// A line; none if it is not one of a log.
    #[must_use]
    pub fn line(&self, line: &str) -> Option<Line> {
        let fields: Vec<&str> = line.splitn(3, '\x1f').collect();
        if let ["file", path, text] = fields[..] {
            let role = self.files.iter().find(|(_, known)| known == path);
            return Some(Line {
                role: role.map(|(role, _)| role.clone()).unwrap_or_default(),
                who: path.rsplit('/').next().unwrap_or(path).to_owned(),
                text: text.to_owned(),
                ..Line::default()
            });
        }
        let entry: Entry = serde_json::from_str(line).ok()?;
        let unit = entry.about.or(entry.unit);
        let identifier = entry.identifier.unwrap_or_else(|| "?".to_owned());
        Some(Line {
            time: entry.time.and_then(|time| time.parse().ok()),
            role: unit
                .as_deref()
                .map(|unit| self.units.role(unit))
                .unwrap_or_default(),
            who: match entry.process {
                Some(process) => format!("{identifier}[{process}]"),
                None => identifier,
            },
            unit,
            priority: entry.priority.and_then(|priority| priority.parse().ok()),
            text: match entry.message {
                Some(Message::Text(text)) => text,
                Some(Message::Bytes(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
                None => String::new(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units() -> Units {
        Units::of_roles(&[
            ("app", &["foobar-app.service"]),
            ("web", &["nginx.service"]),
        ])
    }

    #[test]
    fn an_entry_and_a_line_of_a_file_are_read() {
        let units = units();
        let files = [("web".to_owned(), "/var/log/nginx/error.log".to_owned())];
        let reader = Reader {
            units: &units,
            files: &files,
        };
        let entry = r#"{"__REALTIME_TIMESTAMP":"1795376400000001","SYSLOG_IDENTIFIER":"foobar-app","_PID":"7","_SYSTEMD_UNIT":"foobar-app.service","PRIORITY":"3","MESSAGE":"it broke"}"#;
        let line = reader.line(entry).unwrap();
        assert_eq!(
            (line.role.as_str(), line.who.as_str(), line.text.as_str()),
            ("app", "foobar-app[7]", "it broke")
        );
        assert_eq!(
            (line.time, line.priority),
            (Some(1_795_376_400_000_001), Some(3))
        );
        let about = r#"{"SYSLOG_IDENTIFIER":"systemd","_SYSTEMD_UNIT":"init.scope","UNIT":"nginx.service","MESSAGE":[104,105,255]}"#;
        let line = reader.line(about).unwrap();
        assert_eq!(
            (line.role.as_str(), line.text.as_str()),
            ("web", "hi\u{fffd}")
        );
        let line = reader
            .line("file\u{1f}/var/log/nginx/error.log\u{1f}2026 [crit] a\u{1f}b")
            .unwrap();
        assert_eq!(
            (line.role.as_str(), line.who.as_str(), line.text.as_str()),
            ("web", "error.log", "2026 [crit] a\u{1f}b")
        );
        assert_eq!(reader.line("-- No entries --"), None);
    }

    #[test]
    fn only_what_was_asked_for_is_shown() {
        let files = [("web".to_owned(), "/var/log/nginx/error.log".to_owned())];
        let query = |role: &str| Query {
            role: Some(role.to_owned()),
            since: Some("-5m".to_owned()),
            ..Query::default()
        };
        let app = script(&units(), &files, &query("app")).unwrap();
        let last = app.as_str().lines().last().unwrap();
        assert_eq!(
            last,
            "show_logs -- '--unit=foobar-app.service' '--since=-5m'"
        );
        let web = script(&units(), &files, &query("web")).unwrap();
        assert!(
            web.as_str()
                .contains("show_logs /var/log/nginx/error.log -- '--unit=nginx.service'")
        );
        assert_eq!(script(&units(), &files, &query("tls")), None);
    }
}
