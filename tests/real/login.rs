//! Who may log in, who becomes root, and what that costs.

use crate::server::Server;
use serde_json::json;
use std::net::TcpListener;

/// The line of the inventory that begins so, replaced.
fn with_line(text: &str, begins: &str, line: &str) -> String {
    assert_eq!(
        text.lines().filter(|line| line.starts_with(begins)).count(),
        1,
        "{begins}"
    );
    let lines = text
        .lines()
        .map(|old| if old.starts_with(begins) { line } else { old });
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

pub(crate) fn who_may_log_in_and_who_becomes_root(server: &Server) {
    nobody_is_there(server);
    the_host_key_decides(server);
    wrong_usage(server);
    root_by_sudo(server);
}

fn nobody_is_there(server: &Server) {
    let listener = TcpListener::bind("127.0.0.1:0");
    let port = listener
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port());
    let Ok(port) = port else {
        panic!("no free port")
    };
    let line = format!("port = {port}\nssh = \"127.0.0.1\"");
    let site = server.site_with("nobody", |text| with_line(&text, "port = ", &line));
    for command in [["plan", "--json"], ["verify", "--json"]] {
        let end = site.run(&command).exits(4);
        end.says(&["Connection refused", "127.0.0.1"]);
    }
}

fn the_host_key_decides(server: &Server) {
    let site = server.site_with("no-key", |text| with_line(&text, "host_key = ", ""));
    site.write(
        "ssh_config",
        "UserKnownHostsFile known_hosts\nGlobalKnownHostsFile /dev/null\n",
    );
    let known = site.folder.join("known_hosts");
    let config = site.folder.join("ssh_config");
    let text = format!(
        "UserKnownHostsFile {}\nGlobalKnownHostsFile /dev/null\n",
        known.display()
    );
    site.write("ssh_config", &text);
    let config = config.to_string_lossy().into_owned();
    let plan = ["plan", "--json", "--ssh-config", &config];
    site.run(&plan).exits(4).says(&["--accept-new-host-key"]);
    let mut accept = plan.to_vec();
    accept.push("--accept-new-host-key");
    site.run(&accept).exits(0);
    site.run(&plan).exits(0);

    let other = "host_key = \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\"";
    let site = server.site_with("other-key", |text| with_line(&text, "host_key = ", other));
    site.run(&["plan"]).exits(4).says(&["host key"]);
}

fn wrong_usage(server: &Server) {
    for (arguments, words) in [
        (vec!["plan", "--nonsense"], "--nonsense"),
        (vec!["apply"], "apply with --yes"),
        (vec!["plan", "--target", "wbe"], "there is no role wbe"),
    ] {
        server.run(&arguments).exits(64).says(&[words]);
    }
}

fn root_by_sudo(server: &Server) {
    let traffic = |sudo: u32, plan: &crate::support::Ending| {
        let traffic = &plan.summary()["traffic"];
        for (key, expected) in [("connections", 1), ("sudo", sudo), ("round_trips", 3)] {
            assert_eq!(traffic[key], json!(expected), "{key} of {traffic}");
        }
        assert_eq!(plan.changes(), []);
    };
    traffic(0, &server.site.plan());

    server.on("useradd --create-home --shell /bin/sh deploy\n\
         install -d -m 700 -o deploy -g deploy ~deploy/.ssh\n\
         install -m 600 -o deploy -g deploy ~root/.ssh/authorized_keys ~deploy/.ssh/\n\
         echo 'deploy ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/deploy");
    let site = server.site_with("sudo", |text| {
        with_line(&text, "user = ", "user = \"deploy\"")
    });
    traffic(1, &site.plan());
    server.on("echo '# by hand' >>/etc/nginx/nginx.conf");
    let run = site.run(&["apply", "--yes", "--json"]).exits(0);
    assert_eq!(run.changes().len(), 2, "{}", run.said());

    server.on("echo 'Defaults requiretty' >>/etc/sudoers.d/deploy");
    site.run(&["plan"])
        .exits(4)
        .says(&["you must have a tty", "Defaults:deploy !requiretty"]);

    server.on("rm /etc/sudoers.d/deploy");
    site.run(&["plan"])
        .exits(4)
        .says(&["deploy ALL=(ALL) NOPASSWD: ALL", "cannot become root"]);
    server.on("userdel --remove deploy 2>/dev/null");
}
