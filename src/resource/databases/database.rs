//! Databases.

use super::recorded::Recorded;
use super::sql;
use crate::resource::vocabulary::probe::fields;
use crate::resource::{
    Change, Claim, Conflict, Data, Delta, Diff, EntryError, ExecutionPlan, Kind, Materials,
    Observed, Owned, Phase, PlanContext, Probe,
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
    adopt: bool,
    convert: bool,
}

/// The table of each database in which a check leaves a row, again and again: a check that makes
/// a table would be a change of the schema each time, for replicas and in every log.
pub(crate) const CHECK_TABLE: &str = "_foobar_stack_check";

/// The fields of `[[database]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    name: AccountName,
    charset: String,
    collation: String,
    /// The unit of the database server.
    unit: String,
    /// Whether one that somebody else has made is taken over. Default: no.
    #[serde(default)]
    adopt: bool,
    /// Whether that one gets this character set, too. Default: no.
    #[serde(default)]
    convert: bool,
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
    /// Whether the table of the checks is there.
    check_table: bool,
    claim: Claim,
}

impl Database {
    /// Whether it keeps the character set it has.
    fn keeps(&self, schema: &Schema) -> bool {
        schema.claim != Claim::Made && !self.convert
    }

    /// `CHARACTER SET … COLLATE …` of a text.
    fn text(charset: &str, collation: &str) -> String {
        format!("CHARACTER SET {charset} COLLATE {collation}")
    }
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
    const PROBE_SHELL: &'static [&'static str] = &[sql::CLIENT, sql::PROBE];
    const STEP_SHELL: &'static [&'static str] = &[sql::CLIENT, sql::STEPS];
    const DEPENDS_ON_CHANGES: bool = true;
    const ASKS_DAEMONS: bool = true;
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
            adopt: entry.adopt,
            convert: entry.convert,
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
        let names = names.join(", ");
        let query = format!(
            "SELECT CONCAT_WS(CHAR(31), 'schema', SCHEMA_NAME, DEFAULT_CHARACTER_SET_NAME, \
             DEFAULT_COLLATION_NAME) FROM information_schema.SCHEMATA WHERE SCHEMA_NAME IN ({names}); \
             SELECT CONCAT_WS(CHAR(31), 'checked', TABLE_SCHEMA) FROM information_schema.TABLES \
             WHERE TABLE_SCHEMA IN ({names}) AND TABLE_NAME = {}",
            sql::string(CHECK_TABLE)
        );
        script.call("probe_schemas", [query]);
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<Schema>> {
        let recorded = Recorded::read(reply);
        let checked: Vec<&str> = reply
            .lines()
            .filter_map(fields::<2>)
            .filter(|[word, _]| *word == "checked")
            .map(|[_, name]| name)
            .collect();
        let schemas: BTreeMap<&str, Schema> = reply
            .lines()
            .filter_map(fields::<4>)
            .filter(|[word, ..]| *word == "schema")
            .map(|[_, name, charset, collation]| {
                let schema = Schema {
                    charset: charset.to_owned(),
                    collation: collation.to_owned(),
                    check_table: checked.contains(&name),
                    claim: recorded.claim(name),
                };
                (name, schema)
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

    fn applied(&self, before: &Observed<Schema>, _: &PlanContext<'_>) -> Observed<Schema> {
        let (charset, collation, claim) = match before.present() {
            Some(schema) if self.keeps(schema) => {
                let Schema {
                    charset, collation, ..
                } = schema;
                (charset, collation, Claim::Adopted)
            }
            Some(Schema {
                claim: Claim::Foreign | Claim::Adopted,
                ..
            }) => (&self.charset, &self.collation, Claim::Adopted),
            _ => (&self.charset, &self.collation, Claim::Made),
        };
        Observed::Present(Schema {
            charset: charset.clone(),
            collation: collation.clone(),
            check_table: true,
            claim,
        })
    }

    fn compare(&self, observed: &Observed<Schema>, _: &PlanContext<'_>) -> Option<Delta> {
        let Observed::Present(schema) = observed else {
            return Some(Delta::create([
                ("charset", self.charset.clone()),
                ("collation", self.collation.clone()),
            ]));
        };
        let mut diff = Diff::default();
        if !self.keeps(schema) {
            diff.compare("charset", Some(&schema.charset), Some(&self.charset))
                .compare("collation", Some(&schema.collation), Some(&self.collation));
        }
        if !schema.check_table {
            diff.compare("table of the checks", None, Some(CHECK_TABLE));
        }
        Delta::update(diff)
    }

    fn conflict(&self, schema: &Schema, claim: Claim) -> Option<Conflict> {
        (claim == Claim::Foreign && !self.adopt).then(|| Conflict {
            subject: format!("database {}", self.name),
            found: format!("there is one, with the character set {}", schema.charset),
            because: "no run of foobar-stack made it".to_owned(),
            hint: "name a database of its own in database.name, or set database.adopt = true: then the app uses this one, and its data and its character set stay as they are".to_owned(),
        })
    }

    fn owned(&self) -> Vec<Owned> {
        vec![Owned::Data(Data::Database(self.name.clone()))]
    }

    fn work(
        &self,
        observed: &Observed<Schema>,
        change: &Change,
        _: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    ) {
        let unit = self.unit.as_str();
        let name = sql::name(self.name.as_str());
        let how = Self::text(&self.charset, &self.collation);
        let mut script = Script::new();
        match observed.present() {
            None => {
                let named = sql::string(self.name.as_str());
                let known = format!(
                    "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = {named}"
                );
                let of = |table: &str, field: &str| {
                    format!(
                        "(SELECT COUNT(*) FROM information_schema.{table} WHERE {field} = {named})"
                    )
                };
                let holds = format!(
                    "SELECT {} + {} + {}",
                    of("TABLES", "TABLE_SCHEMA"),
                    of("ROUTINES", "ROUTINE_SCHEMA"),
                    of("EVENTS", "EVENT_SCHEMA")
                );
                let make = format!("CREATE DATABASE IF NOT EXISTS {name} {how}");
                let back = format!("DROP DATABASE {name}");
                let adopt = if self.adopt { "adopt" } else { "refuse" };
                let words = [unit, "database", self.name.as_str(), adopt, &known, &make];
                let words = words.into_iter().chain([&*holds, &*back]);
                script.call("make_by_sql", words);
            }
            // What is in order is not touched: to alter a database waits for all who use it.
            Some(schema)
                if !self.keeps(schema)
                    && (schema.charset != self.charset || schema.collation != self.collation) =>
            {
                let what = format!("the character set of the database {}", self.name);
                let there = format!("ALTER DATABASE {name} {how}");
                let before = Self::text(&schema.charset, &schema.collation);
                let back = format!("ALTER DATABASE {name} {before}");
                script.call("change_sql", [unit, &what, &there, &back]);
            }
            Some(_) => {}
        }
        if !observed.present().is_some_and(|schema| schema.check_table) {
            let table = format!("{name}.{}", sql::name(CHECK_TABLE));
            let what = format!("the table of the checks in the database {}", self.name);
            let there = format!(
                "CREATE TABLE IF NOT EXISTS {table} (id TINYINT UNSIGNED NOT NULL PRIMARY KEY, \
                 value VARCHAR(64) NOT NULL) ENGINE = InnoDB COMMENT = 'one row, written by \
                 foobar-stack to see that a write works'"
            );
            let back = format!("DROP TABLE IF EXISTS {table}");
            let known = format!(
                "SELECT 1 FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} AND TABLE_NAME = {}",
                sql::string(self.name.as_str()),
                sql::string(CHECK_TABLE)
            );
            script.call("change_sql", [unit, &what, &there, &back, &known]);
        }
        work.step(Phase::Activate, &change.id, script);
    }
}
