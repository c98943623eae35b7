//! Services: enabled, running, and running what their files say.

mod gap;
pub(super) mod live;
pub(super) mod pending;
mod unit;

use self::gap::Gap;
use self::live::LiveSettings;
use self::pending::Notes;
pub(super) use self::unit::Unit;
use super::undo::Undo;
use super::{
    Action, Change, Delta, Diff, EntryError, ExecutionPlan, Impact, Kind, Materials, Observed,
    Owned, Phase, PlanContext, Probe, Reaction, Reading,
};
use crate::shell::Script;
use crate::systemd::{SHOW_UNITS, UnitState};
use crate::types::AbsolutePath;
use serde::Deserialize;
use std::collections::BTreeSet;

/// Units whose change may keep us from logging in again.
const ACCESS_UNITS: [&str; 4] = [
    "fail2ban.service",
    "nftables.service",
    "ssh.service",
    "systemd-networkd.service",
];

/// A systemd unit that should be enabled and running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service<L> {
    name: String,
    enabled: bool,
    reload_on: Vec<String>,
    restart_on: Vec<String>,
    in_force: Option<InForce>,
    live: Option<L>,
    undo: Option<Undo>,
    impact: Option<Impact>,
    /// Whether it is none of the stack: then it only takes that files of ours have gone.
    orphaned: bool,
}

/// How to ask whether what runs is what the files say.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InForce {
    /// A command that changes nothing, and succeeds if it is; status 1 says that it is not, any
    /// other that it cannot say, and then there is no plan. What it prints otherwise is shown
    /// as the cause. It does not count while the service does not run.
    command: Vec<String>,
    /// What brings the files into force.
    otherwise: Reaction,
}

/// The fields of `[[service]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry<E> {
    name: String,
    /// Whether it starts at boot. Default: yes.
    enabled: Option<bool>,
    /// Changes after which it must read its configuration again: resource ids with `*`.
    /// A file of these that was changed after it did counts, too, whoever changed it.
    #[serde(default)]
    reload_on: Vec<String>,
    /// Changes after which it must start anew.
    #[serde(default)]
    restart_on: Vec<String>,
    /// Asks the service itself, where it can be asked.
    in_force: Option<InForce>,
    /// What need not wait for a start, where the service says what that is.
    live: Option<E>,
    /// How an undo sets back what the service sets elsewhere than in files.
    undo: Option<Undo>,
    /// What visitors notice of that, if less than the word says: `none`.
    impact: Option<Impact>,
}

impl<L> Service<L> {
    /// A service that is no longer in the stack and keeps running, but has read these.
    #[must_use]
    pub fn orphaned(name: &str, readings: &[Reading]) -> Self {
        let mut service = Self {
            name: name.to_owned(),
            enabled: true,
            reload_on: Vec::new(),
            restart_on: Vec::new(),
            in_force: None,
            live: None,
            undo: None,
            impact: None,
            orphaned: true,
        };
        service.reads(readings);
        service
    }

    /// It has read these, too.
    pub fn reads(&mut self, readings: &[Reading]) {
        for reading in readings {
            let patterns = match reading.reaction {
                Reaction::Reload => &mut self.reload_on,
                Reaction::Restart => &mut self.restart_on,
            };
            if !patterns.contains(&reading.pattern) {
                patterns.push(reading.pattern.clone());
            }
        }
    }
}

impl<L: LiveSettings> Kind for Service<L> {
    const NAME: &'static str = "service";
    const PROBE_SHELL: &'static [&'static str] = &[
        L::PROBE_SHELL[0],
        L::PROBE_SHELL[1],
        SHOW_UNITS,
        include_str!("service/probe.sh"),
    ];
    const STEP_SHELL: &'static [&'static str] = &[
        L::STEP_SHELL[0],
        L::STEP_SHELL[1],
        L::STEP_SHELL[2],
        include_str!("service/steps.sh"),
    ];
    const DEPENDS_ON_CHANGES: bool = true;
    const LEAVES_OTHERS_ALONE: bool = true;
    const ASKS_DAEMONS: bool = true;
    type Entry = Entry<L::Entry>;
    type State = Unit;

    fn build(entry: Entry<L::Entry>, materials: &dyn Materials) -> Result<Self, EntryError> {
        // systemd.unit(5): letters, digits and these, with a type after the dot.
        let legal = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
        if !entry.name.contains('.') || !entry.name.chars().all(legal) {
            let message = format!("`{}` is not the name of a unit", entry.name);
            return Err(EntryError::field("name", message)
                .help(format!("with its type, like \"{}.service\"", entry.name)));
        }
        if entry
            .in_force
            .as_ref()
            .is_some_and(|one| one.command.is_empty())
        {
            let message = "its command has at least one word";
            return Err(EntryError::field("in_force", message));
        }
        entry.undo.as_ref().map_or(Ok(()), Undo::check)?;
        Ok(Self {
            name: entry.name,
            enabled: entry.enabled.unwrap_or(true),
            reload_on: entry.reload_on,
            restart_on: entry.restart_on,
            in_force: entry.in_force,
            live: entry
                .live
                .map(|live| L::build(live, materials))
                .transpose()?,
            undo: entry.undo,
            impact: entry.impact,
            orphaned: false,
        })
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn probe(batch: &[&Self], probe: &Probe, script: &mut Script) {
        script.assign("comparing", "");
        for service in batch {
            if let Some(in_force) = &service.in_force {
                let words = std::iter::once(&service.name).chain(&in_force.command);
                script.call("compare_service", words);
            }
        }
        for service in batch {
            if let Some(live) = &service.live {
                live.probe(&service.name, script);
            }
        }
        let read: BTreeSet<&str> = batch
            .iter()
            .flat_map(|service| [&service.restart_on, &service.reload_on])
            .flat_map(|patterns| probe.matching(patterns))
            .map(AbsolutePath::as_str)
            .collect();
        let units = batch.iter().map(|service| service.name.as_str());
        script.call("probe_service", units.chain(["--"]).chain(read));
    }

    fn observe(batch: &[&Self], probe: &Probe, reply: &str) -> Vec<Observed<Unit>> {
        let notes = Notes::read(reply);
        // systemctl answers in the order it was asked, a blank line between two units.
        let after = |(_, shown)| shown;
        let shown = reply.strip_prefix("show\n");
        let shown = shown.or_else(|| reply.rsplit_once("\nshow\n").map(after));
        let mut units = UnitState::all(shown.unwrap_or_default());
        batch
            .iter()
            .map(|service| {
                let state = units.next().unwrap_or_default();
                match (
                    state.is_missing(),
                    state.get("ActiveState"),
                    state.get("UnitFileState"),
                ) {
                    (Some(true), ..) => Observed::Absent,
                    (Some(false), Some(active), Some(file_state)) => {
                        let mut unit = Unit {
                            active: active.to_owned(),
                            file_state: file_state.to_owned(),
                            needs_daemon_reload: state.needs_daemon_reload(),
                            pending: None,
                            need: None,
                            gap: Gap::read(&state),
                        };
                        if unit.is_active() {
                            if let Some(reason) = notes.unknown(&service.name) {
                                return Observed::unknown(reason);
                            }
                            unit.need = service.need(&notes, reply, &state);
                            let need = unit.need.as_ref();
                            let Some(pending) = service.pending(&notes, probe, need, &state) else {
                                let name = &service.name;
                                return Observed::unknown(format!(
                                    "cannot read the start time of {name}"
                                ));
                            };
                            unit.pending = pending;
                        }
                        Observed::Present(unit)
                    }
                    _ => Observed::unknown(format!("systemd says nothing of {}", service.name)),
                }
            })
            .collect()
    }

    fn applied(&self, before: &Observed<Unit>, _: &PlanContext<'_>) -> Observed<Unit> {
        let file_state = match (self.enabled, before.present()) {
            (_, Some(unit)) if unit.is_enabled() == self.enabled => unit.file_state.clone(),
            (true, _) => "enabled".to_owned(),
            (false, _) => "disabled".to_owned(),
        };
        Observed::Present(Unit {
            active: "active".to_owned(),
            file_state,
            needs_daemon_reload: false,
            pending: None,
            need: None,
            gap: None,
        })
    }

    fn fingerprint(unit: &Unit) -> String {
        // One that fails again and again is `failed`, `activating` and `inactive` by turns.
        let active = if unit.is_active() {
            "active"
        } else {
            "inactive"
        };
        let settled = Unit {
            active: active.to_owned(),
            file_state: unit.file_state.clone(),
            // What it owes goes away when somebody restarts it, and a plan is none the worse.
            needs_daemon_reload: false,
            pending: None,
            need: None,
            gap: None,
        };
        let need = unit
            .need
            .as_ref()
            .and_then(|need| need.fingerprint.as_deref());
        format!("{settled:?}{}", need.unwrap_or_default())
    }

    fn compare(&self, observed: &Observed<Unit>, context: &PlanContext<'_>) -> Option<Delta> {
        let enabled = if self.enabled { "enabled" } else { "disabled" };
        if self.orphaned && !observed.present().is_some_and(Unit::is_active) {
            return None;
        }
        let Observed::Present(unit) = observed else {
            return Some(Delta::create([
                ("state", "active".to_owned()),
                ("at boot", enabled.to_owned()),
            ]));
        };
        let mut diff = Diff::default();
        if !unit.is_active() {
            diff.compare("state", Some(&unit.active), Some("active"));
        }
        if unit.is_enabled() != self.enabled && !self.orphaned {
            diff.compare("at boot", Some(&unit.file_state), Some(enabled));
        }
        let reaction = self.due(unit, context);
        let starts = matches!(reaction, Some((Reaction::Restart, _)));
        if let Some(need) = &unit.need {
            need.show(starts, &mut diff);
        }
        let live = unit.need.as_ref().and_then(|need| need.because);
        match (reaction, live) {
            (Some((reaction, because)), _) if unit.is_active() => {
                let (action, impact) = match reaction {
                    Reaction::Reload => (Action::Reload, Impact::Reload),
                    Reaction::Restart => (Action::Restart, Impact::Restart),
                };
                let impact = self.impact.unwrap_or(impact);
                let gap = unit.gap.filter(|_| impact == Impact::Restart);
                Some(Delta {
                    action,
                    impact,
                    because: gap.map_or(because.clone(), |gap| format!("{because}; {gap}")),
                    diff,
                })
            }
            (_, Some(because)) if unit.is_active() => {
                Some(Delta::quiet(Action::Reload, because, diff))
            }
            _ if unit.is_active() => Delta::update(diff),
            _ => Some(Delta::quiet(Action::Update, "it does not run", diff)),
        }
    }

    fn owned(&self) -> Vec<Owned> {
        if self.orphaned {
            return Vec::new();
        }
        let all = [
            (Reaction::Reload, &self.reload_on),
            (Reaction::Restart, &self.restart_on),
        ];
        let reads = all.into_iter().flat_map(|(reaction, patterns)| {
            let files = patterns.iter().filter(|pattern| {
                pattern.starts_with("file:") && !pattern.contains(char::is_control)
            });
            files.map(move |pattern| Reading {
                reaction,
                pattern: pattern.clone(),
            })
        });
        vec![Owned::Service {
            name: self.name.clone(),
            reads: reads.collect(),
        }]
    }

    fn work(
        &self,
        observed: &Observed<Unit>,
        change: &Change,
        context: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    ) {
        if observed
            .present()
            .is_some_and(|unit| unit.needs_daemon_reload)
        {
            work.daemon_reload = true;
        }
        let running = observed.present().filter(|unit| unit.is_active());
        let need = running.and_then(|unit| unit.need.as_ref());
        let set = need.filter(|need| change.action == Action::Reload && need.because.is_some());
        // There may be nothing else to do.
        let only_set =
            set.is_some() && running.is_none_or(|unit| self.due(unit, context).is_none());
        let verb = match change.action {
            Action::Reload if only_set => "keep",
            Action::Reload => "reload",
            Action::Restart => "restart",
            _ if running.is_some() => "keep",
            _ => "start",
        };
        match change.action {
            Action::Reload if !only_set => work.pending(&self.name, Reaction::Reload),
            Action::Restart => work.pending(&self.name, Reaction::Restart),
            _ => {}
        }
        if matches!(verb, "start" | "restart") {
            work.watched.insert(self.name.clone());
        }
        if verb != "keep" {
            work.readers.insert(self.name.clone());
        }
        if ACCESS_UNITS.contains(&self.name.as_str()) {
            work.touches_access = true;
        }
        let boot = match (self.orphaned, self.enabled) {
            (true, _) => "leave",
            (_, true) => "enable",
            (_, false) => "disable",
        };
        let in_force = self.in_force.as_ref();
        let mut script = Script::new();
        if let Some(need) = need.filter(|_| verb == "restart") {
            script.append(&need.forget);
        }
        if let Some(undo) = self.undo.as_ref().filter(|_| verb != "keep") {
            undo.remember(&format!("service-{}", self.name), &mut script);
        }
        let words = [self.name.as_str(), boot, verb, verb].map(str::to_owned);
        let asks = in_force.map_or(&[][..], |in_force| &in_force.command);
        script.call("activate_service", words.iter().chain(asks));
        if let Some(need) = set {
            work.notes.append(&need.note);
            script.append(&need.take);
        } else if let Some(live) = self.live.as_ref().filter(|_| verb != "keep") {
            live.note_taken(&self.name, &mut script);
        }
        work.step(Phase::Activate, &change.id, script);
    }
}

#[cfg(test)]
mod tests;
