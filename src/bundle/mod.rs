//! The bundle: a plan compiled into one program for the server, and the payload it needs.

mod event;

pub use event::Event;

use crate::resource::ResourceId;

/// What a step of the program is called on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepTitle {
    /// For people: `install 6 packages`, `file /etc/nginx/nginx.conf`.
    pub title: String,
    /// The resources whose changes it makes; several for the package transaction, none for
    /// what belongs to the run itself (validation, reading units again).
    pub ids: Vec<ResourceId>,
}
