//! The section `[jobs]` as the user writes it.

use super::{At, Secret};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct Jobs {
    /// A line of shell that the server runs, as root, when a job of it begins to fail, and when it
    /// is good again. It gets a sentence on its standard input, and $SERVER, $JOB, $STATE (failed
    /// or recovered), $SINCE and $MESSAGE.
    pub(in crate::inventory) on_failure: Option<At<String>>,
    /// Where the URL comes from, https alone, that is then sent the same as JSON, by POST.
    pub(in crate::inventory) webhook: Option<At<Secret>>,
}
