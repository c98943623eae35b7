//! Databases.

use super::probe::fields;
use super::{
    Change, Data, Delta, Diff, EntryError, Kind, Materials, Observed, Owned, Phase, Probe,
    Surroundings, Work, sql,
};
use crate::shell::Script;
use crate::types::AccountName;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A database that should be there.
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
    /// Roles of earlier versions, which servers keep with their generations, have the server's
    /// variables here. The service looks at them now.
    #[serde(rename = "template")]
    _template: Option<String>,
    /// The same.
    #[serde(default, rename = "variables")]
    _variables: Vec<String>,
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
    const REACTS: bool = true;
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
        Ok(Self {
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
