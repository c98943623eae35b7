//! The section `[jobs]`: who is told when a job of the server fails.

use super::environment::secret_source;
use super::mistakes::Mistakes;
use super::raw::{self, At};
use super::{FileReference, Jobs};
use crate::types::SecretSource;

/// The section; without it nobody is told.
pub(super) fn jobs(
    section: Option<&At<raw::Jobs>>,
    files: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> Jobs {
    let Some(raw) = section else {
        return Jobs::default();
    };
    if let Some(line) = raw
        .on_failure
        .as_ref()
        .filter(|line| line.trim().is_empty())
    {
        mistakes.push(mistakes.at(line.span(), "jobs.on_failure is empty"));
    }
    let source = raw.webhook.as_ref().and_then(|secret| {
        let source = secret_source("jobs.webhook", secret, files, mistakes)?;
        if let SecretSource::Generate(_) = source {
            let mistake = mistakes.at(secret.span(), "jobs.webhook: nobody can make up a URL");
            mistakes.push(mistake.help("use env, file or command"));
        }
        Some(source)
    });
    Jobs {
        on_failure: raw.on_failure.as_ref().map(|line| line.to_string()),
        webhook: source,
    }
}
