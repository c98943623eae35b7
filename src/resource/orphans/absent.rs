//! Paths at which nothing should be: what a package brings and the stack does not want.

use super::retired::Retired;
use crate::resource::place::{Place, place_of, read_places};
use crate::resource::vocabulary::probe::fields;
use crate::resource::zone::{self, Keys, LeavingZone};
use crate::resource::{
    Action, Change, Claim, Conflict, Delta, Diff, EntryError, ExecutionPlan, Future, Kind,
    Materials, Observed, Phase, PlanContext, Probe, Refusal,
};
use crate::shell::Script;
use crate::types::AbsolutePath;
use serde::Deserialize;

/// A path at which nothing should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Absent {
    path: AbsolutePath,
    package: Option<String>,
    /// Whether it is removed, whoever made it.
    adopt: bool,
    /// Whether a run of ours once put something there.
    orphaned: bool,
    /// Whether it may be served or used until the run is proven.
    late: bool,
    /// The zone in it, if it is the file of one that a run of ours once made.
    zone: Option<LeavingZone>,
}

impl Absent {
    /// The path of what is no longer in the inventory.
    #[must_use]
    pub fn orphaned(path: AbsolutePath) -> Self {
        Self {
            zone: LeavingZone::of(&path),
            path,
            package: None,
            adopt: false,
            orphaned: true,
            late: false,
        }
    }

    /// It goes after the proof: nobody reads it as configuration, and until services have taken
    /// theirs, visitors may get it.
    pub fn goes_last(&mut self) {
        self.late = true;
    }

    /// The unit of which this is the file. A slot's target and its instances are one.
    fn unit(&self) -> Option<String> {
        let name = self.path.as_str().strip_prefix("/etc/systemd/system/")?;
        if name.contains('/') {
            return None;
        }
        Some(match name.strip_suffix("@.service") {
            Some(stem) => format!("{stem}.target"),
            None => name.to_owned(),
        })
    }

    /// Whether it is the file of a unit that runs until the run is proven.
    fn belongs_to_what_runs(&self, context: &PlanContext<'_>) -> bool {
        let stops = |unit: String| {
            let mut changes = context.changes.iter();
            changes.any(|change| change.id.kind == Retired::NAME && change.id.name == unit)
        };
        self.orphaned && Retired::stops_last(context) && self.unit().is_some_and(stops)
    }
}

/// What stands at the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    file_type: String,
    /// Whether a package has brought it, or the file that it leads to, and nobody has changed
    /// that since.
    shipped: bool,
    /// What is known of the keys of the zone in it.
    keys: Keys,
}

/// The fields of `[[absent]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    path: AbsolutePath,
    /// The package whose installation makes the path, so that a plan for a bare server can
    /// say that it will be removed.
    package: Option<String>,
    /// Whether it is removed, whoever made it.
    #[serde(default)]
    adopt: bool,
}

impl Kind for Absent {
    const NAME: &'static str = "absent";
    const PROBE_SHELL: &'static [&'static str] = &[zone::SHELL, include_str!("absent.sh")];
    // The executor removes paths by itself.
    const STEP_SHELL: &'static [&'static str] = &[zone::SHELL];
    const DEPENDS_ON_CHANGES: bool = true;
    type Entry = Entry;
    type State = Found;

    fn build(entry: Entry, _: &dyn Materials) -> Result<Self, EntryError> {
        let Entry {
            path,
            package,
            adopt,
        } = entry;
        Ok(Self {
            path,
            package,
            adopt,
            orphaned: false,
            late: false,
            zone: None,
        })
    }

    fn name(&self) -> String {
        self.path.to_string()
    }

    fn probe(batch: &[&Self], _: &Probe, script: &mut Script) {
        script.call("probe_absent", batch.iter().map(|absent| &absent.path));
        let zones = batch.iter().filter_map(|absent| absent.zone.as_ref());
        zones.for_each(|zone| zone.probe(script));
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<Found>> {
        let places = read_places(reply);
        let shipped: Vec<&str> = reply
            .lines()
            .filter_map(fields::<2>)
            .filter_map(|[word, path]| (word == "shipped").then_some(path))
            .collect();
        let found = |absent: &Self, place: Place| Found {
            file_type: place.file_type,
            shipped: shipped.contains(&absent.path.as_str()),
            keys: absent
                .zone
                .as_ref()
                .map_or_else(Keys::default, |zone| zone.read(reply)),
        };
        batch
            .iter()
            .map(|absent| place_of(&places, &absent.path).map(|place| found(absent, place)))
            .collect()
    }

    fn applied(&self, _: &Observed<Found>, _: &PlanContext<'_>) -> Observed<Found> {
        Observed::Absent
    }

    fn compare(&self, observed: &Observed<Found>, context: &PlanContext<'_>) -> Option<Delta> {
        let because = match (observed, &self.package) {
            (Observed::Present(_), _) if self.orphaned => {
                "it is no longer in the inventory".to_owned()
            }
            (Observed::Present(found), _) => format!("a {} is there", found.file_type),
            (_, Some(package)) if context.creates("package", package) => {
                format!("the package {package} brings it")
            }
            _ => return None,
        };
        Some(Delta::quiet(Action::Delete, because, Diff::default()))
    }

    fn refusal(&self, found: &Found) -> Option<Refusal> {
        self.zone.as_ref()?.refusal(&found.keys)
    }

    fn conflict(&self, found: &Found, _: Claim) -> Option<Conflict> {
        // What is no longer in the inventory was made by a run.
        (!self.orphaned && !self.adopt && !found.shipped).then(|| Conflict {
            subject: self.path.to_string(),
            found: format!("a {} is there", found.file_type),
            because: "it is not as the package brought it, and would be removed".to_owned(),
            hint: format!(
                "give it another name in its folder, where it is read, too; or add \"{}\" to server.adopt to have it removed",
                self.path
            ),
        })
    }

    fn work(
        &self,
        observed: &Observed<Found>,
        change: &Change,
        context: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    ) {
        let runs = self.belongs_to_what_runs(context);
        if self.late || runs {
            work.remove_path(Phase::Finish, &change.id, &self.path);
            if runs {
                let mut script = Script::new();
                script.raw("read_units");
                work.step(Phase::Finish, &change.id, script);
            }
            return;
        }
        work.future(Future::Absent(self.path.clone()));
        work.remove_path(Phase::Commit, &change.id, &self.path);
        let mut script = Script::new();
        if let (Some(zone), Some(found)) = (&self.zone, observed.present()) {
            zone.forget(&found.keys, &mut script);
        }
        if !script.as_str().is_empty() {
            work.step(Phase::Finish, &change.id, script);
        }
    }
}
