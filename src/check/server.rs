//! The questions that only the server can answer, as one script, and its replies.

use super::certificate::Stored;
pub use super::section::Section;
use super::{Check, Question};
use crate::host::STATE;
use crate::shell::Script;
use crate::systemd::{ASK_UNITS, SHOW_UNITS};
use std::collections::BTreeMap;

/// The key of the section about all units.
const UNITS: &str = "units";

/// A text that no reply can hold by chance: it marks the replies, and is what the database is
/// given to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// Makes one from random bits.
    #[must_use]
    pub fn new(bits: u128) -> Self {
        Self(format!("{bits:032x}"))
    }

    /// The text: 32 hexadecimal digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Every reply, by the key of its question.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sections(BTreeMap<String, Section>);

/// The script that asks all that is to be asked on the server. `limit` is in seconds and for
/// each question; none of these checks gives an empty script.
#[must_use]
pub fn script(checks: &[&Check], nonce: &Nonce, limit: u64) -> Script {
    let mut questions = Script::new();
    let units = units(checks);
    if !units.is_empty() {
        questions.assign("key", UNITS);
        questions.call(ASK_UNITS, units);
    }
    for (place, check) in checks.iter().enumerate() {
        match &check.question {
            Question::Database(database) => {
                questions.assign("key", &place.to_string());
                questions.call("ask sh -c", database.words(nonce.as_str()));
            }
            Question::Cache(cache) => {
                questions.assign("key", &place.to_string());
                questions.call("ask", cache.words());
            }
            Question::Deployment(deployment) => {
                questions.assign("key", &place.to_string());
                let program = format!("{SHOW_UNITS}{}", include_str!("deployment.sh"));
                let words = [program, "sh".to_owned()].into_iter();
                questions.call("ask sh -c", words.chain(deployment.words()));
            }
            Question::Backup(backup) => {
                questions.assign("key", &place.to_string());
                questions.call("ask sh -c", backup.words());
            }
            Question::Certificate(certificate) => {
                if let Some(path) = &certificate.path {
                    questions.assign("key", &place.to_string());
                    let program = include_str!("fingerprint.sh");
                    let record = certificate
                        .order()
                        .map(|name| format!("{STATE}/certificates/{name}"));
                    let words = [program, "sh", path.as_str()].into_iter();
                    questions.call("ask sh -c", words.chain(record.as_deref()));
                }
            }
            _ => {}
        }
    }
    if questions.is_empty() {
        return questions;
    }
    let mut script = Script::new();
    script
        .assign("mark", nonce.as_str())
        .assign("limit", &limit.to_string())
        .raw(include_str!("ask.sh"))
        .append(&questions);
    script
}

/// How many time limits [`script`] may take, all in all.
#[must_use]
pub fn questions(checks: &[&Check]) -> u32 {
    let single = checks.iter().map(|check| match &check.question {
        Question::Certificate(certificate) => u32::from(certificate.path.is_some()),
        Question::Database(_)
        | Question::Cache(_)
        | Question::Deployment(_)
        | Question::Backup(_) => 1,
        _ => 0,
    });
    single.sum::<u32>() + u32::from(!units(checks).is_empty())
}

/// The script that shows the last lines of a unit's log.
#[must_use]
pub fn log_script(unit: &str, lines: usize) -> Script {
    let mut script = Script::new();
    script.call(
        "journalctl --quiet --no-pager --no-hostname --output=short-iso",
        ["--lines", &lines.to_string(), "--unit", unit],
    );
    script
}

fn units<'a>(checks: &[&'a Check]) -> Vec<&'a str> {
    let mut names = Vec::new();
    for check in checks {
        if let Question::Unit(unit) = &check.question
            && !names.contains(&unit.name.as_str())
        {
            names.push(unit.name.as_str());
        }
    }
    names
}

impl Sections {
    /// Reads what [`script`] wrote. A section without its end is left out: it proves nothing.
    #[must_use]
    pub fn read(stdout: &str, nonce: &Nonce) -> Self {
        let mut sections = BTreeMap::new();
        let mut open: Option<(String, Vec<&str>)> = None;
        for line in stdout.lines() {
            let mark = line
                .strip_prefix(nonce.as_str())
                .and_then(|rest| rest.trim_start().split_once(' '));
            match (mark, open.as_mut()) {
                (Some(("begin", key)), _) => open = Some((key.to_owned(), Vec::new())),
                (Some(("end", status)), Some(_)) => {
                    if let (Some((key, lines)), Ok(status)) = (open.take(), status.parse()) {
                        let output = lines.join("\n").trim_end().to_owned();
                        sections.entry(key).or_insert(Section { status, output });
                    }
                }
                (_, Some((_, lines))) => lines.push(line),
                (_, None) => {}
            }
        }
        Self(sections)
    }

    /// The reply about the unit that a check names, and its place in that reply.
    #[must_use]
    pub fn unit(&self, checks: &[&Check], name: &str) -> (Option<&Section>, usize) {
        let place = units(checks).iter().position(|&unit| unit == name);
        (self.0.get(UNITS), place.unwrap_or(usize::MAX))
    }

    /// The reply to the check at a place.
    #[must_use]
    pub fn check(&self, place: usize) -> Option<&Section> {
        self.0.get(&place.to_string())
    }

    /// The SHA-256 digest of the certificate on the server, in hexadecimal, for the check at a place.
    ///
    /// # Errors
    /// When the server did not give one, with the reason.
    pub fn certificate(&self, place: usize) -> Result<Stored<'_>, String> {
        match self.check(place) {
            None => Err("the server did not say".to_owned()),
            Some(Section { status: 0, output }) => match output.split_whitespace().next() {
                Some(digest) if digest.len() == 64 => {
                    let words = |word: &'static str| {
                        let lines = output.lines();
                        lines.filter_map(move |line| line.strip_prefix(word)?.strip_prefix(' '))
                    };
                    let mut origins = words("from").filter_map(|rest| rest.split_once(' '));
                    Ok(Stored {
                        digest,
                        authority: origins
                            .find_map(|(known, authority)| (known == digest).then_some(authority)),
                        because: words("because").next(),
                    })
                }
                _ => Err("the server did not say".to_owned()),
            },
            Some(failed) => Err(format!("reading it {}", failed.failure())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Digest;
    use std::process::Command;

    fn checks(entries: &[(&str, &str)]) -> Vec<Check> {
        entries
            .iter()
            .map(|(kind, entry)| Check::from_entry("role", kind, entry.parse().unwrap()).unwrap())
            .collect()
    }

    fn nonce() -> Nonce {
        Nonce::new(0xc0ffee << 64 | 7)
    }

    /// Runs a script with stand-ins for the programs of a server.
    fn run(script: &Script, programs: &[(&str, &str)]) -> String {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in programs {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&path, mode).unwrap();
        }
        let path = format!(
            "{}:{}",
            folder.path().display(),
            std::env::var("PATH").unwrap()
        );
        let output = Command::new("sh")
            .args(["-euc", script.as_str()])
            .env("PATH", path)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn nothing_to_ask_is_no_script() {
        let checks = checks(&[
            ("port", "port = 80"),
            ("certificate", "name = 'foobar.com'"),
        ]);
        let checks: Vec<&Check> = checks.iter().collect();
        assert!(script(&checks, &nonce(), 5).is_empty());
        assert_eq!(questions(&checks), 0);
    }

    #[test]
    fn units_are_asked_once_and_together() {
        let checks = checks(&[
            ("unit", "name = 'nginx.service'"),
            ("unit", "name = 'foobar@blue.service'"),
            ("unit", "name = 'nginx.service'\nhop = 'web'"),
        ]);
        let checks: Vec<&Check> = checks.iter().collect();
        assert_eq!(questions(&checks), 1);
        let stdout = run(
            &script(&checks, &nonce(), 5),
            &[("systemctl", "echo \"$@\"")],
        );
        let sections = Sections::read(&stdout, &nonce());
        let (section, place) = sections.unit(&checks, "foobar@blue.service");
        assert_eq!(place, 1);
        let output = &section.unwrap().output;
        assert!(
            output.ends_with("-- nginx.service foobar@blue.service"),
            "{output}"
        );
    }

    #[test]
    fn a_database_is_asked_as_the_account_or_as_root_if_that_has_a_password() {
        let checks = checks(&[(
            "database",
            "user = 'foobar'\ndatabase = 'foobar'\nclient = 'mysql'",
        )]);
        let checks: Vec<&Check> = checks.iter().collect();
        let asked = |how: &str| {
            let client = format!(
                "case $* in *SHOW*CREATE*) {how};; *read-only*REPLACE*) echo root writes;; esac"
            );
            let runuser = "case $* in *REPLACE*) echo $2 writes; exit 3;; esac";
            let script = script(&checks, &nonce(), 5);
            let stdout = run(&script, &[("mysql", &client), ("runuser", runuser)]);
            let reply = Sections::read(&stdout, &nonce()).check(0).cloned();
            reply.map(|reply| (reply.status, reply.output))
        };
        for (how, status, output) in [
            ("echo with auth_socket", 3, "foobar writes"),
            ("exit 1", 3, "foobar writes"),
            ("echo with a password", 0, "as root\nroot writes"),
        ] {
            assert_eq!(asked(how), Some((status, output.to_owned())), "{how}");
        }
    }

    #[test]
    fn a_question_that_hangs_has_an_end_and_the_next_is_asked() {
        let checks = checks(&[
            ("unit", "name = 'nginx.service'"),
            (
                "database",
                "user = 'foobar'\ndatabase = 'foobar'\nclient = 'mysql'",
            ),
        ]);
        let checks: Vec<&Check> = checks.iter().collect();
        let stdout = run(
            &script(&checks, &nonce(), 1),
            &[("systemctl", "exec sleep 20"), ("runuser", "echo here")],
        );
        let sections = Sections::read(&stdout, &nonce());
        let (units, _) = sections.unit(&checks, "nginx.service");
        assert_eq!(units.unwrap().failure(), "did not end in time");
        assert_eq!(sections.check(1).unwrap().output, "here");
    }

    #[test]
    fn the_digest_of_a_certificate_is_that_of_its_der() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("it's.pem");
        // "abc" and "abd" stand for a chain of two certificates.
        let pem = |body: &str| {
            format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
        };
        std::fs::write(&path, format!("text\n{}{}", pem("YWJj"), pem("YWJk"))).unwrap();
        let entry = format!("name = 'foobar.com'\npath = \"{}\"", path.display());
        let missing = "name = 'foobar.com'\npath = '/nonexistent/a.pem'";
        let checks = checks(&[("certificate", &entry), ("certificate", missing)]);
        let checks: Vec<&Check> = checks.iter().collect();
        let sections = Sections::read(&run(&script(&checks, &nonce(), 5), &[]), &nonce());
        let digest = sections.certificate(0).map(|stored| stored.digest);
        assert_eq!(digest, Ok(Digest::of(b"abc").as_str()));
        let reason = sections.certificate(1).unwrap_err();
        assert!(reason.contains("/nonexistent/a.pem"), "{reason}");
        assert!(sections.certificate(2).is_err());
    }

    #[test]
    fn a_section_without_its_end_is_no_reply() {
        let mark = nonce().as_str().to_owned();
        for text in [
            String::new(),
            format!("{mark} begin 0\nhalf"),
            format!("{mark} end 0\n"),
            format!("{mark} begin 0\nx\n{mark} end ?\n"),
            format!("{mark} begin 0\nx\n{mark} begin 1\ny\n"),
            "begin 0\nx\nend 0\n".to_owned(),
        ] {
            assert_eq!(
                Sections::read(&text, &nonce()),
                Sections::default(),
                "{text}"
            );
        }
        let text = format!("banner\n{mark} begin 0\nx\n\n{mark} end 0\n");
        let sections = Sections::read(&text, &nonce());
        assert_eq!(
            sections.check(0),
            Some(&Section {
                status: 0,
                output: "x".to_owned()
            })
        );
    }
}
