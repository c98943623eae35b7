//! `import`: what can be typed.

use crate::types::{Fqdn, SiteName};
use clap::Args;
use std::path::PathBuf;

/// Print the records of an existing zone as lines of the inventory.
///
/// What the stack makes itself, as the address of the domain, is left out, and said in a comment. A
/// zone that no site of the inventory has becomes one of its own there.
/// A record that an inventory cannot have is named with the reason, and the exit status is 1.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Import {
    /// The zone
    #[arg(long, value_name = "NAME")]
    pub zone: Fqdn,
    /// Its zone file; `-` is standard input
    #[arg(
        value_name = "FILE",
        required_unless_present = "from",
        conflicts_with = "from"
    )]
    pub file: Option<PathBuf>,
    /// Ask this name server for the zone instead, by AXFR; `dig` must be on this machine
    #[arg(long, value_name = "ADDRESS")]
    pub from: Option<String>,
    /// Sign the request with the key in this file (TSIG), as `tsig-keygen` writes it
    #[arg(long, value_name = "FILE", requires = "from")]
    pub key: Option<PathBuf>,
    /// The site whose records they become, in an inventory of several
    #[arg(long, value_name = "NAME", value_parser = SiteName::new)]
    pub site: Option<SiteName>,
}
