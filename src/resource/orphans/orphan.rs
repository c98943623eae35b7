//! Orphaned data, which is no longer in the inventory: it is kept, unless its removal is asked for.
//!
//! Roles do not declare it; the server's record does. It goes after the proof, since nothing of
//! it can be undone, and a database is dumped before it is dropped.

use crate::host::STATE;
use crate::resource::databases::sql;
use crate::resource::releases::shell::MARK;
use crate::resource::vocabulary::probe::fields;
use crate::resource::{
    Action, Change, Data, Delta, Diff, EntryError, ExecutionPlan, Kind, Materials, Observed, Owned,
    Phase, PlanContext, Probe,
};
use crate::shell::Script;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Where the dumps of dropped databases are, on the server, for root alone.
fn dumps() -> String {
    format!("{STATE}/dropped")
}

/// The field of a change that names what is not removed with the rest.
const KEPT: &str = "others' files";

/// Data that is no longer in the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    data: Data,
    /// Whether it is to go.
    destroy: bool,
}

/// The fields of `[[orphan]]`, which there is not.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {}

/// What the server has of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What is in a folder; which folders are an account's own.
    holds: Vec<String>,
}

impl Orphan {
    /// The data, and whether it is to go.
    #[must_use]
    pub fn new(data: Data, destroy: bool) -> Self {
        Self { data, destroy }
    }

    /// What to call it in a sentence, with the reason why it stays even if it is to go.
    #[must_use]
    pub fn retained(&self) -> String {
        let name = format!("{} {}", self.data.word(), self.data.name());
        match (&self.data, self.destroy) {
            (Data::Folder(_), true) => format!("{name} (others' files are in it)"),
            _ => name,
        }
    }

    /// Whether the plan removes what stands at this path.
    fn goes(path: &str, context: &PlanContext<'_>) -> bool {
        context.changes.iter().any(|change| {
            let name = match change.id.kind {
                Self::NAME => change.id.name.split_once(':').map_or("", |(_, name)| name),
                _ => &change.id.name,
            };
            let stays = change.diff.fields.iter().any(|field| field.name == KEPT);
            change.action == Action::Delete && name == path && !stays
        })
    }
}

impl Kind for Orphan {
    const NAME: &'static str = "orphan";
    const PROBE_SHELL: &'static [&'static str] =
        &[sql::CLIENT, sql::PROBE, MARK, include_str!("orphan.sh")];
    const STEP_SHELL: &'static [&'static str] =
        &[sql::CLIENT, sql::STEPS, MARK, include_str!("orphan.sh")];
    const DEPENDS_ON_CHANGES: bool = true;
    type Entry = Entry;
    type State = Found;

    fn build(_: Entry, _: &dyn Materials) -> Result<Self, EntryError> {
        Err(EntryError::entry(
            "orphans are known to the server's record alone",
        ))
    }

    fn name(&self) -> String {
        format!("{}:{}", self.data.word(), self.data.name())
    }

    fn probe(batch: &[&Self], _: &Probe, script: &mut Script) {
        let list = |wanted: &str| {
            let names = batch.iter().filter(|orphan| orphan.data.word() == wanted);
            let names: Vec<String> = names
                .map(|orphan| sql::string(orphan.data.name()))
                .collect();
            // An empty list is no SQL.
            if names.is_empty() {
                "''".to_owned()
            } else {
                names.join(", ")
            }
        };
        let (databases, accounts) = (list("database"), list("database-account"));
        let query = format!(
            "SELECT CONCAT_WS(CHAR(31), 'database', SCHEMA_NAME) FROM information_schema.SCHEMATA \
             WHERE SCHEMA_NAME IN ({databases}); \
             SELECT CONCAT_WS(CHAR(31), 'database-account', User) FROM mysql.user \
             WHERE Host = 'localhost' AND User IN ({accounts})"
        );
        let words = batch
            .iter()
            .flat_map(|orphan| [orphan.data.word(), orphan.data.name()]);
        script.call("probe_orphan", std::iter::once(query.as_str()).chain(words));
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<Found>> {
        let mut found: BTreeMap<(&str, &str), Found> = BTreeMap::new();
        let mut absent = Vec::new();
        for line in reply.lines() {
            if let Some([word, name, state]) = fields::<3>(line) {
                match state {
                    "there" => {
                        let holds = Vec::new();
                        found.entry((word, name)).or_insert(Found { holds });
                    }
                    "absent" => absent.push((word, name)),
                    _ => {}
                }
            } else if let Some([word, name, "holds", what]) = fields::<4>(line)
                && let Some(found) = found.get_mut(&(word, name))
            {
                found.holds.push(what.to_owned());
            }
        }
        batch
            .iter()
            .map(|orphan| {
                let key = (orphan.data.word(), orphan.data.name());
                match found.get(&key) {
                    Some(found) => Observed::Present(found.clone()),
                    None if absent.contains(&key) => Observed::Absent,
                    None => {
                        Observed::unknown(format!("the probe says nothing of {}", orphan.name()))
                    }
                }
            })
            .collect()
    }

    fn applied(&self, before: &Observed<Found>, _: &PlanContext<'_>) -> Observed<Found> {
        if self.destroy {
            Observed::Absent
        } else {
            before.clone()
        }
    }

    fn compare(&self, observed: &Observed<Found>, context: &PlanContext<'_>) -> Option<Delta> {
        let found = observed.present().filter(|_| self.destroy)?;
        let mut diff = Diff::default();
        match &self.data {
            Data::Folder(_) if !found.holds.iter().all(|path| Self::goes(path, context)) => {
                return None;
            }
            Data::Tree(_) if !found.holds.is_empty() => {
                let holds = found.holds.join(", ");
                diff.compare(KEPT, Some(&holds), Some(&format!("{holds} (they stay)")));
            }
            Data::Account(_) if !found.holds.is_empty() => {
                diff.compare("folders", Some(&found.holds.join(", ")), None);
            }
            Data::Database(_) => {
                diff.compare("dump", None, Some(&dumps()));
            }
            _ => {}
        }
        let because = "it is no longer in the inventory, and --destroy-data is given";
        Some(Delta::quiet(Action::Delete, because, diff))
    }

    fn owned(&self) -> Vec<Owned> {
        vec![Owned::Data(self.data.clone())]
    }

    fn work(
        &self,
        found: &Observed<Found>,
        change: &Change,
        _: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    ) {
        let name = self.data.name();
        let mut script = Script::new();
        match &self.data {
            Data::Folder(_) => script.call("destroy_folder", [name]),
            Data::Tree(_) => script.call("destroy_releases", [name]),
            Data::Secret(_) => script.call("destroy_secret", [name]),
            Data::State(_) => script.call("destroy_state", [name]),
            Data::Account(_) => {
                let folders = found.present().map_or(&[][..], |found| &found.holds);
                let folders = folders.iter().map(String::as_str);
                script.call("destroy_account", std::iter::once(name).chain(folders))
            }
            Data::Database(database) => {
                let drop = format!("DROP DATABASE IF EXISTS {}", sql::name(database.as_str()));
                script.call("destroy_database", [name, &dumps(), &drop])
            }
            Data::DatabaseAccount(account) => {
                let account = sql::string(account.as_str());
                let drop = format!("DROP USER IF EXISTS {account}@'localhost'");
                script.call("destroy_by_sql", [drop])
            }
        };
        script.call("forget", [self.data.word(), name]);
        work.step(Phase::Finish, &change.id, script);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::ResourceId;

    fn orphan(word: &str, name: &str, destroy: bool) -> Orphan {
        Orphan::new(Data::parse(word, name).unwrap(), destroy)
    }

    fn compare(orphan: &Orphan, reply: &str, changes: &[Change]) -> Option<Delta> {
        let context = PlanContext {
            now: 0,
            date: "20260101",
            changes,
        };
        let found = Orphan::observe(&[orphan], &Probe::new("s".into()), reply).remove(0);
        orphan.compare(&found, &context)
    }

    #[test]
    fn data_goes_only_when_that_is_asked_for() {
        let reply = "database\x1ffoobar\x1fthere\n";
        assert_eq!(
            compare(&orphan("database", "foobar", false), reply, &[]),
            None
        );
        let delta = compare(&orphan("database", "foobar", true), reply, &[]).unwrap();
        assert_eq!(delta.action, Action::Delete);
        assert_eq!(delta.diff.fields[0].after.as_deref(), Some(&*dumps()));
        let gone = "database\x1ffoobar\x1fabsent\n";
        assert_eq!(
            compare(&orphan("database", "foobar", true), gone, &[]),
            None
        );
        let silent = orphan("account", "foobar", true);
        let found = Orphan::observe(&[&silent], &Probe::new("s".into()), "").remove(0);
        assert!(matches!(found, Observed::Unknown { .. }));
    }

    #[test]
    fn a_folder_goes_with_what_is_ours_and_stays_with_what_is_not() {
        let folder = orphan("folder", "/srv/x", true);
        let reply = "folder\x1f/srv/x\x1fthere\nfolder\x1f/srv/x\x1fholds\x1f/srv/x/releases\n";
        assert_eq!(compare(&folder, reply, &[]), None);
        assert!(folder.retained().contains("others' files"));
        let delta = Delta::quiet(Action::Delete, "", Diff::default());
        let tree = Change {
            id: ResourceId {
                kind: "orphan",
                name: "tree:/srv/x/releases".to_owned(),
            },
            role: "app".to_owned(),
            site: None,
            action: delta.action,
            impact: delta.impact,
            because: delta.because,
            diff: delta.diff,
        };
        assert!(compare(&folder, reply, std::slice::from_ref(&tree)).is_some());
        // Unless others' files stay in the one within.
        let mut kept = tree;
        kept.diff.compare(KEPT, Some("x"), Some("x (they stay)"));
        assert_eq!(compare(&folder, reply, &[kept]), None);
    }

    #[test]
    fn names_read_back() {
        for (word, name) in [
            ("folder", "/a"),
            ("tree", "/a"),
            ("secret", "/a"),
            ("account", "a"),
            ("database", "a"),
            ("database-account", "a"),
        ] {
            let data = Data::parse(word, name).unwrap();
            assert_eq!((data.word(), data.name()), (word, name));
        }
        assert_eq!(Data::parse("database", "a'b"), None);
        assert_eq!(Data::parse("folder", "a"), None);
    }
}
