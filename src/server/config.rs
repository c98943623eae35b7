//! The ssh configuration of a session: our options ahead of the user's own.

use super::target::{Options, Target};
use std::path::Path;

/// The name that a pinned host key has in its known_hosts file, whatever the destination is.
pub(super) const PINNED_NAME: &str = "foobar-stack-server";

/// The configuration file for `ssh -F`. The first value that ssh finds for an option counts,
/// so ours stand before the user's and the system's files.
///
/// What concerns the server's key stands in a block of its own: ssh hands the file on to the
/// ssh of a jump host, which has another key.
pub(super) fn text(target: &Target, options: &Options, known_hosts: &Path) -> String {
    let mut text = String::new();
    if let Some(key) = &target.host_key {
        let known_hosts = known_hosts.display();
        let host = &target.destination;
        let algorithms = algorithms(key);
        text.push_str(&format!(
            "Host {host}\n\
             HostKeyAlias {PINNED_NAME}\n\
             HostKeyAlgorithms {algorithms}\n\
             UserKnownHostsFile \"{known_hosts}\"\n\
             GlobalKnownHostsFile /dev/null\n\
             VerifyHostKeyDNS no\n\
             CheckHostIP no\n\
             UpdateHostKeys no\n"
        ));
    }
    let strict = if options.accept_new_host_key {
        "accept-new"
    } else {
        "yes"
    };
    let timeout = options.connect_timeout.as_secs().max(1);
    // The second block keeps what the user may have set for a login by hand out of ours.
    text.push_str(&format!(
        "Host *\n\
         BatchMode yes\n\
         StrictHostKeyChecking {strict}\n\
         ConnectTimeout {timeout}\n\
         ServerAliveInterval 10\n\
         ServerAliveCountMax 3\n\
         LogLevel INFO\n\
         VisualHostKey no\n\
         RequestTTY no\n\
         RemoteCommand none\n\
         PermitLocalCommand no\n\
         ClearAllForwardings yes\n\
         ForwardAgent no\n\
         ForwardX11 no\n"
    ));
    match &target.config_file {
        Some(file) => text.push_str(&format!("Include \"{}\"\n", file.display())),
        None => text.push_str("Include ~/.ssh/config\nInclude /etc/ssh/ssh_config\n"),
    }
    text
}

/// The known_hosts file with the pinned key.
pub(super) fn known_hosts(key: &str) -> String {
    format!("{PINNED_NAME} {}\n", key.trim())
}

/// The signature algorithms of a key in known_hosts form. Without them the server may offer
/// another one of its keys, which would not be the pinned one.
fn algorithms(key: &str) -> &str {
    match key.split_whitespace().next().unwrap_or_default() {
        "ssh-rsa" => "rsa-sha2-512,rsa-sha2-256",
        other => other,
    }
}

/// Whether a destination is one host name, address or alias: no option of ssh, no pattern, no
/// URL, nothing that ends a line or a word of the configuration file.
pub(super) fn is_destination(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text
            .chars()
            .all(|c| c.is_alphanumeric() || ".-_:%+".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_destination_is_one_word_that_ssh_takes_for_a_host() {
        for good in [
            "example.com",
            "10.0.0.1",
            "2001:db8::1",
            "fe80::1%eth0",
            "my_server",
        ] {
            assert!(is_destination(good), "{good}");
        }
        for bad in [
            "",
            "-oProxyCommand=id",
            "a b",
            "*",
            "!a",
            "ssh://a",
            "a\nHost *",
            "u@a",
            "\"a",
        ] {
            assert!(!is_destination(bad), "{bad}");
        }
    }

    #[test]
    fn our_options_stand_before_those_of_the_user() {
        let target = Target {
            host_key: Some("ssh-rsa AAAA".to_owned()),
            ..Target::new("example.com")
        };
        let text = text(
            &target,
            &Options::default(),
            Path::new("/tmp/x/known_hosts"),
        );
        let at = |words: &str| {
            text.find(words)
                .unwrap_or_else(|| panic!("no {words} in {text}"))
        };
        assert!(at("HostKeyAlgorithms rsa-sha2-512,rsa-sha2-256") < at("Host *"));
        assert!(at("BatchMode yes") < at("Include ~/.ssh/config"));
        assert!(at("Include ~/.ssh/config") < at("Include /etc/ssh/ssh_config"));
    }
}
