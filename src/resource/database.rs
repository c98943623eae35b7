//! Databases.

use super::probe::fields;
use super::{
    Change, Delta, Diff, EntryError, Kind, Materials, Observed, Phase, Probe, Surroundings, Work,
    sql,
};
use crate::shell::Script;
use crate::types::AccountName;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A database that should be there. It is never dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    name: AccountName,
    charset: String,
    collation: String,
    unit: String,
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
}

/// A database as the server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    charset: String,
    collation: String,
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

impl Kind for Database {
    const NAME: &'static str = "database";
    const LIBRARY: &'static str = include_str!("database.sh");
    type Entry = Entry;
    type State = Schema;

    fn build(entry: Entry, _: &dyn Materials) -> Result<Self, EntryError> {
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        for (field, value) in [("charset", &entry.charset), ("collation", &entry.collation)] {
            if value.is_empty() || !plain(value) {
                return Err(EntryError::field(
                    field,
                    format!("`{value}` is not a {field}"),
                ));
            }
        }
        let Entry {
            name,
            charset,
            collation,
            unit,
        } = entry;
        Ok(Self {
            name,
            charset,
            collation,
            unit,
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
        let query = format!(
            "SELECT CONCAT_WS(CHAR(31), SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME) \
             FROM information_schema.SCHEMATA WHERE SCHEMA_NAME IN ({})",
            names.join(", ")
        );
        script.call("probe_database", [query]);
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<Schema>> {
        let schemas: BTreeMap<&str, Schema> = reply
            .lines()
            .filter_map(fields::<3>)
            .map(|[name, charset, collation]| {
                (
                    name,
                    Schema {
                        charset: charset.to_owned(),
                        collation: collation.to_owned(),
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
        })
    }

    fn compare(&self, observed: &Observed<Schema>, _: &Surroundings<'_>) -> Option<Delta> {
        let Observed::Present(schema) = observed else {
            return Some(Delta::create([
                ("charset", self.charset.clone()),
                ("collation", self.collation.clone()),
            ]));
        };
        let mut diff = Diff::default();
        diff.compare("charset", Some(&schema.charset), Some(&self.charset))
            .compare("collation", Some(&schema.collation), Some(&self.collation));
        Delta::update(diff)
    }

    fn work(&self, _: &Observed<Schema>, change: &Change, _: &Surroundings<'_>, work: &mut Work) {
        let name = sql::name(self.name.as_str());
        let how = format!("CHARACTER SET {} COLLATE {}", self.charset, self.collation);
        let statements =
            format!("CREATE DATABASE IF NOT EXISTS {name} {how};\nALTER DATABASE {name} {how};\n");
        let mut script = Script::new();
        script.call("run_sql", [statements]);
        work.step(Phase::Activate, &change.id, script);
    }
}
