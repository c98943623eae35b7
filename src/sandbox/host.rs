//! What this machine must offer: root, and programs from packages. Runs programs, judges nothing.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Output, Stdio};

use tokio::process::Command;

use super::{Progress, SandboxError};

/// A program that must be there, and the Debian package that brings it.
struct Need {
    program: &'static str,
    package: &'static str,
}

const NEEDS: &[Need] = &[
    Need {
        program: "mmdebstrap",
        package: "mmdebstrap",
    },
    Need {
        program: "systemd-nspawn",
        package: "systemd-container",
    },
    Need {
        program: "nft",
        package: "nftables",
    },
    Need {
        program: "ip",
        package: "iproute2",
    },
    Need {
        program: "ssh",
        package: "openssh-client",
    },
    Need {
        program: "ssh-keygen",
        package: "openssh-client",
    },
    Need {
        program: "unshare",
        package: "util-linux",
    },
    Need {
        program: "setsid",
        package: "util-linux",
    },
    Need {
        program: "flock",
        package: "util-linux",
    },
];

/// Where administrators' programs live, which an ordinary user's PATH may leave out.
const SYSTEM_PATH: &[&str] = &["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/// Sees to it that root may start servers and that the programs are there, installing their
/// packages if it may.
pub(super) async fn require(progress: Progress<'_>) -> Result<(), SandboxError> {
    become_root().await?;
    require_programs(progress).await?;
    // Root of a container may have none of the rights that a server of one's own takes.
    let output = privileged("unshare", ["--mount", "--net", "true"]).await?;
    if output.status.success() {
        return Ok(());
    }
    Err(SandboxError::NotAllowed {
        detail: last_words(&output, 1),
    })
}

async fn require_programs(progress: Progress<'_>) -> Result<(), SandboxError> {
    let mut packages: Vec<String> = Vec::new();
    let missing = NEEDS
        .iter()
        .filter(|need| !has_program(need.program))
        .map(|need| need.package);
    for package in missing {
        if !packages.iter().any(|known| known == package) {
            packages.push(package.to_owned());
        }
    }
    if packages.is_empty() {
        return Ok(());
    }
    let command = format!(
        "apt-get install --no-install-recommends {}",
        packages.join(" ")
    );
    if !has_program("apt-get") {
        return Err(SandboxError::Missing { packages, command });
    }
    progress(&format!("installing {}", packages.join(", ")));
    let mut output = install(&packages).await?;
    if !output.status.success() {
        let update = ["-c", "exec apt-get -q update", "sh"];
        let _ = privileged("sh", update).await?;
        output = install(&packages).await?;
    }
    if output.status.success() {
        return Ok(());
    }
    Err(SandboxError::Install {
        packages,
        command,
        detail: last_words(&output, 5),
    })
}

async fn install(packages: &[String]) -> Result<Output, SandboxError> {
    let script = "DEBIAN_FRONTEND=noninteractive exec apt-get -qy \
                  -o DPkg::Lock::Timeout=120 install --no-install-recommends \"$@\"";
    let fixed = ["-c", script, "sh"];
    privileged(
        "sh",
        fixed.into_iter().chain(packages.iter().map(String::as_str)),
    )
    .await
}

fn has_program(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(SYSTEM_PATH.iter().map(Into::into))
        .any(|directory| directory.join(program).is_file())
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Asks sudo, without a question to anybody, whether it would help.
pub(super) async fn become_root() -> Result<(), SandboxError> {
    if is_root() {
        return Ok(());
    }
    if !has_program("sudo") {
        return Err(SandboxError::NotRoot {
            detail: "there is no sudo here".to_owned(),
        });
    }
    let output = privileged("true", std::iter::empty::<&str>()).await?;
    if output.status.success() {
        return Ok(());
    }
    Err(SandboxError::NotRoot {
        detail: last_words(&output, 1),
    })
}

/// Runs a program as root, away from the terminal, and gives what it said.
pub(super) async fn privileged<A: AsRef<OsStr>>(
    program: &str,
    arguments: impl IntoIterator<Item = A>,
) -> Result<Output, SandboxError> {
    run(&mut privileged_command(program, arguments), program).await
}

/// The command that [`privileged`] runs, to be given other files to read or write.
pub(super) fn privileged_command<A: AsRef<OsStr>>(
    program: &str,
    arguments: impl IntoIterator<Item = A>,
) -> Command {
    let mut command = if is_root() {
        Command::new(program)
    } else {
        let mut command = Command::new("sudo");
        command.args(["-n", "--", program]);
        command
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = std::env::split_paths(&path).chain(SYSTEM_PATH.iter().map(Into::into));
    if let Ok(path) = std::env::join_paths(all) {
        command.env("PATH", path);
    }
    command.env("LC_ALL", "C.UTF-8").args(arguments);
    command
}

/// Runs a program as the user, away from the terminal.
pub(super) async fn unprivileged<A: AsRef<OsStr>>(
    program: &str,
    arguments: impl IntoIterator<Item = A>,
) -> Result<Output, SandboxError> {
    let mut command = Command::new(program);
    for directory in SYSTEM_PATH {
        let full = Path::new(directory).join(program);
        if full.is_file() {
            command = Command::new(full);
            break;
        }
    }
    run(command.env("LC_ALL", "C.UTF-8").args(arguments), program).await
}

async fn run(command: &mut Command, program: &str) -> Result<Output, SandboxError> {
    output(command.stdin(Stdio::null()), program).await
}

/// Runs a command whose input is settled, and gives what it said.
pub(super) async fn output(command: &mut Command, program: &str) -> Result<Output, SandboxError> {
    command
        .output()
        .await
        .map_err(|source| SandboxError::Start {
            program: program.to_owned(),
            source,
        })
}

/// `Ok` if the program succeeded, else its last words.
pub(super) fn expect_success(
    output: &Output,
    action: impl FnOnce() -> String,
) -> Result<(), SandboxError> {
    if output.status.success() {
        return Ok(());
    }
    Err(SandboxError::Step {
        action: action(),
        detail: last_words(output, 3),
    })
}

/// The last lines a program said, or, if it said nothing, how it ended.
pub(super) fn last_words(output: &Output, lines: usize) -> String {
    let said = [&output.stderr, &output.stdout]
        .into_iter()
        .map(|bytes| last_lines(&String::from_utf8_lossy(bytes), lines))
        .find(|text| !text.is_empty());
    said.unwrap_or_else(|| output.status.to_string())
}

/// The last lines of a text that are not blank.
pub(super) fn last_lines(text: &str, lines: usize) -> String {
    let mut last: Vec<&str> = text
        .lines()
        .rev()
        .filter(|line| !line.trim().is_empty())
        .take(lines)
        .collect();
    last.reverse();
    last.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_lines_skips_blank_ones() {
        assert_eq!(last_lines("a\nb\n\nc\n\n", 2), "b\nc");
        assert_eq!(last_lines("", 2), "");
    }

    #[test]
    fn programs_are_found_beyond_the_path() {
        assert!(has_program("sh"));
        assert!(!has_program("no-such-program-anywhere"));
    }
}
