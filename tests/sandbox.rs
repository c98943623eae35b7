//! Throw-away servers, for real: needs root, and an archive to install from.
//!
//! Where root or its programs are missing the tests are left out, and a line says so.
//!
//! Each test is a child process with a state directory of its own, so that nobody's sandboxes are
//! touched, and looks afterwards whether the host is as it was.

mod servers;

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use foobar_stack::sandbox::{self, DriverName, Request, Sandbox, SandboxError, State};

/// One test at a time: they compare the whole host before and after.
static HOST: Mutex<()> = Mutex::new(());
const STATE: &str = "FOOBAR_STACK_STATE";

/// Runs a test in a child process with a state of its own, then looks what is left on the host.
fn apart(test: &str, body: impl Future<Output = ()>) {
    if std::env::var_os("SANDBOX_TEST_CHILD").is_some() {
        return in_child(body);
    }
    if !servers::are_possible("the tests of throw-away servers") {
        return;
    }
    let _alone = HOST.lock().unwrap_or_else(PoisonError::into_inner);
    let place = tempfile::tempdir().expect("a temporary directory");
    let state = place.path().canonicalize().expect("its path").join("state");
    let before = shared_traces();
    let forwarding = ip_forward();
    let status = Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", test, "--nocapture"])
        .env("SANDBOX_TEST_CHILD", "1")
        .env(STATE, &state)
        .status()
        .expect("the child runs");
    assert!(status.success(), "the child failed: {status}");
    assert!(!state.exists(), "the state directory is left");
    let own = own_traces(&state);
    assert!(own.is_empty(), "left behind: {own:#?}");
    let new: Vec<_> = shared_traces().difference(&before).cloned().collect();
    assert!(new.is_empty(), "left behind: {new:#?}");
    if !run("ip", &["-o", "link"]).contains("fsbr-") {
        assert_eq!(ip_forward(), forwarding, "ip_forward");
    }
}

/// Runs the test's body; whatever happens in it, no sandbox is left.
fn in_child(body: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let result = catch_unwind(AssertUnwindSafe(|| runtime.block_on(body)));
    if let Err(panic) = result {
        runtime.block_on(async {
            for status in sandbox::list().await.unwrap_or_default() {
                let console = status.sandbox.map(|sandbox| sandbox.console_log());
                let said = console.and_then(|file| std::fs::read_to_string(file).ok());
                tell(&format!(
                    "console of {}: {}",
                    status.name,
                    said.unwrap_or_default()
                ));
                let _ = sandbox::down(&status.name, &tell).await;
            }
        });
        resume_unwind(panic);
    }
}

/// What carries the name of this state: links, filters, groups, processes.
fn own_traces(state: &Path) -> Vec<String> {
    let digest = Sha256::digest(state.join("sandbox").as_os_str().as_encoded_bytes());
    let id: String = digest
        .iter()
        .take(3)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let marks = [
        format!("fs{id}"),
        format!("fsbr-{id}"),
        format!("foobar_stack_{id}"),
    ];
    let listings = [
        run("ip", &["-o", "link"]),
        run("nft", &["list", "ruleset"]),
        run("find", &["/sys/fs/cgroup", "/run", "-maxdepth", "4"]),
        run("ps", &["-e", "-o", "args="]),
    ];
    let path = state.to_string_lossy();
    let is_own = |line: &&str| {
        line.contains(&*path) || marks.iter().any(|mark| line.contains(mark.as_str()))
    };
    let lines = listings.iter().flat_map(|listing| listing.lines());
    lines.filter(is_own).map(str::to_owned).collect()
}

/// What has no name on it: mounts, and what nspawn notes of itself.
fn shared_traces() -> BTreeSet<String> {
    let mounts = std::fs::read_to_string("/proc/mounts").expect("the mounts");
    let notes = run("find", &["/run/systemd/nspawn", "/run/systemd/machines"]);
    mounts
        .lines()
        .chain(notes.lines())
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

#[expect(
    clippy::print_stderr,
    reason = "shown by the harness when a test fails"
)]
fn tell(line: &str) {
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

#[test]
fn two_servers_at_once() {
    apart("two_servers_at_once", async {
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
        tell(&format!("up took {:?}", began.elapsed()));
        assert_eq!(third.name, "trixie-2");
        sandbox::down(&third.name, &tell)
            .await
            .expect("the third goes");

        for sandbox in [&first, &second] {
            let whole = "systemctl is-system-running --wait || :";
            let failures = "systemctl --failed --no-legend; journalctl --no-pager | tail -n 99";
            assert_eq!(
                inside(sandbox, whole),
                "running",
                "{}",
                inside(sandbox, failures)
            );
            assert_eq!(inside(sandbox, "hostname"), sandbox.name);
            inside(sandbox, "apt-get -q update");
            inside(sandbox, "systemd-run --wait --quiet true");
            inside(sandbox, "networkctl status host0 >/dev/null");
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
        let greeting = format!("exec 3<>/dev/tcp/{}/22; head -c 3 <&3", second.address);
        assert_eq!(inside(&first, &format!("bash -c '{greeting}'")), "SSH");

        for sandbox in [&first, &second] {
            sandbox::down(&sandbox.name, &tell).await.expect("it goes");
        }
        assert!(sandbox::list().await.expect("a list").is_empty());
        let again = sandbox::down("trixie", &tell).await;
        assert!(matches!(again, Err(SandboxError::Unknown { .. })));
    });
}

#[test]
fn a_disk_outlives_a_power_cut_and_a_reboot() {
    apart("a_disk_outlives_a_power_cut_and_a_reboot", async {
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
    });
}

#[test]
fn one_that_was_cut_short_is_listed_and_removed() {
    apart("one_that_was_cut_short_is_listed_and_removed", async {
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
            // A program that it was about to start has its lock until it has started.
            let began = Instant::now();
            while state_of("cut").await == State::Starting && began.elapsed().as_secs() < 10 {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            assert_eq!(state_of("cut").await, State::Broken, "after {stage}");
            let found = sandbox::find(Some("cut")).await;
            assert!(matches!(found, Err(SandboxError::HalfMade { .. })));
            sandbox::down("cut", &tell).await.expect("it is removed");
        }
    });
}

#[test]
fn what_cannot_boot_says_so_and_is_gone() {
    apart("what_cannot_boot_says_so_and_is_gone", async {
        let error = sandbox::up(&request("nosuchsuite"), &tell)
            .await
            .expect_err("no such suite");
        assert!(matches!(error, SandboxError::Base { .. }), "{error}");
        assert!(error.hint().is_some());
        assert!(sandbox::list().await.expect("a list").is_empty());

        let sandbox = sandbox::up(&request("trixie"), &tell)
            .await
            .expect("it comes up");
        sandbox::power_off(&sandbox).await.expect("the power goes");
        // A layer that hides the tree's init.
        let hidden = sandbox.directory.join("upper/usr/lib");
        std::fs::create_dir_all(&hidden).expect("a directory");
        let device = hidden.join("systemd").to_string_lossy().into_owned();
        run("mknod", &[&device, "c", "0", "0"]);
        let error = sandbox::boot(&sandbox, &tell)
            .await
            .expect_err("nothing to boot");
        assert!(
            matches!(error, SandboxError::Boot { waited: None, .. }),
            "{error}"
        );
        assert!(error.to_string().contains("/sbin/init"), "{error}");
        assert_eq!(state_of("trixie").await, State::Stopped);
        let refused = sandbox::exec(&sandbox, &["true".to_owned()]).await;
        assert!(matches!(refused, Err(SandboxError::Off { .. })));
        sandbox::down("trixie", &tell).await.expect("it goes");

        let bad = Request {
            name: Some("../x".to_owned()),
            ..request("trixie")
        };
        assert!(matches!(
            sandbox::up(&bad, &tell).await,
            Err(SandboxError::BadName { .. })
        ));
    });
}
