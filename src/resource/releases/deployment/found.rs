//! What the probe finds of a deployment.

use super::model::{Deployment, Process};
use super::slot::{Names, Slot, marked};
use crate::resource::service::pending::Notes;
use crate::resource::vocabulary::probe::fields;
use crate::resource::{Observed, Probe};
use crate::systemd::UnitState;
use std::collections::{BTreeMap, BTreeSet};

/// A deployment as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The id that `current` points at.
    pub(super) current: Option<String>,
    /// The slot that serves.
    pub(super) serving: Option<Slot>,
    /// The file that leads Nginx to it.
    pub(super) upstream: Option<String>,
    pub(super) blue: SlotFound,
    pub(super) green: SlotFound,
    /// Why the slot that serves must start anew, though its files are right.
    pub(super) pending: Option<String>,
    /// Ports of it on which somebody listens, where no slot of its own runs.
    pub(super) taken: BTreeSet<u16>,
}

/// A slot as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct SlotFound {
    pub(super) target: Option<String>,
    pub(super) unit: Option<String>,
    /// The instances that run, by what they are called by.
    pub(super) running: BTreeSet<u16>,
    /// Whether it starts at boot.
    pub(super) enabled: bool,
}

impl Found {
    /// Whether nothing of it is there.
    pub(super) fn is_bare(&self) -> bool {
        let nothing = SlotFound::default();
        self.current.is_none()
            && self.upstream.is_none()
            && self.serving.is_none()
            && self.blue == nothing
            && self.green == nothing
    }

    pub(super) fn slot(&self, slot: Slot) -> &SlotFound {
        match slot {
            Slot::Blue => &self.blue,
            Slot::Green => &self.green,
        }
    }

    pub(super) fn slot_mut(&mut self, slot: Slot) -> &mut SlotFound {
        match slot {
            Slot::Blue => &mut self.blue,
            Slot::Green => &mut self.green,
        }
    }
}

/// The reply of the probe, cut up.
struct Reply<'a> {
    /// What stands where the link to the release should be, and is none.
    taken: BTreeMap<&'a str, &'a str>,
    current: BTreeMap<&'a str, &'a str>,
    files: BTreeMap<&'a str, String>,
    /// Ports on which somebody listens.
    listening: BTreeSet<u16>,
    units: Vec<UnitState<'a>>,
    notes: Notes<'a>,
}

impl<'a> Reply<'a> {
    fn read(reply: &'a str) -> Self {
        let (noted, shown) = reply.split_once("show\n").unwrap_or((reply, ""));
        let (noted, texts) = noted.split_once("files\n").unwrap_or((noted, ""));
        let mut files: BTreeMap<&str, String> = BTreeMap::new();
        for (path, line) in texts.lines().filter_map(|line| line.split_once(':')) {
            let text = files.entry(path).or_default();
            text.push_str(line);
            text.push('\n');
        }
        let current = noted.lines().filter_map(fields::<3>);
        let ports = noted.lines().filter_map(fields::<2>);
        let ports = ports.filter(|line| line[0] == "listening");
        let taken = noted.lines().filter_map(fields::<3>);
        Self {
            taken: taken
                .filter(|line| line[0] == "taken")
                .map(|line| (line[1], line[2]))
                .collect(),
            current: current
                .filter(|line| line[0] == "current")
                .map(|line| (line[1], line[2]))
                .collect(),
            files,
            listening: ports.filter_map(|line| line[1].parse().ok()).collect(),
            units: UnitState::all(shown.trim_start()).collect(),
            notes: Notes::read(noted),
        }
    }

    fn unit(&self, id: &str) -> Option<&UnitState<'a>> {
        self.units.iter().find(|unit| unit.id() == id)
    }

    /// The instances of a slot, with what they are called by.
    fn instances(&self, names: &Names) -> impl Iterator<Item = (u16, &UnitState<'a>)> {
        let head = format!("{}@", names.stem);
        self.units.iter().filter_map(move |unit| {
            let number = unit.id().strip_prefix(&head)?;
            Some((number.strip_suffix(".service")?.parse().ok()?, unit))
        })
    }

    fn slot(&self, names: &Names) -> SlotFound {
        let text = |path: String| self.files.get(path.as_str()).cloned();
        let [target, unit] = [names.target(), format!("{}@.service", names.stem)]
            .map(|name| text(format!("/etc/systemd/system/{name}")));
        let running = self.instances(names).filter(|(_, unit)| unit.runs());
        let enabled = self.unit(&names.target());
        SlotFound {
            target,
            unit,
            running: running.map(|(number, _)| number).collect(),
            enabled: enabled.is_some_and(|unit| unit.file_state() == "enabled"),
        }
    }
}

/// Reads the reply: one observation for each of `batch`, in its order.
pub(super) fn observe(batch: &[&Deployment], probe: &Probe, reply: &str) -> Vec<Observed<Found>> {
    let reply = Reply::read(reply);
    let one = |deployment: &&Deployment| {
        if let Some(path) = reply.taken.get(deployment.name.as_str()) {
            return Observed::unknown(format!(
                "{path} is not a symbolic link, and the link to the release goes there; \
                 move it away: `mv {path} {path}.before`"
            ));
        }
        let Some(current) = reply.current.get(deployment.name.as_str()) else {
            return Observed::unknown(format!("the probe says nothing of {}", deployment.name));
        };
        let mut found = Found {
            current: (!current.is_empty()).then(|| (*current).to_owned()),
            serving: None,
            upstream: None,
            blue: SlotFound::default(),
            green: SlotFound::default(),
            pending: None,
            taken: BTreeSet::new(),
        };
        if let Some(process) = &deployment.process
            && let Err(reason) = look(deployment, process, probe, &reply, &mut found)
        {
            return Observed::unknown(reason);
        }
        if found.is_bare() && found.taken.is_empty() {
            return Observed::Absent;
        }
        Observed::Present(found)
    };
    batch.iter().map(one).collect()
}

/// Why the other slot could not start beside the one that serves, if it could not: with another
/// first port, its ports can be those of that one.
fn crowded(process: &Process, serving: Slot, found: &Found) -> Option<String> {
    process.port?;
    let running = &found.slot(serving).running;
    let wanted = process.instances(serving.other());
    let taken: Vec<String> = wanted
        .iter()
        .filter(|port| running.contains(port))
        .map(ToString::to_string)
        .collect();
    let last = running.last()?;
    (!taken.is_empty()).then(|| {
        format!(
            "with this app.port the next release would listen on port {}, where the one that \
             serves listens until then; take the first port of before, or one above {last}",
            taken.join(" and "),
        )
    })
}

fn look(
    deployment: &Deployment,
    process: &Process,
    probe: &Probe,
    reply: &Reply<'_>,
    found: &mut Found,
) -> Result<(), String> {
    let names = |slot| Names::new(&deployment.name, slot);
    for slot in Slot::BOTH {
        let target = names(slot).target();
        if reply.unit(&target).is_none() {
            return Err(format!("systemd says nothing of {target}"));
        }
        *found.slot_mut(slot) = reply.slot(&names(slot));
    }
    found.upstream = reply.files.get(process.upstream.as_str()).cloned();
    // The file says it, unless somebody has edited that; then the one that starts at boot.
    let marked = found.upstream.as_deref().and_then(marked);
    let boots = || {
        Slot::BOTH
            .into_iter()
            .find(|slot| found.slot(*slot).enabled)
    };
    found.serving = marked.or_else(boots);
    let Some(slot) = found.serving else {
        found.taken.clone_from(&reply.listening);
        return Ok(());
    };
    if let Some(reason) = crowded(process, slot, found) {
        return Err(reason);
    }
    let names = names(slot);
    let left = reply
        .notes
        .pending_for(&deployment.name)
        .map(|(_, why)| why);
    let mut pending = left;
    for (number, unit) in reply.instances(&names).filter(|(_, unit)| unit.runs()) {
        let since = unit
            .started()
            .ok_or_else(|| format!("cannot read the start time of {}", names.instance(number)))?;
        let newer = reply.notes.newer(probe, &process.restart_on, since, None);
        let newer = newer.map(|path| format!("{path} is newer than its start"));
        let unread = unit
            .needs_daemon_reload()
            .then(|| "its unit file is newer than what systemd read".to_owned());
        let path = format!("/etc/systemd/system/{}@.service", names.stem);
        let edited = reply
            .notes
            .changed_after(&path, since)
            .then(|| format!("{path} is newer than its start"));
        pending = pending.or(newer).or(unread).or(edited);
    }
    found.pending = pending;
    Ok(())
}
