//! The program as it is typed: exit statuses, streams, and a reader that goes away.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_foobar-stack"));
    command.current_dir(folder).stdin(Stdio::null());
    for name in [
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "FOOBAR_STACK_INVENTORY",
    ] {
        command.env_remove(name);
    }
    command
}

fn run(folder: &Path, line: &str) -> Output {
    program(folder)
        .args(line.split_whitespace())
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A folder with a valid inventory.
fn started() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), "init --domain example.org --ipv4 192.0.2.1");
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(out(&output).starts_with("wrote inventory.toml"));
    std::fs::create_dir(folder.path().join("app")).unwrap();
    folder
}

#[test]
fn what_init_writes_is_valid() {
    let folder = started();
    let output = run(folder.path(), "validate");
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(out(&output).starts_with("inventory.toml is valid"));
    assert_eq!(err(&output), "");
}

#[test]
fn init_leaves_what_is_there_alone() {
    let folder = started();
    let output = run(
        folder.path(),
        "init --domain other.example --ipv4 192.0.2.1",
    );
    assert_eq!(output.status.code(), Some(64));
    assert!(err(&output).starts_with("error: inventory.toml is there already\nhint: "));
    let text = std::fs::read_to_string(folder.path().join("inventory.toml")).unwrap();
    assert!(text.contains("example.org"));
}

#[test]
fn every_mistake_is_shown_at_its_place() {
    let folder = started();
    std::fs::remove_dir(folder.path().join("app")).unwrap();
    let output = run(folder.path(), "validate");
    assert_eq!(output.status.code(), Some(65));
    let text = err(&output);
    assert!(text.contains("error: app.source"), "{text}");
    assert!(text.contains("--> inventory.toml:"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colour without a terminal");
    let output = run(folder.path(), "validate --color always");
    assert!(err(&output).contains('\u{1b}'));
}

#[test]
fn json_begins_with_the_version_and_ends_with_the_summary() {
    let folder = started();
    for (line, code) in [("validate --json", 0), ("validate --json -i none.toml", 64)] {
        let output = run(folder.path(), line);
        assert_eq!(output.status.code(), Some(code));
        let text = out(&output);
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines[0]["type"], "version");
        let last = lines.last().unwrap();
        assert_eq!(
            (&last["type"], &last["exit"]),
            (&"summary".into(), &code.into())
        );
    }
}

#[test]
fn what_is_no_saved_plan_is_invalid() {
    let folder = started();
    let output = run(folder.path(), "apply --yes inventory.toml");
    assert_eq!(output.status.code(), Some(65));
    let said = err(&output);
    assert!(
        said.starts_with("error: inventory.toml is not a saved plan"),
        "{said}"
    );
    assert!(said.contains("hint: `foobar-stack plan --out FILE` saves a plan"));
    let output = run(folder.path(), "apply --yes none.plan");
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).starts_with("error: cannot read none.plan"));
}

#[test]
fn the_environment_names_the_inventory() {
    let folder = started();
    let elsewhere = tempfile::tempdir().unwrap();
    let inventory = folder.path().join("inventory.toml");
    let mut command = program(elsewhere.path());
    command
        .arg("validate")
        .env("FOOBAR_STACK_INVENTORY", inventory);
    assert!(command.status().unwrap().success());
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    let output = command
        .arg("schema")
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(
        (output.status.code(), err(&output)),
        (Some(0), String::new())
    );
}

#[test]
fn a_full_disk_is_an_error() {
    let full: File = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    let output = command
        .arg("schema")
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).starts_with("error: the output could not be written\n"));
}

#[test]
fn every_shell_has_completions() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = run(folder.path(), &format!("completions {shell}"));
        assert!(out(&output).contains("completions"), "{shell}");
    }
}

/// A certificate for these names with its key, in PEM.
fn own_certificate(names: &[&str]) -> (String, String) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

/// A started folder whose inventory brings its own certificate.
fn with_certificate(certificate: &str, key: &str) -> tempfile::TempDir {
    let folder = started();
    let path = folder.path().join("inventory.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let tls = "[tls]\nmode = \"files\"\ncertificate = \"site.pem\"\nkey = \"site.key\"\n";
    let acme = "[tls]\nmode = \"acme\"\n";
    assert_eq!(text.matches(acme).count(), 1);
    std::fs::write(&path, text.replace(acme, tls)).unwrap();
    std::fs::write(folder.path().join("site.pem"), certificate).unwrap();
    std::fs::write(folder.path().join("site.key"), key).unwrap();
    folder
}

/// What shows or sends files; a role is rendered for the server, so these ask it first.
const OFFLINE: [&str; 3] = ["validate", "render", "render out"];
const ONLINE: [&str; 3] = ["plan", "apply --yes", "plan -vv --json"];

/// Refused by each of the commands, in these words, and without the key.
#[track_caller]
fn is_refused(folder: &Path, commands: &[&str], secret: &str, words: &[&str]) {
    for command in commands {
        let output = run(folder, command);
        let said = out(&output) + &err(&output);
        let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(65), "{command}: {said}");
        for words in words {
            assert!(
                said.contains(words),
                "{command} does not say {words:?}:\n{said}"
            );
        }
        let lines = secret.lines().filter(|line| !line.starts_with("-----"));
        for line in lines {
            assert!(!said.contains(line), "{command} shows the key:\n{said}");
        }
        assert!(!folder.join("out").exists(), "{command}");
    }
}

#[test]
fn a_certificate_that_visitors_could_not_use_is_refused_before_any_server_is_asked() {
    let (certificate, key) = own_certificate(&["example.org", "www.example.org"]);
    let folder = with_certificate(&certificate, &key);
    let output = run(folder.path(), "validate");
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));

    let (_, other) = own_certificate(&["example.org"]);
    let (narrow, narrow_key) = own_certificate(&["example.org"]);
    let both = format!("{certificate}{key}");
    for (certificate, key, words) in [
        (
            &both,
            &key,
            "tls.certificate: site.pem holds a private key (PEM)",
        ),
        (&key, &certificate, "Are the two paths swapped?"),
        (
            &certificate,
            &other,
            "tls.key: site.key is not the key of the certificate",
        ),
        (
            &narrow,
            &narrow_key,
            "site.pem is for example.org; not for www.example.org",
        ),
    ] {
        let folder = with_certificate(certificate, key);
        let all = [OFFLINE, ONLINE].concat();
        is_refused(folder.path(), &all, key, &["inventory.toml:", words]);
    }
}

#[test]
fn a_private_key_in_a_file_that_is_no_secret_is_refused() {
    let (_, key) = own_certificate(&["example.org"]);
    let role = |folder: &Path, entry: &str| {
        let roles = folder.join("roles/mine/files");
        std::fs::create_dir_all(&roles).unwrap();
        std::fs::write(roles.join("id.key"), &key).unwrap();
        let text = format!("description = \"Mine\"\n[[file]]\npath = \"/srv/mine\"\n{entry}\n");
        std::fs::write(folder.join("roles/mine/role.toml"), text).unwrap();
        let templates = folder.join("templates/mine");
        std::fs::create_dir_all(&templates).unwrap();
        std::fs::write(templates.join("key.conf"), format!("# mine\n{key}")).unwrap();
    };
    let content = format!("content = \"\"\"\n{key}\"\"\"");
    for (entry, words) in [
        (
            "source = \"roles/mine/files/id.key\"",
            "roles/mine/files/id.key must not be seen",
        ),
        (
            "template = \"key.conf\"",
            "/srv/mine would hold a private key (PEM)",
        ),
        (
            "template = \"key.conf\"\nmode = \"0600\"",
            "`sensitive = true`",
        ),
        (&content, "/srv/mine would hold a private key (PEM)"),
    ] {
        let folder = started();
        role(folder.path(), entry);
        is_refused(
            folder.path(),
            &OFFLINE,
            &key,
            &["roles/mine/role.toml:", words],
        );
        role(
            folder.path(),
            &format!("{entry}\nsensitive = true").replace("0600", "0640"),
        );
        let output = run(folder.path(), "render");
        let said = out(&output) + &err(&output);
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert!(!said.contains(key.lines().nth(1).unwrap()), "{said}");
    }

    let folder = started();
    let path = folder.path().join("inventory.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = format!("{text}\n[web]\nstatic = {{ \"/static/\" = \"static\" }}\n");
    std::fs::write(&path, text).unwrap();
    std::fs::create_dir_all(folder.path().join("app/static/old")).unwrap();
    std::fs::write(folder.path().join("app/static/old/id.key"), &key).unwrap();
    let words = "web.static: static/old/id.key is a private key (PEM), and visitors could fetch it";
    let all = [OFFLINE, ONLINE].concat();
    is_refused(folder.path(), &all, &key, &["inventory.toml:", words]);
}

#[test]
fn what_of_the_code_cannot_work_on_a_server_is_said() {
    let folder = started();
    let path = folder.path().join("inventory.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let lines = text.lines().map(|line| match line.split_once(" = ") {
        Some(("command", _)) => "command = \"./start.sh\"",
        _ => line,
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    std::fs::write(&path, text).unwrap();
    std::fs::create_dir_all(folder.path().join("app/cache/pages")).unwrap();
    std::fs::write(
        folder.path().join("app/start.sh"),
        "#!/bin/sh\r\nexec x\r\n",
    )
    .unwrap();
    let output = run(folder.path(), "validate");
    assert_eq!(output.status.code(), Some(65), "{}", err(&output));
    assert!(err(&output).contains("app.command: start.sh has the line ends of Windows (CRLF)"));
    assert!(
        err(&output).contains("sed -i 's/\\r$//' start.sh"),
        "{}",
        err(&output)
    );
    std::fs::write(folder.path().join("app/start.sh"), "#!/bin/sh\nexec x\n").unwrap();
    let output = run(folder.path(), "validate");
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let said = out(&output) + &err(&output);
    assert!(
        said.contains("the empty folder cache/pages is left out"),
        "{said}"
    );
}

#[test]
fn a_zone_above_the_domain_wildcards_and_a_server_with_ipv6_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = "[server]\nipv6 = \"2001:db8::1\"\n[site]\ndomain = \"www.foobar.com\"\n\
        aliases = [\"foobar.com\", \"web.foobar.com\"]\n[app]\nenabled = false\n\
        [[dns.records]]\nname = \"*\"\ntype = \"TXT\"\nvalue = \"any name\"\n";
    std::fs::write(folder.path().join("inventory.toml"), text).unwrap();
    let output = run(folder.path(), "render out");
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let read = |path: &str| std::fs::read_to_string(folder.path().join("out").join(path)).unwrap();
    let zone = read("etc/bind/zones/foobar.com.zone");
    let records: Vec<&str> = zone.lines().skip(4).collect();
    assert_eq!(
        records,
        [
            "www.foobar.com. 3600 IN AAAA 2001:db8::1",
            "foobar.com. 3600 IN AAAA 2001:db8::1",
            "foobar.com. 3600 IN NS ns1.foobar.com.",
            "web.foobar.com. 3600 IN CNAME www.foobar.com.",
            "ns1.foobar.com. 3600 IN AAAA 2001:db8::1",
            "*.foobar.com. 3600 IN TXT \"any name\"",
        ]
    );
    assert!(read("etc/bind/named.conf").contains("zone \"foobar.com\" {"));
    let site = read("etc/nginx/sites-available/www.foobar.com.conf");
    let shared = read("etc/nginx/conf.d/foobar-stack.conf");
    assert!(shared.contains("\t2001:db8::1 0;"), "{shared}");
    for text in [site, shared] {
        assert!(!text.contains("None") && !text.contains("null"), "{text}");
    }
}
