//! A unit as systemd has it, and what it owes by that and by what changes.

use super::Service;
use super::gap::Gap;
use super::live::{LiveSettings, Need};
use super::pending::{Notes, Pending};
use crate::resource::{PlanContext, Probe, Reaction};
use crate::systemd::{self, UnitState};
use crate::types::AbsolutePath;

/// A unit as systemd has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// `active`, `inactive`, `failed`, `activating` …
    pub(super) active: String,
    /// `enabled`, `disabled`, `masked`, `static` …
    pub(super) file_state: String,
    /// Whether its file is newer than what systemd read.
    pub(super) needs_daemon_reload: bool,
    /// What it owes beside that: the strongest reaction.
    pub(super) pending: Option<Pending>,
    /// What it needs while it runs, if it is a database server that says so.
    pub(super) need: Option<Need>,
    /// How long a restart keeps it away, going by what it did last.
    pub(super) gap: Option<Gap>,
}

impl Unit {
    pub(super) fn is_active(&self) -> bool {
        systemd::runs(&self.active)
    }

    pub(super) fn is_enabled(&self) -> bool {
        systemd::starts_at_boot(&self.file_state)
    }
}

/// The strongest reaction; of equals the first, which names the cause best.
fn strongest(all: impl IntoIterator<Item = Option<Pending>>) -> Option<Pending> {
    all.into_iter()
        .flatten()
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
}

impl<L: LiveSettings> Service<L> {
    /// What it owes by what the probe found; `None` if systemd's times cannot be read.
    pub(super) fn pending(
        &self,
        notes: &Notes<'_>,
        probe: &Probe,
        need: Option<&Need>,
        state: &UnitState<'_>,
    ) -> Option<Option<Pending>> {
        // When it began to run, and when it last did so or reloaded.
        let started = state.started()?;
        let loaded = state.loaded()?;
        let known = self.known(need);
        let newer = |patterns, read| notes.newer(probe, patterns, read, known);
        let restart = newer(&self.restart_on, started)
            .map(|path| (Reaction::Restart, format!("{path} is newer than its start")));
        let reload = newer(&self.reload_on, loaded).map(|path| {
            (
                Reaction::Reload,
                format!("{path} is newer than what it read"),
            )
        });
        let failed = (state.get("ReloadResult") != Some("success"))
            .then(|| (Reaction::Reload, "its last reload failed".to_owned()));
        let differs = self.in_force.as_ref().and_then(|in_force| {
            let why = notes.differs(&self.name)?;
            Some((in_force.otherwise, why))
        });
        let replaced = state.get("MainPID").is_some_and(|pid| notes.replaced(pid));
        let replaced = replaced.then(|| {
            let why = "its program on disk is another than the one that runs".to_owned();
            (Reaction::Restart, why)
        });
        Some(strongest([
            notes.pending_for(&self.name),
            replaced,
            restart,
            need.and_then(|need| Some((Reaction::Restart, need.restart.clone()?))),
            differs,
            reload,
            failed.filter(|_| !self.reload_on.is_empty()),
        ]))
    }

    /// The file of which it is known what the service has taken, and so what it needs.
    fn known(&self, need: Option<&Need>) -> Option<&AbsolutePath> {
        let live = self.live.as_ref()?;
        need.is_some_and(|need| need.known).then_some(live.path())
    }

    /// What it needs where it says itself what can be set while it runs.
    pub(super) fn need(
        &self,
        notes: &Notes<'_>,
        reply: &str,
        state: &UnitState<'_>,
    ) -> Option<Need> {
        let live = self.live.as_ref()?;
        let started = state.started()?;
        let newer = notes.changed_after(live.path().as_str(), started);
        live.need(&self.name, reply, state.get("InvocationID")?, newer)
    }

    /// The strongest reaction it owes or is asked for.
    pub(super) fn due(&self, unit: &Unit, context: &PlanContext<'_>) -> Option<Pending> {
        let reloaded = unit.needs_daemon_reload.then(|| {
            let why = "its unit file is newer than what systemd read".to_owned();
            (Reaction::Restart, why)
        });
        let asked = self.reaction(unit.need.as_ref(), context);
        strongest([asked, unit.pending.clone(), reloaded])
    }

    /// What the changes ask of it, and the first of them.
    fn reaction(
        &self,
        need: Option<&Need>,
        context: &PlanContext<'_>,
    ) -> Option<(Reaction, String)> {
        let known = self.known(need).map(AbsolutePath::as_str);
        let first = |patterns: &[String]| {
            context
                .matching(patterns)
                .find(|change| change.id.kind != "file" || Some(change.id.name.as_str()) != known)
                .map(|change| format!("{} changes", change.id))
        };
        let restart = first(&self.restart_on).map(|why| (Reaction::Restart, why));
        restart.or_else(|| first(&self.reload_on).map(|why| (Reaction::Reload, why)))
    }
}
