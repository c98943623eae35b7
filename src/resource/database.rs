//! Databases.

use super::probe::fields;
use super::{
    Action, Change, Data, Delta, Diff, EntryError, Kind, Materials, Observed, Owned, Phase, Probe,
    Surroundings, Work, sql, variables,
};
use crate::shell::Script;
use crate::types::AccountName;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// A database that should be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    name: AccountName,
    charset: String,
    collation: String,
    unit: String,
    /// Settings of the server: name and value.
    variables: Vec<(String, String)>,
}

/// The fields of `[[database]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    name: AccountName,
    charset: String,
    collation: String,
    /// The unit of the database server.
    unit: String,
    /// The template of the server's settings, where `variables` have their values.
    template: Option<String>,
    /// System variables that can be changed while the server runs: somebody may have.
    #[serde(default)]
    variables: Vec<String>,
}

/// A database as the server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    charset: String,
    collation: String,
    /// The variables that were asked for, as they are now.
    variables: BTreeMap<String, String>,
}

/// What the first line of a database probe says of the server itself.
pub(super) fn not_up<T>(reply: &str, unit: &str) -> Option<Observed<T>> {
    match reply.lines().next() {
        Some("up") => None,
        Some("none") => Some(Observed::Absent),
        Some("down") => Some(Observed::Hidden {
            unit: unit.to_owned(),
        }),
        _ => Some(Observed::unknown(
            "the database server did not answer the probe",
        )),
    }
}

impl Database {
    /// The variables that are not what the file sets: name, value of the file, value now.
    fn changed<'a>(&'a self, schema: &'a Schema) -> Vec<(&'a str, &'a str, &'a str)> {
        self.variables
            .iter()
            .filter_map(|(name, value)| {
                let running = schema.variables.get(name)?;
                (!variables::same(value, running)).then_some((
                    name.as_str(),
                    value.as_str(),
                    running.as_str(),
                ))
            })
            .collect()
    }
}

impl Kind for Database {
    const NAME: &'static str = "database";
    const LIBRARY: &'static str = include_str!("database.sh");
    const REACTS: bool = true;
    type Entry = Entry;
    type State = Schema;

    fn build(entry: Entry, materials: &dyn Materials) -> Result<Self, EntryError> {
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        for (field, value) in [("charset", &entry.charset), ("collation", &entry.collation)] {
            if value.is_empty() || !plain(value) {
                return Err(EntryError::field(
                    field,
                    format!("`{value}` is not a {field}"),
                ));
            }
        }
        let settings = match &entry.template {
            Some(template) => materials.template(template)?,
            None => String::new(),
        };
        let set = |name: String| {
            if name.is_empty() || !plain(&name) {
                let message = format!("`{name}` is not the name of a variable");
                return Err(EntryError::field("variables", message));
            }
            let Some(value) = variables::setting(&settings, &name) else {
                let message = format!("the template does not set `{name}`");
                return Err(EntryError::field("variables", message));
            };
            let value = value.to_owned();
            Ok((name, value))
        };
        Ok(Self {
            variables: entry
                .variables
                .into_iter()
                .map(set)
                .collect::<Result<_, _>>()?,
            name: entry.name,
            charset: entry.charset,
            collation: entry.collation,
            unit: entry.unit,
        })
    }

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn probe(batch: &[&Self], _: &Probe, script: &mut Script) {
        let names: Vec<String> = batch
            .iter()
            .map(|database| sql::string(database.name.as_str()))
            .collect();
        let mut query = format!(
            "SELECT CONCAT_WS(CHAR(31), SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME) \
             FROM information_schema.SCHEMATA WHERE SCHEMA_NAME IN ({})",
            names.join(", ")
        );
        let asked: BTreeSet<&str> = batch
            .iter()
            .flat_map(|database| &database.variables)
            .map(|(name, _)| name.as_str())
            .collect();
        for name in asked {
            let (text, name) = (sql::string(name), sql::name(name));
            query.push_str(&format!(
                "; SELECT CONCAT_WS(CHAR(31), {text}, @@GLOBAL.{name})"
            ));
        }
        script.call("probe_database", [query]);
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<Schema>> {
        let running: BTreeMap<String, String> = reply
            .lines()
            .filter_map(fields::<2>)
            .map(|[name, value]| (name.to_owned(), value.to_owned()))
            .collect();
        let schemas: BTreeMap<&str, Schema> = reply
            .lines()
            .filter_map(fields::<3>)
            .map(|[name, charset, collation]| {
                (
                    name,
                    Schema {
                        charset: charset.to_owned(),
                        collation: collation.to_owned(),
                        variables: running.clone(),
                    },
                )
            })
            .collect();
        batch
            .iter()
            .map(|database| {
                not_up(reply, &database.unit).unwrap_or_else(|| {
                    let found = schemas.get(database.name.as_str()).cloned();
                    found.map_or(Observed::Absent, Observed::Present)
                })
            })
            .collect()
    }

    fn applied(&self, _: &Observed<Schema>, _: &Surroundings<'_>) -> Observed<Schema> {
        Observed::Present(Schema {
            charset: self.charset.clone(),
            collation: self.collation.clone(),
            variables: self.variables.iter().cloned().collect(),
        })
    }

    fn compare(&self, observed: &Observed<Schema>, around: &Surroundings<'_>) -> Option<Delta> {
        let Observed::Present(schema) = observed else {
            return Some(Delta::create([
                ("charset", self.charset.clone()),
                ("collation", self.collation.clone()),
            ]));
        };
        let mut diff = Diff::default();
        diff.compare("charset", Some(&schema.charset), Some(&self.charset))
            .compare("collation", Some(&schema.collation), Some(&self.collation));
        let because = if diff.is_empty() {
            "a variable was changed while the server runs"
        } else {
            "it differs from the inventory"
        };
        // Who starts anew reads the file.
        let restarts = around.changes.iter().any(|change| {
            change.id.kind == "service"
                && change.id.name == self.unit
                && change.action == Action::Restart
        });
        if !restarts {
            for (name, value, running) in self.changed(schema) {
                diff.compare(name, Some(running), Some(value));
            }
        }
        (!diff.is_empty()).then(|| Delta::quiet(Action::Update, because, diff))
    }

    fn owned(&self) -> Vec<Owned> {
        vec![Owned::Data(Data::Database(self.name.clone()))]
    }

    fn work(
        &self,
        observed: &Observed<Schema>,
        change: &Change,
        _: &Surroundings<'_>,
        work: &mut Work,
    ) {
        let name = sql::name(self.name.as_str());
        let how = format!("CHARACTER SET {} COLLATE {}", self.charset, self.collation);
        let mut statements = String::new();
        let agrees =
            |schema: &Schema| schema.charset == self.charset && schema.collation == self.collation;
        // What is in order is not touched: to alter a database waits for all who use it.
        if !observed.present().is_some_and(agrees) {
            statements.push_str(&format!(
                "CREATE DATABASE IF NOT EXISTS {name} {how};\nALTER DATABASE {name} {how};\n"
            ));
        }
        if observed
            .present()
            .is_some_and(|schema| !self.changed(schema).is_empty())
        {
            // All of them: one may set another, as a character set does its collation.
            for (name, value) in &self.variables {
                let (name, value) = (sql::name(name), variables::literal(value));
                // MySQL can keep a variable beyond a restart, MariaDB skips this comment.
                statements.push_str(&format!(
                    "SET GLOBAL {name} = {value};\n/*!80000 RESET PERSIST IF EXISTS {name} */;\n"
                ));
            }
        }
        let mut script = Script::new();
        if observed.present().is_none() {
            let known = format!(
                "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {}",
                sql::string(self.name.as_str())
            );
            script.call("made_by_sql", ["database", self.name.as_str(), &known]);
        }
        script.call("run_sql", [statements]);
        work.step(Phase::Activate, &change.id, script);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{Impact, ResourceId};

    fn database() -> Database {
        Database {
            name: AccountName::new("foobar").unwrap(),
            charset: "utf8mb4".into(),
            collation: "utf8mb4_bin".into(),
            unit: "mysql.service".into(),
            variables: vec![("max_allowed_packet".into(), "64M".into())],
        }
    }

    fn compare(packet: u32, changes: &[Change]) -> Option<Delta> {
        let reply =
            format!("up\nfoobar\x1futf8mb4\x1futf8mb4_bin\nmax_allowed_packet\x1f{packet}\n");
        let found = Database::observe(&[&database()], &Probe::new("s".into()), &reply).remove(0);
        let around = Surroundings {
            now: 0,
            date: "20260101",
            changes,
        };
        database().compare(&found, &around)
    }

    #[test]
    fn a_variable_changed_at_run_time_is_set_back_unless_the_server_restarts() {
        assert_eq!(compare(67_108_864, &[]), None);
        let delta = compare(1024, &[]).unwrap();
        assert_eq!((delta.action, delta.impact), (Action::Update, Impact::None));
        assert_eq!(delta.diff.fields[0].before.as_deref(), Some("1024"));
        let restart = Change {
            id: ResourceId {
                kind: "service",
                name: "mysql.service".into(),
            },
            role: "database".into(),
            action: Action::Restart,
            impact: Impact::Restart,
            because: String::new(),
            diff: Diff::default(),
        };
        assert_eq!(compare(1024, &[restart]), None);
    }
}
