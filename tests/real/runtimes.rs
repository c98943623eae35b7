//! Apps in what they are written in: each needs lines of the inventory, and nothing else.

use crate::fastcgi;
use crate::page::visit;
use crate::server::{Server, Site};
use std::process::Command;

/// A runtime: its section `[app]`, its files, and what the page has.
struct Runtime {
    name: &'static str,
    app: &'static str,
    files: &'static [(&'static str, &'static str)],
    page: &'static str,
}

const RUNTIMES: [Runtime; 4] = [
    Runtime {
        name: "asgi",
        app: r#"
source = "app"
packages = ["uvicorn"]
command = "uvicorn --host 127.0.0.1 --port ${PORT} app:application"
health = "/"
"#,
        files: &[(
            "app/app.py",
            r#"
async def application(scope, receive, send):
    if scope["type"] != "http":
        return
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"asgi for " + scope["path"].encode()})
"#,
        )],
        page: "asgi for /",
    },
    Runtime {
        name: "node",
        app: r#"
source = "app"
packages = ["nodejs"]
command = "node server.js"
health = "/"
"#,
        files: &[(
            "app/server.js",
            r#"
const server = require("http").createServer((request, response) => {
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ runtime: "node", host: request.headers.host }));
});
server.listen(process.env.PORT, "127.0.0.1");
process.on("SIGTERM", () => server.close(() => process.exit(0)));
"#,
        )],
        page: r#"{"runtime":"node","host":"foobar.com"}"#,
    },
    Runtime {
        name: "php",
        app: r#"
source = "app"
packages = ["php-fpm"]
command = "sh -c 'exec /usr/sbin/php-fpm8.* --nodaemonize --fpm-config php-fpm.conf'"
protocol = "fastcgi"
listen = "socket"
root = "public"
health = "/well"
"#,
        files: &[
            (
                "app/php-fpm.conf",
                "[global]\nerror_log = syslog\n[www]\nlisten = ${SOCKET}\n\
                 pm = static\npm.max_children = 2\nclear_env = no\n",
            ),
            (
                "app/public/index.php",
                "<?php echo 'php for ', $_SERVER['REQUEST_URI'], ' on ', $_SERVER['HTTPS'], ' in ', \
                 __DIR__ === '/srv/foobar/releases/' . getenv('RELEASE') . '/public' ? 'its place' : __DIR__;",
            ),
            ("app/public/note.txt", "a plain file"),
            ("app/public/seen.php", fastcgi::SEEN),
        ],
        page: "php for / on on in its place",
    },
    Runtime {
        name: "binary",
        app: "\nsource = { archive = \"app.tar.gz\", sha256 = \"DIGEST\" }\ncommand = \"./serve\"\n",
        files: &[(
            "serve.c",
            r#"
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>
int main(void) {
	static const char reply[] =
		"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\na binary";
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int yes = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
	char request[4096];
	at.sin_port = htons(atoi(getenv("PORT")));
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
	if (bind(listener, (struct sockaddr *)&at, sizeof at) || listen(listener, 64)) return 1;
	for (;;) {
		int visitor = accept(listener, NULL, NULL);
		if (visitor < 0) continue;
		if (read(visitor, request, sizeof request) > 0) write(visitor, reply, sizeof reply - 1);
		close(visitor);
	}
}
"#,
        )],
        page: "a binary",
    },
];

/// The server's site with another app: nothing of the example's stays.
fn site(server: &Server, name: &str, app: &str, files: &[(&str, &str)]) -> Site {
    let site = server.site_with(name, |text| {
        let (head, rest) = text.split_once("# --- app:").unwrap_or_default();
        let (_, tail) = rest.split_once("# --- database:").unwrap_or_default();
        assert!(!tail.is_empty(), "{text}");
        let head = head.replace("static = { \"/static/\" = \"static\" }\n", "");
        format!("{head}[app]{app}# --- database:{tail}")
    });
    let removed = std::fs::remove_dir_all(site.folder.join("app"));
    assert!(removed.is_ok(), "{removed:?}");
    for (path, text) in files {
        site.write(path, text);
    }
    site
}

/// What a visitor gets.
#[track_caller]
fn shows(server: &Server, expected: &str) {
    let page = visit(server, "https", None);
    let page = page.map(|page| (page.status, page.text.trim().to_owned()));
    assert_eq!(page, Ok((200, expected.to_owned())));
}

/// The status of a page, as the server itself sees it.
fn status(server: &Server, path: &str) -> String {
    server.on(&format!(
        "curl --silent --insecure --path-as-is --output /dev/null --write-out '%{{http_code}}' \
         --connect-to ::127.0.0.1: 'https://foobar.com{path}'"
    ))
}

pub(crate) fn each_runtime_needs_lines_of_the_inventory_alone(server: &Server) {
    for runtime in &RUNTIMES {
        let site = site(server, runtime.name, runtime.app, runtime.files);
        if runtime.name == "binary" {
            compile(&site);
        }
        site.run(&["apply", "--yes", "--json"]).exits(0);
        shows(server, runtime.page);
        site.run(&["plan"]).exits(0).says(&["No changes."]);
        if runtime.name == "php" {
            assert_eq!(status(server, "/note.txt"), "200");
            assert_eq!(status(server, "/any/where?x=1"), "200");
            for path in ["/none.php", "/.git/config", "/../php-fpm.conf"] {
                let status = status(server, path);
                assert!(
                    ["400", "404"].contains(&status.as_str()),
                    "{path}: {status}"
                );
            }
            fastcgi::what_a_client_claims_is_not_passed_on(server);
            fastcgi::each_header_is_sent_once(server, &site);
            comes_back(server, runtime.page);
            is_asked_before_visitors_are(server, &site, runtime.page);
        }
    }
    plain_files(server);
}

/// An app that is killed cannot take its socket away, and starts all the same.
fn comes_back(server: &Server, page: &str) {
    let unit = "\"$(systemctl list-units --plain --no-legend 'foobar-app-*@1.service' | cut -d ' ' -f 1)\"";
    let process = format!("systemctl show --value --property=MainPID {unit}");
    let before = server.on(&process);
    server.on(&format!("kill -9 $({process})"));
    crate::support::until("the app again", || {
        let (state, now) = server.ask(&format!("systemctl is-active --quiet {unit} && {process}"));
        (state == 0 && now != before).then_some(())
    });
    shows(server, page);
}

/// A release that listens and answers wrongly is seen before a visitor sees it, though the app
/// does not speak HTTP.
fn is_asked_before_visitors_are(server: &Server, site: &Site, page: &str) {
    let script = "app/public/index.php";
    let good = site.read(script);
    site.write(script, "<?php http_response_code(503);");
    let inventory = site.read("inventory.toml");
    let short = inventory.replace("\nlisten =", "\nstart_timeout = \"8s\"\nlisten =");
    site.write("inventory.toml", &short);
    site.run(&["apply", "--yes", "--json"])
        .exits(6)
        .says(&["it is not healthy after 8 s", "says 503, not 200"]);
    shows(server, page);
    site.write(script, &good);
}

/// A program without a library, in an archive.
fn compile(site: &Site) {
    let mut compiler = Command::new("cc");
    compiler
        .args(["-static", "-Os", "-w", "-o", "serve", "serve.c"])
        .current_dir(&site.folder);
    let compiled = crate::support::ending(&mut compiler);
    assert_eq!(compiled.code, 0, "{}", compiled.said());
    let mut packer = Command::new("tar");
    packer
        .args(["-czf", "app.tar.gz", "serve"])
        .current_dir(&site.folder);
    assert_eq!(crate::support::ending(&mut packer).code, 0);
    let mut digest = Command::new("sha256sum");
    digest.arg("app.tar.gz").current_dir(&site.folder);
    let digest = crate::support::ending(&mut digest).out;
    let digest = digest.split(' ').next().unwrap_or_default().to_owned();
    let path = site.folder.join("inventory.toml");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    site.write("inventory.toml", &text.replace("DIGEST", &digest));
}

/// No process at all: Nginx has the files, and the release is switched all the same.
fn plain_files(server: &Server) {
    let app = "\nsource = \"app\"\nprotocol = \"files\"\nroot = \"public\"\nbuild = [\"sh -c 'sed s/ALL/everybody/ draft >public/index.html'\"]\n";
    let files = [
        ("app/draft", "hello ALL\n"),
        ("app/public/note.txt", "a plain file"),
    ];
    let site = site(server, "files", app, &files);
    site.run(&["apply", "--yes", "--json", "--delete-many"])
        .exits(0);
    shows(server, "hello everybody");
    assert_eq!(status(server, "/note.txt"), "200");
    assert_eq!(status(server, "/draft"), "404");
    server.on("if systemctl is-active 'foobar-app-*'; then exit 1; fi");
    site.write("app/draft", "goodbye ALL\n");
    site.run(&["apply", "--yes", "--json"]).exits(0);
    shows(server, "goodbye everybody");
    site.run(&["plan"]).exits(0).says(&["No changes."]);
}
