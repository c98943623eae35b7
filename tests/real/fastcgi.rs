//! What travels between a visitor and an app that speaks FastCGI: nothing that the visitor claims
//! about himself reaches the app, and each header of the site reaches the visitor once.

use crate::server::{Server, Site};

/// A page that says what the app was told, and sends headers of its own.
pub(crate) const SEEN: &str = r#"<?php
http_response_code((int) ($_GET['status'] ?? 200));
header('X-Mine: the app');
header('X-Frame-Options: ALLOWALL');
header('Referrer-Policy: no-referrer');
header('Strict-Transport-Security: max-age=1');
foreach ($_SERVER as $name => $value) {
    if (is_string($value)) {
        echo "$name=$value\n";
    }
}
"#;

/// Where the names stand that the role takes out.
const ROLE: &str = include_str!("../../roles/web/role.toml");

/// Headers that Nginx sets itself.
const SET: [&str; 5] = [
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Real-IP",
    "X-Request-ID",
];

/// Asks from the server itself, but by its public address.
fn ask(server: &Server, path: &str, more: &str) -> String {
    server.on(&format!(
        "curl --silent --insecure --path-as-is --connect-to ::{}: {more} 'https://foobar.com{path}'",
        server.address
    ))
}

/// A name as clients might write it so that it means the same to CGI.
fn spellings(name: &str) -> [String; 5] {
    let mut count = 0;
    let mixed = name.chars().map(|letter| {
        count += 1;
        if count % 2 == 0 {
            letter.to_ascii_uppercase()
        } else {
            letter.to_ascii_lowercase()
        }
    });
    [
        name.to_owned(),
        name.to_lowercase(),
        mixed.collect(),
        name.replace('-', "_"),
        name.replacen('-', "_", 1).to_uppercase(),
    ]
}

pub(crate) fn what_a_client_claims_is_not_passed_on(server: &Server) {
    let list = ROLE.split_once("distrusted = { expr = \"\"\"[");
    let (list, _) = list
        .and_then(|(_, rest)| rest.split_once("]\"\"\""))
        .unwrap_or_default();
    let mut names: Vec<&str> = list.split('\'').skip(1).step_by(2).collect();
    assert!(names.contains(&"Proxy") && names.contains(&"Remote-User"));
    names.extend(SET);
    let mut headers = String::from("X-Own: it arrives\nAuthorization: Basic Y2xhaW1lZDp4\n");
    for spelling in names.iter().flat_map(|name| spellings(name)) {
        headers.push_str(&format!("{spelling}: forged\n"));
    }
    server.on(&format!("cat >/root/headers <<'END'\n{headers}END\n"));
    let seen = ask(server, "/seen.php", "--http1.1 --header @/root/headers");
    assert!(!seen.contains("forged"), "{seen}");
    let address = server.address;
    let is = |line: &str| assert!(seen.lines().any(|one| one == line), "{line}:\n{seen}");
    is("HTTP_X_OWN=it arrives");
    is("HTTP_AUTHORIZATION=Basic Y2xhaW1lZDp4");
    // PHP itself reads the name out of that, for who wants to look at the password.
    is("PHP_AUTH_USER=claimed");
    assert!(!seen.contains("REMOTE_USER=claimed"), "{seen}");
    is("HTTPS=on");
    is("REQUEST_SCHEME=https");
    is("SERVER_NAME=foobar.com");
    is("SERVER_PORT=443");
    is("HTTP_HOST=foobar.com");
    is("HTTP_X_FORWARDED_PROTO=https");
    is("HTTP_X_FORWARDED_HOST=foobar.com");
    is(&format!("REMOTE_ADDR={address}"));
    is(&format!("SERVER_ADDR={address}"));
    is(&format!("HTTP_X_FORWARDED_FOR={address}"));
    is(&format!("HTTP_X_REAL_IP={address}"));
}

/// Whoever answers, and however: the app, Nginx with a file, Nginx with an error.
pub(crate) fn each_header_is_sent_once(server: &Server, site: &Site) {
    let inventory = site.read("inventory.toml");
    assert_eq!(inventory.matches("\n[web]\n").count(), 1, "{inventory}");
    let keys = "\n[web]\nheaders = { \"X-Mine\" = \"ours\", \"X-Frame-Options\" = \"DENY\" }\n\
                static = { \"/files/\" = \"public\" }\n";
    let inventory = inventory.replace("\n[web]\n", keys);
    assert_eq!(inventory.matches("\n[app]\n").count(), 1, "{inventory}");
    let uploads = "\n[app]\npersistent = [\"public/uploads\"]\n";
    site.write("inventory.toml", &inventory.replace("\n[app]\n", uploads));
    site.run(&["apply", "--yes", "--json"]).exits(0);
    server.on("cd /srv/*/shared/public/uploads && echo text >note.txt && echo '<?php echo 1;' | tee up.php up.PHTML >/dev/null");
    let long = format!("--header 'X-Long: {}'", "x".repeat(12_000));
    for (path, more, status) in [
        ("/seen.php", "", 200),
        ("/seen.php?status=404", "", 404),
        ("/seen.php?status=500", "", 500),
        ("/note.txt", "", 200),
        ("/note.txt", "--request POST", 405),
        ("/files/note.txt", "", 200),
        ("/files/none", "", 404),
        ("/none.php", "", 404),
        ("/.git/config", "", 404),
        ("/seen.php", &long, 200),
        ("/uploads/note.txt", "", 200),
        ("/uploads/up.php", "", 404),
        ("/uploads/up.php/x", "", 404),
        ("/uploads/up.PHTML", "", 404),
        ("/../note.txt", "", 400),
        ("/seen.php", "--header 'Content-Length: 99999999999'", 413),
    ] {
        sends(server, path, more, status);
    }
    let units = "'foobar-app-*@1.service'";
    let unit = server.on(&format!(
        "systemctl list-units --plain --no-legend {units} | cut -d ' ' -f 1"
    ));
    server.on(&format!("systemctl stop {unit}"));
    sends(server, "/seen.php", "", 502);
    server.on(&format!("systemctl start {unit}"));
}

#[track_caller]
fn sends(server: &Server, path: &str, more: &str, status: u16) {
    let head = "--http1.1 --dump-header - --output /dev/null";
    let reply = ask(server, path, &format!("{head} {more}"));
    let line = reply.lines().next().unwrap_or_default();
    assert!(line.contains(&format!(" {status} ")), "{path}: {reply}");
    let values = |name: &str| -> Vec<&str> {
        let lines = reply.lines().filter_map(|line| line.split_once(": "));
        let found = lines.filter(|(one, _)| one.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.trim()).collect()
    };
    // What the inventory does not set is the app's to say.
    let by_app = path.starts_with("/seen.php") && ![413, 502].contains(&status);
    let referrer = if by_app {
        "no-referrer"
    } else {
        "strict-origin-when-cross-origin"
    };
    for (name, value) in [
        ("X-Mine", "ours"),
        ("X-Frame-Options", "DENY"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", referrer),
    ] {
        assert_eq!(values(name), [value], "{name} of {path}:\n{reply}");
    }
    let transport = values("Strict-Transport-Security");
    assert!(
        transport.len() == 1 && transport != ["max-age=1"],
        "{path}:\n{reply}"
    );
}
