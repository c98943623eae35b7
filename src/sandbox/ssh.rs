//! Logging in to a sandbox: its keys, its `ssh_config`, a command inside.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::host;
use super::state::{failed, write_file};
use super::{Sandbox, SandboxError};

/// The arguments after which `ssh` takes a command for the sandbox, or opens a shell there.
///
/// The user's own ssh settings are left out: the sandbox's file has everything, its host key too.
#[must_use]
pub fn ssh_arguments(sandbox: &Sandbox) -> Vec<OsString> {
    vec![
        "-F".into(),
        sandbox.ssh_config().into(),
        sandbox.name.clone().into(),
    ]
}

/// Makes an ed25519 key pair and gives its public half: `ssh-ed25519 AAAA…`.
pub(super) async fn generate_key(file: &Path, comment: &str) -> Result<String, SandboxError> {
    let path = file.to_string_lossy();
    let arguments = ["-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", &path];
    let output = host::unprivileged("ssh-keygen", arguments).await?;
    host::expect_success(&output, || format!("make the key {path}"))?;
    let public = file.with_extension("pub");
    let text = std::fs::read_to_string(&public).map_err(failed("read", &public))?;
    Ok(text
        .split_whitespace()
        .take(2)
        .collect::<Vec<_>>()
        .join(" "))
}

/// Writes `known_hosts` and `ssh_config` into the sandbox's directory.
pub(super) fn write_files(sandbox: &Sandbox) -> Result<(), SandboxError> {
    let known_hosts = sandbox.directory.join("known_hosts");
    write_file(
        &known_hosts,
        &format!("{} {}\n", sandbox.name, sandbox.host_key),
    )?;
    write_file(&sandbox.ssh_config(), &config(sandbox, &known_hosts))
}

fn config(sandbox: &Sandbox, known_hosts: &Path) -> String {
    // ssh expands % in these paths, and knows no other escape inside the quotes.
    let quoted = |path: &Path| format!("\"{}\"", path.to_string_lossy().replace('%', "%%"));
    let Sandbox {
        name,
        address,
        port,
        user,
        ..
    } = sandbox;
    format!(
        "Host {name}\n  HostName {address}\n  Port {port}\n  User {user}\n  HostKeyAlias {name}\n  \
         IdentityFile {}\n  IdentitiesOnly yes\n  IdentityAgent none\n  \
         UserKnownHostsFile {}\n  GlobalKnownHostsFile /dev/null\n  StrictHostKeyChecking yes\n  \
         UpdateHostKeys no\n  PasswordAuthentication no\n  ConnectTimeout 10\n",
        quoted(&sandbox.identity_file),
        quoted(known_hosts),
    )
}

/// Whether an ssh server greets there. Takes about a second at most.
pub(super) async fn answers(address: IpAddr, port: u16) -> bool {
    // A first packet that found nobody is sent again after a second only; a new call is quicker.
    let call = TcpStream::connect((address, port));
    let call = tokio::time::timeout(Duration::from_millis(100), call).await;
    let Ok(Ok(mut stream)) = call else {
        return false;
    };
    let mut start = [0_u8; 4];
    let greeting = stream.read_exact(&mut start);
    let greeting = tokio::time::timeout(Duration::from_secs(1), greeting).await;
    matches!(greeting, Ok(Ok(_))) && &start == b"SSH-"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::DriverName;

    fn sandbox(directory: &str) -> Sandbox {
        Sandbox {
            name: "trixie".to_owned(),
            suite: "trixie".to_owned(),
            driver: DriverName::Nspawn,
            address: IpAddr::from([10, 200, 0, 2]),
            port: 22,
            user: "root".to_owned(),
            identity_file: Path::new(directory).join("id_ed25519"),
            host_key: "ssh-ed25519 AAAA".to_owned(),
            directory: directory.into(),
            created: 1_700_000_000,
        }
    }

    #[test]
    fn the_config_is_strict_and_quotes_paths() {
        let sandbox = sandbox("/a b/100%");
        let config = config(&sandbox, &sandbox.directory.join("known_hosts"));
        assert!(config.starts_with("Host trixie\n  HostName 10.200.0.2\n  Port 22\n"));
        assert!(config.contains("  IdentityFile \"/a b/100%%/id_ed25519\"\n"));
        assert!(config.contains("  UserKnownHostsFile \"/a b/100%%/known_hosts\"\n"));
        assert!(config.contains("  StrictHostKeyChecking yes\n"));
    }

    #[test]
    fn a_description_survives_being_written() {
        let sandbox = sandbox("/a");
        let text = serde_json::to_string(&sandbox).expect("json");
        assert!(text.contains(r#""driver":"nspawn""#));
        assert_eq!(
            serde_json::from_str::<Sandbox>(&text).expect("a sandbox"),
            sandbox
        );
    }

    #[tokio::test]
    async fn only_ssh_counts_as_an_answer() {
        use tokio::io::AsyncWriteExt;
        for (greeting, expected) in [("SSH-2.0-x\r\n", true), ("220 smtp\r\n", false)] {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
                .await
                .expect("a port");
            let address = listener.local_addr().expect("its address");
            let server = async {
                let (mut stream, _) = listener.accept().await.expect("a caller");
                stream
                    .write_all(greeting.as_bytes())
                    .await
                    .expect("a greeting");
            };
            let (answer, ()) = tokio::join!(answers(address.ip(), address.port()), server);
            assert_eq!(answer, expected, "{greeting}");
        }
    }
}
