//! What a throw-away server is, and what a new one shall be.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::path::PathBuf;

/// Is told, one line at a time, what a person may have to wait for.
pub type Progress<'a> = &'a (dyn Fn(&str) + Sync);

/// What kind of machine stands behind a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DriverName {
    /// A system container of systemd-nspawn: a whole Debian or Ubuntu on the host's kernel.
    #[default]
    Nspawn,
    /// A virtual machine of Vagrant and libvirt, with a kernel of its own.
    Vagrant,
}

/// What a new sandbox shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its name, also its host name; `None`: the suite's, with a number if that is taken.
    pub name: Option<String>,
    /// The release it runs: `trixie`, `sid`, `noble`…
    pub suite: String,
    /// What runs it.
    pub driver: DriverName,
}

impl Default for Request {
    /// The present stable Debian in a container.
    fn default() -> Self {
        Self {
            name: None,
            suite: "trixie".to_owned(),
            driver: DriverName::default(),
        }
    }
}

/// A throw-away server, and how to log in to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandbox {
    /// Its name and host name.
    pub name: String,
    /// The release it runs.
    pub suite: String,
    /// What runs it.
    pub driver: DriverName,
    /// Where it answers; reachable from this host only.
    pub address: IpAddr,
    /// The port of its ssh server.
    pub port: u16,
    /// Who may log in with the key.
    pub user: String,
    /// The private key that logs in.
    pub identity_file: PathBuf,
    /// The ssh server's key as `known_hosts` has it: `ssh-ed25519 AAAA…`.
    pub host_key: String,
    /// Where everything about it is kept.
    pub directory: PathBuf,
    /// When it was made, in seconds since 1970.
    pub created: u64,
}

impl Sandbox {
    /// What its console has said since it was made.
    #[must_use]
    pub fn console_log(&self) -> PathBuf {
        self.directory.join("console.log")
    }

    /// The file for `ssh -F`, in which the sandbox goes by its name.
    #[must_use]
    pub fn ssh_config(&self) -> PathBuf {
        self.directory.join("ssh_config")
    }
}
