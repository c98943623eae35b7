//! Every file that the reference inventory makes, for each system that can be assumed, and those
//! that another line of it changes.
//!
//! `cases/render/SYSTEM/` has them below their paths, `cases/render/NAME/` what changes. `UPDATE=1` writes them anew; look at the
//! difference before you keep it.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};

fn render(system: &str, inventory: &Path, to: &Path) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_foobar-stack"));
    command
        .args(["render", "--os", system, "-i"])
        .arg(inventory)
        .arg(to);
    assert!(
        command.stdout(Stdio::null()).status().unwrap().success(),
        "{system}"
    );
}

/// The text files below a folder, by their paths in it.
fn files(folder: &Path, below: &str, found: &mut BTreeMap<String, String>) {
    let Ok(entries) = std::fs::read_dir(folder.join(below)) else {
        return;
    };
    for entry in entries {
        let entry = entry.unwrap();
        let name = format!("{below}{}", entry.file_name().to_str().unwrap());
        if entry.path().is_dir() {
            files(folder, &format!("{name}/"), found);
        } else {
            found.insert(name, std::fs::read_to_string(entry.path()).unwrap());
        }
    }
}

/// Lines of the reference that are replaced: the name of the case, the system, and both lines.
const VARIANTS: &[(&str, &str, &str, &str)] = &[
    (
        "backup",
        "debian-13",
        "#: [backup]",
        "[backup]\nrepository = \"/srv/backup\"\nfolders = [\"/srv/reports\"]",
    ),
    (
        "backup-copies",
        "debian-13",
        "#: [backup]",
        "[backup]\nrepository = \"/srv/backup\"\ncopies = [\"sftp:backup@backup.example.net:/srv/foobar\", \"/srv/third\"]",
    ),
    (
        "jobs",
        "debian-13",
        "#: [jobs]",
        "[jobs]\non_failure = \"mail -s \\\"$JOB $STATE\\\" root\"\nwebhook = { env = \"JOBS_WEBHOOK\" }\n\
         [backup]\nrepository = \"/srv/backup\"",
    ),
    (
        "upgrades",
        "debian-13",
        "#: [upgrades]",
        "[upgrades]\nat = \"05:30\"\nwindow = \"Sat,Sun 03:00\"\nreboot = true\n\
         [jobs]\non_failure = \"mail -s \\\"$JOB $STATE\\\" root\"",
    ),
    (
        "upgrades-all",
        "ubuntu-24.04",
        "#: [upgrades]",
        "[upgrades]\ninstall = \"all\"",
    ),
    (
        "upgrades-off",
        "debian-13",
        "#: [upgrades]",
        "[upgrades]\nenabled = false",
    ),
    (
        "processes",
        "debian-13",
        "#: [app.workers.mail]",
        "[app.workers.mail]\ncommand = \"bin/work --queue 'mail out'\"\ninstances = 2\n\
         [app.timers.cleanup]\ncommand = \"python3 cleanup.py\"\nschedule = \"*-*-* 03:00\"",
    ),
    (
        "secret-env",
        "debian-13",
        "# secret_env = false",
        "secret_env = true",
    ),
    (
        "cache",
        "debian-13",
        "#: [cache]",
        "[cache]\nmemory = \"128M\"\npolicy = \"noeviction\"",
    ),
    (
        "not-hardened",
        "debian-13",
        "# hardening = [\"web\", \"dns\", \"database\"]",
        "hardening = []\njournal = \"500M\"\nswap = \"1G\"",
    ),
    (
        "sshd",
        "debian-13",
        "#: [sshd]",
        "[sshd]\npasswords = false\nroot_login = \"keys\"",
    ),
    (
        "fail2ban",
        "debian-13",
        "#: [fail2ban]",
        "[fail2ban]\nignore = [\"203.0.113.0/24\", \"2001:db8::7\"]\nmax_retry = 3\nban_time = \"1h\"",
    ),
    ("dnssec", "debian-13", "# dnssec = false", "dnssec = true"),
    ("http3", "debian-13", "# http3 = false", "http3 = true"),
    (
        "paths",
        "debian-13",
        "#: [web.paths.\"/up\"]",
        "[web.paths.\"/admin/\"]\nusers = { anna = { env = \"ANNA\" }, \"bob.x\" = { env = \"BOB\" } }\n\
         allow = [\"203.0.113.0/24\"]\nrate = \"10/s\"\nmax_body = \"1g\"\ntimeout = \"5m\"\n\
         headers = { \"X-Frame-Options\" = \"DENY\" }\n\
         [web.paths.\"/admin/up\"]\npublic = true\n\
         [web.paths.\"/static/\"]\ncache = \"immutable\"\nfallback = \"/static/index.html\"\n\
         [web.paths.\"/static/js/\"]\nconnections = 5\n\
         [web.paths.\"/moved/\"]\nredirect = { to = \"/new/\", status = 308 }\n\
         [web.paths.\"/export\"]\nbuffering = false\ncache = \"1h\"\n\
         [web.paths.\"/raw\"]\nsnippet = \"add_header X-Raw yes;\"",
    ),
    (
        "paths-fastcgi",
        "debian-13",
        "\n[app]\n",
        "\n[web.paths.\"/admin/\"]\ntimeout = \"5m\"\nusers = { anna = { env = \"ANNA\" } }\n\
         [web.paths.\"/wp-login.php\"]\nrate = \"10/m\"\n\
         [web.paths.\"/uploads/private/\"]\nallow = [\"203.0.113.7\"]\n\
         [app]\nprotocol = \"fastcgi\"\nroot = \"static\"\npersistent = [\"static/uploads\"]\n",
    ),
    ("brotli", "debian-13", "# brotli = false", "brotli = true"),
    (
        "trusted-proxies",
        "debian-13",
        "# connections = 100",
        "connections = 0\ntrusted_proxies = [\"203.0.113.0/24\"]",
    ),
    (
        "secondaries",
        "debian-13",
        "#: [[dns.secondaries]]",
        "[[dns.secondaries]]\nname = \"ns2.example.net\"\naddress = \"203.0.113.53\"\n\
         key = { generate = true }\n\
         [[dns.secondaries]]\nname = \"ns3.foobar.com\"\naddress = \"2001:db8::53\"",
    ),
    (
        "zones",
        "debian-13",
        "#: [[dns.zones]]",
        "[[dns.zones]]\nname = \"foobar.net\"\ndnssec = true\nmail = false\n\
         [[dns.zones]]\nname = \"parked.example\"\nttl = \"1d\"\ndnssec = \"insecure\"\n\
         records = [{ name = \"@\", type = \"MX\", value = \"10 mx.example.net.\" }]\n\
         [[dns.zones]]\nname = \"plain.example\"\n\
         [[dns.reverse]]\nnetwork = \"203.0.113.0/24\"\ndnssec = true",
    ),
    (
        "reverse",
        "debian-13",
        "#: [[dns.reverse]]",
        "[[dns.secondaries]]\nname = \"ns2.example.net\"\naddress = \"203.0.113.53\"\n\
         [[dns.reverse]]\nnetwork = \"203.0.113.0/24\"\n\
         names = { \"203.0.113.9\" = \"a.example.net\", \"203.0.113.10\" = \"b.example.net\" }\n\
         [[dns.reverse]]\nnetwork = \"203.0.112.64/26\"\nzone = \"64-127.112.0.203.in-addr.arpa\"\n\
         names = { \"203.0.112.65\" = \"c.example.net\" }\n\
         [[dns.reverse]]\nnetwork = \"2001:db8::/48\"\nnames = { \"2001:db8::1\" = \"d.example.net\" }",
    ),
    (
        "wildcard",
        "debian-13",
        "# wildcard = false",
        "wildcard = true",
    ),
    (
        "challenge-dns",
        "debian-13",
        "# mode = \"self-signed\"",
        "mode = \"acme\"\nchallenge = \"dns\"",
    ),
];

/// A copy of the reference in the folder, with code that does not change, so that its release
/// keeps its name.
fn reference(folder: &Path) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::fs::create_dir_all(folder.join("app/static")).unwrap();
    std::fs::write(folder.join("app/app.py"), "the app\n").unwrap();
    std::fs::write(folder.join("app/static/style.css"), "\n").unwrap();
    std::fs::read_to_string(root.join("inventory/foobar.toml")).unwrap()
}

#[test]
fn another_line_changes_what_it_did() {
    let folder = tempfile::tempdir().unwrap();
    let text = reference(folder.path());
    for &(name, system, line, other) in VARIANTS {
        let inventory = folder.path().join("inventory.toml");
        let mut rendered = Vec::new();
        for text in [text.clone(), text.replace(line, other)] {
            std::fs::write(&inventory, text).unwrap();
            let fresh = folder.path().join(format!("{name}{}", rendered.len()));
            render(system, &inventory, &fresh);
            let mut found = BTreeMap::new();
            files(&fresh, "", &mut found);
            rendered.push(found);
        }
        let mut changed = rendered.pop().unwrap();
        // Programs are as they stand in `templates`.
        changed
            .retain(|path, text| rendered[0].get(path) != Some(text) && !path.starts_with("usr/"));
        let kept = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/cases/render")
            .join(name);
        if std::env::var_os("UPDATE").is_some() {
            let _ = std::fs::remove_dir_all(&kept);
            for (path, text) in &changed {
                let path = kept.join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
        }
        let mut expected = BTreeMap::new();
        files(&kept, "", &mut expected);
        assert!(!expected.is_empty(), "{name}");
        assert_eq!(changed, expected, "{name}");
    }
}

#[test]
fn the_reference_renders_as_it_did() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let inventory = folder.path().join("inventory.toml");
    std::fs::write(&inventory, reference(folder.path())).unwrap();
    let mut differ = Vec::new();
    for system in ["debian-13", "debian-sid", "ubuntu-24.04"] {
        let fresh = folder.path().join(system);
        render(system, &inventory, &fresh);
        let kept = root.join("tests/cases/render").join(system);
        if std::env::var_os("UPDATE").is_some() {
            let _ = std::fs::remove_dir_all(&kept);
            render(system, &inventory, &kept);
        }
        let (mut left, mut right) = (BTreeMap::new(), BTreeMap::new());
        files(&kept, "", &mut left);
        files(&fresh, "", &mut right);
        assert!(right.len() >= 13, "only {} files", right.len());
        let names = left.keys().chain(right.keys());
        for name in names.filter(|name| left.get(*name) != right.get(*name)) {
            let text = right
                .get(name)
                .map_or("is not made any more", String::as_str);
            differ.push(format!("--- {system}/{name}\n{text}"));
        }
    }
    differ.dedup();
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

/// An inventory whose domain is below its alias, and its zone: `cases/render-www/`.
#[test]
fn the_apex_leads_to_www() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/render-www");
    let folder = tempfile::tempdir().unwrap();
    render("debian-13", &root.join("inventory.toml"), folder.path());
    let made = |path: &str| std::fs::read_to_string(folder.path().join(path)).unwrap();
    let zone = made("etc/bind/zones/foobar.com.zone");
    let kept = root.join("foobar.com.zone");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&kept, &zone).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), zone);
    let site = made("etc/nginx/sites-available/www.foobar.com.conf");
    let alias = site
        .split("\nserver {")
        .find(|server| server.contains("server_name foobar.com;"));
    assert!(
        alias
            .unwrap()
            .contains("return 301 https://www.foobar.com$request_uri;")
    );
}
