//! The vocabulary that all kinds share: what a resource is called, observed, compared and changed.
//!
//! It knows no kind, and makes none: the registry stands above both.

mod change;
mod conflict;
mod context;
mod data;
mod execution_plan;
mod id;
mod kind;
mod materials;
mod owned;
pub(super) mod probe;
mod seal;

pub use change::{Action, Change, Delta, Diff, FieldChange, Impact, TextChange};
pub use conflict::{Claim, Conflict, Refusal};
pub use context::PlanContext;
pub use data::Data;
pub use execution_plan::{
    Content, Deed, ExecutionPlan, Future, Payload, Phase, PutFile, Reaction, Reading, Step,
};
pub use id::ResourceId;
pub use kind::{Kind, Rendered};
#[cfg(test)]
pub(crate) use materials::NoMaterials;
pub use materials::{EntryError, Materials, SecretMaterial};
pub use owned::Owned;
pub use probe::{Observed, Probe, section};
pub use seal::Seal;
