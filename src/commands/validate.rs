//! `validate`: whether the inventory is valid, without a server.

use super::load;
use crate::cli::Global;
use crate::error::Error;
use crate::report::Reporter;

/// Loads it, which says what is wrong.
pub(super) fn run(global: &Global, reporter: &Reporter) -> Result<(), Error> {
    let loaded = load::inventory(global)?;
    let domain = &loaded.parsed.inventory.site.domain;
    reporter.done(&format!(
        "{} is valid: the stack of {domain}",
        loaded.path.display()
    ));
    Ok(())
}
