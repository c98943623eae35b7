//! Deployments: which release serves, and in which of two slots it runs.
//!
//! Whatever changes what runs (the code, its configuration, a secret, a package of its runtime)
//! goes one way: it starts in the slot that does not serve, and when it is healthy there, Nginx is
//! led to it. The slot that served stays up until the run has proven itself. What serves is
//! never stopped to be changed.

mod found;
mod kept;
mod need;
mod slot;
mod steps;

use found::Found;
pub use kept::{KeptRelease, kept_releases};
pub use slot::Slot;

use super::{
    Change, Delta, EntryError, ExecutionPlan, Kind, Materials, Observed, Owned, PlanContext, Probe,
    Rendered,
};
use crate::shell::Script;
use crate::types::AbsolutePath;
use serde::Deserialize;
use serde_json::json;
use slot::{Files, Names, mark};
use std::collections::{BTreeMap, BTreeSet};

/// A release that should serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    name: String,
    root: AbsolutePath,
    release: String,
    process: Option<Box<Process>>,
}

/// What runs; a site of plain files has none.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Process {
    blue: Files,
    green: Files,
    upstream: AbsolutePath,
    proxy: String,
    proxy_user: Option<String>,
    port: Option<u16>,
    instances: u16,
    restart_on: Vec<String>,
    health: Option<Health>,
    host: String,
    url: String,
    start_timeout: u32,
    drain: u32,
    template: String,
}

/// The page that says whether the app is healthy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Health {
    path: String,
    status: u16,
    /// What its body must contain.
    body: Option<String>,
    /// What its body must have, as JSON: objects may have more.
    json: Option<serde_json::Value>,
}

/// The fields of `[[deployment]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What its units are called: `NAME-blue.target` and so on.
    name: String,
    /// The folder in which `releases/` and `current` stand.
    root: AbsolutePath,
    /// The id of the release.
    release: String,
    /// The template of the unit of an instance. Without one nothing runs: the files are all
    /// there is, and `current` is all that is switched. Templates see `slot`: its `name`, its
    /// `target`, its `instances` with the `number` and the `address` of each, those of the
    /// `other` slot, and where they listen on sockets, the `socket` and its `folder` as they are
    /// in the unit of an instance.
    template: Option<String>,
    /// The file that leads Nginx to the slot that serves, and its template.
    upstream: Option<AbsolutePath>,
    upstream_template: Option<String>,
    /// The unit that reads it.
    proxy: Option<String>,
    /// The account, and its group, that connects to the app; needed without a port.
    proxy_user: Option<String>,
    /// The first port; every instance of either slot has its own. Without it each listens on a
    /// Unix socket.
    port: Option<u16>,
    /// How many instances serve at once.
    instances: Option<u16>,
    /// Changes after which it must start anew: resource ids with `*`.
    #[serde(default)]
    restart_on: Vec<String>,
    /// The page that says whether it is healthy. Without one, an open port is enough.
    health: Option<Health>,
    /// For an app that does not speak HTTP: the template of an Nginx that does, and is asked for
    /// that page. Its `slot` has the folder for its sockets, `asked`.
    ask_template: Option<String>,
    /// The name that requests for it come with.
    host: Option<String>,
    /// Where visitors reach it, without a path.
    url: Option<String>,
    /// How long it may take until it is healthy, in seconds.
    start_timeout: Option<u32>,
    /// How long what is under way may take to end, in seconds.
    drain: Option<u32>,
}

impl Deployment {
    fn names(&self, slot: Slot) -> Names {
        Names::new(&self.name, slot)
    }

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

impl Process {
    fn build(name: &str, entry: &Entry, materials: &dyn Materials) -> Result<Self, EntryError> {
        fn needed<T: Clone>(field: &str, value: Option<&T>) -> Result<T, EntryError> {
            let message = format!("a deployment with a `template` needs `{field}`");
            value.cloned().ok_or_else(|| EntryError::entry(message))
        }
        let template = needed("template", entry.template.as_ref())?;
        let upstream_template = needed("upstream_template", entry.upstream_template.as_ref())?;
        let port = entry.port;
        let instances = entry.instances.unwrap_or(1).max(1);
        if port.is_none() && entry.proxy_user.is_none() {
            return Err(EntryError::entry("without `port` it needs `proxy_user`"));
        }
        let last = Slot::Green.instances(port, instances).pop();
        if last == Some(u16::MAX) {
            return Err(EntryError::field("port", "its instances need higher ports"));
        }
        let files = |slot: Slot| -> Result<Files, EntryError> {
            let names = Names::new(name, slot);
            let all = slot.instances(port, instances);
            let units: Vec<String> = all.iter().map(|one| names.instance(*one)).collect();
            let on_sockets = port.is_none();
            let instances_of = |slot: Slot| {
                let names = Names::new(name, slot);
                let all = slot.instances(port, instances).into_iter();
                all.map(|one| json!({ "number": one, "address": names.address(port, one) }))
                    .collect::<Vec<_>>()
            };
            let values = json!({
                "name": slot.as_str(),
                "target": names.target(),
                "instances": instances_of(slot),
                "other": { "instances": instances_of(slot.other()) },
                "ports": if on_sockets { &[] } else { all.as_slice() },
                "socket": on_sockets.then(|| names.socket("%i")),
                "folder": on_sockets.then(|| names.folder("%i")),
                "asked": names.asked(),
            });
            let render = |template: &str| materials.template_with(template, "slot", &values);
            Ok(Files {
                target: target(name, slot, &units),
                unit: render(&template)?,
                upstream: format!("{}{}", mark(slot), render(&upstream_template)?),
                ask: entry.ask_template.as_deref().map(render).transpose()?,
            })
        };
        Ok(Self {
            blue: files(Slot::Blue)?,
            green: files(Slot::Green)?,
            upstream: needed("upstream", entry.upstream.as_ref())?,
            proxy: needed("proxy", entry.proxy.as_ref())?,
            proxy_user: entry.proxy_user.clone(),
            port,
            instances,
            restart_on: entry.restart_on.clone(),
            health: entry.health.clone(),
            host: needed("host", entry.host.as_ref())?,
            url: needed("url", entry.url.as_ref())?,
            start_timeout: entry.start_timeout.unwrap_or(60),
            drain: entry.drain.unwrap_or(30),
            template,
        })
    }

    fn files(&self, slot: Slot) -> &Files {
        match slot {
            Slot::Blue => &self.blue,
            Slot::Green => &self.green,
        }
    }

    /// What the instances of a slot are called by.
    fn instances(&self, slot: Slot) -> Vec<u16> {
        slot.instances(self.port, self.instances)
    }
}

/// The unit that starts and stops the instances of a slot.
fn target(name: &str, slot: Slot, instances: &[String]) -> String {
    format!(
        "# Managed by foobar-stack: changes made here are overwritten.\n\
         [Unit]\nDescription={name}, the {} slot\nWants={}\n\n\
         [Install]\nWantedBy=multi-user.target\n",
        slot.as_str(),
        instances.join(" ")
    )
}

impl Kind for Deployment {
    const NAME: &'static str = "deployment";
    const PROBE_SHELL: &'static [&'static str] = &[include_str!("deployment/probe.sh")];
    const STEP_SHELL: &'static [&'static str] = &[include_str!("deployment/steps.sh")];
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
        let current = AbsolutePath::new(&format!("{}/current", self.root));
        let mut all: Vec<Owned> = current.into_iter().map(Owned::Path).collect();
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
