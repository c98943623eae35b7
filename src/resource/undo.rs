//! What a run sets elsewhere than in files, and how an undo sets it back.

use super::EntryError;
use crate::shell::Script;
use serde::Deserialize;

/// How what a command or a service sets is set back.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Undo {
    /// A command that prints how it is, before the run changes it.
    remember: Vec<String>,
    /// A command that gets this on its standard input, and sets it again.
    command: Vec<String>,
}

impl Undo {
    /// Checks what a role says.
    pub(super) fn check(&self) -> Result<(), EntryError> {
        if self.remember.is_empty() || self.command.is_empty() {
            let message = "`remember` and `command` have at least one word";
            return Err(EntryError::field("undo", message));
        }
        Ok(())
    }

    /// Adds the call that remembers it under this name.
    pub(super) fn remember(&self, name: &str, script: &mut Script) {
        let count = self.remember.len().to_string();
        let words = self.remember.iter().chain(&self.command);
        let head = [name.to_owned(), count];
        script.call("remember", head.iter().chain(words));
    }
}
