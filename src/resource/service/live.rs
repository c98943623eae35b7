//! Settings that a service takes while it runs. What they are, and how a server is asked and told,
//! belongs to the room of its subject; this is all that a service has to know of it.

use crate::resource::{Diff, EntryError, FieldChange, Materials};
use crate::shell::Script;
use crate::types::AbsolutePath;
use serde::de::DeserializeOwned;
use std::fmt;

/// A file of settings whose service says what of it can be set while it runs.
pub trait LiveSettings: Sized + Clone + fmt::Debug + PartialEq + Eq {
    /// The fields of `[service.live]`.
    type Entry: DeserializeOwned + fmt::Debug;
    /// The shell functions that ask, and what they need.
    const PROBE_SHELL: [&'static str; 2];
    /// Those of the steps.
    const STEP_SHELL: [&'static str; 3];

    /// Makes it from its fields.
    ///
    /// # Errors
    /// When a field is wrong, or what it refers to is missing.
    fn build(entry: Self::Entry, materials: &dyn Materials) -> Result<Self, EntryError>;

    /// The file.
    fn path(&self) -> &AbsolutePath;

    /// Adds what asks the service of this unit.
    fn probe(&self, unit: &str, script: &mut Script);

    /// What the service of this unit needs by what the probe found; none if it does not answer.
    /// `start` is what systemd calls the start it has had; `newer` says whether the file was
    /// changed after it.
    fn need(&self, unit: &str, reply: &str, start: &str, newer: bool) -> Option<Need>;

    /// Adds the note that the service of this unit, which has just started or loaded its files,
    /// runs with what the file says.
    fn note_taken(&self, unit: &str, script: &mut Script);
}

/// What a service that runs needs, so that what it runs is what its file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Need {
    /// Whether it is known what the service has taken of the file: then neither the age of the
    /// file nor a change of it says anything more.
    pub(in crate::resource) known: bool,
    /// Why it has to be started anew, if it has to.
    pub(in crate::resource) restart: Option<String>,
    /// Why something is to be done while it runs, if there is something.
    pub(in crate::resource) because: Option<&'static str>,
    /// What differs until it is set, or until the next start.
    pub(in crate::resource) until_start: Vec<FieldChange>,
    /// What differs, and would after a start, too.
    pub(in crate::resource) beyond_start: Vec<FieldChange>,
    /// What a plan rests on.
    pub(in crate::resource) fingerprint: Option<String>,
    /// Notes what is known of the service before the file is touched.
    pub(in crate::resource) note: Script,
    /// Has the service take the file while it runs.
    pub(in crate::resource) take: Script,
    /// What a start does not bring; before it.
    pub(in crate::resource) forget: Script,
}

impl Need {
    /// Adds what differs.
    pub(super) fn show(&self, starts: bool, diff: &mut Diff) {
        let set = self.until_start.iter().filter(|_| !starts);
        for one in set.chain(&self.beyond_start) {
            diff.compare(&one.name, one.before.as_deref(), one.after.as_deref());
        }
    }
}
