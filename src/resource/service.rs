//! Services: enabled, running, and running what their files say.

use super::probe::fields;
use super::{
    Action, Change, Delta, Diff, EntryError, Impact, Kind, Materials, Observed, Owned, Phase,
    Probe, Reaction, Surroundings, Work,
};
use crate::shell::Script;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Units whose change may keep us from logging in again.
const ACCESS_UNITS: [&str; 3] = [
    "nftables.service",
    "ssh.service",
    "systemd-networkd.service",
];

/// A systemd unit that should be enabled and running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    name: String,
    enabled: bool,
    reload_on: Vec<String>,
    restart_on: Vec<String>,
    impact: Option<Impact>,
}

/// The fields of `[[service]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    name: String,
    /// Whether it starts at boot. Default: yes.
    enabled: Option<bool>,
    /// Changes after which it must read its configuration again: resource ids with `*`.
    #[serde(default)]
    reload_on: Vec<String>,
    /// Changes after which it must start anew.
    #[serde(default)]
    restart_on: Vec<String>,
    /// What visitors notice of that, if less than the word says: `none`.
    impact: Option<Impact>,
}

/// A unit as systemd has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// `active`, `inactive`, `failed`, `activating` …
    active: String,
    /// `enabled`, `disabled`, `masked`, `static` …
    file_state: String,
    /// Whether its file is newer than what systemd read.
    needs_daemon_reload: bool,
    /// What an earlier run that was cut off still owes it.
    pending: Option<Reaction>,
}

impl Unit {
    fn is_active(&self) -> bool {
        matches!(self.active.as_str(), "active" | "reloading" | "refreshing")
    }

    fn is_enabled(&self) -> bool {
        matches!(
            self.file_state.as_str(),
            "enabled" | "static" | "indirect" | "alias" | "generated"
        )
    }
}

impl Service {
    /// What the changes ask of it, and the first of them.
    fn reaction(&self, around: &Surroundings<'_>) -> Option<(Reaction, String)> {
        let first = |patterns: &[String]| {
            around
                .matching(patterns)
                .next()
                .map(|change| format!("{} changes", change.id))
        };
        let restart = first(&self.restart_on).map(|why| (Reaction::Restart, why));
        restart.or_else(|| first(&self.reload_on).map(|why| (Reaction::Reload, why)))
    }
}

impl Kind for Service {
    const NAME: &'static str = "service";
    const LIBRARY: &'static str = include_str!("service.sh");
    const REACTS: bool = true;
    type Entry = Entry;
    type State = Unit;

    fn build(entry: Entry, _: &dyn Materials) -> Result<Self, EntryError> {
        // systemd.unit(5): letters, digits and these, with a type after the dot.
        let legal = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
        if !entry.name.contains('.') || !entry.name.chars().all(legal) {
            let message = format!("`{}` is not the name of a unit", entry.name);
            return Err(EntryError::field("name", message)
                .help(format!("with its type, like \"{}.service\"", entry.name)));
        }
        Ok(Self {
            name: entry.name,
            enabled: entry.enabled.unwrap_or(true),
            reload_on: entry.reload_on,
            restart_on: entry.restart_on,
            impact: entry.impact,
        })
    }

    fn name(&self) -> String {
        self.name.clone()
    }

    fn probe(batch: &[&Self], _: &Probe, script: &mut Script) {
        script.call("probe_service", batch.iter().map(|service| &service.name));
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<Unit>> {
        let pending: BTreeMap<&str, Reaction> = reply
            .lines()
            .filter_map(fields::<3>)
            .filter(|line| line[0] == "pending")
            .filter_map(|line| Some((line[1], Reaction::parse(line[2])?)))
            .collect();
        // systemctl answers in the order it was asked, a blank line between two units.
        let shown = reply.split_once("show\n").map_or("", |(_, shown)| shown);
        let mut blocks = shown.trim_end().split("\n\n");
        batch
            .iter()
            .map(|service| {
                let block = blocks.next().unwrap_or_default();
                let property = |name: &str| {
                    block
                        .lines()
                        .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
                };
                match (
                    property("LoadState"),
                    property("ActiveState"),
                    property("UnitFileState"),
                ) {
                    (Some("not-found"), ..) => Observed::Absent,
                    (Some(_), Some(active), Some(file_state)) => Observed::Present(Unit {
                        active: active.to_owned(),
                        file_state: file_state.to_owned(),
                        needs_daemon_reload: property("NeedDaemonReload") == Some("yes"),
                        pending: pending.get(service.name.as_str()).copied(),
                    }),
                    _ => Observed::unknown(format!("systemd says nothing of {}", service.name)),
                }
            })
            .collect()
    }

    fn applied(&self, before: &Observed<Unit>, _: &Surroundings<'_>) -> Observed<Unit> {
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
        })
    }

    fn footing(unit: &Unit) -> String {
        // One that fails again and again is `failed`, `activating` and `inactive` by turns.
        let active = if unit.is_active() {
            "active"
        } else {
            "inactive"
        };
        let settled = Unit {
            active: active.to_owned(),
            ..unit.clone()
        };
        format!("{settled:?}")
    }

    fn compare(&self, observed: &Observed<Unit>, around: &Surroundings<'_>) -> Option<Delta> {
        let enabled = if self.enabled { "enabled" } else { "disabled" };
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
        if unit.is_enabled() != self.enabled {
            diff.compare("at boot", Some(&unit.file_state), Some(enabled));
        }
        let owed = unit
            .pending
            .map(|reaction| (reaction, "an earlier run did not get to it".to_owned()));
        let reloaded = unit.needs_daemon_reload.then(|| {
            (
                Reaction::Restart,
                "its unit file is newer than what systemd read".to_owned(),
            )
        });
        let reaction = [self.reaction(around), owed, reloaded]
            .into_iter()
            .flatten()
            // The strongest; of equals the first, which names the cause best.
            .reduce(|best, next| if next.0 > best.0 { next } else { best });
        match reaction {
            Some((reaction, because)) if unit.is_active() => {
                let (action, impact) = match reaction {
                    Reaction::Reload => (Action::Reload, Impact::Reload),
                    Reaction::Restart => (Action::Restart, Impact::Restart),
                };
                Some(Delta {
                    action,
                    impact: self.impact.unwrap_or(impact),
                    because,
                    diff,
                })
            }
            _ if unit.is_active() => Delta::update(diff),
            _ => Some(Delta::quiet(Action::Update, "it does not run", diff)),
        }
    }

    fn owned(&self) -> Vec<Owned> {
        vec![Owned::Service(self.name.clone())]
    }

    fn work(
        &self,
        observed: &Observed<Unit>,
        change: &Change,
        _: &Surroundings<'_>,
        work: &mut Work,
    ) {
        if observed
            .present()
            .is_some_and(|unit| unit.needs_daemon_reload)
        {
            work.daemon_reload = true;
        }
        let verb = match change.action {
            Action::Reload => "reload",
            Action::Restart => "restart",
            _ if observed.present().is_some_and(Unit::is_active) => "keep",
            _ => "start",
        };
        match change.action {
            Action::Reload => work.pending(&self.name, Reaction::Reload),
            Action::Restart => work.pending(&self.name, Reaction::Restart),
            _ => {}
        }
        if matches!(verb, "start" | "restart") {
            work.watched.insert(self.name.clone());
        }
        if ACCESS_UNITS.contains(&self.name.as_str()) {
            work.touches_access = true;
        }
        let boot = if self.enabled { "enable" } else { "disable" };
        let mut script = Script::new();
        script.call("activate_service", [self.name.as_str(), boot, verb]);
        work.step(Phase::Activate, &change.id, script);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::ResourceId;

    fn service() -> Service {
        Service {
            name: "nginx.service".into(),
            enabled: true,
            reload_on: vec!["file:/etc/nginx/*".into()],
            restart_on: vec!["package:nginx".into()],
            impact: None,
        }
    }

    fn change(kind: &'static str, name: &str) -> Change {
        Change {
            id: ResourceId {
                kind,
                name: name.into(),
            },
            role: "web".into(),
            action: Action::Update,
            impact: Impact::None,
            because: String::new(),
            diff: Diff::default(),
        }
    }

    fn compare(reply: &str, changes: &[Change]) -> Option<Delta> {
        let service = service();
        let around = Surroundings {
            now: 0,
            date: "20260101",
            changes,
        };
        let found = Service::observe(&[&service], &Probe::new("s".into()), reply).remove(0);
        assert!(!matches!(found, Observed::Unknown { .. }), "{reply}");
        service.compare(&found, &around)
    }

    fn shown(active: &str, file_state: &str, reload: &str) -> String {
        format!(
            "show\nLoadState=loaded\nActiveState={active}\nUnitFileState={file_state}\nNeedDaemonReload={reload}\n"
        )
    }

    #[test]
    fn a_service_in_order_changes_only_for_a_cause() {
        let running = shown("active", "enabled", "no");
        assert_eq!(compare(&running, &[]), None);
        assert_eq!(compare(&running, &[change("file", "/etc/mysql/x")]), None);
        let reload = compare(&running, &[change("file", "/etc/nginx/nginx.conf")]).unwrap();
        assert_eq!(
            (reload.action, reload.impact),
            (Action::Reload, Impact::Reload)
        );
        let both = [
            change("file", "/etc/nginx/nginx.conf"),
            change("package", "nginx"),
        ];
        assert_eq!(compare(&running, &both).unwrap().action, Action::Restart);
    }

    #[test]
    fn a_stopped_service_is_started_not_reloaded() {
        let stopped = shown("inactive", "enabled", "no");
        let delta = compare(&stopped, &[change("file", "/etc/nginx/nginx.conf")]).unwrap();
        assert_eq!(delta.action, Action::Update);
        assert_eq!(delta.diff.fields.len(), 1);
    }

    #[test]
    fn a_disabled_service_is_only_enabled() {
        let delta = compare(&shown("active", "disabled", "no"), &[]).unwrap();
        assert_eq!((delta.action, delta.impact), (Action::Update, Impact::None));
        assert_eq!(delta.diff.fields[0].name, "at boot");
    }

    #[test]
    fn what_an_earlier_run_owes_is_not_forgotten() {
        let reply = format!(
            "pending\x1fnginx.service\x1freload\n{}",
            shown("active", "enabled", "no")
        );
        assert_eq!(compare(&reply, &[]).unwrap().action, Action::Reload);
        assert_eq!(
            compare(&shown("active", "enabled", "yes"), &[])
                .unwrap()
                .action,
            Action::Restart
        );
    }

    #[test]
    fn a_plan_for_a_service_that_does_not_run_rests_on_that_alone() {
        let footing = |active: &str, file_state: &str| {
            let reply = shown(active, file_state, "no");
            let found = Service::observe(&[&service()], &Probe::new("s".into()), &reply).remove(0);
            Service::footing(found.present().unwrap())
        };
        assert_eq!(
            footing("failed", "enabled"),
            footing("activating", "enabled")
        );
        assert_ne!(footing("failed", "enabled"), footing("active", "enabled"));
        assert_ne!(footing("failed", "enabled"), footing("failed", "masked"));
    }

    #[test]
    fn silence_is_unknown_and_not_found_is_absent() {
        let service = service();
        let observe =
            |reply: &str| Service::observe(&[&service], &Probe::new("s".into()), reply).remove(0);
        assert!(matches!(observe("show\n"), Observed::Unknown { .. }));
        assert_eq!(
            observe("show\nLoadState=not-found\nActiveState=inactive\nUnitFileState=\n"),
            Observed::Absent
        );
    }
}
