//! `plan`: what would change.

use super::connected::open;
use super::connection::ConnectOptions;
use super::load::Purpose;
use super::saved;
use super::survey::{Request, show, survey};
use crate::error::{Error, Exit};
use crate::plan::SavedPlan;
use crate::report::Reporter;
use std::path::{Path, PathBuf};

/// What to plan.
pub(crate) struct Options {
    /// What it is about.
    pub(crate) request: Request,
    /// Whether the exit status says that there are changes.
    pub(crate) detailed_exitcode: bool,
    /// Where to save the plan.
    pub(crate) out: Option<PathBuf>,
}

/// Shows what would change.
pub(crate) async fn plan(
    inventory: &Path,
    options: &Options,
    connection: &ConnectOptions,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let (workspace, mut sessions) = open(inventory, Purpose::Send, connection, reporter).await?;
    let mut surveys = survey(&mut sessions, &workspace, &options.request, reporter).await?;
    for (name, survey) in surveys.iter() {
        reporter.about(name);
        show(survey, &workspace.inputs.inventory, reporter);
    }
    if let Some(file) = &options.out {
        // A saved plan is of one server.
        let (name, survey) = surveys.only_mut()?;
        let (_, session) = sessions.only_mut()?;
        let saved = SavedPlan::of(
            &survey.plan,
            &survey.stack,
            &survey.observed,
            &inventory.to_string_lossy(),
            &workspace.server(name).ssh,
        );
        let saved = saved.removing(options.request.removal);
        let saved = saved::seal(session, saved, &survey.stack).await?;
        saved::write(file, &saved)?;
        let file = file.display();
        reporter.done(&format!(
            "Saved in {file}: `foobar-stack apply {file}` runs exactly this."
        ));
    }
    sessions.report_traffic(reporter);
    let changes = surveys.iter().any(|(_, survey)| !survey.plan.is_empty());
    Ok(if options.detailed_exitcode && changes {
        Exit::Changes
    } else {
        Exit::Done
    })
}
