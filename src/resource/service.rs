//! Services: enabled, running, and running what their files say.

use super::gap::Gap;
use super::owed::{Notes, Owed, timestamp};
use super::{
    Action, Change, Delta, Diff, EntryError, Impact, Kind, Materials, Observed, Owned, Phase,
    Probe, Reaction, Surroundings, Work,
};
use crate::shell::Script;
use crate::types::AbsolutePath;
use serde::Deserialize;
use std::collections::BTreeSet;

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
    in_force: Option<InForce>,
    impact: Option<Impact>,
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
pub struct Entry {
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
    /// What it owes beside that: the strongest reaction.
    owed: Option<Owed>,
    /// How long a restart keeps it away, going by what it did last.
    gap: Option<Gap>,
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

/// The strongest reaction; of equals the first, which names the cause best.
fn strongest(all: impl IntoIterator<Item = Option<Owed>>) -> Option<Owed> {
    all.into_iter()
        .flatten()
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
}

impl Service {
    /// What it owes by what the probe found; `None` if systemd's times cannot be read.
    fn owed<'a>(
        &self,
        notes: &Notes<'_>,
        probe: &Probe,
        property: impl Fn(&str) -> Option<&'a str>,
    ) -> Option<Option<Owed>> {
        // When it began to run, and when it last did so or reloaded.
        let started = timestamp(property("ActiveEnterTimestamp")?)?;
        let loaded = timestamp(property("StateChangeTimestamp")?)?;
        let newer = |patterns, read| notes.newer(probe, patterns, read);
        let restart = newer(&self.restart_on, started)
            .map(|path| (Reaction::Restart, format!("{path} is newer than its start")));
        let reload = newer(&self.reload_on, loaded).map(|path| {
            (
                Reaction::Reload,
                format!("{path} is newer than what it read"),
            )
        });
        let failed = (property("ReloadResult") != Some("success"))
            .then(|| (Reaction::Reload, "its last reload failed".to_owned()));
        let differs = self.in_force.as_ref().and_then(|in_force| {
            let why = notes.differs(&self.name)?;
            Some((in_force.otherwise, why))
        });
        let replaced = property("MainPID").is_some_and(|pid| notes.replaced(pid));
        let replaced = replaced.then(|| {
            let why = "its program on disk is another than the one that runs".to_owned();
            (Reaction::Restart, why)
        });
        Some(strongest([
            notes.left(&self.name),
            replaced,
            restart,
            differs,
            reload,
            failed.filter(|_| !self.reload_on.is_empty()),
        ]))
    }

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
        if entry
            .in_force
            .as_ref()
            .is_some_and(|one| one.command.is_empty())
        {
            let message = "its command has at least one word";
            return Err(EntryError::field("in_force", message));
        }
        Ok(Self {
            name: entry.name,
            enabled: entry.enabled.unwrap_or(true),
            reload_on: entry.reload_on,
            restart_on: entry.restart_on,
            in_force: entry.in_force,
            impact: entry.impact,
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
                    (Some(_), Some(active), Some(file_state)) => {
                        let mut unit = Unit {
                            active: active.to_owned(),
                            file_state: file_state.to_owned(),
                            needs_daemon_reload: property("NeedDaemonReload") == Some("yes"),
                            owed: None,
                            gap: Gap::read(property),
                        };
                        if unit.is_active() {
                            if let Some(reason) = notes.unknown(&service.name) {
                                return Observed::unknown(reason);
                            }
                            let Some(owed) = service.owed(&notes, probe, property) else {
                                let name = &service.name;
                                return Observed::unknown(format!(
                                    "{name}: since when does it run?"
                                ));
                            };
                            unit.owed = owed;
                        }
                        Observed::Present(unit)
                    }
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
            owed: None,
            gap: None,
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
            file_state: unit.file_state.clone(),
            // What it owes goes away when somebody restarts it, and a plan is none the worse.
            needs_daemon_reload: false,
            owed: None,
            gap: None,
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
        let reloaded = unit.needs_daemon_reload.then(|| {
            (
                Reaction::Restart,
                "its unit file is newer than what systemd read".to_owned(),
            )
        });
        let reaction = strongest([self.reaction(around), unit.owed.clone(), reloaded]);
        match reaction {
            Some((reaction, because)) if unit.is_active() => {
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
        // Who does not take an old file by a reload must not be undone by one.
        let in_force = self.in_force.as_ref();
        let back = match in_force.map(|in_force| in_force.otherwise) {
            Some(Reaction::Restart) if verb == "reload" => "restart",
            _ => verb,
        };
        let mut script = Script::new();
        let words = [self.name.as_str(), boot, verb, back].map(str::to_owned);
        let asks = in_force.map_or(&[][..], |in_force| &in_force.command);
        script.call("activate_service", words.iter().chain(asks));
        work.step(Phase::Activate, &change.id, script);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{NoMaterials, Resource, ResourceId, Spec};

    fn service() -> Service {
        Service {
            name: "nginx.service".into(),
            enabled: true,
            reload_on: vec!["file:/etc/nginx/*".into()],
            restart_on: vec!["package:nginx".into(), "file:/etc/systemd/system/*".into()],
            in_force: Some(InForce {
                command: vec!["compare".into()],
                otherwise: Reaction::Reload,
            }),
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
        let found = Service::observe(&[&service], &probe(), reply).remove(0);
        assert!(!matches!(found, Observed::Unknown { .. }), "{reply}");
        service.compare(&found, &around)
    }

    const CONFIG: &str = "/etc/nginx/nginx.conf";
    const DROP_IN: &str = "/etc/systemd/system/nginx.service.d/x.conf";

    /// A probe that knows two files the service reads.
    fn probe() -> Probe {
        let file = |path: &str| {
            let entry = toml::toml! {
                path = path
                content = ""
            };
            let spec = Spec::build("file", entry, &NoMaterials).unwrap();
            Resource {
                id: spec.id(),
                role: "web".into(),
                origin: String::new(),
                spec,
            }
        };
        Probe::new("s".into()).of(&[file(CONFIG), file(DROP_IN)])
    }

    /// Started at ten seconds past twelve, reloaded at twenty.
    fn shown(active: &str, file_state: &str, reload: &str) -> String {
        format!(
            "show\nLoadState=loaded\nActiveState={active}\nUnitFileState={file_state}\nNeedDaemonReload={reload}\n\
             ActiveEnterTimestamp=Sun 2026-11-22 12:00:10.000000 UTC\n\
             StateChangeTimestamp=Sun 2026-11-22 12:00:20.000000 UTC\nReloadResult=success\n"
        )
    }

    #[test]
    fn a_service_takes_what_is_newer_than_what_it_runs() {
        // 12:00:00.
        const NOON: u64 = 1_795_348_800;
        for (path, second, expected) in [
            (CONFIG, 5, None),
            (CONFIG, 20, None),
            (CONFIG, 21, Some(Action::Reload)),
            (DROP_IN, 10, None),
            (DROP_IN, 15, Some(Action::Restart)),
            ("/etc/nginx/mine.conf", 30, None),
        ] {
            let changed = format!("changed\x1f{}.000000000\x1f{path}\n", NOON + second);
            let reply = changed + &shown("active", "enabled", "no");
            let delta = compare(&reply, &[]);
            let action = delta.as_ref().map(|delta| delta.action);
            assert_eq!(action, expected, "{path} at {second}");
            assert!(delta.is_none_or(|delta| delta.because.starts_with(path)));
        }
    }

    #[test]
    fn a_service_takes_what_its_command_says_is_not_in_force() {
        let reply = |status: &str, active: &str| {
            format!("compared\x1fnginx.service\x1f{status}\x1fthe table is not there\n")
                + &shown(active, "enabled", "no")
        };
        assert_eq!(compare(&reply("0", "active"), &[]), None);
        let delta = compare(&reply("1", "active"), &[]).unwrap();
        assert_eq!(
            (delta.action, delta.because.as_str()),
            (Action::Reload, "the table is not there")
        );
        let stopped = compare(&reply("1", "inactive"), &[]).unwrap();
        assert_eq!(stopped.because, "it does not run");
    }

    #[test]
    fn a_reload_that_failed_is_made_again() {
        let failed = shown("active", "enabled", "no").replace("success", "exit-code");
        assert_eq!(compare(&failed, &[]).unwrap().action, Action::Reload);
    }

    #[test]
    fn a_time_that_cannot_be_read_is_unknown() {
        let service = service();
        let reply = shown("active", "enabled", "no").replace(" UTC", " CET");
        let found = Service::observe(&[&service], &probe(), &reply).remove(0);
        assert!(matches!(found, Observed::Unknown { .. }));
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
