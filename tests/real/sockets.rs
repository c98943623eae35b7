//! The app on a Unix socket: visitors lose nothing on the way there and back, and nobody but
//! Nginx and the app itself may connect.

use crate::note;
use crate::releases::target;
use crate::server::Server;
use crate::support::until;
use foobar_stack_load::{Background, Profile, Protocol, Request};
use std::time::Duration;

/// The example app by WSGI, on a socket.
fn inventory(text: &str) -> String {
    let told = "--bind 127.0.0.1:${PORT}";
    assert_eq!(text.matches(told).count(), 1, "{text}");
    let text = text.replace(told, "--bind unix:${SOCKET}");
    text.replace(
        "\ncommand = \"gunicorn",
        "\nlisten = \"socket\"\ncommand = \"gunicorn",
    )
}

fn visitors(server: &Server) -> Background {
    let request = |path: &str| Request {
        path: path.to_owned(),
        body: None,
        weight: 1,
    };
    let profile = Profile {
        rate: 40.0,
        duration: Duration::from_secs(600),
        connections: 8,
        fresh: 0.3,
        protocol: Protocol::Http1,
        timeout: Duration::from_secs(30),
        requests: vec![request("/"), request("/healthz")],
        slow: Vec::new(),
        websocket: None,
        retry_posts: false,
    };
    match Background::start(&target(server), profile) {
        Ok(load) => load,
        Err(error) => panic!("no load: {error}"),
    }
}

/// What Nginx hands requests to.
fn serves_at(server: &Server) -> String {
    let file = "/etc/nginx/foobar-stack/foobar-app.conf";
    let said = server.on(&format!(
        "sed -n 's/^\tserver \\(.*\\) max_fails=0;/\\1/p' {file} | sort -u"
    ));
    said.trim().to_owned()
}

pub(crate) fn the_app_moves_to_a_socket_and_back(server: &Server) {
    let port = serves_at(server);
    assert!(port.starts_with("127.0.0.1:"), "{port}");
    let site = server.site_with("sockets", |text| inventory(&text));
    // As servers do that give their socket to the account that they have already.
    let settings = site.read("app/gunicorn.conf.py");
    let owner = "import os\nos.chown(os.environ['STATE_DIRECTORY'], os.getuid(), os.getgid())\n";
    site.write("app/gunicorn.conf.py", &format!("{settings}\n{owner}"));
    let load = visitors(server);
    let more = |what: &str| {
        let (before, _) = load.so_far();
        until(what, || (load.so_far().0 > before + 40).then_some(()));
    };
    more("visitors of the port");
    site.run(&["apply", "--yes", "--json"]).exits(0);
    more("visitors of the socket");
    let socket = serves_at(server);
    let path = socket.strip_prefix("unix:").unwrap_or_default();
    assert!(path.starts_with("/run/foobar-app-"), "{socket}");
    who_may_connect(server, path);

    // By the generation before, which listened on a port.
    site.run(&["rollback", "--yes", "--json"]).exits(0);
    assert!(serves_at(server).starts_with("127.0.0.1:"));
    more("visitors of the port again");
    server.on(&format!("test ! -e {path}"));
    let record = load.end();
    note(&format!("{} requests", record.whole().latencies.count()));
    assert_eq!(record.failed(), 0, "{:#?}", record.failures);
}

fn who_may_connect(server: &Server, socket: &str) {
    let ask = |user: &str| {
        let (code, said) = server.ask(&format!(
            "setpriv --reuid {user} --regid {user} --init-groups \
             curl --silent --show-error --output /dev/null --write-out '%{{http_code}}' \
             --unix-socket {socket} http://localhost/healthz"
        ));
        if code == 0 {
            said
        } else {
            "refused".to_owned()
        }
    };
    let answers = ["www-data", "foobar", "bind", "mysql"].map(ask);
    assert_eq!(answers, ["200", "200", "refused", "refused"]);
    // Tenths: the unit may do little else.
    let slot = socket
        .trim_start_matches("/run/")
        .replace("-1/app.sock", "");
    server.on(&format!(
        "systemd-analyze security --threshold=20 {slot}@1.service"
    ));
}
