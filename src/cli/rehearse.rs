//! `rehearse`: what it begins with, and what is asked of it meanwhile.

use crate::sandbox::DriverName;
use clap::Args;
use foobar_stack_load::Request;

/// Apply the inventory to a copy of the server first.
///
/// A throw-away server on this machine is set up as the server is now: the same release of the
/// distribution, the inventory and the app that serve there. Then this inventory is applied to it
/// while visitors come, and proven. The server itself is only read, and nothing else is asked: on
/// the copy certificates are self-signed, and there are no backups and no other name servers.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Rehearse {
    /// Begin with an empty server; the one of the inventory is not asked anything
    #[arg(long)]
    pub fresh: bool,
    /// Restore the newest backup of the server into the copy, for the change to meet its data
    ///
    /// The server reads its own backup, and no key leaves it. From then on nothing on the copy but
    /// root, apt and the preparation of a release reaches another machine.
    #[arg(long, conflicts_with = "fresh")]
    pub with_backup: bool,
    /// The release that the copy runs: trixie, sid, noble, … [default: that of the server]
    #[arg(long, value_name = "SUITE")]
    pub suite: Option<String>,
    /// What runs the copy
    #[arg(long, value_enum, default_value_t)]
    pub driver: DriverName,
    /// The name of the copy
    #[arg(long, default_value = "rehearsal")]
    pub name: String,
    /// Keep the copy, to look at it
    #[arg(long)]
    pub keep: bool,
    /// A path that visitors ask for, as /path, or 3:/path for three times as often [default: /]
    #[arg(long = "path", value_name = "[WEIGHT:]PATH", value_parser = Request::get)]
    pub paths: Vec<Request>,
    /// Visitors' requests a second
    #[arg(long, value_name = "NUMBER", default_value_t = 50.0)]
    pub rate: f64,
}

impl Default for Rehearse {
    /// What is done when nothing is said.
    fn default() -> Self {
        Self {
            fresh: false,
            with_backup: false,
            suite: None,
            driver: DriverName::default(),
            name: "rehearsal".to_owned(),
            keep: false,
            paths: Vec::new(),
            rate: 50.0,
        }
    }
}
