//! The protocol of the root shell: requests and replies over three byte streams.
//!
//! It knows nothing of ssh; `loop.sh` beside it is its other end, and says what a request
//! and a reply look like. All waiting for the server happens here.

use super::{Payload, Reply, Traffic};
use std::io;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};

/// The other end, sent ahead of the first request.
const LOOP: &str = include_str!("loop.sh");

/// What `loop.sh` prints when it is ready; the number is the protocol's version.
const READY: &str = "foobar-stack ready 1";

/// What the remote command prints before it asks sudo, followed by the login's name.
const LOGIN: &str = "foobar-stack login ";

/// The most that a login may print before the shell is ready, in bytes: more is no greeting.
const JUNK_LIMIT: u64 = 256 * 1024;

/// How long it may take from the login until the shell is ready.
const GREETING_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs the loop as root, wherever the login shell has put us. One line without a single
/// quote, an exclamation mark or a backslash, so that csh and fish take it for what it is, too.
const BECOME_ROOT: &str = r#"[ "$(id -u)" = 0 ] && exec sh -c "$1" sh "$2" "$SSH_CONNECTION"; echo "foobar-stack login $(id -un)"; exec sudo -n sh -c "$1" sh "$2" "$SSH_CONNECTION""#;

/// Reads the loop from stdin and runs it.
const READ_LOOP: &str = r#"eval "$(head -c "$1")""#;

/// The remote command that starts the other end, as root.
pub(super) fn command() -> String {
    format!("exec sh -c '{BECOME_ROOT}' sh '{READ_LOOP}' {}", LOOP.len())
}

/// Why there is no root shell, though the login was let in.
#[derive(Debug)]
pub(super) enum StartError {
    /// sudo did not start the shell.
    Sudo {
        /// The login.
        login: String,
        /// What was said on stderr.
        stderr: String,
    },
    /// Something else than the greeting came: all of it.
    Greeting(String),
}

type Output = Box<dyn AsyncRead + Send + Unpin>;
type Input = Box<dyn AsyncWrite + Send + Unpin>;

/// The client's end of the root shell.
pub(super) struct RootShell {
    stdin: Input,
    stdout: Stream,
    stderr: Stream,
    /// What makes this session's end lines its own.
    nonce: String,
    /// False while a request is under way: one that was given up leaves it so.
    idle: bool,
    traffic: Traffic,
}

impl RootShell {
    /// Waits until the shell at the other end of the streams, started by [`command`], is root
    /// and ready.
    pub(super) async fn start(
        stdin: Input,
        stdout: Output,
        stderr: Output,
        nonce: String,
    ) -> Result<Self, StartError> {
        let mut shell = Self {
            stdin,
            stdout: Stream::new(stdout),
            stderr: Stream::new(stderr),
            nonce,
            idle: false,
            traffic: Traffic::default(),
        };
        shell.greet().await?;
        shell.idle = true;
        Ok(shell)
    }

    async fn greet(&mut self) -> Result<(), StartError> {
        let send = async {
            self.stdin.write_all(LOOP.as_bytes()).await?;
            self.stdin.flush().await
        };
        // A login that fails may close stdin first: what it printed says more.
        let (_, stdout) = tokio::join!(send, self.stdout.junk_before(READY, GREETING_TIMEOUT));
        let patience = if stdout.found {
            GREETING_TIMEOUT
        } else {
            Duration::from_secs(1)
        };
        let stderr = self.stderr.junk_before(READY, patience).await;
        let login = stdout
            .text
            .lines()
            .find_map(|line| line.strip_prefix(LOGIN))
            .map(str::to_owned);
        match (stdout.found, login) {
            (true, login) if stderr.found => {
                self.traffic.connections = 1;
                self.traffic.sudo = u32::from(login.is_some());
                self.count(LOOP.len() as u64);
                Ok(())
            }
            (_, Some(login)) => Err(StartError::Sudo {
                login,
                stderr: stderr.text,
            }),
            (_, None) => Err(StartError::Greeting(format!(
                "{}\n{}",
                stdout.text, stderr.text
            ))),
        }
    }

    /// Runs a script with `payload` as its stdin. Lines of its output go to `on_line` as they
    /// come, if it is given; else the reply holds the output.
    ///
    /// A future that is dropped before it is done leaves the shell unusable; every later
    /// request fails at once.
    pub(super) async fn request(
        &mut self,
        script: &str,
        payload: &mut Payload,
        on_line: Option<&mut (dyn FnMut(&str) + Send)>,
    ) -> io::Result<Reply> {
        if !std::mem::replace(&mut self.idle, false) {
            return Err(io::Error::other("an earlier request was given up"));
        }
        let begin = Instant::now();
        let end = format!("{}-{}", self.nonce, self.traffic.round_trips);
        let size = payload.size();
        let header = format!("{} {size} {end}\n", script.len());
        let mut payload = payload.reader()?;
        let send = async {
            for part in [header.as_bytes(), script.as_bytes()] {
                self.stdin.write_all(part).await?;
            }
            tokio::io::copy(&mut payload, &mut self.stdin).await?;
            self.stdin.flush().await
        };
        let receive = async {
            match on_line {
                Some(on_line) => {
                    let status = self.stdout.lines_until(&end, on_line).await?;
                    Ok((Vec::new(), status))
                }
                None => self.stdout.bytes_until(&end).await,
            }
        };
        let ((), (stdout, status), (stderr, _)) =
            tokio::try_join!(send, receive, self.stderr.bytes_until(&end))?;
        let status = status.parse().map_err(io::Error::other)?;
        self.stdin.write_all(b"\n").await?;
        self.stdin.flush().await?;
        self.count((header.len() + script.len() + 1) as u64 + size);
        self.idle = true;
        Ok(Reply {
            status,
            stdout,
            stderr: String::from_utf8_lossy(&stderr).into_owned(),
            elapsed: begin.elapsed(),
        })
    }

    fn count(&mut self, sent: u64) {
        self.traffic.round_trips += 1;
        self.traffic.bytes_sent += sent;
        self.traffic.bytes_received = self.stdout.received + self.stderr.received;
    }

    /// What has gone over the streams so far.
    pub(super) fn traffic(&self) -> Traffic {
        self.traffic
    }
}

/// What came before a greeting.
struct Junk {
    text: String,
    found: bool,
}

/// One of the shell's output streams.
struct Stream {
    from: BufReader<Output>,
    received: u64,
}

impl Stream {
    fn new(from: Output) -> Self {
        Self {
            from: BufReader::with_capacity(64 * 1024, from),
            received: 0,
        }
    }

    /// Adds the next line with its newline to `text`; the end of the stream is an error.
    async fn line(&mut self, text: &mut Vec<u8>) -> io::Result<()> {
        self.received += self.from.read_until(b'\n', text).await? as u64;
        match text.last() {
            Some(b'\n') => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Reads lines until `wanted` comes, the stream ends, or it is too much or too slow.
    async fn junk_before(&mut self, wanted: &str, patience: Duration) -> Junk {
        let mut text = Vec::new();
        let read = async {
            let mut from = (&mut self.from).take(JUNK_LIMIT);
            loop {
                let start = text.len();
                let length = from.read_until(b'\n', &mut text).await.unwrap_or(0);
                if length == 0 {
                    return false;
                }
                if text[start..].trim_ascii_end() == wanted.as_bytes() {
                    return true;
                }
            }
        };
        let found = tokio::time::timeout(patience, read).await.unwrap_or(false);
        self.received += text.len() as u64;
        let text = String::from_utf8_lossy(&text).into_owned();
        Junk { text, found }
    }

    /// Reads everything before the end line, and what the end line says after `end`.
    async fn bytes_until(&mut self, end: &str) -> io::Result<(Vec<u8>, String)> {
        let mut text = Vec::new();
        loop {
            let start = text.len();
            self.line(&mut text).await?;
            if let Some(rest) = text[start..].strip_prefix(end.as_bytes()) {
                let rest = String::from_utf8_lossy(rest).trim().to_owned();
                // The newline before the end line is not the script's.
                text.truncate(start.saturating_sub(1));
                return Ok((text, rest));
            }
        }
    }

    /// Hands on the lines before the end line, and returns what it says after `end`.
    async fn lines_until(
        &mut self,
        end: &str,
        on_line: &mut (dyn FnMut(&str) + Send),
    ) -> io::Result<String> {
        // The newline before the end line is not the script's: an empty line waits for the next.
        let mut empty = false;
        let mut line = Vec::new();
        loop {
            line.clear();
            self.line(&mut line).await?;
            if let Some(rest) = line.strip_prefix(end.as_bytes()) {
                return Ok(String::from_utf8_lossy(rest).trim().to_owned());
            }
            let text = line.strip_suffix(b"\n").unwrap_or(&line);
            if std::mem::replace(&mut empty, text.is_empty()) {
                on_line("");
            }
            if !text.is_empty() {
                on_line(&String::from_utf8_lossy(text));
            }
        }
    }
}

#[cfg(test)]
#[path = "protocol_tests.rs"]
mod tests;
