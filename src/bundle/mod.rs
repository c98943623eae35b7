//! The bundle: a plan compiled into one program for the server, and the payload it needs.
//!
//! Pure. The program is POSIX sh: the executor's library, the functions of the kinds that are
//! used, the steps of the plan, and a `main` that runs them in the order of their phases.

mod archive;
mod compile;
mod event;
mod files;
mod generation;
mod history;
mod launch;

pub use archive::archive;
pub use compile::{Proof, RunContext, compile, run_directory};
pub use event::{CommandState, Event};
pub use generation::{Generation, GenerationError};
pub use history::{History, PastRun, RunStatus};
pub use launch::{
    approve, current, follow, generation, history, launch, reach, say_verdict, stop, unit,
};

use crate::check::Check;
use crate::resource::{Payload, ResourceId};
use crate::shell::Script;
use crate::types::Digest;

/// What a step of the program is called on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepTitle {
    /// For people: `install 6 packages`, `file:/etc/nginx/nginx.conf`.
    pub title: String,
    /// The resources whose changes it makes; several for the package transaction, none for
    /// what belongs to the run itself (validation, reading units again).
    pub ids: Vec<ResourceId>,
}

/// Tells checks from others. Who follows a run from elsewhere may look for it if it would look at
/// the same.
#[must_use]
pub fn digest(checks: &[Check]) -> String {
    Digest::of(format!("{checks:?}").as_bytes()).to_string()
}

/// A plan as a program.
#[derive(Debug, Clone)]
pub struct Bundle {
    /// The run's id.
    pub run: String,
    /// The program.
    pub program: Script,
    /// Its steps, by their numbers in the events.
    pub titles: Vec<StepTitle>,
    /// Which other clients may prove it: a digest of the checks that they would make or, of a run
    /// without checks, of the inventory that they have.
    pub prover: String,
    /// The files it needs.
    pub payload: Vec<Payload>,
}
