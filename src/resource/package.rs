//! Packages of the distribution. All that are missing are installed in one transaction.

use super::{
    Change, Delta, EntryError, ExecutionPlan, Kind, Materials, Observed, Owned, PlanContext, Probe,
};
use crate::shell::Script;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A package that should be installed, in whatever version the distribution has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    name: String,
    /// Whether a foreign source gives it, which apt may not know yet.
    sourced: bool,
}

/// The fields of `[[package]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    name: String,
}

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Its version.
    pub version: String,
}

impl Kind for Package {
    const NAME: &'static str = "package";
    const PROBE_SHELL: &'static [&'static str] = &[include_str!("package.sh")];
    type Entry = Entry;
    type State = Installed;

    fn build(entry: Entry, materials: &dyn Materials) -> Result<Self, EntryError> {
        // Debian Policy, section 5.6.7.
        let legal = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
        let head = entry.name.starts_with(|c: char| c.is_ascii_alphanumeric());
        if entry.name.len() < 2 || !head || !entry.name.chars().all(legal) {
            let message = format!("`{}` is not a package name", entry.name);
            return Err(EntryError::field("name", message)
                .help("lower-case letters, digits, `+`, `-` and `.`"));
        }
        Ok(Self {
            sourced: materials.is_foreign(&entry.name),
            name: entry.name,
        })
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn probe(batch: &[&Self], _: &Probe, script: &mut Script) {
        let known: Vec<&str> = batch
            .iter()
            .filter(|package| package.sourced)
            .map(|package| package.name.as_str())
            .collect();
        script.assign("sourced", &known.join("\n"));
        script.call("probe_package", batch.iter().map(|package| &package.name));
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<Installed>> {
        let lines = || {
            reply.lines().filter_map(|line| {
                let parts: Vec<&str> = line.splitn(3, '\t').collect();
                <[&str; 3]>::try_from(parts).ok()
            })
        };
        // No package has this name, which is also in the list of those of dpkg.
        let refused: BTreeMap<&str, &str> = lines()
            .filter(|[word, ..]| *word == "refused")
            .map(|[_, name, why]| (name, why))
            .collect();
        let installed: BTreeMap<&str, &str> = lines()
            // The second letter is the state: `i` is installed, all else is not usable.
            .filter(|[_, status, _]| status.chars().nth(1) == Some('i'))
            .map(|[name, _, version]| (name, version))
            .collect();
        batch
            .iter()
            .map(|package| match installed.get(package.name.as_str()) {
                Some(version) => Observed::Present(Installed {
                    version: (*version).to_owned(),
                }),
                None => match refused.get(package.name.as_str()) {
                    Some(why) => Observed::unknown(format!(
                        "apt would not install it: {why}; is it spelled as the distribution \
                         does, and are the package lists new (`apt-get update`)?"
                    )),
                    None => Observed::Absent,
                },
            })
            .collect()
    }

    fn applied(&self, before: &Observed<Installed>, _: &PlanContext<'_>) -> Observed<Installed> {
        let version = before.present().map_or("new", |state| &state.version);
        Observed::Present(Installed {
            version: version.to_owned(),
        })
    }

    fn compare(&self, observed: &Observed<Installed>, _: &PlanContext<'_>) -> Option<Delta> {
        match observed {
            Observed::Present(_) => None,
            _ => Some(Delta::create([])),
        }
    }

    fn owned(&self) -> Vec<Owned> {
        vec![Owned::Package(self.name.clone())]
    }

    fn work(
        &self,
        _: &Observed<Installed>,
        change: &Change,
        _: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    ) {
        work.packages.push((change.id.clone(), self.name.clone()));
    }
}
