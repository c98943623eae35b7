//! `plan`: what would change.

use super::load::{Secrets, load};
use super::survey::{Reach, connect, survey, traffic};
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
    let workspace = load(inventory, Secrets::Read).await?;
    let mut session = connect(&workspace, reach, reporter).await?;
    let survey = survey(&mut session, &workspace, target, reporter).await?;
    reporter.plan(&survey.plan);
    reporter.traffic(&traffic(&session));
    Ok(if detailed_exitcode && !survey.plan.is_empty() {
        Exit::Changes
    } else {
        Exit::Done
    })
}
