//! What a deployment is, and what it is built of.

use super::slot::{Files, Names, Slot, mark};
use crate::resource::{EntryError, Materials};
use crate::types::AbsolutePath;
use serde::Deserialize;
use serde_json::json;

/// A release that should serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    pub(super) name: String,
    pub(in crate::resource::releases) root: AbsolutePath,
    pub(super) release: String,
    pub(super) process: Option<Box<Process>>,
}

impl Deployment {
    pub(super) fn names(&self, slot: Slot) -> Names {
        Names::new(&self.name, slot)
    }
}

/// What runs; a site of plain files has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) blue: Files,
    pub(super) green: Files,
    pub(super) upstream: AbsolutePath,
    pub(super) proxy: String,
    pub(super) proxy_user: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) instances: u16,
    pub(super) restart_on: Vec<String>,
    pub(super) health: Option<Health>,
    pub(super) host: String,
    pub(super) url: String,
    pub(super) start_timeout: u32,
    pub(super) settle: u32,
    pub(super) alone: bool,
    pub(super) drain: u32,
    pub(super) template: String,
}

/// The page that says whether the app is healthy.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Health {
    pub(super) path: String,
    pub(super) status: u16,
    /// What its body must contain.
    pub(super) body: Option<String>,
    /// What its body must have, as JSON: objects may have more.
    pub(super) json: Option<serde_json::Value>,
}

/// The fields of `[[deployment]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What its units are called: `NAME-blue.target` and so on.
    pub(super) name: String,
    /// The folder in which `releases/` and `current` stand.
    pub(super) root: AbsolutePath,
    /// The id of the release.
    pub(super) release: String,
    /// The template of the unit of an instance. Without one nothing runs: the files are all
    /// there is, and `current` is all that is switched. Templates see `slot`: its `name`, its
    /// `target`, its `instances` with the `number` and the `address` of each, those of the
    /// `other` slot, and where they listen on sockets, the `socket` and its `folder` as they are
    /// in the unit of an instance.
    pub(super) template: Option<String>,
    /// The file that leads Nginx to the slot that serves, and its template.
    pub(super) upstream: Option<AbsolutePath>,
    pub(super) upstream_template: Option<String>,
    /// The unit that reads it.
    pub(super) proxy: Option<String>,
    /// The account, and its group, that connects to the app; needed without a port.
    pub(super) proxy_user: Option<String>,
    /// The first port; every instance of either slot has its own. Without it each listens on a
    /// Unix socket.
    pub(super) port: Option<u16>,
    /// How many instances serve at once.
    pub(super) instances: Option<u16>,
    /// Changes after which it must start anew: resource ids with `*`.
    #[serde(default)]
    pub(super) restart_on: Vec<String>,
    /// The page that says whether it is healthy. Without one, an open port is enough.
    pub(super) health: Option<Health>,
    /// For an app that does not speak HTTP: the template of an Nginx that does, and is asked for
    /// that page. Its `slot` has the folder for its sockets, `asked`.
    pub(super) ask_template: Option<String>,
    /// The name that requests for it come with.
    pub(super) host: Option<String>,
    /// Where visitors reach it, without a path.
    pub(super) url: Option<String>,
    /// How long it may take until it is healthy, in seconds.
    pub(super) start_timeout: Option<u32>,
    /// How long a release that has never served must be healthy before it does, in seconds. One that
    /// starts and then dies is seen before a visitor sees it.
    pub(super) settle: Option<u32>,
    /// Whether the slot that serves stops before the other one starts.
    #[serde(default)]
    pub(super) alone: bool,
    /// How long what is under way may take to end, in seconds.
    pub(super) drain: Option<u32>,
}

impl Process {
    pub(super) fn build(
        name: &str,
        entry: &Entry,
        materials: &dyn Materials,
    ) -> Result<Self, EntryError> {
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
            settle: entry.settle.unwrap_or(2),
            alone: entry.alone,
            drain: entry.drain.unwrap_or(30),
            template,
        })
    }

    pub(super) fn files(&self, slot: Slot) -> &Files {
        match slot {
            Slot::Blue => &self.blue,
            Slot::Green => &self.green,
        }
    }

    /// What the instances of a slot are called by.
    pub(super) fn instances(&self, slot: Slot) -> Vec<u16> {
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
