//! How to report, and what is reported that has no room of its own.

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR or CLICOLOR=0 says otherwise; CLICOLOR_FORCE=1 forces them.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How much to say; each says what those before it say, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Verbosity {
    /// Errors, and what was asked for as such (a schema, a file).
    Quiet,
    /// Results and progress.
    #[default]
    Normal,
    /// Every line of remote output, and every line of a diff.
    Remote,
    /// Commands, connections and round trips.
    Commands,
}

/// How to report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Settings {
    /// JSON lines instead of text for people.
    pub json: bool,
    /// When to use colours.
    pub color: Color,
    /// How much to say.
    pub verbosity: Verbosity,
}

/// What a look at the server or this machine found (`doctor`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether that is as it must be.
    pub state: FindingState,
    /// What was looked at: `ssh`, `sudo`, `package lists`.
    pub subject: String,
    /// What was found.
    pub text: String,
    /// What to do, if there is something.
    pub hint: Option<String>,
}

/// Whether a finding is as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FindingState {
    /// It is.
    Good,
    /// It can be lived with.
    Doubtful,
    /// It stands in the way.
    Bad,
}

/// Rows of the same shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// What a row is; the `type` of its JSON line.
    pub kind: &'static str,
    /// The columns, lowercase; the keys of its JSON line.
    pub columns: Vec<&'static str>,
    /// The rows, each with a text for every column.
    pub rows: Vec<Vec<String>>,
}

/// A file that would be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedFile {
    /// Its path on the server.
    pub path: String,
    /// The role that writes it.
    pub role: String,
    /// Its text; none if it is no text or must not be seen.
    pub text: Option<String>,
}
