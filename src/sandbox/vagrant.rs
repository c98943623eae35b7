//! The vagrant driver: a box is a virtual machine of libvirt, by the files in `vagrant/`.

use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::process::Command;

use super::archive::{self, Family};
use super::driver::{Driver, Pending, Place};
use super::state::{HeldStore, Store, failed, write_file};
use super::{DriverName, Progress, Sandbox, SandboxError, host, network, ssh};

/// The files of `vagrant/` that each machine gets a copy of.
const FILES: &[(&str, &str)] = &[
    ("Vagrantfile", include_str!("../../vagrant/Vagrantfile")),
    ("build-box", include_str!("../../vagrant/build-box")),
    ("libvirt", LIBVIRT),
];
const LIBVIRT: &str = include_str!("../../vagrant/libvirt");
/// How long ssh may take once the machine is up.
const ANSWER_DEADLINE: Duration = Duration::from_secs(60);

/// Runs boxes by Vagrant and libvirt.
#[derive(Debug)]
pub(super) struct Vagrant;

impl Driver for Vagrant {
    fn require<'a>(&'a self, progress: Progress<'a>) -> Pending<'a, ()> {
        Box::pin(async move {
            host::become_root().await?;
            let missing = libvirt(["missing"], None).output().await;
            let missing = missing.map_err(started("sh"))?;
            let missing = String::from_utf8_lossy(&missing.stdout).into_owned();
            let packages: Vec<&str> = missing.lines().collect();
            if packages.is_empty() {
                return Ok(());
            }
            progress(&format!("installing {}", packages.join(", ")));
            let output = host::output(&mut libvirt(["install"], None), "sh").await?;
            host::expect_success(&output, || format!("install {}", packages.join(", ")))
        })
    }

    fn describe<'a>(&'a self, held: &'a HeldStore, place: Place) -> Pending<'a, Sandbox> {
        Box::pin(describe(held, place))
    }

    fn create<'a>(&'a self, sandbox: &'a Sandbox, progress: Progress<'a>) -> Pending<'a, ()> {
        Box::pin(async move {
            let image = image(sandbox, progress).await?;
            set(&sandbox.directory, &[("BOX", &image)])?;
            progress(&format!("booting the virtual machine {}", sandbox.name));
            start(sandbox, &["up"]).await
        })
    }

    fn boot<'a>(&'a self, sandbox: &'a Sandbox, progress: Progress<'a>) -> Pending<'a, ()> {
        Box::pin(async move {
            // The host may have booted since.
            let held = Store::of(sandbox).hold().await?;
            raise(&held).await?;
            drop(held);
            progress(&format!("booting the virtual machine {}", sandbox.name));
            start(sandbox, &["up", "--no-provision"]).await
        })
    }

    fn power_off<'a>(&'a self, sandbox: &'a Sandbox) -> Pending<'a, ()> {
        Box::pin(async move {
            if !self.is_running(sandbox) {
                return Ok(());
            }
            let domain = domain(&sandbox.directory);
            let arguments = ["-q", "-c", "qemu:///system", "destroy", &domain];
            let output = host::privileged("virsh", arguments).await?;
            host::expect_success(&output, || format!("end {}", sandbox.name))
        })
    }

    fn remove<'a>(&'a self, directory: &'a Path) -> Pending<'a, ()> {
        Box::pin(async move {
            if project(directory).join(".vagrant/machines").exists() {
                let mut command = vagrant(directory, &["destroy", "--force"]);
                let output = host::output(&mut command, "vagrant").await?;
                host::expect_success(&output, || format!("remove {}", directory.display()))?;
            }
            let arguments = [Path::new("-rf"), Path::new("--"), directory];
            let output = host::privileged("rm", arguments).await?;
            host::expect_success(&output, || format!("remove {}", directory.display()))
        })
    }

    fn leave<'a>(&'a self, held: &'a HeldStore) -> Pending<'a, ()> {
        Box::pin(async move {
            let shared = shared(held.store());
            if !shared.exists() {
                return Ok(());
            }
            let mut command = libvirt(["down"], Some(&shared));
            command.stdin(held.stdin()?);
            let output = host::output(&mut command, "sh").await?;
            host::expect_success(&output, || "take libvirt back".to_owned())?;
            let arguments = [Path::new("-rf"), Path::new("--"), &shared];
            let output = host::privileged("rm", arguments).await?;
            host::expect_success(&output, || format!("remove {}", shared.display()))
        })
    }

    fn is_running(&self, sandbox: &Sandbox) -> bool {
        let domain = domain(&sandbox.directory);
        let number = std::fs::read_to_string(format!("/run/libvirt/qemu/{domain}.pid"));
        number.is_ok_and(|number| {
            // A process of the same number has another name in its arguments.
            let arguments = std::fs::read(format!("/proc/{}/cmdline", number.trim()));
            let arguments = arguments.unwrap_or_default();
            String::from_utf8_lossy(&arguments).contains(&format!("guest={domain},"))
        })
    }
}

/// Where a machine's copy of `vagrant/` is.
fn project(directory: &Path) -> PathBuf {
    directory.join("vagrant")
}

/// What the machines of a store share: Vagrant's own files, and notes of what libvirt found.
fn shared(store: &Store) -> PathBuf {
    store.directory(".vagrant")
}

/// What the machine goes by in libvirt, whose names the whole host shares.
fn domain(directory: &Path) -> String {
    format!("{}_default", domain_prefix(directory))
}

fn domain_prefix(directory: &Path) -> String {
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    format!("fs{}-{name}", Store::around(directory).id())
}

async fn describe(held: &HeldStore, place: Place) -> Result<Sandbox, SandboxError> {
    let Place {
        name,
        suite,
        directory,
        used,
    } = place;
    public_box(&suite)?;
    let address = IpAddr::V4(network::machine_address(&used).await?);
    raise(held).await?;
    let project = project(&directory);
    let keys = project.join(".vagrant/ssh");
    let mut private = std::fs::DirBuilder::new();
    private.mode(0o700).recursive(true);
    private.create(&keys).map_err(failed("create", &keys))?;
    for (file, text) in FILES {
        write_file(&project.join(file), text)?;
    }
    let identity_file = keys.join("id_ed25519");
    ssh::generate_key(&identity_file, "foobar-stack").await?;
    let host_key = ssh::generate_key(&keys.join("ssh_host_ed25519_key"), &name).await?;
    let settings = [
        ("NAME", name.as_str()),
        ("ADDRESS", &address.to_string()),
        ("DOMAIN", &domain_prefix(&directory)),
    ];
    set(&directory, &settings)?;
    Ok(Sandbox {
        name,
        suite,
        driver: DriverName::Vagrant,
        address,
        port: 22,
        user: "vagrant".to_owned(),
        identity_file,
        host_key,
        directory,
        created: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs(),
    })
}

/// Starts libvirt, if it does not run.
async fn raise(held: &HeldStore) -> Result<(), SandboxError> {
    let shared = shared(held.store());
    std::fs::create_dir_all(&shared).map_err(failed("create", &shared))?;
    let mut command = libvirt(["up"], Some(&shared));
    let output = host::output(command.stdin(Stdio::null()), "sh").await?;
    host::expect_success(&output, || "start libvirt".to_owned())
}

/// Ubuntu's releases come as public boxes; Debian's are built here: `None`.
fn public_box(suite: &str) -> Result<Option<&'static str>, SandboxError> {
    Ok(Some(match (suite, Family::of_suite(suite)) {
        ("jammy", _) => "cloud-image/ubuntu-22.04",
        ("noble", _) => "cloud-image/ubuntu-24.04",
        ("resolute", _) => "cloud-image/ubuntu-26.04",
        (_, Family::Debian) => return Ok(None),
        (_, Family::Ubuntu) => {
            return Err(SandboxError::NoPublicBox {
                suite: suite.to_owned(),
            });
        }
    }))
}

/// The box for a suite: the name of a public one, or the path of one that is built here.
async fn image(sandbox: &Sandbox, progress: Progress<'_>) -> Result<String, SandboxError> {
    let suite = sandbox.suite.as_str();
    if let Some(public) = public_box(suite)? {
        return Ok(public.to_owned());
    }
    let program = project(&sandbox.directory).join("build-box");
    let build = |options: &[&str]| {
        let os_release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        let archive = archive::of_suite(suite, &os_release, &archive::host_sources());
        let mut command = Command::new("sh");
        command
            .arg(&program)
            .args(options)
            .arg(suite)
            .env("MIRROR", archive.mirror)
            .stdin(Stdio::null());
        command
    };
    let mut output = host::output(&mut build(&["--path"]), "sh").await?;
    if !output.status.success() {
        progress(&format!(
            "building the box of {suite} (once; about a minute)"
        ));
        output = host::output(&mut build(&[]), "sh").await?;
    }
    host::expect_success(&output, || format!("build the box of {suite}"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Brings the machine up, and waits until it answers at its address.
async fn start(sandbox: &Sandbox, words: &[&str]) -> Result<(), SandboxError> {
    let log = sandbox.console_log();
    let output = File::options().create(true).append(true).open(&log);
    let output = output.map_err(failed("open", &log))?;
    let errors = output.try_clone().map_err(failed("open", &log))?;
    let status = vagrant(&sandbox.directory, words)
        .stdout(output)
        .stderr(errors)
        .status()
        .await
        .map_err(started("vagrant"))?;
    let failure = |waited| SandboxError::Boot {
        name: sandbox.name.clone(),
        waited,
        detail: said(&log),
    };
    if !status.success() {
        return Err(failure(None));
    }
    let answer = async {
        while !ssh::answers(sandbox.address, sandbox.port).await {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let answered = tokio::time::timeout(ANSWER_DEADLINE, answer).await;
    answered.map_err(|_| failure(Some(ANSWER_DEADLINE)))
}

/// The last that Vagrant said, without its progress.
fn said(log: &Path) -> String {
    let mut text = Vec::new();
    let _ = File::open(log).and_then(|mut file| file.read_to_end(&mut text));
    let text = String::from_utf8_lossy(&text).replace('\r', "\n");
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("Progress: "))
        .collect();
    host::last_lines(&lines.join("\n"), 10)
}

/// Adds to the settings that the machine's Vagrantfile reads from the environment.
fn set(directory: &Path, settings: &[(&str, &str)]) -> Result<(), SandboxError> {
    let path = settings_file(directory);
    let mut text = std::fs::read_to_string(&path).unwrap_or_default();
    for (name, value) in settings {
        text.push_str(&format!("FOOBAR_STACK_VM_{name}={value}\n"));
    }
    write_file(&path, &text)
}

fn settings_file(directory: &Path) -> PathBuf {
    project(directory).join("settings")
}

/// Vagrant in the machine's project. Nothing of the user's own Vagrant is read or changed.
fn vagrant(directory: &Path, words: &[&str]) -> Command {
    let home = shared(&Store::around(directory)).join("home");
    let mut arguments = vec![
        OsString::from("--unset=FOOBAR_STACK_VM_KEYS"),
        "--unset=VAGRANT_DOTFILE_PATH".into(),
        "VAGRANT_DEFAULT_PROVIDER=libvirt".into(),
    ];
    for (variable, value) in [("VAGRANT_HOME", home), ("VAGRANT_CWD", project(directory))] {
        let mut assignment = OsString::from(format!("{variable}="));
        assignment.push(value);
        arguments.push(assignment);
    }
    let settings = std::fs::read_to_string(settings_file(directory)).unwrap_or_default();
    arguments.extend(settings.lines().map(OsString::from));
    arguments.push("vagrant".into());
    arguments.extend(words.iter().map(OsString::from));
    let mut command = host::privileged_command("env", arguments);
    command.stdin(Stdio::null());
    command
}

/// A verb of the script that readies the host.
fn libvirt<const N: usize>(verb: [&str; N], directory: Option<&Path>) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", LIBVIRT, "libvirt"]).args(verb);
    command.args(directory).stdin(Stdio::null());
    command
}

fn started(program: &str) -> impl FnOnce(std::io::Error) -> SandboxError {
    let program = program.to_owned();
    move |source| SandboxError::Start { program, source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ubuntu_comes_as_a_public_box_and_debian_is_built() {
        assert_eq!(
            public_box("noble").ok(),
            Some(Some("cloud-image/ubuntu-24.04"))
        );
        assert_eq!(public_box("trixie").ok(), Some(None));
        assert!(matches!(
            public_box("plucky"),
            Err(SandboxError::NoPublicBox { .. })
        ));
    }

    #[test]
    fn names_in_libvirt_tell_stores_apart() {
        let one = domain(Path::new("/a/sandbox/vm"));
        let other = domain(Path::new("/b/sandbox/vm"));
        assert!(one.ends_with("-vm_default"), "{one}");
        assert_ne!(one, other);
    }

    #[test]
    fn what_vagrant_said_is_told_without_its_progress() {
        let log = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(log.path(), "a\r\rProgress: 7%\rProgress: 8%\r\nb\n").expect("written");
        assert_eq!(said(log.path()), "a\nb");
    }
}
