//! The switch of maintenance as the server's shell throws it: which sites are closed after each
//! switch, and what Nginx reads then. Nginx itself is a stand-in here.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use foobar_stack::operate::maintenance::{Switch, script};
use foobar_stack::types::Fqdn;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Command;

/// A server with the sites a.example and b.example.
struct Server {
    root: tempfile::TempDir,
}

impl Server {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let sites = root.path().join("maintenance/sites");
        fs::create_dir_all(&sites).unwrap();
        for site in ["a.example", "b.example"] {
            fs::write(sites.join(format!("{site}.conf")), site).unwrap();
        }
        Self { root }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.root.path().join("maintenance").join(name)
    }

    /// Switches; `accepted` is what Nginx says to it. Gives what went wrong.
    fn switch(&self, switch: &Switch, sites: &[&str], accepted: bool) -> Result<(), String> {
        let sites: Vec<Fqdn> = sites.iter().map(|site| Fqdn::new(site).unwrap()).collect();
        let script = script(switch, &sites.iter().collect::<Vec<_>>(), "nginx", "me");
        let root = self.root.path().to_str().unwrap();
        let text = script.as_str();
        let (functions, call) = text.split_at(text.rfind("\nwith_lock ").unwrap());
        let functions = functions.replace("/etc/nginx/", &format!("{root}/"));
        let text = format!(
            "{functions}\nSTATE={root}/state\nnginx() {{ {accepted}; }}\nreload_proxy() {{ :; }}{call}"
        );
        let ended = Command::new("sh").args(["-c", &text]).output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        if ended.status.success() {
            assert_eq!(said, "");
            Ok(())
        } else {
            Err(said)
        }
    }

    /// Which sites are closed, as their configuration sees it, and that nothing else is left.
    fn closed(&self) -> String {
        let mut closed = String::new();
        for site in ["a", "b"] {
            if let Ok(text) = fs::read_to_string(self.file(&format!("on.site/{site}.example.conf")))
            {
                assert_eq!(text, format!("{site}.example"));
                closed += site;
            }
        }
        let mut names: Vec<_> = fs::read_dir(self.file("")).unwrap().collect();
        names.retain(|name| {
            let name = name.as_ref().unwrap().file_name();
            name != "sites" && fs::read_link(self.file("on.site")).ok() != Some(name.into())
        });
        let parts = if closed.is_empty() { 0 } else { 2 };
        assert_eq!(names.len(), parts, "{names:?}");
        closed
    }

    /// What on.http says of each site: the seconds, and who passes as a guest.
    fn settings(&self) -> String {
        let text = fs::read_to_string(self.file("on.http")).unwrap();
        let mut settings = String::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let line = line.trim_start();
            if line.starts_with("map \"$maintenance_visitor") {
                break;
            }
            let _ = write!(settings, "{line} ");
        }
        settings.trim_end().to_owned()
    }
}

fn on(retry: u64, allow: &[&str]) -> Switch {
    Switch::On {
        retry,
        allow: allow.iter().map(|one| (*one).to_owned()).collect(),
    }
}

#[test]
fn one_site_is_closed_and_another_and_the_first_is_opened_again() {
    let server = Server::new();
    let (a, b) = (["a.example"], ["b.example"]);
    server
        .switch(&on(90, &["192.0.2.1", "2001:db8::/32"]), &a, true)
        .unwrap();
    assert_eq!(server.closed(), "a");
    server.switch(&on(60, &[]), &b, true).unwrap();
    assert_eq!(server.closed(), "ab");
    assert_eq!(
        server.settings(),
        "geo $maintenance_guest_1 { default 1; 192.0.2.1 0; 2001:db8::/32 0; } \
         geo $maintenance_guest_2 { default 1; } \
         map $server_name $maintenance_retry { default 600; \
         \"~^a[.]example$\" 90; \"~^b[.]example$\" 60; } \
         map $server_name $maintenance_guest { default 1; \
         \"~^a[.]example$\" $maintenance_guest_1; \"~^b[.]example$\" $maintenance_guest_2; }"
    );
    server.switch(&Switch::Off, &a, true).unwrap();
    assert_eq!(server.closed(), "b");
    server.switch(&Switch::Off, &a, true).unwrap();
    assert_eq!(server.closed(), "b");
    server.switch(&Switch::Off, &b, true).unwrap();
    assert_eq!(server.closed(), "");
}

#[test]
fn every_site_is_closed_and_one_is_opened() {
    let server = Server::new();
    server.switch(&on(90, &["192.0.2.1"]), &[], true).unwrap();
    assert_eq!(server.closed(), "ab");
    let every = "map \"\" $maintenance_retry { default 90; } \
                 geo $maintenance_guest { default 1; 192.0.2.1 0; }";
    assert_eq!(server.settings(), every);
    // One that is added meanwhile is closed, too.
    assert_eq!(
        fs::read_link(server.file("on.site")).unwrap(),
        PathBuf::from("sites")
    );
    server.switch(&Switch::Off, &["a.example"], true).unwrap();
    assert_eq!(server.closed(), "b");
    assert_eq!(
        server.settings(),
        "geo $maintenance_guest_1 { default 1; 192.0.2.1 0; } \
         map $server_name $maintenance_retry { default 600; \"~^b[.]example$\" 90; } \
         map $server_name $maintenance_guest { default 1; \"~^b[.]example$\" $maintenance_guest_1; }"
    );
    server.switch(&Switch::Off, &[], true).unwrap();
    assert_eq!(server.closed(), "");
    server.switch(&Switch::Off, &[], true).unwrap();
    assert_eq!(server.closed(), "");
}

#[test]
fn what_nginx_does_not_take_is_put_back() {
    let server = Server::new();
    let refused = |switch: &Switch, sites: &[&str]| {
        let before = fs::read(server.file("on.http")).ok();
        let closed = server.closed();
        server.switch(switch, sites, false).unwrap_err();
        assert_eq!(fs::read(server.file("on.http")).ok(), before);
        assert_eq!(server.closed(), closed);
    };
    let a = ["a.example"];
    refused(&on(60, &[]), &a);
    refused(&on(60, &[]), &[]);
    server.switch(&on(60, &[]), &a, true).unwrap();
    refused(&Switch::Off, &a);
    refused(&on(90, &[]), &["b.example"]);
    refused(&on(90, &[]), &[]);
    server.switch(&on(90, &[]), &[], true).unwrap();
    refused(&Switch::Off, &a);
    refused(&Switch::Off, &[]);
}

#[test]
fn a_site_that_has_gone_is_closed_no_more() {
    let server = Server::new();
    for site in ["a.example", "b.example"] {
        server.switch(&on(60, &[]), &[site], true).unwrap();
    }
    fs::remove_file(server.file("sites/a.example.conf")).unwrap();
    let missing = server.switch(&on(60, &[]), &["a.example"], true);
    assert!(missing.unwrap_err().contains("apply first"));
    server.switch(&Switch::Off, &["b.example"], true).unwrap();
    assert_eq!(server.closed(), "");
}

/// What a switch has left that was cut off is in nobody's way.
#[test]
fn a_switch_that_was_cut_off_is_cleared_away() {
    let server = Server::new();
    fs::create_dir(server.file("closed.1")).unwrap();
    fs::write(server.file("closed.1/b.example.settings"), "60").unwrap();
    fs::write(server.file("new.http"), "").unwrap();
    symlink("closed.1", server.file("old.site")).unwrap();
    server.switch(&on(60, &[]), &["a.example"], true).unwrap();
    assert_eq!(server.closed(), "a");
}
