//! The section `[backup]` as the user writes it.

use super::{At, Secret};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct Backup {
    /// Whether there are any; with `false` nobody is reminded of them. Default: true.
    pub(in crate::inventory) enabled: Option<At<bool>>,
    /// Where backups are kept, as restic takes it: "sftp:user@host:/folder", "rest:https://…",
    /// "s3:https://…", or a folder of the server, which is lost with it.
    #[schemars(required)]
    pub(in crate::inventory) repository: Option<At<String>>,
    /// Further repositories, on other machines, that get copies of the backups.
    #[serde(default)]
    pub(in crate::inventory) copies: Vec<At<String>>,
    /// How often. Default: "daily".
    pub(in crate::inventory) schedule: Option<At<Schedule>>,
    /// When on a day, in the time zone of the server: "03:30". Default: some time after midnight.
    pub(in crate::inventory) at: Option<At<String>>,
    /// How many are kept.
    #[serde(default)]
    pub(in crate::inventory) keep: Keep,
    /// Further folders of the server.
    #[serde(default)]
    pub(in crate::inventory) folders: Vec<At<String>>,
    /// Further databases of the database server, which no site has.
    #[serde(default)]
    pub(in crate::inventory) databases: Vec<At<String>>,
    /// Whether a drill asks the app's health page, too, on what it has restored. The app has no
    /// network then. Default: true.
    pub(in crate::inventory) drill_health: Option<At<bool>>,
    /// In how many weekly drills all that is in each repository is read and compared with its
    /// digests, a part in each; 0: what the newest backup needs, and no more. Default: 4.
    pub(in crate::inventory) check_weeks: Option<At<u8>>,
    /// Where the key of the repository comes from. Default: made on the server.
    pub(in crate::inventory) repository_key: Option<At<Secret>>,
    /// What restic finds in its environment, as AWS_SECRET_ACCESS_KEY, by name.
    #[serde(default)]
    pub(in crate::inventory) secrets: BTreeMap<At<String>, At<Secret>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::inventory) enum Schedule {
    /// Each hour.
    Hourly,
    /// Each day.
    Daily,
    /// Each Sunday.
    Weekly,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct Keep {
    /// For so many hours the last one of each. Default: 24.
    pub(in crate::inventory) hourly: Option<At<u16>>,
    /// For so many days the last one of each. Default: 7.
    pub(in crate::inventory) daily: Option<At<u16>>,
    /// For so many weeks the last one of each. Default: 5.
    pub(in crate::inventory) weekly: Option<At<u16>>,
    /// For so many months the last one of each. Default: 12.
    pub(in crate::inventory) monthly: Option<At<u16>>,
}
