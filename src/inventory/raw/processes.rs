//! The tables `[app.workers.NAME]` and `[app.timers.NAME]` as they are written.

use super::{Amount, At};
use schemars::JsonSchema;
use serde::Deserialize;
use std::num::NonZeroU16;

/// A process of the app beside those that answer requests, as one that works off a queue.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct Worker {
    /// What runs it, in the folder of the release.
    pub(in crate::inventory) command: Option<At<String>>,
    /// How many of it run at once. Default: 1.
    pub(in crate::inventory) instances: Option<At<NonZeroU16>>,
    /// How long one of the release before may take to finish its job. Default: app.drain.
    pub(in crate::inventory) drain: Option<At<Amount>>,
    /// Memory an instance may take: bytes, "512M" or "infinity". Default: app.memory_max.
    pub(in crate::inventory) memory_max: Option<At<Amount>>,
}

/// A command of the app that is run again and again.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct Timer {
    /// What is run, in the folder of the release.
    pub(in crate::inventory) command: Option<At<String>>,
    /// When, as in systemd.time(7): "hourly", "*-*-* 03:00", "Mon..Fri 08:30 Europe/Berlin".
    pub(in crate::inventory) schedule: Option<At<String>>,
    /// How long it may take. Default: "1h".
    pub(in crate::inventory) timeout: Option<At<Amount>>,
    /// Memory it may take: bytes, "512M" or "infinity". Default: app.memory_max.
    pub(in crate::inventory) memory_max: Option<At<Amount>>,
}
