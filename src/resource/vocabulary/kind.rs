//! A kind of resource: what each must answer in the course of its life.

use super::{
    Change, Claim, Conflict, Delta, EntryError, ExecutionPlan, Materials, Observed, Owned,
    PlanContext, Probe, Refusal,
};
use crate::shell::Script;
use crate::types::{AbsolutePath, SecretValue};
use serde::de::DeserializeOwned;
use std::fmt;
use std::sync::Arc;

/// A file as it would be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Where.
    pub path: AbsolutePath,
    /// What; none if it must not be seen.
    pub content: Option<Arc<[u8]>>,
}

/// A kind of resource: its whole life.
pub trait Kind: Sized + Clone + fmt::Debug {
    /// The name in a role's `[[name]]`.
    const NAME: &'static str;
    /// The shell functions that its probe needs; of a text that several kinds name, one is sent.
    const PROBE_SHELL: &'static [&'static str];
    /// Those that its steps need.
    const STEP_SHELL: &'static [&'static str] = Self::PROBE_SHELL;
    /// Whether it reacts to the changes of others, and so is compared after them.
    const DEPENDS_ON_CHANGES: bool = false;
    /// Whether it is observed beside the others: it waits for daemons. Kinds of this sort are asked
    /// one after the other.
    const ASKS_DAEMONS: bool = false;
    /// Whether a change of it leaves all other resources as they are, but for those that react. After
    /// a run that has made no other changes, these alone are looked at again.
    const LEAVES_OTHERS_ALONE: bool = false;

    /// The fields a role may set.
    type Entry: DeserializeOwned;
    /// What is observed of one.
    type State: Clone + fmt::Debug + PartialEq;

    /// Makes the resource from its fields.
    ///
    /// # Errors
    /// When a field is wrong, or what it refers to is missing.
    fn build(entry: Self::Entry, materials: &dyn Materials) -> Result<Self, EntryError>;

    /// What tells it from others of its kind.
    fn name(&self) -> String;

    /// The paths it owns that a service may have read.
    fn paths(&self) -> Vec<&AbsolutePath> {
        Vec::new()
    }

    /// Adds the command that observes all of `batch`; its status is that of the probe.
    fn probe(batch: &[&Self], probe: &Probe, script: &mut Script);

    /// Reads what the command printed: one observation for each of `batch`, in its order.
    fn observe(batch: &[&Self], probe: &Probe, reply: &str) -> Vec<Observed<Self::State>>;

    /// What would be observed right after it was applied over `before`.
    fn applied(
        &self,
        before: &Observed<Self::State>,
        context: &PlanContext<'_>,
    ) -> Observed<Self::State>;

    /// What a change of it rests on, of all that was found, as a text to compare with a later
    /// one: everything, unless a part of it comes and goes by itself.
    fn fingerprint(state: &Self::State) -> String {
        format!("{state:?}")
    }

    /// What must change, if anything.
    fn compare(&self, observed: &Observed<Self::State>, context: &PlanContext<'_>)
    -> Option<Delta>;

    /// What it owns on the server.
    fn owned(&self) -> Vec<Owned> {
        Vec::new()
    }

    /// Why what is there must not become what is wanted, if so: no plan changes it, whosever it is.
    /// Asked only for what is there.
    fn refusal(&self, state: &Self::State) -> Option<Refusal> {
        let _ = state;
        None
    }

    /// Why what is there is not taken over, if it must not be. Asked only for what is there.
    fn conflict(&self, state: &Self::State, claim: Claim) -> Option<Conflict> {
        let _ = (state, claim);
        None
    }

    /// The files it writes, for who wants to look at them. `date` is the server's, as
    /// `YYYYMMDD`.
    fn rendered(&self, date: &str) -> Vec<Rendered> {
        let _ = date;
        Vec::new()
    }

    /// The secret it brings to the server, if it brings one.
    fn secret(&self) -> Option<&SecretValue> {
        None
    }

    /// Adds the work that makes the change.
    fn work(
        &self,
        observed: &Observed<Self::State>,
        change: &Change,
        context: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    );
}
