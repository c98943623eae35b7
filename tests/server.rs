//! The ssh session against a real sshd: started here, on the loopback, as whoever runs this.
//!
//! The login is made to look like root or like a user by an `id` and a `sudo` ahead of the real
//! ones, so that this runs under any account.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use foobar_stack::facts;
use foobar_stack::server::{Options, Payload, ServerError, Session, Target};
use foobar_stack::shell::Script;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// An sshd of our own; it ends with the test.
struct Sshd {
    folder: TempDir,
    port: u16,
    process: Child,
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn keygen(kind: &str, path: &Path) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-N", "", "-t", kind, "-f"]).arg(path);
    assert!(command.status().unwrap().success());
}

fn program(folder: &Path, name: &str, body: &str) {
    let path = folder.join(name);
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

impl Sshd {
    /// A login that is root.
    fn start() -> Self {
        Self::start_with(&[("id", "echo 0")])
    }

    fn start_with(programs: &[(&str, &str)]) -> Self {
        let sshd = Path::new("/usr/sbin/sshd");
        assert!(
            sshd.exists(),
            "no {}: install the package openssh-server for this test",
            sshd.display()
        );
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("bin")).unwrap();
        for (name, body) in programs {
            program(&at("bin"), name, body);
        }
        keygen("ed25519", &at("host_ed25519"));
        keygen("ecdsa", &at("host_ecdsa"));
        keygen("ed25519", &at("login"));
        // sshd as root wants its empty folder; it is harmless to anyone else.
        let _ = fs::create_dir("/run/sshd");
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let path = folder.path().display();
        let config = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {path}/host_ed25519\n\
             HostKey {path}/host_ecdsa\nAuthorizedKeysFile {path}/login.pub\nPidFile none\n\
             StrictModes no\nUsePAM no\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nPermitRootLogin yes\nLogLevel VERBOSE\n\
             SetEnv PATH={path}/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
        );
        fs::write(at("sshd_config"), config).unwrap();
        let process = Command::new(sshd)
            .arg("-De")
            .arg("-f")
            .arg(at("sshd_config"))
            .stdin(Stdio::null())
            .stderr(fs::File::create(at("log")).unwrap())
            .spawn()
            .unwrap();
        let sshd = Self {
            folder,
            port,
            process,
        };
        sshd.until("Server listening");
        sshd
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.at(name)).unwrap_or_default()
    }

    /// Waits until the log has the words.
    fn until(&self, words: &str) {
        let begin = Instant::now();
        while !self.read("log").contains(words) {
            assert!(
                begin.elapsed() < Duration::from_secs(10),
                "{}",
                self.read("log")
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Type and key of a host key.
    fn host_key(&self, kind: &str) -> String {
        let public = self.read(&format!("host_{kind}.pub"));
        public.split(' ').take(2).collect::<Vec<_>>().join(" ")
    }

    fn know(&self, key: &str) {
        let line = format!("[127.0.0.1]:{} {key}\n", self.port);
        fs::write(self.at("known_hosts"), line).unwrap();
    }

    /// A target that reads nothing of whoever runs this.
    fn target(&self) -> Target {
        let path = self.folder.path().display();
        let config = format!(
            "UserKnownHostsFile {path}/known_hosts\nGlobalKnownHostsFile /dev/null\n\
             IdentityAgent none\nRemoteCommand echo no\nRequestTTY force\nLogLevel QUIET\n"
        );
        fs::write(self.at("ssh_config"), config).unwrap();
        Target {
            port: Some(self.port),
            identity_file: Some(self.at("login")),
            config_file: Some(self.at("ssh_config")),
            ..Target::new("127.0.0.1")
        }
    }
}

fn echo(text: &str) -> Script {
    let mut script = Script::new();
    script.call("echo", [text]);
    script
}

async fn refused(target: &Target, options: &Options) -> ServerError {
    match Session::connect(target, options).await {
        Ok(_) => panic!("the login should have failed"),
        Err(error) => error,
    }
}

#[tokio::test]
async fn one_connection_and_one_channel_serve_every_request() {
    let sshd = Sshd::start();
    sshd.know(&sshd.host_key("ed25519"));
    let mut session = Session::connect(&sshd.target(), &Options::default())
        .await
        .unwrap();
    for text in ["one", "two", "three"] {
        let reply = session.run("a test", &echo(text)).await.unwrap();
        assert_eq!(reply.stdout, format!("{text}\n").into_bytes());
    }
    let mut cat = Script::new();
    cat.raw("cat; echo err >&2; exit 5");
    let payload: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
    let reply = session
        .ship("a test", &cat, &mut Payload::from(&payload[..]))
        .await
        .unwrap();
    assert!(reply.stdout == payload);
    assert_eq!((reply.status, reply.stderr.as_str()), (5, "err\n"));
    let mut lines = Vec::new();
    let mut on_line = |line: &str| lines.push(line.to_owned());
    session
        .follow("a test", &echo("a\nb"), &mut on_line)
        .await
        .unwrap();
    assert_eq!(lines, ["a", "b"]);

    let asked = ["dpkg".to_owned()];
    let reply = session.run("a test", &facts::script(&asked)).await.unwrap();
    let printed = String::from_utf8(reply.stdout).unwrap();
    let port = format!(" {}\n", sshd.port);
    let connection = printed.lines().find(|line| line.starts_with("connection "));
    assert!(
        format!("{}\n", connection.unwrap()).ends_with(&port),
        "{printed}"
    );

    let traffic = session.traffic();
    assert_eq!(
        (traffic.connections, traffic.sudo, traffic.round_trips),
        (1, 0, 7)
    );
    assert!(traffic.bytes_sent > 3_000_000 && traffic.bytes_received > 3_000_000);
    drop(session);
    sshd.until("Disconnected from user");
    let log = sshd.read("log");
    assert_eq!(log.matches("Connection from 127.0.0.1").count(), 1, "{log}");
    assert_eq!(log.matches("Starting session").count(), 1, "{log}");
}

#[tokio::test]
async fn a_session_that_is_dropped_leaves_no_connection() {
    let sshd = Sshd::start();
    sshd.know(&sshd.host_key("ed25519"));
    let mut session = Session::connect(&sshd.target(), &Options::default())
        .await
        .unwrap();
    let mut sleep = Script::new();
    sleep.assign("file", &sshd.at("pid").display().to_string());
    sleep.raw("echo $$ >\"$file\"; sleep 1000");
    let written = async {
        while !sshd.read("pid").ends_with('\n') {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        reply = session.run("sleeping", &sleep) => panic!("{reply:?}"),
        () = written => {}
    }
    let shell = Path::new("/proc").join(sshd.read("pid").trim());
    assert!(shell.exists());
    drop(session);
    sshd.until("Disconnected from user");
    let begin = Instant::now();
    while shell.exists() {
        assert!(
            begin.elapsed() < Duration::from_secs(5),
            "the shell lives on"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[tokio::test]
async fn a_connection_that_dies_is_noticed_at_once() {
    let sshd = Sshd::start();
    sshd.know(&sshd.host_key("ed25519"));
    let mut session = Session::connect(&sshd.target(), &Options::default())
        .await
        .unwrap();
    // The session's sshd is the parent of the shell.
    let mut script = Script::new();
    script.raw("kill -9 $PPID; sleep 1000");
    let begin = Instant::now();
    let error = session.run("reading the facts", &script).await.unwrap_err();
    assert!(matches!(error, ServerError::Lost { .. }), "{error:?}");
    assert!(
        error.to_string().ends_with("of reading the facts"),
        "{error}"
    );
    assert!(begin.elapsed() < Duration::from_secs(5));
    let error = session.run("trying again", &echo("x")).await.unwrap_err();
    assert!(matches!(error, ServerError::Lost { .. }), "{error:?}");
}

#[tokio::test]
async fn an_unknown_host_key_is_refused_until_it_is_accepted_or_pinned() {
    let sshd = Sshd::start();
    let error = refused(&sshd.target(), &Options::default()).await;
    assert!(
        matches!(error, ServerError::HostKeyUnknown { .. }),
        "{error:?}"
    );
    assert!(error.hint().unwrap().contains("--accept-new-host-key"));

    for kind in ["ecdsa", "ed25519"] {
        let pinned = Target {
            host_key: Some(sshd.host_key(kind)),
            ..sshd.target()
        };
        Session::connect(&pinned, &Options::default())
            .await
            .unwrap();
    }
    assert_eq!(sshd.read("known_hosts"), "");

    let accept = Options {
        accept_new_host_key: true,
        ..Options::default()
    };
    Session::connect(&sshd.target(), &accept).await.unwrap();
    assert!(sshd.read("known_hosts").contains("ssh-ed25519"));
    Session::connect(&sshd.target(), &Options::default())
        .await
        .unwrap();
}

#[tokio::test]
async fn another_host_key_than_the_known_one_is_refused() {
    let sshd = Sshd::start();
    keygen("ed25519", &sshd.at("host_other"));
    let other = sshd.host_key("other");
    sshd.know(&other);
    let accept = Options {
        accept_new_host_key: true,
        ..Options::default()
    };
    let error = refused(&sshd.target(), &accept).await;
    let hint = error.hint().unwrap();
    assert!(
        matches!(error, ServerError::HostKeyChanged { pinned: false, .. }),
        "{error:?}"
    );
    assert!(
        hint.contains(&format!("ssh-keygen -R '[127.0.0.1]:{}'", sshd.port)),
        "{hint}"
    );
    assert!(hint.contains("SHA256:"), "{hint}");

    // A key of a type that the server has, then one that it has not.
    for key in [other, "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQE=".to_owned()] {
        let pinned = Target {
            host_key: Some(key),
            ..sshd.target()
        };
        let error = refused(&pinned, &accept).await;
        assert!(
            matches!(error, ServerError::HostKeyChanged { pinned: true, .. }),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn a_login_that_is_refused_is_told_from_a_server_that_is_away() {
    let sshd = Sshd::start();
    sshd.know(&sshd.host_key("ed25519"));
    keygen("ed25519", &sshd.at("other"));
    let stranger = Target {
        identity_file: Some(sshd.at("other")),
        user: Some("nobody".to_owned()),
        ..sshd.target()
    };
    let error = refused(&stranger, &Options::default()).await;
    assert!(
        matches!(error, ServerError::LoginRefused { .. }),
        "{error:?}"
    );
    assert!(
        error
            .hint()
            .unwrap()
            .contains("ssh-copy-id nobody@127.0.0.1")
    );
    assert!(error.is_unreachable());

    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = Target {
        port: Some(free.local_addr().unwrap().port()),
        ..sshd.target()
    };
    let patience = Options {
        connect_timeout: Duration::from_secs(1),
        ..Options::default()
    };
    // It listens and never says a word.
    let error = refused(&closed, &patience).await;
    assert!(
        matches!(error, ServerError::Unreachable { .. }),
        "{error:?}"
    );
    drop(free);
    let error = refused(&closed, &patience).await;
    assert!(error.to_string().contains("Connection refused"), "{error}");
    let nowhere = Target {
        destination: "nowhere.invalid".to_owned(),
        ..sshd.target()
    };
    let error = refused(&nowhere, &patience).await;
    assert!(
        matches!(error, ServerError::Unreachable { .. }),
        "{error:?}"
    );
}

#[tokio::test]
async fn mistakes_of_this_machine_are_found_before_the_network() {
    let no_key = Target {
        identity_file: Some("/nonexistent/key".into()),
        ..Target::new("127.0.0.1")
    };
    let error = refused(&no_key, &Options::default()).await;
    assert!(
        matches!(error, ServerError::IdentityFile { .. }),
        "{error:?}"
    );
    let no_config = Target {
        config_file: Some("/nonexistent/config".into()),
        ..Target::new("127.0.0.1")
    };
    let error = refused(&no_config, &Options::default()).await;
    assert!(matches!(error, ServerError::ConfigFile { .. }), "{error:?}");
    let option = Target::new("-oProxyCommand=touch /tmp/x");
    let error = refused(&option, &Options::default()).await;
    assert!(
        matches!(error, ServerError::Destination { .. }),
        "{error:?}"
    );
    assert!(!error.is_unreachable());
}

#[tokio::test]
async fn a_user_becomes_root_by_one_sudo_or_is_told_how() {
    let user = ("id", "case $1 in -u) echo 1000;; *) echo alice;; esac");
    let sshd = Sshd::start_with(&[user, ("sudo", "shift; exec env -u SSH_CONNECTION \"$@\"")]);
    sshd.know(&sshd.host_key("ed25519"));
    let mut session = Session::connect(&sshd.target(), &Options::default())
        .await
        .unwrap();
    let reply = session.run("a test", &echo("on")).await.unwrap();
    assert_eq!(reply.stdout, b"on\n");
    assert_eq!(session.traffic().sudo, 1);

    let refusal = ("sudo", "echo 'sudo: a password is required' >&2; exit 1");
    program(&sshd.at("bin"), refusal.0, refusal.1);
    let error = refused(&sshd.target(), &Options::default()).await;
    assert!(matches!(error, ServerError::Sudo { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "alice on 127.0.0.1 cannot become root: sudo: a password is required"
    );
    assert!(
        error
            .hint()
            .unwrap()
            .contains("alice ALL=(ALL) NOPASSWD: ALL")
    );
}
