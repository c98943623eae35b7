//! Keys alone for sshd: in force, refused where they would keep us out, and gone with the section.

use crate::server::Server;
use std::process::Command;

const OURS: &str = "/etc/ssh/sshd_config.d/00-foobar-stack.conf";

/// What sshd offers to who has nothing.
fn offered(server: &Server) -> String {
    let options = [
        "StrictHostKeyChecking=no",
        "UserKnownHostsFile=/dev/null",
        "PreferredAuthentications=none",
        "BatchMode=yes",
    ];
    let mut ssh = Command::new("ssh");
    ssh.args(["-F", "none"]);
    for option in options {
        ssh.args(["-o", option]);
    }
    ssh.arg(format!("root@{}", server.address)).arg("true");
    let said = ssh.output().map(|output| output.stderr).unwrap_or_default();
    let said = String::from_utf8_lossy(&said).into_owned();
    let denied = said.lines().find(|line| line.contains("Permission denied"));
    denied.unwrap_or(&said).to_owned()
}

pub(crate) fn keys_alone_let_somebody_in(server: &Server) {
    let with = |name: &str, root: &str| {
        let section = format!("\n[sshd]\npasswords = false\nroot_login = \"{root}\"\n");
        server.site_with(name, |text| text + &section)
    };
    with("root-out", "no").run(&["plan"]).says(&[
        "would keep out foobar-stack itself, which logs in as root",
        "server.user",
    ]);

    // As the distribution has it, and as it would be with a block of somebody's.
    server.on("mv /etc/ssh/sshd_config.d/10-sandbox.conf /root/; systemctl reload ssh");
    // A reload is over before sshd has read its files.
    let takes_passwords = (0..5).any(|_| {
        std::thread::sleep(std::time::Duration::from_secs(1));
        offered(server).contains("password")
    });
    assert!(takes_passwords, "{}", offered(server));
    let site = with("keys-alone", "keys");
    for (line, why) in [
        ("AuthorizedKeysFile /nowhere/%u", "no key lets root in"),
        (
            "Match User root\nPasswordAuthentication yes\nMatch all",
            "a block Match",
        ),
    ] {
        let theirs = "/etc/ssh/sshd_config.d/00-a.conf";
        server.on(&format!("printf '{line}\n' >{theirs}"));
        let refused = site.run(&["apply", "--yes"]).exits(1);
        refused.says(&["ssh logins refuses", why]);
        server.on(&format!("rm {theirs}; test ! -e {OURS}"));
    }

    let pid = "systemctl show --value -p MainPID ssh";
    let before = server.on(pid);
    site.run(&["apply", "--yes"]).exits(0);
    let denied = offered(server);
    assert!(denied.ends_with("(publickey)."), "{denied}");
    assert_eq!(server.on(pid), before, "sshd was restarted");
    assert_eq!(site.plan().changes(), []);

    server.converge();
    server.on(&format!(
        "test ! -e {OURS} && mv /root/10-sandbox.conf /etc/ssh/sshd_config.d/ && systemctl reload ssh"
    ));
}
