//! The protocol against a local `sh` in place of ssh: the other end is the same.

use super::*;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// The longest that any of these may take.
const PATIENCE: Duration = Duration::from_secs(20);

struct Local {
    shell: RootShell,
    _child: Child,
    _programs: TempDir,
}

/// Starts [`command`] as a login shell would, with other programs in front of the real ones.
async fn start(login: &str, programs: &[(&str, &str)]) -> Result<Local, StartError> {
    let folder = tempfile::tempdir().unwrap();
    let programs = [&[("id", "echo 0")], programs].concat();
    for (name, body) in programs {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(format!("{login}\n{}", command()))
        .env("PATH", path)
        .env("SSH_CONNECTION", "192.0.2.1 5 192.0.2.2 2222")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let shell = RootShell::start(
        Box::new(child.stdin.take().unwrap()),
        Box::new(child.stdout.take().unwrap()),
        Box::new(child.stderr.take().unwrap()),
        "0123456789abcdef".to_owned(),
    )
    .await?;
    Ok(Local {
        shell,
        _child: child,
        _programs: folder,
    })
}

async fn root() -> Local {
    start("", &[]).await.unwrap()
}

impl Local {
    async fn run(&mut self, script: &str) -> Reply {
        self.ship(script, b"").await
    }

    async fn ship(&mut self, script: &str, payload: &[u8]) -> Reply {
        self.attempt(script, payload).await.unwrap()
    }

    async fn attempt(&mut self, script: &str, payload: &[u8]) -> io::Result<Reply> {
        tokio::time::timeout(
            PATIENCE,
            self.shell
                .request(script, &mut Payload::from(payload), None),
        )
        .await
        .expect("the request hangs")
    }
}

#[tokio::test]
async fn a_reply_is_what_the_script_printed() {
    let mut local = root().await;
    for (script, status, stdout, stderr) in [
        ("", 0, "", ""),
        ("echo a; echo b >&2", 0, "a\n", "b\n"),
        ("printf a", 0, "a", ""),
        ("printf '\\n'", 0, "\n", ""),
        ("printf '\\n\\n'; printf x >&2", 0, "\n\n", "x"),
        ("false", 1, "", ""),
        ("exit 7", 7, "", ""),
        ("set -eu; false; echo no", 1, "", ""),
        ("cat; echo end", 0, "end\n", ""),
        ("# a comment\necho \"$((1 + 1))\"\n\n", 0, "2\n", ""),
        ("exec echo replaced", 0, "replaced\n", ""),
        ("sh -c 'kill -9 $PPID'", 137, "", "Killed\n"),
        ("printf %s \"${end-unset}\"", 0, "unset", ""),
        (
            "echo \"$SSH_CONNECTION\"",
            0,
            "192.0.2.1 5 192.0.2.2 2222\n",
            "",
        ),
        ("umask; pwd", 0, "0077\n/\n", ""),
        ("a=1", 0, "", ""),
        ("printf %s \"${a-unset}\"", 0, "unset", ""),
        (
            "printf '%s\\n' '\n0123456789abcde 0\n'",
            0,
            "\n0123456789abcde 0\n\n",
            "",
        ),
    ] {
        let reply = local.run(script).await;
        assert_eq!(reply.status, status, "{script}");
        assert_eq!(String::from_utf8_lossy(&reply.stdout), stdout, "{script}");
        assert_eq!(reply.stderr, stderr, "{script}");
    }
    assert!(local.run("echo 'a").await.status != 0, "a syntax error");
    assert_eq!(local.run("echo on").await.stdout, b"on\n");
}

#[tokio::test]
async fn neither_script_nor_loop_is_in_a_process_list() {
    let mut local = root().await;
    let script =
        "canary=1; cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'";
    let reply = local.ship(script, b"payload-canary").await;
    let text = String::from_utf8_lossy(&reply.stdout).into_owned();
    assert!(!text.contains("canary=1"), "{text}");
    assert!(!text.contains("0123456789abcdef-"), "{text}");
}

#[tokio::test]
async fn megabytes_go_both_ways_at_once_and_unchanged() {
    let mut local = root().await;
    // Every byte value, line lengths from none to beyond any buffer.
    let payload: Vec<u8> = (0..8 * 1024 * 1024_u32)
        .map(|i| {
            if i < 1 << 20 {
                b'x'
            } else {
                (i.wrapping_mul(2_654_435_761) >> 24) as u8
            }
        })
        .collect();
    let reply = local.ship("cat", &payload).await;
    assert_eq!(reply.status, 0);
    assert!(reply.stdout == payload);
    let reply = local
        .ship("cat >&2; yes | head -c 3000000", &vec![b'e'; 2_000_000])
        .await;
    assert_eq!(
        (reply.stdout.len(), reply.stderr.len()),
        (3_000_000, 2_000_000)
    );
    let traffic = local.shell.traffic();
    assert!(traffic.bytes_sent > 10_388_608 && traffic.bytes_received > 13_388_608);
}

#[tokio::test]
async fn what_a_script_leaves_of_its_payload_is_no_request() {
    let mut local = root().await;
    let payload = b"7 0 x\necho no\n".repeat(100_000);
    for script in [
        "true",
        "exit 3",
        "head -n 1 >/dev/null",
        "exec 0<&-",
        "kill -9 $(sh -c 'echo $PPID')",
    ] {
        local.ship(script, &payload).await;
        assert_eq!(local.run("echo on").await.stdout, b"on\n", "{script}");
    }
    assert_eq!(local.ship("wc -c", &payload).await.stdout, b"1400000\n");
}

#[tokio::test]
async fn a_shell_that_is_gone_is_noticed_at_once() {
    for script in ["kill -9 0", "kill -9 $$; exec sleep 0.1"] {
        let mut local = root().await;
        let _ = local.attempt(script, b"").await;
        let again = local.attempt("echo on", b"").await;
        assert!(again.is_err(), "{script}: {again:?}");
    }
}

#[tokio::test]
async fn lines_are_handed_on_while_the_script_runs() {
    let mut local = root().await;
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let mut on_line = |line: &str| sender.send((Instant::now(), line.to_owned())).unwrap();
    let script = "echo; echo one; sleep 0.5; echo; echo; printf 'two\\n\\nlast'; exit 4";
    let reply = local
        .shell
        .request(script, &mut Payload::new(), Some(&mut on_line))
        .await
        .unwrap();
    let mut seen = Vec::new();
    while let Ok(line) = receiver.try_recv() {
        seen.push(line);
    }
    let lines: Vec<&str> = seen.iter().map(|(_, line)| line.as_str()).collect();
    assert_eq!(lines, ["", "one", "", "", "two", "", "last"]);
    assert!(seen[6].0 - seen[1].0 > Duration::from_millis(300));
    assert_eq!((reply.status, reply.stdout.len()), (4, 0));
    assert_eq!(local.run("echo on").await.stdout, b"on\n");
}

#[tokio::test]
async fn a_client_that_goes_away_takes_its_script_along() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let mut local = root().await;
    let script = format!("echo $$ >{}; sleep 1000", file.display());
    let read = || std::fs::read_to_string(&file).unwrap_or_default();
    let written = async {
        while !read().ends_with('\n') {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let mut none = Payload::new();
    tokio::select! {
        reply = local.shell.request(&script, &mut none, None) => panic!("{reply:?}"),
        () = written => {}
    }
    let later = local.attempt("echo on", b"").await;
    assert!(later.is_err(), "{later:?}");
    let process = Path::new("/proc").join(read().trim());
    let Local {
        shell,
        _child: mut child,
        ..
    } = local;
    assert!(process.exists());
    drop(shell);
    let ended = tokio::time::timeout(PATIENCE, child.wait()).await;
    assert!(ended.is_ok(), "the shell lives on");
    assert!(!process.exists());
}

#[tokio::test]
async fn what_a_login_prints_before_is_passed_over() {
    let mut local = start(
        "echo welcome; printf junk; echo 'mesg: ttyname failed' >&2",
        &[],
    )
    .await
    .unwrap();
    let reply = local.run("echo on").await;
    assert_eq!(
        (reply.stdout.as_slice(), reply.stderr.as_str()),
        (&b"on\n"[..], "")
    );
}

#[tokio::test]
async fn a_login_that_is_no_shell_is_told_by_its_last_words() {
    let text = match start("echo 'This account is not available.'; exit 1", &[]).await {
        Err(StartError::Greeting(text)) => text,
        _ => panic!("expected a failed greeting"),
    };
    assert!(text.contains("not available"), "{text}");
    let begin = Instant::now();
    assert!(matches!(
        start("exec yes", &[]).await,
        Err(StartError::Greeting(_))
    ));
    assert!(begin.elapsed() < PATIENCE);
}

#[tokio::test]
async fn sudo_is_called_once_and_its_refusal_is_told() {
    let user = ("id", "case $1 in -u) echo 1000;; *) echo alice;; esac");
    let mut local = start("", &[user, ("sudo", "shift; exec \"$@\"")])
        .await
        .unwrap();
    assert_eq!(local.run("echo on").await.stdout, b"on\n");
    assert_eq!(local.shell.traffic().sudo, 1);
    let refusal = ("sudo", "echo 'sudo: a password is required' >&2; exit 1");
    match start("", &[user, refusal]).await {
        Err(StartError::Sudo { login, stderr }) => {
            assert_eq!(
                (login.as_str(), stderr.trim()),
                ("alice", "sudo: a password is required")
            );
        }
        _ => panic!("expected sudo to refuse"),
    }
}
