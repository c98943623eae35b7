//! What the inventory says of single paths holds for visitors.

use crate::server::{Server, Site};

const APP: &str = include_str!("paths_app.py");
const REQUESTS: &str = include_str!("paths.py");

const PATHS: &str = r#"
[web.paths."/admin/"]
users = { anna = { file = "anna" } }
allow = ["127.0.0.1", "198.51.100.7"]
headers = { "X-Frame-Options" = "DENY" }

[web.paths."/admin/open"]
public = true

[web.paths."/moved/"]
redirect = { to = "/new/", status = 308 }

[web.paths."/small/"]
max_body = "1k"

[web.paths."/slow/"]
timeout = "1s"

[web.paths."/rare"]
rate = "2/m"
burst = 3

[web.paths."/two/"]
connections = 2

[web.paths."/export/"]
buffering = false

[web.paths."/cached/"]
cache = "1h"

[web.paths."/raw/"]
snippet = """
add_header X-Raw yes;
proxy_set_header X-Own raw;
"""

[web.paths."/static/"]
cache = "immutable"
fallback = "/static/index.html"

[web.paths."/static/index.html"]
cache = "no-cache"
"#;

const WEB: &str = "\n[web]\nconnections = 5\nbrotli = true\ntrusted_proxies = [\"127.0.0.2\"]\n\
                   redirects = { \"/old\" = \"/new\" }\n";

/// The app of this test, without a migration.
fn inventory(text: &str) -> String {
    let line = |line: &str| match line.split_once(" = ") {
        Some(("command", _)) => "command = \"python3 app.py\"\n".to_owned(),
        Some(("migrate", _)) => String::new(),
        _ => format!("{line}\n"),
    };
    let text: String = text.lines().map(line).collect();
    assert_eq!(text.matches("\n[web]\n").count(), 1, "{text}");
    format!("{}{PATHS}", text.replace("\n[web]\n", WEB))
}

pub(crate) fn what_is_said_of_a_path_holds_there(server: &Server) {
    let site = server.site_with("paths", |text| inventory(&text));
    site.write("app/app.py", APP);
    site.write("app/static/index.html", "<p>the app</p>\n");
    let hash = server.on("openssl passwd -6 'correct horse'");
    site.write("anna", &hash);
    let applied = site.run(&["apply", "--yes", "--json"]).exits(0);
    assert!(!applied.said().contains(hash.trim()), "{}", applied.said());
    let file = "/etc/nginx/passwords/foobar.com/%2Fadmin%2F.anna";
    let seen = server.on(&format!("stat -c '%a %U %G' {file}; cat {file}"));
    assert_eq!(seen, format!("640 root www-data\nanna:{hash}"));

    let found = server.on(&format!("python3 -W ignore - <<'END'\n{REQUESTS}\nEND\n"));
    assert!(found.trim().is_empty(), "{found}");
    let log = "grep -c '^198.51.100.7 .*\"GET / ' /var/log/nginx/access.log";
    assert_ne!(server.on(log).trim(), "0");

    maintenance_goes_first(server, &site);
    what_cannot_be_is_refused(server, &site);
}

/// Nobody is asked for a password, or sent on, while the site is closed.
fn maintenance_goes_first(server: &Server, site: &Site) {
    site.run(&["maintenance", "on"]).exits(0);
    for path in ["/admin/", "/moved/", "/raw/", "/static/style.css"] {
        // The server itself always passes; this is somebody behind the proxy.
        let status = server.on(&format!(
            "curl --silent --insecure --output /dev/null --write-out '%{{http_code}}' \
             --interface 127.0.0.2 --header 'X-Forwarded-For: 198.51.100.9' \
             --connect-to ::127.0.0.1: https://foobar.com{path}"
        ));
        assert_eq!(status, "503", "{path}");
    }
    site.run(&["maintenance", "off"]).exits(0);
}

/// Nothing is touched, and the message says where it stands.
fn what_cannot_be_is_refused(server: &Server, site: &Site) {
    let state = "cd /etc/nginx && find . -printf '%p %T@ %m\n' | sort; systemctl show -p MainPID,InvocationID nginx";
    let before = server.on(state);
    let text = site.read("inventory.toml");
    for (broken, words) in [
        ("proxy_nonsense on;", "unknown directive \"proxy_nonsense\""),
        ("} location /other/ {", "unexpected \"}\""),
    ] {
        let other = text.replace("add_header X-Raw yes;", broken);
        site.write("inventory.toml", &other);
        let refused = site.run(&["apply", "--yes"]);
        assert_ne!(refused.code, 0, "{}", refused.said());
        refused.says(&[words, "this text is web.paths.\"/raw/\".snippet"]);
    }
    site.write("inventory.toml", &text);
    let hash = site.read("anna");
    site.write("anna", "correct horse battery staple\n");
    let refused = site.run(&["plan"]);
    assert_ne!(refused.code, 0, "{}", refused.said());
    assert!(!refused.said().contains("horse"), "{}", refused.said());
    refused.says(&["is no hash of a password", "openssl passwd -6"]);
    site.write("anna", &hash);
    assert_eq!(server.on(state), before);
}
