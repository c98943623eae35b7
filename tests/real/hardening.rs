//! What independent scanners and probes ask of a finished stack, and what happens to it when
//! somebody kills, floods or fills something.

use crate::server::{CANARIES, Server, Site};
use crate::support::until;
use std::io::{Read as _, Write as _};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

const APP: &str = include_str!("hardening_app.py");
const REQUESTS: &str = include_str!("hardening.py");
/// A role of one's own that writes nothing and only looks.
const WATCH: &str =
    "description = \"Looks\"\n[[check.unit]]\nname = \"dbus.service\"\nhop = \"server\"\n";

pub(crate) fn scanners_find_nothing_and_daemons_come_back(server: &Server) {
    let interface = "/proc/sys/net/ipv4/conf/host0/accept_redirects";
    server.on(&format!("echo 1 >{interface}"));
    let drift = server.run(&["plan"]).exits(0);
    assert!(
        drift.out.contains("accept_redirects is 1"),
        "{}",
        drift.said()
    );

    let site = server.site_with("hardening", |text| {
        let line = |line: &str| match line.split_once(" = ") {
            Some(("command", _)) => "command = \"python3 app.py\"\n".to_owned(),
            Some(("migrate", _)) => String::new(),
            _ => format!("{line}\n"),
        };
        text.lines().map(line).collect()
    });
    site.write("app/app.py", APP);
    site.write("roles/watch/role.toml", WATCH);
    site.run(&["apply", "--yes", "--json"]).exits(0);
    assert_eq!(server.on(&format!("cat {interface}")).trim(), "0");

    let found = server.on(&format!("python3 -W ignore - <<'END'\n{REQUESTS}\nEND\n"));
    assert!(found.trim().is_empty(), "{found}");
    the_code_is_for_nobody_else(server);
    dns_stands_a_flood(server);
    logs_rotate(server);
    services_may_do_little(server);
    daemons_come_back(server);
    a_role_that_only_looks_is_shown(&site);
    maintenance_waits_for_runs(server, &site);
    a_secret_is_masked(server, &site);
}

/// What systemd-analyze(1) says of the services is at most what the documentation says; all of it
/// was in force from their first start on.
fn services_may_do_little(server: &Server) {
    for (unit, most) in [("nginx", 31), ("named", 27), ("mariadb", 25)] {
        let unit = format!("{unit}.service");
        server.on(&format!(
            "systemd-analyze security --no-pager --threshold={most} {unit}"
        ));
        let main = format!("$(systemctl show --value -p MainPID {unit})");
        server.on(&format!("grep -q '^NoNewPrivs:.*1' /proc/{main}/status"));
    }
    let page = server.on("curl -skI --connect-to ::127.0.0.1: https://foobar.com/");
    for header in [
        "permissions-policy: camera=(self), geolocation=(self), microphone=(self)",
        "cross-origin-opener-policy: same-origin-allow-popups",
    ] {
        assert!(page.contains(header), "{header} is not in\n{page}");
    }
}

fn the_code_is_for_nobody_else(server: &Server) {
    let reads = |user: &str, path: &str| {
        let (code, _) = server.ask(&format!(
            "setpriv --reuid {user} --regid {user} --clear-groups cat /srv/foobar/current/{path}"
        ));
        code == 0
    };
    server.on("getent group nobody >/dev/null || groupadd nobody");
    for (user, may) in [
        ("foobar", true),
        ("www-data", true),
        ("nobody", false),
        ("bind", false),
    ] {
        assert_eq!(reads(user, "app.py"), may, "{user}");
        assert_eq!(reads(user, "static/style.css"), may, "{user}");
    }
    // What a run is made of may hold secrets.
    let open = server.on("find /var/lib/foobar-stack -mindepth 1 -maxdepth 1 -type d -perm /077; find /var/lib/foobar-stack -maxdepth 0 -perm /077");
    assert_eq!(open.trim(), "");
}

/// A question for the A record of a name.
fn question(name: &str) -> Vec<u8> {
    let mut bytes = vec![0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).unwrap_or_default());
        bytes.extend(label.as_bytes());
    }
    bytes.extend([0, 0, 1, 0, 1]);
    bytes
}

fn dns_stands_a_flood(server: &Server) {
    let at = (server.address, 53);
    let lines = || {
        let script =
            "journalctl --sync; journalctl --quiet --output=cat --unit=named.service | wc -l";
        server.on(script).trim().parse::<u32>().unwrap_or_default()
    };
    let before = lines();
    for number in 0..500 {
        let Ok(socket) = UdpSocket::bind(("0.0.0.0", 0)) else {
            panic!("no socket");
        };
        let name = if number % 2 == 0 {
            "foobar.com"
        } else {
            "other.example"
        };
        let _ = socket.send_to(&question(name), at);
    }
    let tracked = server.on("grep -c 'port=53 ' /proc/net/nf_conntrack || true");
    assert_eq!(tracked.trim(), "0");
    assert!(lines() < before + 10, "the journal fills");

    let connect = || match TcpStream::connect(at) {
        Ok(stream) => stream,
        Err(error) => panic!("{error}"),
    };
    let idle: Vec<TcpStream> = (0..300).map(|_| connect()).collect();
    let mut stream = connect();
    let asked = question("foobar.com");
    let mut message = vec![0, u8::try_from(asked.len()).unwrap_or_default()];
    message.extend(asked);
    let mut length = [0; 2];
    let answer = stream
        .set_read_timeout(Some(Duration::from_secs(4)))
        .and_then(|()| stream.write_all(&message))
        .and_then(|()| stream.read_exact(&mut length));
    assert!(
        answer.is_ok(),
        "beside {} idle connections: {answer:?}",
        idle.len()
    );
}

fn logs_rotate(server: &Server) {
    let engine = server.engine();
    server.on(&format!("{engine} -e 'SELECT SLEEP(1.1)'"));
    server.on("systemctl is-active --quiet logrotate.timer && logrotate -f /etc/logrotate.conf");
    server.on(&format!("{engine} -e 'SELECT SLEEP(1.2)'; curl -sk --resolve foobar.com:443:127.0.0.1 https://foobar.com/after-rotation -o /dev/null"));
    server.on(
        "grep -q after-rotation /var/log/nginx/access.log
        for log in /var/log/nginx/access.log /var/log/mysql/*-slow.log; do
            [ -s $log ] && [ \"$(ls $log.1*)\" ] || { echo \"$log was not rotated\"; exit 1; }
        done
        # Whatever a configuration of the stack logs to has somebody who rotates it.
        for log in $(sed -nE 's/^[[:space:]]*(access_log|error_log|slow_query_log_file|log_error)[ =]+(\\/[^ ;]+).*/\\2/p' \
            /etc/nginx/nginx.conf /etc/mysql/*/*foobar-stack.cnf | sort -u); do
            logrotate -d /etc/logrotate.conf 2>&1 | grep -qF \"considering log $log\" || { echo \"nobody rotates $log\"; exit 1; }
        done",
    );
}

fn daemons_come_back(server: &Server) {
    let database = format!("{}.service", server.engine());
    for unit in ["nginx.service", "named.service", &database] {
        let main = format!("systemctl show --value --property=MainPID {unit}");
        let before = server.on(&main);
        server.on(&format!("kill -9 {before}"));
        until(unit, || {
            let (code, now) = server.ask(&format!("systemctl is-active --quiet {unit} && {main}"));
            (code == 0 && now.trim() != "0" && now != before).then_some(())
        });
    }
    server.run(&["verify"]).exits(0);
}

fn a_role_that_only_looks_is_shown(site: &Site) {
    let status = site.run(&["status", "--json"]).exits(0);
    let units = status.lines("status").remove(0)["units"].clone();
    let units = units.as_array().cloned().unwrap_or_default();
    assert!(
        units.iter().any(|unit| unit["role"] == "watch"),
        "{}",
        status.said()
    );
    let logs = site.run(&["logs", "watch", "--json"]).exits(0);
    let lines = logs.lines("line");
    assert!(!lines.is_empty(), "{}", logs.said());
    assert!(
        lines.iter().all(|line| line["role"] == "watch"),
        "{}",
        logs.said()
    );
}

fn maintenance_waits_for_runs(server: &Server, site: &Site) {
    server.on(
        "systemd-run --quiet --unit=holds-the-lock flock /var/lib/foobar-stack/lock sleep infinity",
    );
    until("the lock", || {
        (server.ask("flock -n /var/lib/foobar-stack/lock true").0 != 0).then_some(())
    });
    for word in ["on", "off"] {
        site.run(&["maintenance", word])
            .exits(5)
            .says(&["another run holds the lock: run "]);
    }
    server.on("systemctl stop holds-the-lock.service; test ! -e /etc/nginx/maintenance/on.site");
    // What Nginx does not take is put back.
    site.run(&["maintenance", "on"]).exits(0);
    server.on("echo nonsense >/etc/nginx/conf.d/zz-broken.conf");
    site.run(&["maintenance", "off"])
        .exits(1)
        .says(&["zz-broken.conf"]);
    server.on("rm /etc/nginx/conf.d/zz-broken.conf; test -e /etc/nginx/maintenance/on.site -a -e /etc/nginx/maintenance/on.http");
    site.run(&["maintenance", "off"]).exits(0);
    server.on("ls /etc/nginx/maintenance | grep -vx sites && exit 1 || true; test ! -e /var/lib/foobar-stack/busy");
}

fn a_secret_is_masked(server: &Server, site: &Site) {
    let inventory = site.read("inventory.toml");
    site.write(
        "inventory.toml",
        &inventory.replace("\nhealth =", "\nmigrate = \"sh tell.sh\"\nhealth ="),
    );
    site.write(
        "app/tell.sh",
        "head -v \"$CREDENTIALS_DIRECTORY\"/FROM_*; exit 1\n",
    );
    let clean = |ending: crate::support::Ending| {
        for (name, value) in CANARIES {
            assert!(
                !ending.out.contains(value) && !ending.err.contains(value),
                "{name}: {}",
                ending.said()
            );
        }
        ending.says(&["(sensitive)"])
    };
    for words in [&["apply", "--yes", "-v"][..], &["apply", "--yes", "--json"]] {
        clean(site.run(words).exits(6));
        clean(site.run(&["attach", "-v"]));
    }
    clean(site.run(&["logs", "app", "--lines=200"]).exits(0));
    server.on("journalctl -q -u foobar-migrate.service | grep -q canary-from-env");
}
