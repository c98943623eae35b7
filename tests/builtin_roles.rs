//! The built-in roles compile for every inventory and server they are made for.
#![expect(clippy::unwrap_used, reason = "a test may end so")]

mod fixtures;

use foobar_stack::diagnostic::Source;
use foobar_stack::facts::{self, Facts};
use foobar_stack::inventory::{self, Inventory};
use foobar_stack::plan::Stack;
use foobar_stack::role::{Roles, builtin, compile_one};
use foobar_stack::types::ServerName;

const LEAST: &str = "[server]\nipv4 = \"8.8.8.8\"\n[site]\ndomain = \"foobar.com\"\n";
const APP: &str = "[app]\nsource = \"app\"\ncommand = \"bin/serve --port ${PORT}\"\n";
const REFERENCE: &str = include_str!("../inventory/foobar.toml");

/// The facts of a server with these versions of the packages that roles ask for; `+` says that
/// one is installed.
fn server(codename: &str, packages: &[(&str, &str)]) -> Facts {
    let mut text = format!(
        "os.id debian\nos.version_id 13\nos.version_codename {codename}\nos.pretty_name Debian\n\
         hostname web1\ncpus 0-1\nmemory 8000000\nnow 1795376400\nconnection 10.0.0.1 5 10.0.0.2 22\nlogin root\n\
         systemd.running yes\ngeneration 0\napt yes\npackage ii |dpkg|1.22|amd64\n\
         package ii |systemd|257|amd64\nlists 1795376000\n"
    );
    for (name, version) in packages {
        if let Some(version) = version.strip_prefix('+') {
            text.push_str(&format!("package ii |{name}|{version}|amd64\n"));
        }
    }
    for (name, version) in packages {
        text.push_str(&format!("{name}:\n  Candidate: {version}\n"));
    }
    text.push_str("end facts\n");
    let asked: Vec<String> = ["nginx", "mysql-server", "mariadb-server"]
        .map(str::to_owned)
        .to_vec();
    facts::parse(&text, &asked).unwrap()
}

fn trixie() -> Facts {
    server(
        "trixie",
        &[("nginx", "1.26.3-3"), ("mariadb-server", "1:11.8.6")],
    )
}

fn stack(text: &str, facts: &Facts) -> Result<Stack, String> {
    let source = Source::new("inventory.toml", text);
    let inventory: Inventory = inventory::parse(&source).unwrap().inventory;
    let inputs = fixtures::inputs(inventory, "x", builtin());
    let roles = Roles::read(&inputs.roles).unwrap();
    compile_one(&inputs, &roles, &ServerName::default(), facts)
        .map_err(|found| format!("{:#?}", found.0))
}

fn ids(stack: &Stack) -> Vec<String> {
    let resources = stack.resources.iter();
    resources.map(|one| one.id.to_string()).collect()
}

#[test]
fn every_inventory_compiles() {
    let secure =
        "[tls]\nmode = \"files\"\ncertificate = \"tls/site.pem\"\nkey = \"tls/site.key\"\n";
    let app_off = format!("{LEAST}[app]\nenabled = false\n");
    for (text, with, without) in [
        (
            REFERENCE.to_owned(),
            "command:foobar-migrate",
            "file:/etc/hostname",
        ),
        (
            format!("{LEAST}{APP}"),
            "release:/srv/foobar",
            "command:foobar-migrate",
        ),
        (app_off, "file:/var/www/foobar.com/index.html", "release:"),
        (
            format!("{LEAST}{APP}[tls]\nmode = \"off\"\n"),
            "service:nginx.service",
            "certificate:",
        ),
        (
            format!("{LEAST}{APP}{secure}"),
            "file:/etc/ssl/foobar-stack/foobar.com.key",
            "certificate:",
        ),
        (
            format!("{LEAST}{APP}[database]\nenabled = false\n"),
            "deployment:foobar-app",
            "database:",
        ),
        (
            format!("{LEAST}{APP}[dns]\nenabled = false\n[firewall]\nenabled = false\n"),
            "service:nginx.service",
            "package:nftables",
        ),
        (
            format!(
                "{APP}[server]\nipv4 = \"8.8.8.8\"\nipv6 = \"2a00::1\"\nport = 2222\nhostname = \"web1\"\ntimezone = \"Etc/UTC\"\n[site]\ndomain = \"foobar.com\"\naliases = []\n[web]\nhttps_port = 8443\nheaders = {{ X-Frame-Options = \"DENY\" }}\n"
            ),
            "command:hostname",
            "command:foobar-migrate",
        ),
    ] {
        let stack = stack(&text, &trixie()).unwrap_or_else(|found| panic!("{text}\n{found}"));
        let ids = ids(&stack);
        let has = |start: &str| ids.iter().any(|id| id.starts_with(start));
        assert!(has(with), "no {with} of\n{text}\n{ids:#?}");
        assert!(!has(without), "{without} of\n{text}\n{ids:#?}");
    }
}

#[test]
fn the_roles_of_the_reference_stand_in_their_order() {
    let stack = stack(REFERENCE, &trixie()).unwrap();
    let order = ["base", "database", "app", "dns", "firewall", "tls", "web"];
    assert_eq!(stack.roles, order);
    assert!(stack.checks.len() > 10);
}

#[test]
fn the_server_decides_the_database() {
    let mariadb = ("mariadb-server", "1:11.8.6");
    for (engine, packages, expected) in [
        ("auto", vec![mariadb], "mariadb"),
        ("auto", vec![mariadb, ("mysql-server", "9.7.4")], "mysql"),
        // Data does not move from one to the other by itself.
        (
            "auto",
            vec![("mariadb-server", "+1:11.8.6"), ("mysql-server", "9.7.4")],
            "mariadb",
        ),
        ("auto", vec![mariadb, ("mysql-server", "+9.7.4")], "mysql"),
        (
            "mariadb",
            vec![mariadb, ("mysql-server", "9.7.4")],
            "mariadb",
        ),
        ("mysql", vec![mariadb], "has no package mysql-server"),
        (
            "mysql",
            vec![("mariadb-server", "+1:11.8.6"), ("mysql-server", "9.7.4")],
            "would remove it",
        ),
        (
            "mariadb",
            vec![mariadb, ("mysql-server", "+9.7.4")],
            "would remove it",
        ),
    ] {
        let text = format!("{LEAST}{APP}[database]\nengine = \"{engine}\"\n");
        let mut all = vec![("nginx", "1.26.3")];
        all.extend(packages);
        match stack(&text, &server("sid", &all)) {
            Ok(stack) => assert!(
                ids(&stack).contains(&format!("service:{expected}.service")),
                "{engine} {all:?}: {:#?}",
                ids(&stack)
            ),
            Err(found) => assert!(found.contains(expected), "{engine} {all:?}: {found}"),
        }
    }
}

#[test]
fn http3_needs_an_nginx_that_has_it() {
    let mariadb = ("mariadb-server", "1:11.8.6");
    for (codename, version, good) in [
        ("trixie", "1.26.3-3+deb13u1", true),
        ("sid", "+1.30.6-1", true),
        ("noble", "1.24.0-2ubuntu7", false),
        ("bookworm", "1.22.1-9", false),
    ] {
        let facts = server(codename, &[("nginx", version), mariadb]);
        let found = stack(&format!("{LEAST}{APP}[web]\nhttp3 = true\n"), &facts);
        match found {
            Ok(stack) => {
                assert!(good, "{version}");
                let title = "HTTP/3 on port 443";
                assert!(stack.checks.iter().any(|check| check.title == title));
            }
            Err(found) => {
                assert!(!good, "{version}: {found}");
                assert!(found.contains("which has no HTTP/3"), "{found}");
            }
        }
    }
}

#[test]
fn tickets_are_sealed_with_keys_that_are_rotated_or_not_at_all() {
    let mariadb = ("mariadb-server", "1:11.8.6");
    for (codename, version, tickets) in [
        ("trixie", "1.26.3-3+deb13u1", "on"),
        ("noble", "1.24.0-2ubuntu7", "on"),
        ("bookworm", "1.22.1-9", "off"),
    ] {
        let facts = server(codename, &[("nginx", version), mariadb]);
        let stack = stack(&format!("{LEAST}{APP}"), &facts).unwrap();
        let rendered = stack
            .resources
            .iter()
            .flat_map(|one| one.spec.rendered("20260101"));
        let config = rendered
            .filter(|file| file.path.as_str() == "/etc/nginx/nginx.conf")
            .find_map(|file| String::from_utf8(file.content?.to_vec()).ok())
            .unwrap();
        let line = format!("ssl_session_tickets {tickets};");
        assert!(config.contains(&line), "{version}: {config}");
    }
}

#[test]
fn an_nginx_that_is_too_old_is_refused() {
    let mariadb = ("mariadb-server", "1:11.8.6");
    for (codename, version, good) in [
        ("noble", "1.24.0-2ubuntu7", true),
        ("jammy", "1.18.0-6ubuntu14", false),
    ] {
        let facts = server(codename, &[("nginx", version), mariadb]);
        let found = stack(&format!("{LEAST}{APP}"), &facts);
        assert_eq!(found.is_ok(), good, "{version}: {:?}", found.err());
    }
}
