//! Where to log in, and how.

use super::reply::Reply;
use crate::shell::Script;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Where to log in, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Host name, address, or alias of the ssh configuration.
    pub destination: String,
    /// Login; `None` lets ssh decide.
    pub user: Option<String>,
    /// Port of sshd; `None` lets ssh decide.
    pub port: Option<u16>,
    /// The only private key to offer; `None` lets ssh decide. A leading `~/` is the home folder.
    pub identity_file: Option<PathBuf>,
    /// The only host key to accept, as in known_hosts: type and key.
    pub host_key: Option<String>,
    /// Read instead of the user's and the system's configuration, as with `ssh -F`.
    pub config_file: Option<PathBuf>,
}

impl Target {
    /// A target for which ssh decides everything.
    #[must_use]
    pub fn new(destination: impl Into<String>) -> Self {
        Self {
            destination: destination.into(),
            user: None,
            port: None,
            identity_file: None,
            host_key: None,
            config_file: None,
        }
    }
}

/// Reads what went to and from the server, after each round trip.
pub type Trace = Arc<dyn Fn(&'static str, &Script, &Reply) + Send + Sync>;

/// What does not depend on the target.
#[derive(Clone)]
pub struct Options {
    /// Add the key of a server that known_hosts does not have.
    pub accept_new_host_key: bool,
    /// How long the server may take to answer at all; whole seconds count.
    pub connect_timeout: Duration,
    /// Sees each request with its name, and its reply. It may hold secrets.
    pub trace: Option<Trace>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            accept_new_host_key: false,
            connect_timeout: Duration::from_secs(10),
            trace: None,
        }
    }
}
