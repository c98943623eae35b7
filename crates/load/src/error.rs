//! Why a load could not be made.

/// Why there was no load.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A number is out of its range.
    #[error("{what} is out of its range: {range}")]
    Range {
        /// What it counts.
        what: &'static str,
        /// What would fit.
        range: &'static str,
    },
    /// The client could not be made.
    #[error("the HTTP client could not be made")]
    Client {
        /// Why.
        source: reqwest::Error,
    },
    /// The runtime could not be made.
    #[error("no threads for the load")]
    Threads {
        /// Why.
        source: std::io::Error,
    },
}
