//! The plan: desired minus observed.
//!
//! Pure. [`plan`] compares every resource of a [`Stack`] with what was observed and gives the
//! [`Plan`], which is shown, and [`ExecutionPlan`], which is run: both come from the same
//! comparison, so what is shown is what is done. There is no dry run below this point.

mod saved;
mod summary;
mod validator;

pub use saved::{Moved, SavedPlan, SavedPlanError, Stale, unmoved};
pub use summary::Summary;
pub use validator::{Shown, Validator, affected};

use crate::check::Check;
use crate::resource::{
    Change, Diff, ExecutionPlan, Observed, PlanContext, Refusal, Resource, ResourceId, State,
};
use crate::types::{ServerName, SiteName};
use std::collections::BTreeMap;
use std::fmt;

/// Everything that should be so on the servers of an inventory. One server is a fleet of one.
#[derive(Debug, Clone, Default)]
pub struct Fleet {
    /// What should be so on each.
    pub stacks: BTreeMap<ServerName, Stack>,
}

/// Everything that should be so on one server: the result of compiling an inventory and roles
/// with that server's facts.
#[derive(Debug, Clone, Default)]
pub struct Stack {
    /// The server.
    pub server: ServerName,
    /// The sites on it, in order.
    pub sites: Vec<SiteName>,
    /// In the order in which they are applied.
    pub resources: Vec<Resource>,
    /// What must agree to the staged future.
    pub validators: Vec<Validator>,
    /// What proves it.
    pub checks: Vec<Check>,
    /// The roles, in their order.
    pub roles: Vec<String>,
}

/// What the server was like when the plan was made; a run refuses when it no longer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Basis {
    /// How many runs the server had seen.
    pub generation: u64,
    /// The server's clock, in seconds since 1970.
    pub now: i64,
    /// The server's date in UTC, as `YYYYMMDD`.
    pub date: String,
}

/// What would change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The changes, in the order in which they are made.
    pub changes: Vec<Change>,
    /// What could not be compared because a service does not run that this plan starts.
    pub hidden: Vec<(ResourceId, String)>,
    /// The roles it is limited to; none for all.
    pub target: Option<Vec<String>>,
    /// What it rests on.
    pub basis: Basis,
}

impl Plan {
    /// True if nothing would change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// What it shows of the server, to be changed before it is seen: somebody may have written a
    /// secret where none belongs.
    pub fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        self.changes.iter_mut().flat_map(|change| {
            let Diff { fields, text } = &mut change.diff;
            let fields = fields.iter_mut();
            let fields = fields.flat_map(|field| field.before.iter_mut().chain(&mut field.after));
            let texts = text.iter_mut();
            let texts = texts.flat_map(|text| [&mut text.before, &mut text.after]);
            std::iter::once(&mut change.because)
                .chain(fields)
                .chain(texts)
        })
    }

    /// How much of what would happen.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary::of(&self.changes)
    }
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoPlan {
    /// It would be a guess.
    #[error(transparent)]
    Unknown(#[from] UnknownState),
    /// It would do harm.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl NoPlan {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unknown(error) => error.hint(),
            Self::Refused(error) => error.hint(),
        }
    }
}

/// What must not become what the inventory wants, each with the reason and a way out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Refused(pub Vec<(ResourceId, Refusal)>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this must not be done:")?;
        let mut all = self.0.iter();
        all.try_for_each(|(id, refusal)| write!(f, "\n  {} {}: {refusal}", id.kind, id.name))
    }
}

impl Refused {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        "nothing was changed"
    }
}

/// What could not be observed, each with its reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the server could not be observed: {}", list(.0))]
pub struct UnknownState(pub Vec<(ResourceId, String)>);

impl UnknownState {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        "nothing was changed; correct what the reason names, or look at the server with `foobar-stack doctor`"
    }
}

/// Those with the same reason together.
fn list(unknown: &[(ResourceId, String)]) -> String {
    let mut reasons: Vec<(&str, Vec<String>)> = Vec::new();
    for (id, why) in unknown {
        match reasons.iter_mut().find(|(reason, _)| reason == why) {
            Some((_, ids)) => ids.push(id.to_string()),
            None => reasons.push((why, vec![id.to_string()])),
        }
    }
    let all: Vec<String> = reasons
        .iter()
        .map(|(why, ids)| format!("{} ({why})", ids.join(", ")))
        .collect();
    all.join("; ")
}

/// Compares what should be with what is.
///
/// `observed` has one entry for each resource, in their order. `target` limits the plan to the
/// resources of these roles.
///
/// # Errors
/// When something could not be observed: a plan would be a guess. When something must not become
/// what is wanted.
pub fn plan(
    stack: &Stack,
    observed: &[Observed<State>],
    basis: Basis,
    target: Option<&[String]>,
) -> Result<(Plan, ExecutionPlan), NoPlan> {
    let wanted = |role: &String| target.is_none_or(|roles| roles.contains(role));
    let pairs: Vec<(&Resource, &Observed<State>)> = stack
        .resources
        .iter()
        .zip(observed)
        .filter(|(resource, _)| wanted(&resource.role))
        .collect();

    let mut unknown: Vec<(ResourceId, String)> = Vec::new();
    let mut hidden: Vec<(ResourceId, String)> = Vec::new();
    for (resource, observed) in &pairs {
        match observed {
            Observed::Unknown { reason } => unknown.push((resource.id.clone(), reason.clone())),
            Observed::Hidden { unit } => hidden.push((resource.id.clone(), unit.clone())),
            Observed::Absent | Observed::Present(_) => {}
        }
    }
    if !unknown.is_empty() {
        return Err(UnknownState(unknown).into());
    }
    let refused = pairs.iter().filter_map(|(resource, observed)| {
        let refusal = resource.spec.refusal(observed)?;
        Some((resource.id.clone(), refusal))
    });
    let refused: Vec<(ResourceId, Refusal)> = refused.collect();
    if !refused.is_empty() {
        return Err(Refused(refused).into());
    }

    // First what stands for itself, then what reacts to it, each seeing all that came before.
    let mut found: Vec<(usize, Change)> = Vec::new();
    for depends_on_changes in [false, true] {
        for (place, (resource, observed)) in pairs.iter().enumerate() {
            if resource.spec.depends_on_changes() != depends_on_changes
                || matches!(observed, Observed::Hidden { .. })
            {
                continue;
            }
            let changes: Vec<Change> = found.iter().map(|(_, change)| change.clone()).collect();
            let context = PlanContext {
                now: basis.now,
                date: &basis.date,
                changes: &changes,
            };
            if let Some(delta) = resource.spec.compare(observed, &context) {
                found.push((place, Change::of(resource, delta)));
            }
        }
    }
    found.sort_by_key(|(place, _)| *place);

    // What is hidden comes to light when its service runs; if this plan does not start it,
    // nobody would ever look.
    let (hidden, stuck): (Vec<_>, Vec<_>) = hidden.into_iter().partition(|(_, unit)| {
        found
            .iter()
            .any(|(_, change)| change.id.kind == "service" && change.id.name == *unit)
    });
    if !stuck.is_empty() {
        let why = |(id, unit): (ResourceId, String)| (id, format!("{unit} does not answer"));
        return Err(UnknownState(stuck.into_iter().map(why).collect()).into());
    }

    let changes: Vec<Change> = found.iter().map(|(_, change)| change.clone()).collect();
    let context = PlanContext {
        now: basis.now,
        date: &basis.date,
        changes: &changes,
    };
    let mut work = ExecutionPlan::default();
    for (place, (resource, observed)) in pairs.iter().enumerate() {
        if let Some((_, change)) = found.iter().find(|(at, _)| *at == place) {
            work.uses(resource.id.kind);
            resource.spec.work(observed, change, &context, &mut work);
        } else if matches!(observed, Observed::Hidden { .. }) {
            // What comes after it may need it: made if it is missing, else left as it is.
            let absent = Observed::Absent;
            if let Some(delta) = resource.spec.compare(&absent, &context) {
                let change = Change::of(resource, delta);
                work.uses(resource.id.kind);
                resource.spec.work(&absent, &change, &context, &mut work);
            }
        }
    }
    let target = target.map(<[String]>::to_vec);
    Ok((
        Plan {
            changes,
            hidden,
            target,
            basis,
        },
        work,
    ))
}
