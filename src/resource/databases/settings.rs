//! Settings of a database server that runs: what it runs with, and what of a new file can be set
//! without starting it anew. What that is, the server itself says, of each value.

use super::sql;
use super::variables::{self, Settings};
use crate::resource::service::live::{self, LiveSettings};
use crate::resource::vocabulary::probe::{decode, fields};
use crate::resource::{EntryError, FieldChange, Materials};
use crate::shell::Script;
use crate::types::AbsolutePath;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The fields of `[service.live]`: the unit is a server of MySQL or MariaDB, and variables that
/// this file sets are set while it runs, if the server lets them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The file of settings.
    path: AbsolutePath,
    /// The template of its text.
    template: String,
    /// Variables of it that somebody may have set while the server runs. What the server rounds
    /// does not belong here.
    #[serde(default)]
    variables: Vec<String>,
}

/// A file whose variables are set while the server runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    path: AbsolutePath,
    text: String,
    settings: Settings,
    watched: Vec<String>,
}

/// What a server that runs needs, so that what it runs is what the file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Need {
    /// Whether it is known what the server has taken of the file: then neither the age of the
    /// file nor a change of it says anything more.
    known: bool,
    /// Why it has to be started anew, if it has to.
    restart: Option<String>,
    /// Why something is to be done while it runs.
    because: &'static str,
    /// What is to be set while it runs.
    set: Vec<Assignment>,
    /// Variables of ours that MySQL would start with whatever the file says, and their values.
    persisted: Vec<(String, String)>,
    /// The statement that sets it, and the one that sets it back.
    statements: [String; 2],
    /// What has to be noted of the server before the file is touched: the start it has had, and
    /// what it is known to have taken then or since.
    taken: Vec<String>,
}

/// A variable to be set.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Assignment {
    name: String,
    now: String,
    value: String,
}

/// What the server says of itself.
#[derive(Debug, Default)]
struct Answers<'a> {
    values: BTreeMap<&'a str, &'a str>,
    /// Variables that would take the value of the file now.
    able: BTreeSet<&'a str>,
    persisted: BTreeMap<&'a str, &'a str>,
}

/// No server has it. A statement sets all it names or nothing, so that one which names this
/// asks whether the rest of it would be taken, and changes nothing.
const NOWHERE: &str = "GLOBAL character_set_server = 'foobar-stack asks'";
/// What the server then has to say: the character set is unknown (1115), and nothing else, not
/// even that it would cut the value off (1292).
const WOULD_TAKE: &str = "Error\t1115\t";
const WOULD_CUT: &str = "Warning\t1292\t";

impl LiveSettings for ServerSettings {
    type Entry = Entry;
    const PROBE_SHELL: [&'static str; 2] = [sql::CLIENT, include_str!("settings/probe.sh")];
    const STEP_SHELL: [&'static str; 3] =
        [sql::CLIENT, sql::STEPS, include_str!("settings/steps.sh")];

    fn build(entry: Entry, materials: &dyn Materials) -> Result<Self, EntryError> {
        let text = materials.template(&entry.template)?;
        let settings = Settings::parse(&text);
        for name in &entry.variables {
            if settings.get(name).is_none() {
                let message = format!("the template does not set `{name}`");
                return Err(EntryError::field("variables", message));
            }
        }
        Ok(Self {
            path: entry.path,
            text,
            settings,
            watched: entry.variables,
        })
    }

    fn path(&self) -> &AbsolutePath {
        &self.path
    }

    fn probe(&self, unit: &str, script: &mut Script) {
        // A statement that fails takes the others of its line with it.
        let mut lines = String::from("SELECT 'up';\n");
        let plain = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        for (name, value) in self.settings.of_server().filter(|(name, _)| plain(name)) {
            let (text, name) = (sql::string(name), sql::name(name));
            let value = variables::literal(value);
            lines.push_str(&format!(
                "SELECT CONCAT_WS(CHAR(31), 'value', {text}, @@GLOBAL.{name});\n\
                 SELECT CONCAT_WS(CHAR(31), 'ask', {text});\n\
                 SET GLOBAL {name} = {value}, {NOWHERE};\n\
                 SHOW WARNINGS;\n"
            ));
        }
        lines.push_str(
            "/*!80000 SELECT CONCAT_WS(CHAR(31), 'persisted', VARIABLE_NAME, VARIABLE_VALUE) \
             FROM performance_schema.persisted_variables */;\nSELECT 'end';\n",
        );
        script.call("ask_settings", [unit, self.path.as_str(), &lines]);
    }

    fn need(&self, unit: &str, reply: &str, start: &str, newer: bool) -> Option<live::Need> {
        let need = self.find(unit, reply, start, newer)?;
        Some(need.of_service(unit, self))
    }

    fn note_taken(&self, unit: &str, script: &mut Script) {
        script.call("settings_taken", [unit, self.path.as_str()]);
    }
}

impl ServerSettings {
    /// What the server of this unit needs by what the probe found; none if it does not answer.
    /// `start` is what systemd calls the start it has had; `newer` says whether the file was
    /// changed after it.
    fn find(&self, unit: &str, reply: &str, start: &str, newer: bool) -> Option<Need> {
        let lines = || {
            let all = reply.lines().filter_map(fields::<3>);
            all.filter(|[_, of, _]| *of == unit)
        };
        let text = |word: &str| {
            let encoded = lines().find(|[first, ..]| *first == word)?[2];
            String::from_utf8(decode(encoded)?).ok()
        };
        let heard: Vec<&str> = reply
            .lines()
            .filter_map(|line| line.strip_prefix("answers\x1f")?.split_once('\x1f'))
            .filter(|(of, _)| *of == unit)
            .map(|(_, line)| line)
            .collect();
        let answers = Answers::read(&heard)?;

        let mut noted = lines().filter(|[first, ..]| *first == "noted");
        let known: Option<Vec<String>> = if noted.next().is_some_and(|line| line[2] == start) {
            let text = |line: [&str; 3]| String::from_utf8(decode(line[2])?).ok();
            noted.map(text).collect()
        } else if newer {
            None
        } else {
            text("settings").map(|text| vec![text])
        };
        Some(self.compare(&answers, known, start))
    }

    fn compare(&self, answers: &Answers<'_>, known: Option<Vec<String>>, start: &str) -> Need {
        let mut need = Need {
            known: known.is_some(),
            ..Need::default()
        };
        let mut names = BTreeSet::new();
        for text in known.iter().flatten() {
            if *text != self.text {
                need.because = "its new settings can be set while it runs, for new connections";
            }
            let taken = Settings::parse(text);
            names.extend(taken.changed(&self.settings).map(str::to_owned));
            if let Some(name) = taken.dropped(&self.settings) {
                let why = format!("{name} is no longer set, and has its default from a start on");
                need.restart.get_or_insert(why);
            }
        }
        let running = |name: &str| answers.values.get(name).copied();
        let differs = |name: &str| match (self.settings.get(name), running(name)) {
            (Some(value), Some(now)) => !variables::same(value, now),
            _ => true,
        };
        let drifted: Vec<&String> = self.watched.iter().filter(|name| differs(name)).collect();
        let persisted = answers.persisted.iter();
        need.persisted = persisted
            .filter(|(name, _)| self.settings.get(name).is_some())
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        if need.because.is_empty() && !need.persisted.is_empty() {
            need.because = "MySQL would start with values of its own, not with those of the file";
        } else if need.because.is_empty() && !drifted.is_empty() {
            need.because = "a variable was changed while it runs";
        }
        names.extend(drifted.into_iter().cloned());
        names.extend(need.persisted.iter().map(|(name, _)| name.clone()));
        for name in names.into_iter().filter(|name| differs(name)) {
            match (self.settings.get(&name), running(&name)) {
                (Some(value), Some(now)) if answers.able.contains(name.as_str()) => {
                    let (now, value) = (now.to_owned(), value.to_owned());
                    need.set.push(Assignment { name, now, value });
                }
                _ => {
                    let why = format!("{name} cannot be set to that while it runs");
                    need.restart.get_or_insert(why);
                }
            }
        }
        need.statements = self.statements(answers, &need);
        let texts = known.into_iter().flatten();
        let texts = texts.map(|text| BASE64_STANDARD.encode(text));
        need.taken = std::iter::once(start.to_owned()).chain(texts).collect();
        need
    }

    /// What sets all that is to be set, and what sets it back.
    fn statements(&self, answers: &Answers<'_>, need: &Need) -> [String; 2] {
        let (mut there, mut back) = (Vec::new(), Vec::new());
        if need.restart.is_none() && !need.set.is_empty() {
            let is_set = |name: &str| need.set.iter().any(|one| one.name == name);
            // Those that were looked at, too: one may set another, as a character set does its
            // collation, which stands behind it.
            let all = self.settings.of_server().filter(|(name, _)| {
                is_set(name)
                    || answers.able.contains(name) && self.watched.iter().any(|one| one == name)
            });
            let (mut to, mut from) = (Vec::new(), Vec::new());
            for (name, value) in all {
                let now = answers.values.get(name).copied().unwrap_or_default();
                let name = sql::name(name);
                to.push(format!("GLOBAL {name} = {}", variables::literal(value)));
                from.push(format!("GLOBAL {name} = {}", variables::literal(now)));
            }
            there.push(format!("SET {}", to.join(", ")));
            back.push(format!("SET {}", from.join(", ")));
        }
        for (name, value) in &need.persisted {
            let name = sql::name(name);
            let value = variables::literal(value);
            there.push(format!("RESET PERSIST IF EXISTS {name}"));
            back.push(format!("SET PERSIST_ONLY {name} = {value}"));
        }
        [there.join("; "), back.join("; ")]
    }
}

impl Need {
    /// Whether there is something to do while the server runs, and why.
    fn because(&self) -> Option<&'static str> {
        (!self.because.is_empty()).then_some(self.because)
    }

    /// The same for the service of this unit: with what it shows, and the steps.
    fn of_service(&self, unit: &str, settings: &ServerSettings) -> live::Need {
        let [there, back] = &self.statements;
        let (mut note, mut take, mut forget) = (Script::new(), Script::new(), Script::new());
        let taken = self.taken.iter().map(String::as_str);
        note.call("note_taken", std::iter::once(unit).chain(taken));
        take.call("take_settings", [unit, settings.path.as_str(), there, back]);
        if !self.persisted.is_empty() {
            forget.call("forget_settings", [unit, there, back]);
        }
        let set = self.set.iter().map(|one| FieldChange {
            name: one.name.clone(),
            before: Some(one.now.clone()),
            after: Some(one.value.clone()),
        });
        let persisted = self.persisted.iter().map(|(name, value)| FieldChange {
            name: format!("{name}, kept by MySQL"),
            before: Some(value.clone()),
            after: None,
        });
        let rests = self.restart.is_none() && !(self.set.is_empty() && self.persisted.is_empty());
        live::Need {
            known: self.known,
            restart: self.restart.clone(),
            because: self.because(),
            until_start: set.collect(),
            beyond_start: persisted.collect(),
            fingerprint: rests.then(|| format!("{:?}{:?}", self.set, self.persisted)),
            note,
            take,
            forget,
        }
    }
}

impl<'a> Answers<'a> {
    /// Reads them; none if they break off.
    fn read(lines: &[&'a str]) -> Option<Self> {
        let mut lines = lines.iter().copied();
        (lines.next()? == "up").then_some(())?;
        let mut answers = Self::default();
        let mut asked = None;
        for line in lines {
            match fields::<3>(line) {
                Some(["value", name, value]) => {
                    answers.values.insert(name, value);
                    continue;
                }
                Some(["persisted", name, value]) => {
                    answers.persisted.insert(name, value);
                    continue;
                }
                _ => {}
            }
            match fields::<2>(line) {
                Some(["ask", name]) => asked = Some((name, false)),
                _ if line == "end" => return Some(answers),
                _ => {
                    if let Some((name, cut)) = asked {
                        if line.starts_with(WOULD_TAKE) && !cut {
                            answers.able.insert(name);
                        }
                        asked = Some((name, cut || line.starts_with(WOULD_CUT)));
                    }
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "[mysqld]\nmax_connections = 100\npool = 1G\nzone = UTC\n";

    fn settings(text: &str) -> ServerSettings {
        ServerSettings {
            path: AbsolutePath::new("/etc/my.cnf").unwrap(),
            text: text.to_owned(),
            settings: Settings::parse(text),
            watched: vec!["max_connections".to_owned()],
        }
    }

    /// What the server says: of the number of connections, and that only that can be set.
    fn answers(connections: &str, more: &str) -> String {
        let said = format!(
            "up\nvalue\x1fmax_connections\x1f{connections}\nask\x1fmax_connections\n\
             Error\t1115\tUnknown character set\n\
             value\x1fpool\x1f1073741824\nask\x1fpool\nWarning\t1292\tTruncated\n\
             Error\t1115\tUnknown character set\n\
             ask\x1fzone\nError\t1193\tUnknown system variable\n{more}end\n"
        );
        let line = |line| format!("answers\x1fdb.service\x1f{line}\n");
        said.lines().map(line).collect()
    }

    fn file(text: &str) -> String {
        format!(
            "settings\x1fdb.service\x1f{}\n",
            BASE64_STANDARD.encode(text)
        )
    }

    fn noted(start: &str, texts: &[&str]) -> String {
        let mut lines = format!("noted\x1fdb.service\x1f{start}\n");
        for text in texts {
            let text = BASE64_STANDARD.encode(text);
            lines.push_str(&format!("noted\x1fdb.service\x1f{text}\n"));
        }
        lines
    }

    fn need(wanted: &str, reply: &str, newer: bool) -> Need {
        settings(wanted)
            .find("db.service", reply, "7", newer)
            .unwrap()
    }

    #[test]
    fn what_the_server_would_take_is_set_and_the_rest_takes_a_start() {
        let more = OLD.replace("100", "200");
        for (wanted, set, restart) in [
            (OLD, "", None),
            (&*more, "SET GLOBAL `max_connections` = 200", None),
            // What differs in form alone is nothing, but has to be noted.
            (&*OLD.replace("1G", "1024M # size"), "", None),
            (&*OLD.replace("1G", "2G"), "", Some("pool cannot be set")),
            (&*OLD.replace("UTC", "CET"), "", Some("zone cannot be set")),
            (
                &*more.replace("zone = UTC\n", ""),
                "",
                Some("zone is no longer set"),
            ),
            (
                &*format!("{OLD}[client]\nx = 1\n"),
                "",
                Some("x cannot be set"),
            ),
        ] {
            let need = need(wanted, &(file(OLD) + &answers("100", "")), false);
            assert!(need.known);
            assert_eq!(need.statements[0], set, "{wanted}");
            assert_eq!(need.because().is_some(), wanted != OLD, "{wanted}");
            match (restart, &need.restart) {
                (None, None) => {}
                (Some(words), Some(why)) => assert!(why.starts_with(words), "{why}"),
                (_, why) => panic!("{wanted}: {why:?}"),
            }
        }
        let need = need(&more, &(file(OLD) + &answers("100", "")), false);
        assert_eq!(need.statements[1], "SET GLOBAL `max_connections` = 100");
    }

    #[test]
    fn a_server_is_known_by_the_note_of_its_start_or_by_the_age_of_the_file() {
        let new = OLD.replace("100", "200");
        let say = answers("200", "");
        let with = |note: &str| format!("{note}{}{say}", file(&new));
        // It was set while it runs, and that was noted.
        assert_eq!(
            need(&new, &with(&noted("7", &[&new])), true).because(),
            None
        );
        // It was not: killed in between.
        let killed = need(&new, &with(&noted("7", &[OLD])), true);
        assert!(killed.known && killed.because().is_some());
        let pool = new.replace("1G", "2G");
        assert!(
            need(&new, &with(&noted("7", &[&new, &pool])), true)
                .because()
                .is_some()
        );
        // The note is of another start, and the file is newer than this one, or not.
        assert!(!need(&new, &with(&noted("6", &[&new])), true).known);
        let started = need(&new, &with(&noted("6", &[OLD])), false);
        assert!(started.known && started.because().is_none());
        // Nobody answers.
        assert_eq!(
            settings(OLD).find("db.service", &file(OLD), "7", false),
            None
        );
        let cut = "answers\x1fdb.service\x1fup\n";
        assert_eq!(settings(OLD).find("db.service", cut, "7", false), None);
    }

    #[test]
    fn what_was_changed_while_it_runs_or_is_kept_by_mysql_is_set_back() {
        let drifted = need(OLD, &(file(OLD) + &answers("7", "")), false);
        assert_eq!(
            drifted.because(),
            Some("a variable was changed while it runs")
        );
        assert_eq!(drifted.statements[0], "SET GLOBAL `max_connections` = 100");
        assert_eq!(drifted.statements[1], "SET GLOBAL `max_connections` = 7");

        let kept = "persisted\x1fmax_connections\x1f7\npersisted\x1fother\x1f1\n";
        let only = need(OLD, &(file(OLD) + &answers("100", kept)), false);
        assert_eq!(
            only.statements[0],
            "RESET PERSIST IF EXISTS `max_connections`"
        );
        assert_eq!(only.statements[1], "SET PERSIST_ONLY `max_connections` = 7");
        let both = need(OLD, &(file(OLD) + &answers("7", kept)), false);
        assert_eq!(
            both.statements[0],
            "SET GLOBAL `max_connections` = 100; RESET PERSIST IF EXISTS `max_connections`"
        );
        let shown = both.of_service("db.service", &settings(OLD));
        assert_eq!(
            shown.until_start.len(),
            1,
            "a start brings the value of the file"
        );
        assert_eq!(shown.beyond_start.len(), 1);
        // What it cannot set while it runs, it has had since its start.
        let kept = answers("100", "persisted\x1fzone\x1fCET\n");
        let start = need(OLD, &(file(OLD) + &kept), false);
        assert!(start.restart.is_some());
        assert_eq!(start.statements[0], "RESET PERSIST IF EXISTS `zone`");
    }
}
