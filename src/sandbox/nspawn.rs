//! The nspawn driver: a box is a system container over a base tree, on a bridge of its own.

use std::ffi::OsStr;
use std::net::IpAddr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::driver::{Driver, Pending, Place};
use super::network::{self, Network};
use super::state::{HeldStore, Store, failed, write_file};
use super::{DriverName, Progress, Sandbox, SandboxError, base, host, ssh};

/// Everything that needs root. Each box gets a copy, which is what goes on running.
const SCRIPT: &str = include_str!("nspawn.sh");
const SCRIPT_FILE: &str = "nspawn.sh";
/// How long a box may take until ssh answers.
const BOOT_DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// Runs boxes by systemd-nspawn.
#[derive(Debug)]
pub(super) struct Nspawn;

impl Driver for Nspawn {
    fn require<'a>(&'a self, progress: Progress<'a>) -> Pending<'a, ()> {
        Box::pin(host::require(progress))
    }

    fn describe<'a>(&'a self, held: &'a HeldStore, place: Place) -> Pending<'a, Sandbox> {
        Box::pin(describe(held, place))
    }

    fn create<'a>(&'a self, sandbox: &'a Sandbox, progress: Progress<'a>) -> Pending<'a, ()> {
        Box::pin(async move {
            base::lay_under(&sandbox.directory, &sandbox.suite, progress).await?;
            write_script(&sandbox.directory)?;
            let directory = sandbox.directory.as_path();
            let action = || format!("make the disk of {}", sandbox.name);
            script(["fill".as_ref(), directory.as_os_str()], None, action).await?;
            progress(&format!("booting {}", sandbox.name));
            start(sandbox).await
        })
    }

    fn boot<'a>(&'a self, sandbox: &'a Sandbox, progress: Progress<'a>) -> Pending<'a, ()> {
        Box::pin(async move {
            if !base::is_under(&sandbox.directory) {
                return Err(SandboxError::BaseGone {
                    name: sandbox.name.clone(),
                });
            }
            // The host may have booted since; then bridge and filter are to be made again.
            let held = Store::of(sandbox).hold().await?;
            let network = Network::of_store(&held.store().id(), &[sandbox.address]).await?;
            raise(&network, &held).await?;
            drop(held);
            // What an unclean end left behind is in the way of a new beginning.
            self.power_off(sandbox).await?;
            progress(&format!("booting {}", sandbox.name));
            start(sandbox).await
        })
    }

    fn power_off<'a>(&'a self, sandbox: &'a Sandbox) -> Pending<'a, ()> {
        Box::pin(async move {
            write_script(&sandbox.directory)?;
            let directory = sandbox.directory.as_os_str();
            let id = machine_id(sandbox);
            let action = || format!("end {}", sandbox.name);
            script(["stop".as_ref(), directory, id.as_ref()], None, action).await
        })
    }

    fn remove<'a>(&'a self, directory: &'a Path) -> Pending<'a, ()> {
        Box::pin(async move {
            let action = || format!("remove {}", directory.display());
            script(["remove".as_ref(), directory.as_os_str()], None, action).await
        })
    }

    fn leave<'a>(&'a self, held: &'a HeldStore) -> Pending<'a, ()> {
        Box::pin(async move {
            let (bridge, table) = network::names(&held.store().id());
            let action = || format!("take back the bridge {bridge}");
            script(["network-down", &bridge, &table], Some(held), action).await
        })
    }

    fn is_running(&self, sandbox: &Sandbox) -> bool {
        process(&sandbox.directory).is_some_and(|process| process.is_alive())
    }
}

async fn describe(held: &HeldStore, place: Place) -> Result<Sandbox, SandboxError> {
    let Place {
        name,
        suite,
        directory,
        used,
    } = place;
    let network = Network::of_store(&held.store().id(), &used).await?;
    let address = IpAddr::V4(network.free_address(&used)?);
    raise(&network, held).await?;
    let identity_file = directory.join("id_ed25519");
    let key = ssh::generate_key(&identity_file, "foobar-stack").await?;
    let host_key_file = directory.join("ssh_host_ed25519_key");
    let host_key = ssh::generate_key(&host_key_file, &name).await?;
    let sandbox = Sandbox {
        name,
        suite,
        driver: DriverName::Nspawn,
        address,
        port: 22,
        user: "root".to_owned(),
        identity_file,
        host_key,
        directory,
        created: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs(),
    };
    seed(&sandbox, &network, &key, &host_key_file)?;
    Ok(sandbox)
}

/// Writes the files that make the base tree this box: its name, address and keys.
fn seed(
    sandbox: &Sandbox,
    network: &Network,
    authorized_key: &str,
    host_key_file: &Path,
) -> Result<(), SandboxError> {
    let Sandbox {
        name,
        address,
        host_key,
        ..
    } = sandbox;
    let private_key =
        std::fs::read_to_string(host_key_file).map_err(failed("read", host_key_file))?;
    let link = format!(
        "[Match]\nName=host0\n\n[Link]\nMTUBytes={}\n\n[Network]\nAddress={address}/24\n\
         Gateway={}\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n",
        network.mtu, network.gateway
    );
    let hosts = format!("127.0.0.1\tlocalhost\n127.0.1.1\t{name}\n::1\tlocalhost ip6-localhost\n");
    let files: &[(&str, u32, String)] = &[
        ("etc/hostname", 0o644, format!("{name}\n")),
        ("etc/hosts", 0o644, hosts),
        ("etc/resolv.conf", 0o644, network.resolv_conf()),
        ("etc/systemd/network/10-host0.network", 0o644, link),
        ("etc/ssh/ssh_host_ed25519_key", 0o600, private_key),
        (
            "etc/ssh/ssh_host_ed25519_key.pub",
            0o644,
            format!("{host_key} {name}\n"),
        ),
        (
            "root/.ssh/authorized_keys",
            0o600,
            format!("{authorized_key}\n"),
        ),
    ];
    let root = sandbox.directory.join("seed");
    for (path, mode, content) in files {
        let path = root.join(path);
        for directory in path
            .ancestors()
            .skip(1)
            .take_while(|up| up.starts_with(&root))
        {
            std::fs::create_dir_all(directory).map_err(failed("create", directory))?;
            let is_private = directory.starts_with(root.join("root"));
            let mode = std::fs::Permissions::from_mode(if is_private { 0o700 } else { 0o755 });
            std::fs::set_permissions(directory, mode).map_err(failed("write", directory))?;
        }
        let mut file = std::fs::OpenOptions::new()
            .create_new(true)
            .write(true)
            .mode(*mode)
            .open(&path)
            .map_err(failed("create", &path))?;
        std::io::Write::write_all(&mut file, content.as_bytes()).map_err(failed("write", &path))?;
        let mode = std::fs::Permissions::from_mode(*mode);
        file.set_permissions(mode).map_err(failed("write", &path))?;
    }
    Ok(())
}

async fn raise(network: &Network, held: &HeldStore) -> Result<(), SandboxError> {
    let dns = network
        .loopback_nameserver
        .map_or("-".to_owned(), |server| server.to_string());
    let action = || format!("make the bridge {}", network.bridge);
    let arguments = [
        "network-up",
        &network.bridge,
        &network.table,
        &network.cidr(),
        &dns,
    ];
    script(arguments, Some(held), action).await
}

async fn start(sandbox: &Sandbox) -> Result<(), SandboxError> {
    let (bridge, _) = network::names(&Store::of(sandbox).id());
    let id = machine_id(sandbox);
    let arguments = [
        "start".as_ref(),
        sandbox.directory.as_os_str(),
        id.as_ref(),
        bridge.as_ref(),
        sandbox.name.as_ref(),
    ];
    script(arguments, None, || format!("start {}", sandbox.name)).await?;

    let began = Instant::now();
    let failure = |waited| {
        let said = std::fs::read(sandbox.console_log()).unwrap_or_default();
        let detail = host::last_lines(&String::from_utf8_lossy(&said), 10);
        let detail = if detail.is_empty() {
            "its console is silent".to_owned()
        } else {
            detail
        };
        SandboxError::Boot {
            name: sandbox.name.clone(),
            waited,
            detail,
        }
    };
    loop {
        if ssh::answers(sandbox.address, sandbox.port).await {
            return Ok(());
        }
        if !Nspawn.is_running(sandbox) {
            return Err(failure(None));
        }
        if began.elapsed() > BOOT_DEADLINE {
            return Err(failure(Some(BOOT_DEADLINE)));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// What the box goes by on the host: machine, control group, unit, end of its cable. At most 12
/// characters, so that `vb-` before it still makes the name of an interface.
fn machine_id(sandbox: &Sandbox) -> String {
    let last = match sandbox.address {
        IpAddr::V4(address) => address.octets()[3],
        IpAddr::V6(address) => address.octets()[15],
    };
    format!("fs{}-{last}", Store::of(sandbox).id())
}

fn write_script(directory: &Path) -> Result<(), SandboxError> {
    write_file(&directory.join(SCRIPT_FILE), SCRIPT)
}

/// Runs a verb of the script. A held store stays held until it ends, whatever becomes of us.
async fn script<A: AsRef<OsStr>>(
    arguments: impl IntoIterator<Item = A>,
    held: Option<&HeldStore>,
    action: impl FnOnce() -> String,
) -> Result<(), SandboxError> {
    let mut command = host::privileged_command("sh", ["-c", SCRIPT, SCRIPT_FILE]);
    command.args(arguments).stdin(match held {
        Some(held) => held.stdin()?,
        None => Stdio::null(),
    });
    host::expect_success(&host::output(&mut command, "sh").await?, action)
}

/// A process, told from a later one of the same number by when it began.
#[derive(Debug, PartialEq, Eq)]
struct Process {
    number: u32,
    began: u64,
}

impl Process {
    fn is_alive(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.number));
        stat.is_ok_and(|stat| began(&stat) == Some(self.began))
    }
}

/// The process that stands for the box, if it was ever started.
fn process(directory: &Path) -> Option<Process> {
    let text = std::fs::read_to_string(directory.join("pid")).ok()?;
    let (number, began) = text.trim().split_once(' ')?;
    Some(Process {
        number: number.parse().ok()?,
        began: began.parse().ok()?,
    })
}

/// When a process began, out of `/proc/N/stat`; `None` for one that has ended but was not reaped.
fn began(stat: &str) -> Option<u64> {
    // The second field is the command's name in parentheses, which may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let is_dead = matches!(fields.next()?, "Z" | "X");
    fields.nth(18)?.parse().ok().filter(|_| !is_dead)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_beginning() {
        let stat = |state: &str| {
            format!("7 (a) b) {state} 1 7 7 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 4711 9 9 9\n")
        };
        assert_eq!(began(&stat("S")), Some(4711));
        assert_eq!(began(&stat("Z")), None);
        let own = std::fs::read_to_string("/proc/self/stat").expect("our own");
        let own = Process {
            number: std::process::id(),
            began: began(&own).expect("a time"),
        };
        assert!(own.is_alive());
        assert!(
            !Process {
                began: own.began + 1,
                ..own
            }
            .is_alive()
        );
    }
}
