//! The last line of a plan: how much of what.

use crate::resource::{Action, Change};
use serde::Serialize;
use std::fmt;

/// How many changes of each action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[expect(missing_docs, reason = "each field counts the action of its name")]
pub struct Summary {
    pub create: usize,
    pub update: usize,
    pub delete: usize,
    pub reload: usize,
    pub restart: usize,
    pub run: usize,
}

impl Summary {
    /// Counts.
    #[must_use]
    pub fn of(changes: &[Change]) -> Self {
        let mut summary = Self::default();
        for change in changes {
            *match change.action {
                Action::Create => &mut summary.create,
                Action::Update => &mut summary.update,
                Action::Delete => &mut summary.delete,
                Action::Reload => &mut summary.reload,
                Action::Restart => &mut summary.restart,
                Action::Run => &mut summary.run,
            } += 1;
        }
        summary
    }
}

impl fmt::Display for Summary {
    /// `3 to create, 2 to update, 0 to delete, 1 reload`; restarts and runs only if there are any.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} to create, {} to update, {} to delete",
            self.create, self.update, self.delete
        )?;
        for (count, one, many) in [
            (self.reload, "reload", "reloads"),
            (self.restart, "restart", "restarts"),
            (self.run, "command to run", "commands to run"),
        ] {
            if count > 0 {
                write!(f, ", {count} {}", if count == 1 { one } else { many })?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_what_there_is() {
        let summary = Summary {
            create: 3,
            update: 2,
            reload: 1,
            ..Summary::default()
        };
        assert_eq!(
            summary.to_string(),
            "3 to create, 2 to update, 0 to delete, 1 reload"
        );
        let summary = Summary {
            restart: 2,
            run: 1,
            ..Summary::default()
        };
        assert_eq!(
            summary.to_string(),
            "0 to create, 0 to update, 0 to delete, 2 restarts, 1 command to run"
        );
    }
}
