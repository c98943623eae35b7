//! Throw-away servers, for real: needs root, and an archive to install from.
//!
//! Each test is a child process with a state directory of its own, so that nobody's sandboxes are
//! touched, and looks afterwards whether the host is as it was.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use foobar_stack::sandbox::{self, DriverName, Request, Sandbox, SandboxError, State};

/// One test at a time: they compare the whole host before and after.
static HOST: Mutex<()> = Mutex::new(());
const STATE: &str = "FOOBAR_STACK_STATE";

/// Runs the test of that name again, in a child with its own state; false: we are the child.
fn is_run_apart(test: &str) -> bool {
    if std::env::var_os("SANDBOX_TEST_CHILD").is_some() {
        return false;
    }
    let _alone = HOST.lock().unwrap_or_else(PoisonError::into_inner);
    let place = tempfile::tempdir().expect("a temporary directory");
    let state = place.path().join("state");
    let before = traces();
    let forwarding = ip_forward();
    let status = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", test, "--nocapture"])
        .env("SANDBOX_TEST_CHILD", "1")
        .env(STATE, &state)
        .status()
        .expect("the child runs");
    assert!(status.success(), "the child failed: {status}");
    assert!(!state.exists(), "the state directory is left");
    let new: Vec<_> = traces().difference(&before).cloned().collect();
    assert!(new.is_empty(), "left behind: {new:#?}");
    if !run("ip", &["-o", "link"]).contains("fsbr-") {
        assert_eq!(ip_forward(), forwarding, "ip_forward");
    }
    true
}

/// Everything on the host that could be a sandbox's: links, filters, mounts, groups, processes.
fn traces() -> BTreeSet<String> {
    let listings = [
        run("ip", &["-o", "link"]),
        run("nft", &["list", "ruleset"]),
        std::fs::read_to_string("/proc/mounts").expect("the mounts"),
        run(
            "find",
            &["/sys/fs/cgroup", "/run", "-maxdepth", "4", "-name", "*fs*"],
        ),
        run("ps", &["-e", "-o", "args="]),
    ];
    let ours = |line: &&str| {
        ["fsbr-", "foobar_stack_", "/sandbox/", "fs"]
            .iter()
            .any(|word| line.contains(word))
    };
    let is_noise = |line: &&str| line.contains("[") || line.contains("target");
    let lines = listings.iter().flat_map(|listing| listing.lines());
    lines
        .filter(ours)
        .filter(|line| !is_noise(line))
        .map(str::to_owned)
        .collect()
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    String::from_utf8_lossy(&output.expect("the program runs").stdout).into_owned()
}

fn ip_forward() -> String {
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_forward").expect("ip_forward")
}

fn request(suite: &str) -> Request {
    Request {
        name: None,
        suite: suite.to_owned(),
        driver: DriverName::Nspawn,
    }
}

fn tell(line: &str) {
    // The harness shows it when the test fails.
    eprintln!("  {line}");
}

/// What a command inside says; it must succeed.
fn inside(sandbox: &Sandbox, command: &str) -> String {
    let output = Command::new("ssh")
        .args(sandbox::ssh_arguments(sandbox))
        .arg(command)
        .stdin(Stdio::null())
        .output()
        .expect("ssh runs");
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{command}: {}: {said}{error}",
        output.status
    );
    said
}

async fn state_of(name: &str) -> State {
    let all = sandbox::list().await.expect("a list");
    all.iter()
        .find(|status| status.name == name)
        .expect("it is listed")
        .state
}

fn poll(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(
            began.elapsed() < Duration::from_secs(30),
            "{what} does not come"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_at_once() {
    if is_run_apart("two_servers_at_once") {
        return;
    }
    let (trixie, sid) = (request("trixie"), request("sid"));
    let (first, second) = tokio::join!(sandbox::up(&trixie, &tell), sandbox::up(&sid, &tell));
    let (first, second) = (
        first.expect("trixie comes up"),
        second.expect("sid comes up"),
    );
    assert_ne!(first.address, second.address);
    assert!(matches!(
        sandbox::find(None).await,
        Err(SandboxError::Several { .. })
    ));

    let began = Instant::now();
    let third = sandbox::up(&trixie, &tell).await.expect("a third comes up");
    eprintln!("  up took {:?}", began.elapsed());
    assert_eq!(third.name, "trixie-2");
    sandbox::down(&third.name, &tell)
        .await
        .expect("the third goes");

    for sandbox in [&first, &second] {
        assert_eq!(
            inside(sandbox, "systemctl is-system-running --wait"),
            "running"
        );
        assert_eq!(inside(sandbox, "hostname"), sandbox.name);
        inside(sandbox, "apt-get -q update");
        inside(sandbox, "systemd-run --wait --quiet true");
        inside(
            sandbox,
            "test -e /dev/kmsg && networkctl -q status host0 >/dev/null",
        );
        let overlay = "mount -t tmpfs none /mnt && mkdir /mnt/u /mnt/w && unshare -m sh -c \
             'mount -t overlay none -o lowerdir=/etc,upperdir=/mnt/u,workdir=/mnt/w /etc && \
             echo x >/etc/seen' && test -e /mnt/u/seen && ! test -e /etc/seen && umount /mnt";
        inside(sandbox, overlay);
        let code = sandbox::exec(sandbox, &["sh".into(), "-c".into(), "exit 7".into()]).await;
        assert_eq!(code.expect("it runs"), 7);
    }
    assert_ne!(
        inside(&first, "cat /etc/machine-id"),
        inside(&second, "cat /etc/machine-id")
    );
    inside(
        &first,
        &format!("exec 3<>/dev/tcp/{}/22", second.address)
            .replace("exec", "bash -c 'exec")
            .replace("/22", "/22'"),
    );

    for sandbox in [&first, &second] {
        sandbox::down(&sandbox.name, &tell).await.expect("it goes");
    }
    assert!(sandbox::list().await.expect("a list").is_empty());
    let again = sandbox::down("trixie", &tell).await;
    assert!(matches!(again, Err(SandboxError::Unknown { .. })));
}

#[tokio::test]
async fn a_disk_outlives_a_power_cut_and_a_reboot() {
    if is_run_apart("a_disk_outlives_a_power_cut_and_a_reboot") {
        return;
    }
    let request = Request {
        name: Some("disk".to_owned()),
        ..request("trixie")
    };
    let sandbox = sandbox::up(&request, &tell).await.expect("it comes up");
    assert_eq!(sandbox::find(None).await.expect("the only one"), sandbox);
    inside(&sandbox, "echo kept >/root/kept; sync");
    let boot = || inside(&sandbox, "cat /proc/1/stat | cut -d ' ' -f 22");
    let first = boot();

    sandbox::power_off(&sandbox).await.expect("the power goes");
    assert_eq!(state_of("disk").await, State::Stopped);
    sandbox::boot(&sandbox, &tell)
        .await
        .expect("it boots again");
    assert_eq!(inside(&sandbox, "cat /root/kept"), "kept");
    let second = boot();
    assert_ne!(first, second);

    inside(&sandbox, "systemd-run --quiet systemctl reboot");
    poll("the reboot", || {
        let port = (sandbox.address, sandbox.port).into();
        let answers = std::net::TcpStream::connect_timeout(&port, Duration::from_millis(500));
        answers.is_ok()
            && Command::new("ssh")
                .args(sandbox::ssh_arguments(&sandbox))
                .args(["-o", "BatchMode=yes", "cut -d ' ' -f 22 /proc/1/stat"])
                .stderr(Stdio::null())
                .output()
                .is_ok_and(|output| {
                    output.status.success()
                        && String::from_utf8_lossy(&output.stdout).trim() != second
                })
    });
    assert_eq!(inside(&sandbox, "cat /root/kept"), "kept");
    assert_eq!(state_of("disk").await, State::Running);
    sandbox::down("disk", &tell).await.expect("it goes");
}

#[tokio::test]
async fn one_that_was_cut_short_is_listed_and_removed() {
    if is_run_apart("one_that_was_cut_short_is_listed_and_removed") {
        return;
    }
    let state = std::env::var_os(STATE).expect("a state of our own");
    let box_directory = Path::new(&state).join("sandbox/cut");
    if std::env::var_os("SANDBOX_TEST_VICTIM").is_some() {
        let request = Request {
            name: Some("cut".to_owned()),
            ..request("trixie")
        };
        let _ = sandbox::up(&request, &tell).await;
        return;
    }
    for stage in ["sandbox.json", "upper", "pid"] {
        let mut victim = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "one_that_was_cut_short_is_listed_and_removed"])
            .env("SANDBOX_TEST_VICTIM", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the victim runs");
        let began = Instant::now();
        while !box_directory.join(stage).exists() {
            assert!(
                began.elapsed() < Duration::from_secs(120),
                "never came to {stage}"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(state_of("cut").await, State::Starting, "at {stage}");
        victim.kill().expect("it can be killed");
        victim.wait().expect("it ends");
        assert_eq!(state_of("cut").await, State::Broken, "after {stage}");
        let found = sandbox::find(Some("cut")).await;
        assert!(matches!(found, Err(SandboxError::HalfMade { .. })));
        sandbox::down("cut", &tell).await.expect("it is removed");
    }
}

#[tokio::test]
async fn what_cannot_boot_says_so_and_is_gone() {
    if is_run_apart("what_cannot_boot_says_so_and_is_gone") {
        return;
    }
    let error = sandbox::up(&request("nosuchsuite"), &tell)
        .await
        .expect_err("no such suite");
    assert!(matches!(error, SandboxError::Base { .. }), "{error}");
    assert!(error.hint().is_some());
    assert!(sandbox::list().await.expect("a list").is_empty());
    let bad = Request {
        name: Some("../x".to_owned()),
        ..request("trixie")
    };
    assert!(matches!(
        sandbox::up(&bad, &tell).await,
        Err(SandboxError::BadName { .. })
    ));
}
