//! `status`, `logs` and `maintenance` on a real server.

use crate::page::visit;
use crate::server::Server;
use crate::support::until;

/// What a visitor gets.
#[track_caller]
fn status_of_the_page(server: &Server) -> u16 {
    match visit(server, "https", None) {
        Ok(page) => page.status,
        Err(error) => panic!("no page: {error}"),
    }
}

pub(crate) fn a_site_is_looked_at_and_closed_for_maintenance(server: &Server) {
    the_status_is_what_is_so(server);
    every_log_is_shown(server);
    visitors_are_kept_out_and_nobody_else(server);
}

fn the_status_is_what_is_so(server: &Server) {
    let before = server.run(&["status", "--json"]).exits(0);
    let status = before.lines("status").remove(0);
    let units = status["units"].as_array().cloned().unwrap_or_default();
    for role in ["web", "app", "database", "dns", "firewall"] {
        let active = |unit: &&serde_json::Value| unit["role"] == role && unit["state"] == "active";
        assert!(
            units.iter().any(|unit| active(&unit)),
            "{role}: {}",
            before.said()
        );
    }
    let current = server.on("basename $(readlink /srv/foobar/current)");
    let runs = units
        .iter()
        .find(|unit| unit["role"] == "app" && unit["state"] == "active");
    let release = runs
        .and_then(|unit| unit["release"].as_str())
        .unwrap_or_default();
    assert_eq!(release, current.trim(), "{}", before.said());
    let generation = server.on("cat /var/lib/foobar-stack/generation");
    assert_eq!(
        status["last_apply"]["generation"].to_string(),
        generation.trim()
    );
    assert!(
        status["certificates"][0]["days"].as_i64() > Some(800),
        "{status}"
    );
    assert!(status["disks"][0]["free"].as_u64() > Some(0), "{status}");
    assert_eq!(
        before.summary()["traffic"]["round_trips"],
        3,
        "login, facts, status"
    );

    for _ in 0..3 {
        status_of_the_page(server);
    }
    let after = server
        .run(&["status", "--json"])
        .exits(0)
        .lines("status")
        .remove(0);
    let requests = |status: &serde_json::Value| status["requests"].as_u64().unwrap_or_default();
    assert!(
        requests(&after) >= requests(&status) + 3,
        "{status}\n{after}"
    );
    // The count is nobody else's to know.
    let foreign = server.on("exec 3<>/dev/tcp/$(hostname -I | cut -d ' ' -f 1)/80; printf 'GET / HTTP/1.0\\r\\nHost: nginx-status.localhost\\r\\n\\r\\n' >&3; head -n 1 <&3");
    assert!(foreign.contains(" 403 "), "{foreign}");

    server.on("systemctl kill --signal=KILL $(systemctl list-units --plain --no-legend --state=active 'foobar-app-*@*.service' | cut -d ' ' -f 1)");
    let text = until("the app was started again", || {
        let text = server.run(&["status"]).exits(0).out;
        text.contains("started again 1 ×").then_some(text)
    });
    assert!(
        text.contains("last apply") && text.contains("none: the inventory has no section"),
        "{text}"
    );
}

fn every_log_is_shown(server: &Server) {
    server.on("logger --id=$$ not of the stack; systemctl reload nginx.service");
    let all = server.run(&["logs", "-n", "40", "--json"]).exits(0);
    let lines = all.lines("line");
    for role in ["web", "app", "database", "dns"] {
        assert!(
            lines.iter().any(|line| line["role"] == role),
            "{role}: {}",
            all.said()
        );
    }
    assert!(
        lines.iter().any(|line| line["who"] == "access.log"),
        "{}",
        all.said()
    );
    assert!(!all.out.contains("not of the stack"), "{}", all.said());
    let app = server
        .run(&["logs", "app", "--since=1h", "--json"])
        .exits(0);
    let strangers: Vec<_> = app
        .lines("line")
        .into_iter()
        .filter(|line| line["role"] != "app")
        .collect();
    assert!(
        strangers.is_empty() && !app.lines("line").is_empty(),
        "{strangers:?}"
    );
    server
        .run(&["logs", "tea"])
        .exits(64)
        .says(&["tea has no logs", "app"]);
    server
        .run(&["logs", "app", "--since=whenever"])
        .exits(1)
        .says(&["cannot show its logs"]);

    // What is followed comes as it happens, and Ctrl-C is its end.
    let seen = server.site.folder.join("seen");
    let mut following = server
        .site
        .follow(&["logs", "web", "--follow", "-n", "1"], &seen);
    let read = || std::fs::read_to_string(&seen).unwrap_or_default();
    until("a line", || (!read().is_empty()).then_some(()));
    status_of_the_page(server);
    server.on("logger --tag nginx-test nothing; echo 'a line of the error log' >>/var/log/nginx/error.log");
    until("what was written", || {
        read().contains("a line of the error log").then_some(())
    });
    assert_eq!(following.interrupted(), 130);
    until("nothing is left on the server", || {
        let (_, left) = server.ask("grep -la -- --follow /proc/[0-9]*/cmdline || true");
        left.is_empty().then_some(())
    });
}

fn visitors_are_kept_out_and_nobody_else(server: &Server) {
    server
        .run(&["maintenance", "on", "--retry-after=90s"])
        .exits(0)
        .says(&["maintenance is on"]);
    assert_eq!(status_of_the_page(server), 503);
    let page = match visit(server, "https", None) {
        Ok(page) => page.text,
        Err(error) => panic!("{error}"),
    };
    assert!(page.contains("being worked on"), "{page}");
    // A form is not let through either, and what programs read says when to come back.
    let load = [
        "load",
        "--json",
        "--outside",
        "--duration=1s",
        "--rate=5",
        "--post=/=text=x",
    ];
    let load = server.run(&load).exits(1);
    assert_eq!(
        load.lines("failure").remove(0)["kind"],
        "status 503",
        "{}",
        load.said()
    );

    // It is no drift, it is told, and it does not stand in the way of an apply.
    server
        .run(&["plan", "--detailed-exitcode"])
        .exits(0)
        .says(&["maintenance is on", "No changes"]);
    server
        .run(&["verify"])
        .exits(0)
        .says(&["skipped: because maintenance is on"]);
    server.run(&["status"]).exits(0).says(&["visitors get 503"]);
    let edit = |text: String| {
        let text = text.replace("SITE_TITLE = \"foobar\"", "SITE_TITLE = \"in maintenance\"");
        let key = format!("[web]\nmaintenance_allow = [\"{}\"]", server.gateway());
        text.replace("[web]", &key)
    };
    let site = server.site_with("maintenance", edit);
    site.run(&["apply", "--yes"]).exits(0);
    // This machine is now among those who pass.
    let page = crate::page::page(server);
    assert!(page.text.contains("in maintenance"), "{}", page.text);
    server.run(&["apply", "--yes"]).exits(0);
    assert_eq!(status_of_the_page(server), 503, "an apply does not end it");

    server
        .run(&["maintenance", "on", "--allow", &server.gateway()])
        .exits(0);
    assert_eq!(status_of_the_page(server), 200);
    server.run(&["maintenance", "on"]).exits(0);
    server.on("systemctl restart nginx.service");
    assert_eq!(status_of_the_page(server), 503, "nor does a restart");
    server.run(&["maintenance", "off"]).exits(0);
    assert_eq!(status_of_the_page(server), 200);
    server.run(&["maintenance", "off"]).exits(0);
    server.run(&["plan", "--detailed-exitcode"]).exits(0);
}
