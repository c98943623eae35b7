//! `plan`: what would change.

use super::load::Secrets;
use super::survey::{Reach, open, survey, traffic};
use crate::error::{Error, Exit};
use crate::report::Reporter;
use std::path::Path;

/// Shows what would change.
pub(crate) async fn plan(
    inventory: &Path,
    target: Option<&[String]>,
    detailed_exitcode: bool,
    reach: &Reach,
    reporter: &Reporter,
) -> Result<Exit, Error> {
    let (workspace, mut session) = open(inventory, Secrets::Read, reach, reporter).await?;
    let survey = survey(&mut session, &workspace, target, reporter).await?;
    reporter.plan(&survey.plan);
    reporter.traffic(&traffic(&session));
    Ok(if detailed_exitcode && !survey.plan.is_empty() {
        Exit::Changes
    } else {
        Exit::Done
    })
}
