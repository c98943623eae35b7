//! The program that orders certificates (`templates/acme`), without a server: what it asks an
//! authority for, and when. The clock is a file, and so is what the authority answers.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

/// Programs in the place of those that speak to others, or tell the time.
const PROGRAMS: [(&str, &str); 7] = [
    ("nginx", "exit 0"),
    ("systemctl", "exit 0"),
    (
        "date",
        r#"case " $* " in *' -d '*) exec /bin/date "$@" ;; esac
        exec /bin/date -d "@$(cat "$HERE/clock")" "$@""#,
    ),
    (
        "openssl",
        r#"[ "$1" != s_client ] || exec cat "$HERE/site.pem"
        exec /usr/bin/openssl "$@""#,
    ),
    // The directory of the authority, and the answers to challenges.
    (
        "curl",
        r#"for word; do
            case $before in
            --dump-header) header=$word ;;
            --output) body=$word ;;
            esac
            before=$word
        done
        case $before in
        http://*) printf '%s\n200' "${before##*/}" && exit ;;
        esac
        if [ -e "$HERE/down" ]; then echo 'curl: (7) Connection refused' >&2 && exit 7; fi
        moment=$(($(cat "$HERE/clock") + $(cat "$HERE/ahead" 2>/dev/null || echo 0)))
        /bin/date -u -d "@$moment" '+Date: %a, %d %b %Y %H:%M:%S GMT' >"${header:-/dev/null}"
        echo '{ "meta": { "caaIdentities": ["ca.example"] } }' >"${body:-/dev/stdout}""#,
    ),
    (
        "dig",
        r#"case " $* " in
        *' foobar.com A '*) echo 192.0.2.1 ;;
        *' foobar.com CAA '*) cat "$HERE/caa" 2>/dev/null ;;
        esac"#,
    ),
    (
        "certbot",
        r#"echo order >>"$HERE/orders"
        if [ -e "$HERE/refuses" ]; then cat "$HERE/refuses" && exit 1; fi
        for word; do
            case $before in
            --csr) csr=$word ;;
            --fullchain-path) chain=$word ;;
            esac
            before=$word
        done
        /usr/bin/openssl x509 -req -in "$csr" -CA "$HERE/ca.pem" -CAkey "$HERE/ca.key" \
            -CAcreateserial -copy_extensions copy -days 90 -out "$chain""#,
    ),
];

const SETTINGS: &str = "authority https://ca.example/dir\nchallenge http\nkey-type ecdsa\n\
    contact me@foobar.com\naddress 192.0.2.1\nname foobar.com\n";

/// A server that has the program and a site, but no certificate yet.
struct World {
    folder: TempDir,
    /// Seconds since 1970.
    now: u64,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let here = folder.path().to_str().unwrap().to_owned();
        for name in ["bin", "lib", "settings", "state", "www"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let world = Self {
            folder,
            now: now.as_secs(),
        };
        for (name, text) in PROGRAMS {
            let text = format!("#!/bin/sh\nHERE={here} before=\n{text}\n");
            world.program(&format!("bin/{name}"), &text);
        }
        let host = include_str!("../src/host.sh");
        world.write("lib/host.sh", &format!("STATE={here}/state\n{host}"));
        for (name, text) in [
            (
                "certificates",
                include_str!("../templates/acme/certificates.sh"),
            ),
            (
                "certificates-look.sh",
                include_str!("../templates/acme/look.sh"),
            ),
            (
                "certificates-authority.sh",
                include_str!("../templates/acme/authority.sh"),
            ),
            (
                "certificates-records.sh",
                include_str!("../templates/acme/records.sh"),
            ),
        ] {
            let text = text
                .replace("/usr/local/lib/foobar-stack/", &format!("{here}/lib/"))
                .replace(
                    "/etc/foobar-stack/certificates",
                    &format!("{here}/settings"),
                )
                .replace("/var/www/acme", &format!("{here}/www"))
                .replace("PATH=/usr/local/sbin:", &format!("PATH={here}/bin:"));
            world.program(&format!("lib/{name}"), &text);
        }
        let files = format!("certificate {here}/site.pem\nkey {here}/site.key\n");
        world.write("settings/foobar.com.conf", &format!("{SETTINGS}{files}"));
        let mut command = Command::new("openssl");
        command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt"]);
        command.args(["ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=ca"]);
        command.args(["-days", "3650", "-keyout", "ca.key", "-out", "ca.pem"]);
        let made = command.current_dir(&here).output().unwrap();
        assert!(made.status.success());
        world
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.at(name), text).unwrap();
    }

    fn program(&self, name: &str, text: &str) {
        self.write(name, text);
        fs::set_permissions(self.at(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.at(name)).unwrap();
    }

    /// What the timer does, so many seconds later.
    fn renew_after(&mut self, seconds: u64) {
        self.now += seconds;
        self.renew();
    }

    fn renew(&self) {
        self.write("clock", &self.now.to_string());
        let ended = Command::new(self.at("lib/certificates"))
            .arg("renew")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(ended.status.success() && said.is_empty(), "{said}");
    }

    fn orders(&self) -> usize {
        let orders = fs::read_to_string(self.at("orders"));
        orders.unwrap_or_default().lines().count()
    }

    /// What is recorded under this word.
    fn recorded(&self, word: &str) -> Option<String> {
        let record = fs::read_to_string(self.at("state/certificates/foobar.com")).unwrap();
        let mut lines = record.lines().filter_map(|line| line.split_once(' '));
        lines.find_map(|(found, rest)| (found == word).then(|| rest.to_owned()))
    }

    fn has_certificate(&self) -> bool {
        self.at("site.pem").exists()
    }
}

#[test]
fn an_authority_that_is_down_for_a_day_costs_no_order() {
    let mut world = World::new();
    world.write("down", "");
    for _ in 0..8 {
        world.renew_after(3 * 3600);
        let because = "the authority does not answer at https://ca.example/dir: Connection refused";
        assert_eq!(world.recorded("because").as_deref(), Some(because));
    }
    assert_eq!(world.orders(), 0);
    world.remove("down");
    world.renew_after(60);
    assert_eq!(world.orders(), 1);
    assert!(world.has_certificate());
    assert_eq!(world.recorded("because"), None);
    world.renew_after(3600);
    assert_eq!(world.orders(), 1);
}

#[test]
fn orders_that_fail_become_rare_and_one_that_succeeds_is_the_last() {
    let mut world = World::new();
    world.write("refuses", "  Domain: foobar.com\n  Detail: no such page\n");
    world.renew();
    let waits = [
        900, 1800, 3600, 7200, 14_400, 28_800, 57_600, 86_400, 86_400,
    ];
    for (failed, seconds) in waits.into_iter().enumerate() {
        world.renew_after(seconds - 1);
        assert_eq!(world.orders(), failed + 1, "after {seconds} seconds");
        world.renew_after(1);
        assert_eq!(world.orders(), failed + 2, "after {seconds} seconds");
    }
    let because = world.recorded("because");
    assert_eq!(because.as_deref(), Some("foobar.com: no such page"));
    world.remove("refuses");
    world.renew_after(86_400);
    assert_eq!(world.orders(), 11);
    assert!(world.has_certificate());
}

#[test]
fn what_a_wrong_clock_has_written_keeps_nobody_waiting() {
    let mut world = World::new();
    let now = world.now;
    world.write("refuses", "  Detail: no\n");
    world.now += 20 * 365 * 86_400;
    world.renew();
    world.now = now;
    world.renew();
    assert_eq!(world.orders(), 2);
    // This failure is of now.
    world.renew_after(60);
    assert_eq!(world.orders(), 2);
}

#[test]
fn records_and_clocks_with_which_an_order_must_fail_are_seen_before() {
    let world = World::new();
    let not_allowed = "the CAA records that count for foobar.com do not allow ca.example: \
        add 0 issue \"ca.example\"";
    for (records, because) in [
        ("0 issue \"other.example\"", not_allowed),
        ("0 issue \";\"", not_allowed),
        (
            "0 issue \"not-ca.example\"\n0 iodef \"mailto:me@foobar.com\"",
            not_allowed,
        ),
        (
            "0 issue \"ca.example; validationmethods=dns-01\"",
            "the CAA records that count for foobar.com allow ca.example only by dns-01, and \
             not by http-01",
        ),
        (
            "0 issue \"ca.example; accounturi=https://ca.example/1\"",
            "the CAA records that count for foobar.com allow ca.example only for the account \
             https://ca.example/1, and not for the new one of this server",
        ),
    ] {
        world.write("caa", records);
        let _ = fs::remove_file(world.at("state/certificates/foobar.com"));
        world.renew();
        assert_eq!(
            world.recorded("because").as_deref(),
            Some(because),
            "{records}"
        );
    }
    world.write("caa", "");
    world.write("ahead", "7200");
    world.remove("state/certificates/foobar.com");
    world.renew();
    let because = world.recorded("because").unwrap();
    let wrong = "the clock of this server is wrong: it says ";
    assert!(because.starts_with(wrong), "{because}");
    assert_eq!(world.orders(), 0);

    world.write("ahead", "0");
    world.write(
        "caa",
        "alias.example.\n0 issue \"other.example\"\n\
         0 issue \"ca.example; validationmethods=dns-01,http-01\"\n0 issuewild \";\"",
    );
    world.remove("state/certificates/foobar.com");
    world.renew();
    assert_eq!(world.orders(), 1);
    assert!(world.has_certificate());
}
