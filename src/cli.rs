//! The command line: what can be typed. The doc comments here are the manual.

mod import;
mod operations;
mod rehearse;
mod restore;
mod run;

pub use import::Import;
pub use operations::{Backup, Certificate, HttpVersion, Load, Logs, Maintenance, Rebuild, Verify};
pub use rehearse::Rehearse;
pub use restore::{Fetch, Restore};
pub use run::{Db, Run, Shell};

use crate::report::{Color, Settings, Verbosity};
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use crate::error::Exit;
use crate::sandbox::DriverName;
use crate::types::{Fqdn, ReleaseId, SiteName};

const AFTER_HELP: &str = "\
Exit status:
    0  done; for `plan` also if there are changes
    1  failed
    2  `plan --detailed-exitcode`: there are changes
    3  `verify`: the stack is unhealthy
    4  the server was not reached, or refused the login
    5  another run holds the lock
    6  `apply` or `rollback` failed and was undone
   64  wrong usage
   65  the inventory, a role, a template or a saved plan is invalid
  130  interrupted
`run`, `shell`, `db`, `sandbox exec` and `sandbox ssh` end as the command they run.

Colours follow --color, NO_COLOR, CLICOLOR and CLICOLOR_FORCE.";

const EXAMPLES: &str = "\
Examples:
  foobar-stack demo                       try it all on a throw-away server
  foobar-stack init --domain foobar.com --ipv4 8.8.8.8
  foobar-stack plan                       what would change?
  foobar-stack apply                      make it so, then prove it
  foobar-stack verify --json | jq 'select(.outcome == \"fail\")'";

/// Sets up a web stack on one server (DNS, TLS, Nginx, app, MySQL) and proves it.
///
/// One inventory file says what shall be: `plan` shows what would change, `apply` makes it so,
/// `verify` proves it from the outside in, from the DNS answer to a row in the database. The
/// server needs nothing but ssh, systemd and apt.
#[derive(Debug, Clone, PartialEq, Parser)]
#[command(name = "foobar-stack", version, max_term_width = 100)]
#[command(after_help = EXAMPLES, after_long_help = format!("{EXAMPLES}\n\n{AFTER_HELP}"))]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// The inventory [default: inventory.toml, else the only inventory/*.toml]
    #[arg(short, long, value_name = "FILE", global = true)]
    #[arg(env = "FOOBAR_STACK_INVENTORY", hide_env_values = true)]
    pub inventory: Option<PathBuf>,

    /// Print JSON, one object a line; people's text goes to standard error
    #[arg(long, global = true)]
    pub json: bool,

    /// When to use colours
    #[arg(long, value_name = "WHEN", global = true, value_enum, default_value_t)]
    pub color: Color,

    /// Show remote output and whole diffs; -vv also commands and round trips
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,

    /// Show errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Add the host key of a server that known_hosts does not have
    #[arg(long, global = true)]
    pub accept_new_host_key: bool,

    /// Read this ssh configuration instead of yours, as `ssh -F` does
    #[arg(long, value_name = "FILE", global = true)]
    pub ssh_config: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum Command {
    /// Write a commented inventory to start from
    Init(Init),
    /// Check the inventory, without a server
    Validate,
    /// Show or write the files that the server would get
    Render(Render),
    /// Show what would change; changes nothing
    Plan(Plan),
    /// Show what would change, ask, make it so, and prove it
    Apply(Apply),
    /// Prove the stack, end to end: DNS, TCP, TLS, Nginx, app, MySQL
    Verify(Verify),
    /// Show what would change to go back to a proven generation, ask, and go back
    Rollback(Rollback),
    /// List the runs on the server: when, who, what changed, and which one it is at
    History,
    /// Follow the run that is under way, or show the last one again
    Attach,
    /// Show what runs, since when and which release, and what should be known of the server
    Status,
    /// Show what the units of the stack say
    Logs(Logs),
    /// Run a command as the app does, in the release that serves
    Run(Run),
    /// Open a shell as the app, in the release that serves
    Shell(Shell),
    /// Open the client of the database as the app, in its database
    Db(Db),
    /// Keep visitors out with a page and status 503, or let them in again
    #[command(subcommand)]
    Maintenance(Maintenance),
    /// Back the server up, and see what could be restored
    #[command(subcommand)]
    Backup(Backup),
    /// Bring the site of a server that is lost back on an empty one, from its backup
    Rebuild(Rebuild),
    /// Apply the inventory to a copy of the server first, and see what visitors notice
    Rehearse(Rehearse),
    /// Do something about a certificate that an authority has issued
    #[command(subcommand)]
    Certificate(Certificate),
    /// Print the records of an existing zone as lines of the inventory
    Import(Import),
    /// Load-test the site and report the bottleneck
    Load(Load),
    /// Look whether this server can be managed from here, and what is missing
    Doctor(Doctor),
    /// Start, use and remove throw-away servers on this machine
    #[command(subcommand)]
    Sandbox(Sandbox),
    /// Set up the example stack on a throw-away server, and prove it
    Demo(Demo),
    /// Print the JSON Schema of the inventory, for editors
    Schema,
    /// Print the completions for a shell
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
}

impl Command {
    /// Its name, as it is typed.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Init(_) => "init",
            Self::Validate => "validate",
            Self::Render(_) => "render",
            Self::Plan(_) => "plan",
            Self::Apply(_) => "apply",
            Self::Verify(_) => "verify",
            Self::Attach => "attach",
            Self::Rollback(_) => "rollback",
            Self::History => "history",
            Self::Status => "status",
            Self::Logs(_) => "logs",
            Self::Run(_) => "run",
            Self::Shell(_) => "shell",
            Self::Db(_) => "db",
            Self::Maintenance(_) => "maintenance",
            Self::Backup(_) => "backup",
            Self::Rebuild(_) => "rebuild",
            Self::Rehearse(_) => "rehearse",
            Self::Certificate(_) => "certificate",
            Self::Import(_) => "import",
            Self::Load(_) => "load",
            Self::Doctor(_) => "doctor",
            Self::Sandbox(_) => "sandbox",
            Self::Demo(_) => "demo",
            Self::Schema => "schema",
            Self::Completions { .. } => "completions",
        }
    }
}

/// Write a commented inventory to start from.
///
/// It looks at the code, and proposes what builds, runs and migrates it: Django, Flask, FastAPI,
/// Rails, Laravel, WordPress, Express, Next.js, Go, Rust, plain files. Read what it has written.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Init {
    /// Where to write it; a file that is there is left alone
    #[arg(value_name = "FILE", default_value = "inventory.toml")]
    pub file: PathBuf,
    /// The domain of the site
    #[arg(long, value_name = "NAME", default_value = "foobar.com")]
    pub domain: Fqdn,
    /// The public address of the server
    #[arg(long, value_name = "ADDRESS", default_value = "8.8.8.8")]
    pub ipv4: Ipv4Addr,
    /// The folder with the code [default: app beside FILE, else the folder of FILE]
    #[arg(long, value_name = "FOLDER", conflicts_with = "example")]
    pub app: Option<PathBuf>,
    /// Write the example app beside it, too
    #[arg(long)]
    pub example: bool,
}

/// Show or write the files that the server would get.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Render {
    /// Write them below this folder instead of showing them
    #[arg(value_name = "DIR")]
    pub directory: Option<PathBuf>,
    /// Without a server: assume this system
    #[arg(long, value_enum, default_value_t)]
    pub os: AssumedOs,
    /// Ask the server what it is instead of assuming it
    #[arg(long, conflicts_with = "os")]
    pub server: bool,
}

/// A system whose files can be rendered without a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum AssumedOs {
    /// Debian 13 "trixie", with MariaDB.
    #[default]
    #[value(name = "debian-13")]
    Debian13,
    /// Debian unstable "sid", with MySQL.
    #[value(name = "debian-sid")]
    DebianSid,
    /// Ubuntu 24.04 "noble", with MySQL.
    #[value(name = "ubuntu-24.04")]
    Ubuntu2404,
}

/// Look whether this server can be managed from here.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Doctor {
    /// List everything that the stack takes over on the server, with what was found of each
    #[arg(long)]
    pub adopt: bool,
    /// Try whether the key in this file opens the repository of the backups
    #[arg(long, value_name = "FILE")]
    pub recovery_key: Option<PathBuf>,
}

/// Which roles a command is about.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Selection {
    /// Only these roles; the plan says that it is partial
    #[arg(long, value_name = "ROLE", value_delimiter = ',')]
    pub target: Vec<String>,
}

impl Selection {
    /// The roles, if not all.
    #[must_use]
    pub fn roles(&self) -> Option<&[String]> {
        (!self.target.is_empty()).then_some(&self.target)
    }
}

/// What may go besides files, links and services that are no longer in the inventory. Only what
/// a run of foobar-stack has made ever goes.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Removal {
    /// Also remove orphaned data, which is no longer in the inventory: databases (dumped
    /// before), accounts, secrets, folders
    #[arg(long)]
    pub destroy_data: bool,
    /// Also remove orphaned packages, if nothing else needs them
    #[arg(long)]
    pub remove_packages: bool,
}

/// Show what would change.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Plan {
    /// Which roles.
    #[command(flatten)]
    pub selection: Selection,
    /// What may go.
    #[command(flatten)]
    pub removal: Removal,
    /// Exit with 2 if there are changes
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Save the plan for `apply FILE`; no secret and no text of a file is in it
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Make it so.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Apply {
    /// Run exactly this saved plan, or nothing if what it rests on has changed
    #[arg(value_name = "FILE", conflicts_with_all = ["target", "destroy_data", "remove_packages"])]
    pub file: Option<PathBuf>,
    /// Which roles.
    #[command(flatten)]
    pub selection: Selection,
    /// What may go.
    #[command(flatten)]
    pub removal: Removal,
    /// Do not ask; needed where there is no terminal
    #[arg(short, long)]
    pub yes: bool,
    /// Take what the stack has and the server's record does not know for made by foobar-stack
    ///
    /// For a server whose record was lost. It is files, links, services and releases that leave
    /// with the inventory from then on; accounts, data and packages stay nobody's to remove.
    #[arg(long)]
    pub adopt: bool,
    /// Do not prove the stack afterwards
    #[arg(long)]
    pub no_verify: bool,
    /// Apply it to a copy of the server first, and go on only if that works
    #[arg(long, conflicts_with_all = ["file", "target"])]
    pub rehearse: bool,
    /// With --rehearse: restore the newest backup of the server into the copy first
    #[arg(long, requires = "rehearse")]
    pub with_backup: bool,
    /// Remove even more than a third of what is managed
    #[arg(long)]
    pub delete_many: bool,
}

/// Go back to a proven generation.
///
/// What it rested on is kept on the server: its inventory, its roles, its files and its release.
/// Secrets come from where that inventory says. Data is not undone, and nothing here is changed:
/// the next plan shows the difference again.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Rollback {
    /// A generation of `history` [default: the proven one before the current one]
    #[arg(value_name = "GENERATION")]
    pub generation: Option<u64>,
    /// Keep the inventory as it is here, and go back to a release of the app that the server
    /// has kept [default: the one that served before]
    #[arg(long, value_name = "ID", conflicts_with = "generation")]
    pub release: Option<Option<ReleaseId>>,
    /// The site whose release it is, where the inventory has several
    #[arg(long, value_name = "NAME", requires = "release", value_parser = SiteName::new)]
    pub site: Option<SiteName>,
    /// Do not ask; needed where there is no terminal
    #[arg(short, long)]
    pub yes: bool,
    /// Remove even more than a third of what is managed
    #[arg(long)]
    pub delete_many: bool,
}

/// Throw-away servers.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum Sandbox {
    /// Start one; one that is off boots again, with the disk it has
    Up {
        /// Its name [default: the suite's]
        name: Option<String>,
        /// The release it runs: trixie, sid, noble, …
        #[arg(long, default_value = "trixie")]
        suite: String,
        /// What runs it
        #[arg(long, value_enum, default_value_t)]
        driver: DriverName,
    },
    /// Stop and remove one, with all that is in it
    #[command(arg_required_else_help = true)]
    Down {
        /// Its name
        #[arg(required_unless_present = "all")]
        name: Option<String>,
        /// Every one
        #[arg(long, conflicts_with = "name")]
        all: bool,
    },
    /// List them
    List,
    /// Log in to one
    Ssh {
        /// Its name [default: the only one]
        name: Option<String>,
        /// Further words for ssh: options, or a command
        #[arg(last = true)]
        arguments: Vec<OsString>,
    },
    /// Run a command in one
    Exec {
        /// Its name
        name: String,
        /// The command and its arguments
        #[arg(last = true, required = true, value_name = "COMMAND")]
        command: Vec<OsString>,
    },
}

/// The example stack on a throw-away server.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Demo {
    /// The release it runs: sid has MySQL, trixie has MariaDB
    #[arg(long, default_value = "sid")]
    pub suite: String,
    /// What runs the server
    #[arg(long, value_enum, default_value_t)]
    pub driver: DriverName,
    /// The server's name
    #[arg(long, default_value = "demo")]
    pub name: String,
    /// Remove the server when all is shown
    #[arg(long)]
    pub remove_after: bool,
}

impl Cli {
    /// What the options mean for the report.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let verbosity = match (self.global.quiet, self.global.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, 1) => Verbosity::Remote,
            (false, _) => Verbosity::Commands,
        };
        Settings {
            json: self.global.json,
            color: self.global.color,
            verbosity,
        }
    }
}

/// The exit status for a command line that is no command: help is what was asked for.
#[must_use]
pub fn exit(error: &clap::Error) -> Exit {
    if error.use_stderr() {
        Exit::Usage
    } else {
        Exit::Done
    }
}

#[cfg(test)]
mod tests;
