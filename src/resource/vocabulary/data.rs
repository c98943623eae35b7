//! Data: what only exists once, so that it is never removed unasked.

use crate::types::{AbsolutePath, AccountName};

/// Something that only exists once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Data {
    /// A folder; what others have put into it is theirs.
    Folder(AbsolutePath),
    /// The folder of the releases; what others have put into it is theirs.
    Tree(AbsolutePath),
    /// A secret that was made on the server.
    Secret(AbsolutePath),
    /// What a service writes while it runs: a file, or a folder with all that is in it.
    State(AbsolutePath),
    /// An account of the system, with the folders that are its own.
    Account(AccountName),
    /// A database.
    Database(AccountName),
    /// An account of the database server.
    DatabaseAccount(AccountName),
}

impl Data {
    /// What sort of data it is, as the record has it.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Folder(_) => "folder",
            Self::Tree(_) => "tree",
            Self::Secret(_) => "secret",
            Self::State(_) => "state",
            Self::Account(_) => "account",
            Self::Database(_) => "database",
            Self::DatabaseAccount(_) => "database-account",
        }
    }

    /// Its name or path.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Folder(path) | Self::Tree(path) | Self::Secret(path) | Self::State(path) => {
                path.as_str()
            }
            Self::Account(name) | Self::Database(name) | Self::DatabaseAccount(name) => {
                name.as_str()
            }
        }
    }

    /// Reads both.
    #[must_use]
    pub fn parse(word: &str, name: &str) -> Option<Self> {
        let path = || AbsolutePath::new(name).ok();
        let account = || AccountName::new(name).ok();
        match word {
            "folder" => path().map(Self::Folder),
            "tree" => path().map(Self::Tree),
            "secret" => path().map(Self::Secret),
            "state" => path().map(Self::State),
            "account" => account().map(Self::Account),
            "database" => account().map(Self::Database),
            "database-account" => account().map(Self::DatabaseAccount),
            _ => None,
        }
    }

    /// The path, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&AbsolutePath> {
        match self {
            Self::Folder(path) | Self::Tree(path) | Self::Secret(path) | Self::State(path) => {
                Some(path)
            }
            _ => None,
        }
    }
}
