//! What makes a release ready on the server.

use serde::Serialize;

/// A virtual environment of Python.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Python {
    /// The file in the code that says what to install.
    pub requirements: Option<String>,
    /// The index to install from.
    pub index: Option<String>,
    /// The folder in the code to install from instead.
    pub wheels: Option<String>,
    /// Whether it sees the packages of the distribution, too.
    pub system_packages: bool,
}

/// An item of `app.build`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum BuildStep {
    /// The words of a command that runs for each release.
    Command(Vec<String>),
    /// A command whose result is shared by the releases that would all get the same.
    Shared {
        /// The words of the command.
        command: Vec<String>,
        /// The files and folders of the code that it reads.
        from: Vec<String>,
        /// The files and folders of the release that it makes.
        makes: Vec<String>,
    },
}

impl BuildStep {
    /// The words of its command.
    #[must_use]
    pub fn command(&self) -> &[String] {
        match self {
            Self::Command(command) | Self::Shared { command, .. } => command,
        }
    }
}

/// Commands that make a release ready one after the other, in one unit of systemd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The name of the unit.
    pub unit: String,
    /// The words of each command.
    pub commands: Vec<Vec<String>>,
    /// What releases share of it, if they share all that it makes.
    pub shares: Option<Shares>,
}

/// What a part makes for all releases in which it would make the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shares {
    /// The files and folders of the release that it makes.
    pub makes: Vec<String>,
    /// The files and folders of the code that it reads.
    pub from: Vec<String>,
    /// The file of the code with requirements as pip reads them, which name further ones.
    pub requirements: Option<String>,
    /// All else that decides what it makes, as a text: its commands and those before it, their
    /// environment, the packages.
    pub recipe: String,
}
