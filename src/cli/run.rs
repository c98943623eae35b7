//! What can be typed to run something as the app.

use crate::types::SiteName;
use clap::Args;

/// Run a command as the app does: in the release that serves.
///
/// It has the app's account, environment, secrets and limits, and ends as the command ends. On a
/// terminal it gets one, else what is piped in and out. Programs of .venv, node_modules and vendor
/// are found first. The journal of the server keeps who ran what: give secrets on standard input.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Run {
    /// The site, where the inventory has several
    #[arg(long, value_name = "NAME", value_parser = SiteName::new)]
    pub site: Option<SiteName>,
    /// The command and its arguments
    #[arg(trailing_var_arg = true, required = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// Open a shell as the app: in the release that serves.
///
/// It has the app's account, environment, secrets and limits.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Shell {
    /// The site, where the inventory has several
    #[arg(long, value_name = "NAME", value_parser = SiteName::new)]
    pub site: Option<SiteName>,
}

/// Open the client of the database as the app: in the app's database, with its account.
///
/// SQL that is piped in is run, and what it answers is printed.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Db {
    /// The site, where the inventory has several
    #[arg(long, value_name = "NAME", value_parser = SiteName::new)]
    pub site: Option<SiteName>,
    /// Options of the client, as in: db -- --table --execute 'SELECT 1'
    #[arg(last = true, value_name = "OPTION")]
    pub options: Vec<String>,
}
