//! `schema`: the JSON Schema of the inventory.

use crate::inventory::schema;
use crate::report::Reporter;

/// Prints it.
pub(super) fn run(reporter: &Reporter) {
    reporter.output(&format!("{:#}\n", schema()));
}
