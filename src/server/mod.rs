//! The server: one ssh connection with one root shell in it, through which everything goes.
//!
//! A connection is made once, sudo runs once, and each request is one round trip: a script
//! goes in, its output and exit status come back. Nothing of a script is an argument of a
//! process or a file on the server. This room does not know what the scripts are for.
//!
//! **Going away.** Dropping a [`Session`], or the process that holds it, ends the shell and the
//! script that it runs; what must survive that is started as a unit of systemd. Dropping a
//! request half-way makes the session unusable: drop it, too, and connect anew. The ssh process
//! in the background ends with the session, at the latest ten seconds after we do.
//!
//! **Scripts** run as root in `/` with `umask 077`, `LC_ALL=C.UTF-8`, a `PATH` with the sbin
//! folders and `SSH_CONNECTION` of the login. A script must not leave a process behind that
//! holds its stdout or stderr: what that prints would stand in a later reply.

mod config;
mod error;
mod foreground;
mod payload;
mod protocol;
mod reply;
mod target;

pub use error::ServerError;
pub use payload::Payload;
pub use reply::{Reply, Traffic};
pub use target::{Options, Target, Trace};

use crate::random;
use crate::shell::Script;
use error::{Cause, cause, last_line};
use openssh::{ControlPersist, KnownHosts, SessionBuilder, Stdio};
use protocol::{RootShell, StartError};
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tempfile::TempDir;

/// A root shell on the server.
pub struct Session {
    destination: String,
    trace: Option<Trace>,
    shell: RootShell,
    /// Where ssh writes why it ended.
    log: PathBuf,
    // In this order: the channel, the connection, and the folder that its socket is in.
    _channel: openssh::Child<Arc<openssh::Session>>,
    connection: Arc<openssh::Session>,
    _folder: TempDir,
}

impl Session {
    /// Logs in and becomes root.
    ///
    /// # Errors
    /// See [`ServerError`]: all but [`ServerError::Lost`] can be met here.
    pub async fn connect(target: &Target, options: &Options) -> Result<Self, ServerError> {
        let destination = target.destination.clone();
        if !config::is_destination(&destination) {
            return Err(ServerError::Destination { destination });
        }
        let local = |source: Box<dyn std::error::Error + Send + Sync>| ServerError::Local {
            destination: destination.clone(),
            source,
        };
        let folder = prepare(target, options).map_err(|error| local(error.into()))?;
        let builder = builder(target, options, folder.path())?;
        let connection = builder
            .connect_mux(&destination)
            .await
            .map_err(|error| login_error(target, error))?;
        let connection = Arc::new(connection);
        let log = connection.control_socket().with_file_name("log");

        let mut channel = Arc::clone(&connection)
            .arc_raw_command(protocol::command())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .await
            .map_err(|error| local(error.into()))?;
        let pipes = (
            channel.stdin().take(),
            channel.stdout().take(),
            channel.stderr().take(),
        );
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(local("ssh gave no pipes".into()));
        };
        let nonce = random::hex();
        let shell = RootShell::start(Box::new(stdin), Box::new(stdout), Box::new(stderr), nonce)
            .await
            .map_err(|error| start_error(&destination, error))?;
        Ok(Self {
            destination,
            trace: options.trace.clone(),
            shell,
            log,
            _channel: channel,
            connection,
            _folder: folder,
        })
    }

    /// Runs a script with nothing on its stdin, in one round trip. `doing` says what it is for,
    /// as in "reading the facts".
    ///
    /// # Errors
    /// [`ServerError::Lost`]. A script that fails is a reply.
    pub async fn run(
        &mut self,
        doing: &'static str,
        script: &Script,
    ) -> Result<Reply, ServerError> {
        self.request(doing, script, &mut Payload::new(), None).await
    }

    /// Runs a script with exactly `payload` on its stdin, in one round trip.
    ///
    /// # Errors
    /// [`ServerError::Lost`]. A script that fails is a reply.
    pub async fn ship(
        &mut self,
        doing: &'static str,
        script: &Script,
        payload: &mut Payload,
    ) -> Result<Reply, ServerError> {
        self.request(doing, script, payload, None).await
    }

    /// Runs a script whose reply nobody is shown, not even with `-vv`: there are secrets in it.
    ///
    /// # Errors
    /// [`ServerError::Lost`]. A script that fails is a reply.
    pub async fn run_unseen(
        &mut self,
        doing: &'static str,
        script: &Script,
    ) -> Result<Reply, ServerError> {
        let trace = self.trace.take();
        let reply = self.run(doing, script).await;
        self.trace = trace;
        reply
    }

    /// Runs a script and hands on each line of its output as it comes.
    ///
    /// # Errors
    /// [`ServerError::Lost`]. A script that fails is a reply.
    pub async fn follow(
        &mut self,
        doing: &'static str,
        script: &Script,
        on_line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Reply, ServerError> {
        self.request(doing, script, &mut Payload::new(), Some(on_line))
            .await
    }

    /// The same with exactly `payload` on its stdin.
    ///
    /// # Errors
    /// [`ServerError::Lost`]. A script that fails is a reply.
    pub async fn follow_with(
        &mut self,
        doing: &'static str,
        script: &Script,
        payload: &mut Payload,
        on_line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Reply, ServerError> {
        self.request(doing, script, payload, Some(on_line)).await
    }

    async fn request(
        &mut self,
        doing: &'static str,
        script: &Script,
        payload: &mut Payload,
        on_line: Option<&mut (dyn FnMut(&str) + Send)>,
    ) -> Result<Reply, ServerError> {
        let begin = Instant::now();
        let reply = self.shell.request(script.as_str(), payload, on_line).await;
        let reply = reply.map_err(|error| ServerError::Lost {
            destination: self.destination.clone(),
            doing,
            after: begin.elapsed(),
            source: self.last_words().unwrap_or(error),
        })?;
        if let Some(trace) = &self.trace {
            trace(doing, script, &reply);
        }
        Ok(reply)
    }

    /// Why the connection ended, in the words of ssh.
    fn last_words(&self) -> Option<io::Error> {
        let log = std::fs::read_to_string(&self.log).ok()?;
        let told = log.lines().any(|line| !line.starts_with("Warning: "));
        told.then(|| io::Error::other(last_line(&log)))
    }

    /// What the session has cost so far.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        self.shell.traffic()
    }
}

/// Makes the private folder with the configuration files and, later, the control socket.
fn prepare(target: &Target, options: &Options) -> io::Result<TempDir> {
    // The path of a socket is limited to about 100 bytes, and ssh adds some of its own.
    let temporary = std::env::temp_dir();
    let parent = if temporary.as_os_str().len() <= 40 {
        &temporary
    } else {
        Path::new("/tmp")
    };
    let folder = tempfile::Builder::new()
        .prefix("foobar-stack-")
        .tempdir_in(parent)?;
    let known_hosts = folder.path().join("known_hosts");
    if let Some(key) = &target.host_key {
        std::fs::write(&known_hosts, config::known_hosts(key))?;
    }
    let mut target = target.clone();
    if let Some(file) = &mut target.config_file {
        *file = std::path::absolute(&file)?;
    }
    let text = config::text(&target, options, &known_hosts);
    std::fs::write(folder.path().join("config"), text)?;
    Ok(folder)
}

fn builder(
    target: &Target,
    options: &Options,
    folder: &Path,
) -> Result<SessionBuilder, ServerError> {
    // Long enough for the shell to be opened, short enough to leave nothing when we are killed.
    const IDLE_SECONDS: NonZeroUsize = NonZeroUsize::MIN.saturating_add(9);
    let mut builder = SessionBuilder::default();
    builder
        .control_directory(folder)
        .config_file(folder.join("config"))
        .control_persist(ControlPersist::IdleFor(IDLE_SECONDS))
        .known_hosts_check(
            if options.accept_new_host_key && target.host_key.is_none() {
                KnownHosts::Add
            } else {
                KnownHosts::Strict
            },
        );
    if let Some(user) = &target.user {
        builder.user(user.clone());
    }
    if let Some(port) = target.port {
        builder.port(port);
    }
    if let Some(file) = &target.config_file {
        readable(file).map_err(|source| ServerError::ConfigFile {
            path: file.clone(),
            source,
        })?;
    }
    if let Some(file) = &target.identity_file {
        builder.keyfile(identity_file(file)?);
    }
    Ok(builder)
}

fn readable(file: &Path) -> io::Result<()> {
    std::fs::File::open(file).map(drop)
}

/// Finds the key file. ssh only warns when it is not there, and then the login is refused.
fn identity_file(file: &Path) -> Result<PathBuf, ServerError> {
    let path = match (file.strip_prefix("~"), std::env::home_dir()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => file.to_owned(),
    };
    match readable(&path) {
        Ok(()) => Ok(path),
        Err(source) => Err(ServerError::IdentityFile { path, source }),
    }
}

/// Tells what a failed login is from what the crate hands on of the log of ssh.
fn login_error(target: &Target, error: openssh::Error) -> ServerError {
    let destination = target.destination.clone();
    let error = match error {
        openssh::Error::Connect(error) => error,
        other => {
            return ServerError::Local {
                destination,
                source: other.into(),
            };
        }
    };
    if error.kind() == io::ErrorKind::NotFound {
        return ServerError::MissingSsh(error);
    }
    let log = error.to_string();
    let message = last_line(&log);
    match cause(&log) {
        Cause::HostKeyUnknown => ServerError::HostKeyUnknown { destination },
        Cause::HostKeyChanged => ServerError::HostKeyChanged {
            name: between(&log, "Host key for ", " has changed").unwrap_or(destination.clone()),
            fingerprint: between(&log, "SHA256:", "\n").map(|rest| {
                let rest = rest.trim().trim_end_matches('.');
                format!("SHA256:{rest}")
            }),
            pinned: target.host_key.is_some(),
            destination,
        },
        Cause::LoginRefused => ServerError::LoginRefused {
            destination,
            user: target.user.clone(),
            message,
        },
        Cause::Unreachable => ServerError::Unreachable {
            destination,
            message,
        },
        Cause::Other => ServerError::Ssh {
            destination,
            message,
        },
    }
}

fn between(text: &str, before: &str, after: &str) -> Option<String> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(middle, _)| middle.to_owned())
}

fn start_error(destination: &str, error: StartError) -> ServerError {
    let destination = destination.to_owned();
    match error {
        StartError::Sudo { login, stderr } => ServerError::Sudo {
            destination,
            user: login,
            message: last_line(&stderr),
        },
        StartError::Greeting(said) => ServerError::Protocol {
            destination,
            message: last_line(&said),
        },
    }
}
