//! Deployments: which release serves, and in which of two slots it runs.
//!
//! Whatever changes what runs (the code, its configuration, a secret, a package of its runtime)
//! goes one way: it starts in the slot that does not serve, and when it is healthy there, Nginx is
//! led to it. The slot that served stays up until the run has proven itself. What serves is
//! never stopped to be changed.

mod found;
mod kept;
mod model;
mod need;
mod slot;
mod steps;

use found::Found;
pub use kept::{KeptRelease, kept_releases};
pub(in crate::resource) use model::Deployment;
use model::{Entry, Process};
pub use slot::Slot;

use crate::resource::{
    Change, Delta, EntryError, ExecutionPlan, Kind, Materials, Observed, Owned, PlanContext, Probe,
    Rendered,
};
use crate::shell::Script;
use crate::systemd::SHOW_UNITS;
use crate::types::AbsolutePath;
use std::collections::{BTreeMap, BTreeSet};

/// How Nginx is reloaded so that its new workers have taken over when that is done. The shared
/// functions of a program come before it.
pub(crate) const PROXY_SHELL: &str = include_str!("deployment/proxy.sh");

/// The functions that ask an app's page whether it is healthy.
pub(crate) const PAGE_SHELL: &str = include_str!("deployment/page.sh");

impl Deployment {
    /// The slot to deploy into.
    fn next(&self, found: Option<&Found>) -> Slot {
        let Some(found) = found else {
            return Slot::Blue;
        };
        if let Some(serving) = found.serving {
            return serving.other();
        }
        // Another deployment may serve until this one does: one of another name, whose ports
        // these were.
        let process = self.process.as_ref();
        let free = |slot: &Slot| {
            process.is_none_or(|process| {
                let ports = process.instances(*slot);
                ports.iter().all(|port| !found.taken.contains(port))
            })
        };
        Slot::BOTH.into_iter().find(free).unwrap_or(Slot::Blue)
    }
}

impl Kind for Deployment {
    const NAME: &'static str = "deployment";
    const PROBE_SHELL: &'static [&'static str] = &[SHOW_UNITS, include_str!("deployment/probe.sh")];
    const STEP_SHELL: &'static [&'static str] =
        &[PROXY_SHELL, PAGE_SHELL, include_str!("deployment/steps.sh")];
    const DEPENDS_ON_CHANGES: bool = true;
    type Entry = Entry;
    type State = Found;

    fn build(entry: Entry, materials: &dyn Materials) -> Result<Self, EntryError> {
        let legal = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if entry.name.is_empty() || !entry.name.chars().all(legal) {
            let message = format!("`{}` is not the beginning of a unit's name", entry.name);
            return Err(EntryError::field("name", message));
        }
        let process = match &entry.template {
            Some(_) => Some(Box::new(Process::build(&entry.name, &entry, materials)?)),
            None => None,
        };
        Ok(Self {
            name: entry.name,
            root: entry.root,
            release: entry.release,
            process,
        })
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn paths(&self) -> Vec<&AbsolutePath> {
        let upstream = self.process.iter().map(|process| &process.upstream);
        upstream.collect()
    }

    fn probe(batch: &[&Self], probe: &Probe, script: &mut Script) {
        for deployment in batch {
            let root = deployment.root.as_str();
            script.call("probe_current", [deployment.name.as_str(), root]);
        }
        let processes = || {
            let all = batch.iter();
            all.filter_map(|one| Some((one, one.process.as_ref()?)))
        };
        let mut units = Vec::new();
        let mut files = Vec::new();
        let mut read = BTreeSet::new();
        for (deployment, process) in processes() {
            for slot in Slot::BOTH {
                let names = deployment.names(slot);
                files.extend(names.paths().iter().flatten().map(ToString::to_string));
                units.extend([names.target(), names.instances()]);
            }
            if process.port.is_some() {
                let ports = Slot::BOTH.map(|slot| process.instances(slot));
                let words = |port: &u16| [port.to_string(), format!("{port:04X}")];
                script.call("probe_listening", ports.iter().flatten().flat_map(words));
            }
            let paths = probe.matching(&process.restart_on);
            read.extend(paths.map(ToString::to_string));
            files.push(process.upstream.to_string());
        }
        if units.is_empty() {
            return;
        }
        read.extend(files.iter().cloned());
        script.call("probe_changed", read);
        script.call("probe_files", files);
        script.call("probe_units", units);
    }

    fn observe(batch: &[&Self], probe: &Probe, reply: &str) -> Vec<Observed<Found>> {
        found::observe(batch, probe, reply)
    }

    fn applied(&self, before: &Observed<Found>, context: &PlanContext<'_>) -> Observed<Found> {
        Observed::Present(need::applied(self, before.present(), context))
    }

    fn fingerprint(found: &Found) -> String {
        need::fingerprint(found)
    }

    fn compare(&self, observed: &Observed<Found>, context: &PlanContext<'_>) -> Option<Delta> {
        need::compare(self, observed.present(), context)
    }

    fn owned(&self) -> Vec<Owned> {
        let links = ["current", "previous"]
            .into_iter()
            .filter_map(|name| AbsolutePath::new(&format!("{}/{name}", self.root)).ok());
        let mut all: Vec<Owned> = links.map(Owned::Path).collect();
        let Some(process) = &self.process else {
            return all;
        };
        all.push(Owned::Path(process.upstream.clone()));
        for slot in Slot::BOTH {
            let names = self.names(slot);
            all.push(Owned::Service {
                name: names.target(),
                reads: Vec::new(),
            });
            all.extend(names.paths().into_iter().flatten().map(Owned::Path));
        }
        all
    }

    fn rendered(&self, _: &str) -> Vec<Rendered> {
        let Some(process) = &self.process else {
            return Vec::new();
        };
        let mut all = BTreeMap::new();
        all.insert(process.upstream.clone(), &process.blue.upstream);
        for slot in Slot::BOTH {
            let files = process.files(slot);
            if let Ok([target, unit]) = self.names(slot).paths() {
                all.insert(target, &files.target);
                all.insert(unit, &files.unit);
            }
        }
        all.into_iter()
            .map(|(path, text)| Rendered {
                path,
                content: Some(text.as_bytes().into()),
            })
            .collect()
    }

    fn work(
        &self,
        observed: &Observed<Found>,
        change: &Change,
        context: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    ) {
        steps::work(self, observed.present(), change, context, work);
    }
}
