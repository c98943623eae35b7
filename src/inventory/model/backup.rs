//! How the server is backed up.

use crate::types::SecretSource;
use serde::Serialize;
use std::collections::BTreeMap;

/// Whether a server is backed up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Backups {
    /// The inventory does not say.
    Undecided,
    /// It is not, and the user knows.
    Declined,
    /// It is.
    Made(Backup),
}

impl Backups {
    /// How it is, if it is.
    #[must_use]
    pub fn made(&self) -> Option<&Backup> {
        match self {
            Self::Made(backup) => Some(backup),
            Self::Undecided | Self::Declined => None,
        }
    }
}

/// Where a server's backups go, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backup {
    /// Where they are kept, as restic takes it.
    pub repository: String,
    /// Further repositories, which get copies of them.
    pub copies: Vec<String>,
    /// How often.
    pub schedule: Schedule,
    /// When on a day, as `HH:MM`; none for some time after midnight.
    pub at: Option<String>,
    /// How many are kept.
    pub keep: Keep,
    /// Further folders of the server.
    pub folders: Vec<String>,
    /// Further databases of the database server, which no site has.
    pub databases: Vec<String>,
    /// Whether a drill asks the app's health page on what it has restored.
    pub drill_health: bool,
    /// In how many drills all that is in each repository is read.
    pub check_weeks: u8,
    /// Where the key of the repository comes from.
    pub repository_key: SecretSource,
    /// What restic finds in its environment.
    pub secrets: BTreeMap<String, SecretSource>,
}

/// How often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// Each hour.
    Hourly,
    /// Each day.
    Daily,
    /// Each week.
    Weekly,
}

/// The last backup of each of so many hours, days, weeks and months is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Keep {
    /// Hours.
    pub hourly: u16,
    /// Days.
    pub daily: u16,
    /// Weeks.
    pub weekly: u16,
    /// Months.
    pub monthly: u16,
}

impl Backup {
    /// The name of the secret that is the key of the repository.
    pub const KEY: &'static str = "backup.repository_key";

    /// All repositories, that in which backups are made first.
    pub fn repositories(&self) -> impl Iterator<Item = &str> {
        let copies = self.copies.iter().map(String::as_str);
        std::iter::once(self.repository.as_str()).chain(copies)
    }

    /// The sources of all its secrets, by name.
    #[must_use]
    pub fn secrets(&self) -> BTreeMap<String, SecretSource> {
        let named = self.secrets.iter();
        let mut secrets: BTreeMap<String, SecretSource> = named
            .map(|(name, source)| (format!("backup.{name}"), source.clone()))
            .collect();
        secrets.insert(Self::KEY.to_owned(), self.repository_key.clone());
        secrets
    }
}
