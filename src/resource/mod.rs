//! Resources: what should be so on the server, one kind a file.
//!
//! Pure. A kind's file holds its whole life: the fields a role may set, how it is observed
//! (its half of the probe), how desired and observed are compared, the steps that change it
//! and the impact that has. The shell functions it needs on the server stand beside it, in
//! the `.sh` file of the same name. A new kind is such a file and one line in `registry`.
//!
//! Kinds that any role may use stand here; those of a subject have a room: `releases`,
//! `databases`, and `orphans` for what is no longer in the inventory. What all of them share is
//! the `vocabulary`, which knows none of them.

mod acme_certificate;
mod apt_source;
mod certificate;
mod command;
mod databases;
mod directory;
mod file;
mod introspect;
mod link;
mod observation;
mod orphans;
mod package;
mod place;
mod registry;
mod releases;
mod secret;
mod service;
mod state_file;
mod undo;
mod user;
mod vocabulary;
mod zone;

pub(crate) use databases::CHECK_TABLE;
pub use orphans::{Managed, Removal, Retained, ownership};
pub(crate) use registry::libraries;
pub use registry::{Resource, Spec, State, fields_of, kinds};
#[cfg(test)]
pub(crate) use releases::shell::PREPARE as PREPARE_SHELL;
pub use releases::{KeptRelease, Slot, kept_releases, release_code};
pub(crate) use releases::{PAGE_SHELL, PROXY_SHELL};
#[cfg(test)]
pub(crate) use vocabulary::NoMaterials;
pub use vocabulary::{
    Action, Change, Claim, Conflict, Content, Data, Deed, Delta, Diff, EntryError, ExecutionPlan,
    FieldChange, Future, Impact, Kind, Materials, Observed, Owned, Payload, Phase, PlanContext,
    Probe, PutFile, Reaction, Reading, Refusal, Rendered, ResourceId, Seal, SecretMaterial, Step,
    TextChange, section,
};
