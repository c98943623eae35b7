//! Commands that run once for each value of a key: migrations, for example.

use super::undo::Undo;
use super::vocabulary::probe::fields;
use super::{
    Action, Change, Delta, Diff, EntryError, ExecutionPlan, Kind, Materials, Observed, Phase,
    PlanContext, Probe,
};
use crate::shell::Script;
use crate::types::{AbsolutePath, AccountName};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A command that should have run with success for this key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    name: AccountName,
    command: Vec<String>,
    user: Option<AccountName>,
    directory: Option<AbsolutePath>,
    environment: BTreeMap<String, String>,
    credentials: BTreeMap<String, AbsolutePath>,
    key: String,
    formerly: Option<AccountName>,
    undo: Option<Undo>,
}

/// The fields of `[[command]]`. A command that ends with status 69 (EX_UNAVAILABLE) has changed
/// nothing; of one that fails in another way an undo says that what it did stays.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    name: AccountName,
    command: Vec<String>,
    /// Default: root.
    user: Option<AccountName>,
    /// Default: the root folder.
    directory: Option<AbsolutePath>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    /// Files it finds in `$CREDENTIALS_DIRECTORY`, by name.
    #[serde(default)]
    credentials: BTreeMap<String, AbsolutePath>,
    key: String,
    /// The name that it had before: what ran under that for the same key counts.
    formerly: Option<AccountName>,
    /// How an undo takes it back; without it what the command did stays.
    undo: Option<Undo>,
}

/// The key of a success: the wanted one if it is among them, else the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Done {
    key: String,
}

impl Kind for Command {
    const NAME: &'static str = "command";
    const PROBE_SHELL: &'static [&'static str] = &[include_str!("command.sh")];
    type Entry = Entry;
    type State = Done;

    fn build(entry: Entry, _: &dyn Materials) -> Result<Self, EntryError> {
        if entry.command.is_empty() {
            return Err(EntryError::field(
                "command",
                "a command has at least one word",
            ));
        }
        if entry.key.is_empty() || entry.key.contains(char::is_control) {
            return Err(EntryError::field(
                "key",
                "a key is one line that is not empty",
            ));
        }
        let Entry {
            name,
            command,
            user,
            directory,
            environment,
            credentials,
            key,
            formerly,
            undo,
        } = entry;
        undo.as_ref().map_or(Ok(()), Undo::check)?;
        Ok(Self {
            name,
            command,
            user,
            directory,
            environment,
            credentials,
            key,
            formerly,
            undo,
        })
    }

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn probe(batch: &[&Self], _: &Probe, script: &mut Script) {
        let words = batch.iter().flat_map(|command| {
            let formerly = command.formerly.as_ref();
            let formerly = formerly.map_or("", AccountName::as_str);
            [command.name.as_str(), &command.key, formerly]
        });
        script.call("probe_command", words);
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<Done>> {
        let lines: BTreeMap<&str, [&str; 3]> = reply
            .lines()
            .filter_map(fields::<3>)
            .map(|line| (line[1], line))
            .collect();
        batch
            .iter()
            .map(|command| match lines.get(command.name.as_str()) {
                Some(["done", _, ""]) => Observed::Absent,
                Some(["done", _, key]) => Observed::Present(Done {
                    key: (*key).to_owned(),
                }),
                _ => Observed::unknown(format!("the probe says nothing of {}", command.name)),
            })
            .collect()
    }

    fn applied(&self, _: &Observed<Done>, _: &PlanContext<'_>) -> Observed<Done> {
        Observed::Present(Done {
            key: self.key.clone(),
        })
    }

    fn compare(&self, observed: &Observed<Done>, _: &PlanContext<'_>) -> Option<Delta> {
        let (because, before) = match observed {
            Observed::Present(done) if done.key == self.key => return None,
            Observed::Present(done) => ("it last ran for another key", Some(done.key.as_str())),
            _ => ("it has not run yet", None),
        };
        let mut diff = Diff::default();
        diff.compare("command", None, Some(&self.command.join(" ")));
        diff.compare("key", before, Some(&self.key));
        Some(Delta::quiet(Action::Run, because, diff))
    }

    fn work(
        &self,
        _: &Observed<Done>,
        change: &Change,
        _: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    ) {
        let mut words = vec![self.name.to_string(), self.key.clone()];
        words.extend(
            self.user
                .iter()
                .map(|user| format!("--property=User={user}")),
        );
        words.extend(
            self.directory
                .iter()
                .map(|path| format!("--property=WorkingDirectory={path}")),
        );
        words.extend(
            self.environment
                .iter()
                .map(|(name, value)| format!("--setenv={name}={value}")),
        );
        let credentials = self.credentials.iter();
        words.extend(
            credentials.map(|(name, path)| format!("--property=LoadCredential={name}:{path}")),
        );
        words.push("--".to_owned());
        words.extend(self.command.iter().cloned());
        let mut script = Script::new();
        if let Some(undo) = &self.undo {
            undo.remember(&format!("command-{}", self.name), &mut script);
        }
        script.call("run_once", words);
        work.step(Phase::Activate, &change.id, script);
    }
}
