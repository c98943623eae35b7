//! What can be typed to operate a site that is set up.

use super::restore::{Fetch, Restore};
use crate::inventory::{Place, network};
use crate::operate::certificate;
use crate::types::{InvalidValue, SiteName};
use clap::{Args, Subcommand, ValueEnum};
use foobar_stack_load::{Protocol, Request};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Prove the stack, end to end: DNS, TCP, TLS, Nginx, app, MySQL
///
/// The checks ask the server itself. With --public the world is asked, too: from the root down,
/// who is named for the zone, and which records the registrar still needs, word for word.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Verify {
    /// Follow the delegation of each zone from the root, and name what the registrar needs
    #[arg(long)]
    pub public: bool,
    /// The address of a server of the root to begin at, instead of those of the world
    #[arg(long, value_name = "ADDRESS", requires = "public")]
    pub root_server: Vec<IpAddr>,
}

/// Load-test the site.
///
/// Requests come at a fixed rate, whatever the server does, and the latency of each counts from
/// the moment at which it was due. They go to the address of the inventory's own server, past
/// DNS and proxies, under the site's name. Replies of 400 and above are failures.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Load {
    /// The site to load, where the inventory has several
    #[arg(long, value_name = "NAME", value_parser = SiteName::new)]
    pub site: Option<SiteName>,
    /// Requests a second
    #[arg(long, value_name = "NUMBER", default_value_t = 50.0)]
    pub rate: f64,
    /// For how long: seconds, or a number with a unit (90s, 5m)
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub duration: Duration,
    /// Requests under way at once, at most, each on a connection of its own
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    pub connections: usize,
    /// A path to get, as /path, or 3:/path to get it three times as often as others [default: /]
    #[arg(long = "path", value_name = "[WEIGHT:]PATH", value_parser = Request::get)]
    pub paths: Vec<Request>,
    /// A form to post, as /path=name=value&name=value
    #[arg(long = "post", value_name = "[WEIGHT:]PATH=FORM", value_parser = Request::post)]
    pub posts: Vec<Request>,
    /// A path that takes long; it is asked again and again beside the others, and counted apart
    #[arg(long, value_name = "PATH")]
    pub slow: Vec<String>,
    /// The path of a WebSocket to keep open and ping
    #[arg(long, value_name = "PATH")]
    pub websocket: Option<String>,
    /// The share of requests that open a connection for themselves, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 10.0)]
    pub fresh: f64,
    /// The version of HTTP
    #[arg(long, value_enum, default_value_t)]
    pub http: HttpVersion,
    /// How long a reply may take
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub timeout: Duration,
    /// Send a POST again, too, when a kept connection was closed before the reply
    #[arg(long)]
    pub retry_posts: bool,
    /// Up to so many failures are no reason to exit with 1
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    pub max_errors: u64,
    /// Do not log in to the server to look at its use
    #[arg(long)]
    pub outside: bool,
    /// Draw what came of it into one self-contained page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// The version of HTTP, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum HttpVersion {
    /// What the server prefers.
    #[default]
    Auto,
    /// HTTP/1.1.
    #[value(name = "1.1")]
    Http1,
    /// HTTP/2.
    #[value(name = "2")]
    Http2,
}

impl From<HttpVersion> for Protocol {
    fn from(version: HttpVersion) -> Self {
        match version {
            HttpVersion::Auto => Self::Auto,
            HttpVersion::Http1 => Self::Http1,
            HttpVersion::Http2 => Self::Http2,
        }
    }
}

/// `10`, `10s`, `5m` or `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" => 60.0,
        "h" => 3600.0,
        unit => return Err(format!("`{unit}` is no unit: use s, m or h")),
    };
    let number: f64 = digits
        .parse()
        .map_err(|_| "a number is missing".to_owned())?;
    Duration::try_from_secs_f64(number * factor).map_err(|error| error.to_string())
}

/// Show what the units of the stack say.
///
/// The entries of the journal and the lines of the files that the configuration names, those of
/// all roles together unless one is named.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Logs {
    /// Only those of this role: app, web, database, dns, …
    #[arg(value_name = "ROLE")]
    pub role: Option<String>,
    /// Go on as new lines come, until Ctrl-C
    #[arg(short, long)]
    pub follow: bool,
    /// The last so many lines of the journal and of each file [default: 50, with --since all]
    #[arg(short = 'n', long, value_name = "NUMBER")]
    pub lines: Option<u32>,
    /// Entries of the journal from then on: 10m, yesterday, "2026-01-31 12:00"
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub since: Option<String>,
}

/// A time as journalctl takes it; a duration is one ago.
fn since(text: &str) -> Result<String, std::convert::Infallible> {
    Ok(match duration(text) {
        Ok(ago) => format!("-{}s", ago.as_secs()),
        Err(_) => text.to_owned(),
    })
}

/// Back the server up, and see what could be restored.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum Backup {
    /// Make a backup now
    Now,
    /// List the backups, the newest last
    List {
        /// From this repository: 1 is where backups are made, 2 the first of backup.copies, or an address
        #[arg(long, value_name = "REPOSITORY")]
        from: Option<String>,
    },
    /// Restore a backup where nobody sees it, to prove that it can be restored
    ///
    /// Its databases are loaded into a database server of their own, on the server, and must be
    /// what they were when the backup was made; all its files are read. A timer does it with the
    /// newest backup each week.
    Drill {
        /// The backup, as `backup list` has it [default: the newest]
        #[arg(value_name = "BACKUP", value_parser = super::restore::backup)]
        backup: Option<String>,
        /// From this repository: 1 is where backups are made, 2 the first of backup.copies, or an address
        #[arg(long, value_name = "REPOSITORY")]
        from: Option<String>,
    },
    /// Bring back what a backup holds, or what was there at a time
    ///
    /// All databases and folders, or one of them, or one table. It comes back beside what is live,
    /// is compared there, and swapped with it; what was live is kept.
    Restore(Restore),
    /// Bring a file or a folder of a backup to this machine, or show which there are
    ///
    /// Nothing on the server changes. What is here already is not overwritten.
    Fetch(Fetch),
    /// Make a recovery key, or try the one that is in the file
    ///
    /// It opens the repositories when the server is lost, and with them the key that the server has.
    /// Keep it elsewhere: with it everything in the backups can be read.
    Key {
        /// The file of the key; one that is there is tried, and opens repositories that came later
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}

/// Bring the site of a server that is lost back on an empty one, from its backup.
///
/// The inventory names the new server. It gets the keys, secrets, certificates, accounts, files
/// and databases of the backup, then everything else by an apply, and is proven like after one.
/// What was written to the databases after the backup is done again, as far as it is in the
/// repository, unless a backup is named.
#[derive(Debug, Clone, PartialEq, Args)]
pub struct Rebuild {
    /// The backup, as `backup list` shows it [default: the newest]
    #[arg(long, value_name = "ID", value_parser = super::restore::backup)]
    pub backup: Option<String>,
    /// From this repository: 1 is where backups are made, 2 the first of backup.copies, or an address
    #[arg(long, value_name = "REPOSITORY", conflicts_with = "repository")]
    pub from: Option<String>,
    /// The file of the key that `backup key` has made
    #[arg(long, value_name = "FILE")]
    pub recovery_key: Option<PathBuf>,
    /// The inventory is lost, too: take it from the backup in this repository, as restic names it
    ///
    /// It is written to inventory.toml, or where -i says, with the address of the new server, and
    /// beside it roles, templates and files of your own and the code that served.
    #[arg(long, value_name = "REPOSITORY", requires_all = ["server", "recovery_key"])]
    pub repository: Option<String>,
    /// The new server, with --repository
    #[arg(long, value_name = "[USER@]ADDRESS", requires = "repository", value_parser = place)]
    pub server: Option<Place>,
    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

fn place(text: &str) -> Result<Place, InvalidValue> {
    Place::parse(text).ok_or_else(|| {
        InvalidValue::new("not the address of a server").hint("as root@203.0.113.10")
    })
}

/// Do something about a certificate that an authority has issued.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum Certificate {
    /// Declare it invalid, and order another one with another key
    ///
    /// For a key that somebody else may have. Browsers learn of it late or never: what protects
    /// visitors is that the new one takes its place at once.
    Revoke {
        /// The site whose it is, where the inventory has several
        #[arg(long, value_name = "NAME", value_parser = SiteName::new)]
        site: Option<SiteName>,
        /// Why, as the authority publishes it
        #[arg(long, value_enum, default_value_t)]
        reason: Reason,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// Why a certificate is not to be trusted any more, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Reason {
    /// No reason is given
    #[default]
    Unspecified,
    /// Somebody else may have its key
    KeyCompromise,
    /// Another one has taken its place
    Superseded,
    /// The names are not yours any more
    CessationOfOperation,
}

impl From<Reason> for certificate::Reason {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::Unspecified => Self::Unspecified,
            Reason::KeyCompromise => Self::KeyCompromise,
            Reason::Superseded => Self::Superseded,
            Reason::CessationOfOperation => Self::CessationOfOperation,
        }
    }
}

/// Keep visitors out, or let them in again.
///
/// Nginx answers with a page and status 503 within a second, the health page, too. The server
/// itself passes, so that deployments go on working, and so do the networks of
/// web.maintenance_allow. It stays on through applies and restarts until it is switched off. It
/// is for every site of the inventory, unless --site names one.
#[derive(Debug, Clone, PartialEq, Subcommand)]
pub enum Maintenance {
    /// Keep visitors out
    On {
        /// Keep out only the visitors of this site
        #[arg(long, value_name = "NAME", value_parser = SiteName::new)]
        site: Option<SiteName>,
        /// Let this address or network pass, too
        #[arg(long, value_name = "ADDRESS", value_parser = network)]
        allow: Vec<String>,
        /// When programs may come back, as the page tells them
        #[arg(long, value_name = "TIME", default_value = "10m", value_parser = duration)]
        retry_after: Duration,
    },
    /// Let them in again
    Off {
        /// Let in only the visitors of this site
        #[arg(long, value_name = "NAME", value_parser = SiteName::new)]
        site: Option<SiteName>,
    },
}
