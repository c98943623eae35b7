//! The section `[app]` as it is written.

use super::{Amount, At, Health, List, TextOr, Texts, Timer, Worker};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::num::NonZeroU16;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct App {
    /// Whether there is an app. Default: true.
    pub(in crate::inventory) enabled: Option<bool>,
    /// Where the code comes from: a folder relative to this file, or a table.
    pub(in crate::inventory) source: Option<At<TextOr<AppSource>>>,
    /// Patterns of what stays at home, as in .gitignore.
    pub(in crate::inventory) exclude: Option<List>,
    /// Packages of the distribution that the code needs.
    #[serde(default)]
    pub(in crate::inventory) packages: Vec<At<String>>,
    /// Commands that make the release ready on the server, in their order, once a release. One
    /// whose result is the same for many releases, like that of "npm ci", is a table.
    #[serde(default)]
    pub(in crate::inventory) build: Vec<At<TextOr<BuildStep>>>,
    /// A virtual environment of Python in the folder .venv of the release.
    pub(in crate::inventory) python: Option<At<Python>>,
    /// Folders of the release that outlive it, like that of uploads. The app may write there.
    #[serde(default)]
    pub(in crate::inventory) persistent: Vec<At<String>>,
    /// Files of the release that are not part of the code: where they stand in it, and the file
    /// beside the inventory.
    #[serde(default)]
    pub(in crate::inventory) shared: Texts,
    /// What runs it, in the folder of the release. It must listen on 127.0.0.1:${PORT}, or on
    /// the Unix socket ${SOCKET}.
    pub(in crate::inventory) command: Option<At<String>>,
    /// How Nginx speaks with it: "http", "fastcgi", or "files" for files alone. Default: "http".
    pub(in crate::inventory) protocol: Option<At<AppProtocol>>,
    /// With "fastcgi" and "files": the folder of the release that visitors see. Default: all.
    pub(in crate::inventory) root: Option<At<String>>,
    /// Where Nginx hands requests to: "port", on the loopback, or "socket", a Unix socket that
    /// only Nginx may connect to. Default: "port".
    pub(in crate::inventory) listen: Option<At<AppListen>>,
    /// First of the ports on the loopback that Nginx hands requests to: each instance has two.
    /// Default: 8000.
    pub(in crate::inventory) port: Option<At<NonZeroU16>>,
    /// How many instances serve at once, each with a port or a socket of its own. Default: 1.
    pub(in crate::inventory) instances: Option<At<NonZeroU16>>,
    /// Account that it runs as. Default: the first label of the domain.
    pub(in crate::inventory) user: Option<At<String>>,
    /// Whether an account of that name that is there already is taken as it is. Default: false.
    pub(in crate::inventory) adopt: Option<bool>,
    /// Runs once for each release, before it serves: database migrations.
    pub(in crate::inventory) migrate: Option<At<String>>,
    /// A page that says whether the app is healthy: its path, or a table that says more.
    pub(in crate::inventory) health: Option<At<TextOr<Health>>>,
    /// How long a new release may take until it is healthy. Default: "60s".
    pub(in crate::inventory) start_timeout: Option<At<Amount>>,
    /// How long a release that has never served must stay healthy before visitors are led to it; what
    /// fails for another while sends them back without one of them noticing. Default: "2s".
    pub(in crate::inventory) settle: Option<At<Amount>>,
    /// What a deployment does: "switch" starts the new release beside the old one and leads visitors
    /// over; "stop-start" stops the old one first, for an app that must be alone. Default: "switch".
    pub(in crate::inventory) deploy: Option<At<Deploy>>,
    /// How long requests and WebSockets of the release before may take to end. Default: "30s".
    pub(in crate::inventory) drain: Option<At<Amount>>,
    /// Memory an instance may take: bytes, "512M" or "infinity". Default: "512M".
    pub(in crate::inventory) memory_max: Option<At<Amount>>,
    /// The app tells systemd that it is ready and alive (sd_notify), at least this often: it is
    /// started anew when it does not. Left out, nothing of the kind is expected.
    pub(in crate::inventory) watchdog: Option<At<Amount>>,
    /// Processes of the app beside those that answer requests, by their names.
    #[serde(default)]
    pub(in crate::inventory) workers: BTreeMap<At<String>, At<Worker>>,
    /// Commands of the app that are run again and again, by their names.
    #[serde(default)]
    pub(in crate::inventory) timers: BTreeMap<At<String>, At<Timer>>,
    /// Environment of the app.
    #[serde(default)]
    pub(in crate::inventory) env: Texts,
    /// Whether the app finds its secrets in its environment, too. Default: false.
    pub(in crate::inventory) secret_env: Option<bool>,
    /// Secrets of the app: where each one comes from.
    #[serde(default)]
    pub(in crate::inventory) secrets: BTreeMap<At<String>, At<Secret>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(in crate::inventory) enum Deploy {
    /// The new release starts beside the old one, and visitors are led over.
    Switch,
    /// The old release stops before the new one starts.
    StopStart,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::inventory) enum AppProtocol {
    /// It answers requests by itself.
    Http,
    /// It runs the scripts that Nginx names, as PHP-FPM does.
    Fastcgi,
    /// There is no process: Nginx has the files.
    Files,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(in crate::inventory) enum AppListen {
    /// On a port of the loopback.
    Port,
    /// On a Unix socket.
    Socket,
}

/// Code from elsewhere: `git` and `revision`, or `archive` and `sha256`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct AppSource {
    /// A git repository: an address, or a folder relative to this file.
    pub(in crate::inventory) git: Option<At<String>>,
    /// The branch, the tag or the commit.
    pub(in crate::inventory) revision: Option<At<String>>,
    /// An archive (tar.gz, tar or zip): a file relative to this file, or an https:// address.
    pub(in crate::inventory) archive: Option<At<String>>,
    /// The archive's digest, as `sha256sum` prints it.
    pub(in crate::inventory) sha256: Option<At<String>>,
    /// The folder in it that holds the app. Default: all of it.
    pub(in crate::inventory) path: Option<At<String>>,
}

/// A command whose result all releases share in which it, what it reads, the commands before it,
/// the environment and the runtime are the same.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct BuildStep {
    /// The command, which runs when one of these has changed.
    pub(in crate::inventory) command: Option<At<String>>,
    /// The files of the code that it reads, like a lock file, and folders with all below them.
    #[serde(default)]
    pub(in crate::inventory) from: Vec<At<String>>,
    /// The files and folders of the release that it makes.
    #[serde(default)]
    pub(in crate::inventory) makes: Vec<At<String>>,
}

/// A virtual environment.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::inventory) struct Python {
    /// The file in the code that says what to install.
    pub(in crate::inventory) requirements: Option<At<String>>,
    /// The index to install from. Default: pip's.
    pub(in crate::inventory) index: Option<At<String>>,
    /// The folder in the code with wheels to install from, instead of an index.
    pub(in crate::inventory) wheels: Option<At<String>>,
    /// Whether it sees the packages of the distribution, too. Default: false.
    pub(in crate::inventory) system_packages: Option<bool>,
}

/// Where a secret comes from. Exactly one of the keys.
// `writeOnly` also tells the structural pass that a plain value here must not be shown.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("writeOnly" = true, "minProperties" = 1, "maxProperties" = 1))]
pub(in crate::inventory) struct Secret {
    /// An environment variable of this machine.
    pub(in crate::inventory) env: Option<At<String>>,
    /// A file of this machine, relative to this file.
    pub(in crate::inventory) file: Option<At<String>>,
    /// What a command of this machine prints.
    pub(in crate::inventory) command: Option<At<String>>,
    /// Made on the server, never seen here: `true`.
    pub(in crate::inventory) generate: Option<At<bool>>,
}
