//! Going back to a proven generation: what it was comes back, and nothing else is a target.

use crate::page::page;
use crate::server::{Server, Site};
use crate::support::Change;
use serde_json::Value;

/// The generations of the history, the oldest first.
fn history(server: &Server) -> Vec<Value> {
    server
        .run(&["history", "--json"])
        .exits(0)
        .lines("generation")
}

fn text<'a>(run: &'a Value, key: &str) -> &'a str {
    run[key].as_str().unwrap_or_default()
}

/// The last run of the history.
#[track_caller]
fn last(server: &Server) -> Value {
    match history(server).pop() {
        Some(run) => run,
        None => panic!("no history"),
    }
}

/// The ids of the changes that the way back has, too: releases stay, and each migrates once.
fn lasting(mut changes: Vec<Change>) -> Vec<String> {
    let once = ["release:", "old_release:", "command:foobar-migrate"];
    changes.retain(|change| !once.iter().any(|head| change.id.starts_with(head)));
    changes.into_iter().map(|change| change.id).collect()
}

/// The inventory on a machine that has not got the code of the app: enough for whoever has to look at
/// the server, or to bring back what it keeps.
fn without_the_code(server: &Server) -> Site {
    let site = server.site_with("elsewhere", |inventory| inventory);
    site.remove("app");
    site.run(&["plan"])
        .exits(65)
        .says(&["app.source: ", "is no such folder"]);
    site.run(&["status", "--json"]).exits(0);
    site.run(&["run", "--", "test", "-d", "/srv/foobar/current"])
        .exits(0);
    site
}

pub(crate) fn a_proven_generation_comes_back(server: &Server) {
    let dead = server.site_with("dead", |inventory| inventory);
    dead.write("app/app.py", "raise SystemExit('this app does not live')\n");
    dead.run(&["apply", "--yes"]).exits(6);
    // A run of the inventory as it is, whatever was before.
    server.on("echo '# by hand' >>/etc/nginx/nginx.conf");
    server.converge();
    let before = last(server);
    assert_eq!(text(&before, "state"), "proven, current");

    let next = server.site_with("next", |inventory| {
        inventory + "\n[[dns.records]]\nname = \"next\"\ntype = \"A\"\nvalue = \"192.0.2.1\"\n"
    });
    next.write("templates/web/unavailable.html", "the next one\n");
    next.write("app/next.txt", "the next one\n");
    next.write("roles/lab/files/x", "not used by any\n");
    let planned = next.plan();
    next.run(&["apply", "--yes", "--json"]).exits(0);
    let after = last(server);
    assert_ne!(text(&after, "inventory"), text(&before, "inventory"));

    nothing_but_what_is_proven(server, &next, text(&after, "generation"));

    let back = next
        .run(&["rollback", text(&before, "generation"), "--yes", "--json"])
        .exits(0)
        .says(&[
            "data is not undone",
            "the next plan shows the difference again",
            &format!("back to generation {} of 2", text(&before, "generation")),
        ]);
    let planned = lasting(planned.changes());
    assert_eq!(lasting(back.changes()), planned, "{}", back.said());
    // All of it is as it was, and the page is there.
    server.run(&["plan"]).exits(0).says(&["No changes."]);
    page(server);
    let again = lasting(next.plan().changes());
    assert_eq!(again, planned, "the difference shows again");
    let run = last(server);
    let state = format!("proven, back to {}, current", text(&before, "generation"));
    assert_eq!(text(&run, "state"), state);
    assert_eq!(text(&run, "inventory"), text(&before, "inventory"));

    // What was gone back from is gone back to only by its number.
    let said = server.run(&["rollback", "--yes", "--json"]);
    let same = format!("back to generation {} ", text(&after, "generation"));
    assert!(!said.err.contains(&same), "{}", said.said());
    let forth = ["rollback", text(&after, "generation"), "--yes", "--json"];
    let elsewhere = without_the_code(server);
    elsewhere.run(&forth).exits(0);
    elsewhere.run(&["verify", "--json"]).exits(0);
    next.run(&["plan"]).exits(0).says(&["No changes."]);

    a_release_that_is_gone(server);
    what_is_kept_is_nobodys_but_roots(server);
    server.converge();
}

/// Neither a part of the stack nor a run that never was.
fn nothing_but_what_is_proven(server: &Server, next: &Site, current: &str) {
    next.run(&["rollback"]).exits(64);
    next.run(&["rollback", "--yes", "99999"])
        .exits(1)
        .says(&["no proven generation 99999", "one can go back to "]);
    server.on("echo mine >/srv/lab/note");
    next.run(&["apply", "--yes", "--target", "lab"]).exits(0);
    let runs = history(server);
    let states: Vec<&str> = runs.iter().rev().map(|run| text(run, "state")).collect();
    assert_eq!(states[..2], ["partial", "proven, current"], "{runs:#?}");
    assert_eq!(text(&runs[runs.len() - 2], "generation"), current);
    let partial = text(&runs[runs.len() - 1], "generation");
    next.run(&["rollback", "--yes", partial]).exits(1);
    // To be rid of a part is to go back to the whole before it, where nothing is left to do.
    next.run(&["rollback", "--yes"])
        .exits(0)
        .says(&[&format!("back to generation {current} "), "No changes."]);
}

/// The server has thrown the code away, and the client has other code.
fn a_release_that_is_gone(server: &Server) {
    let runs = history(server);
    let back = runs[runs.len() - 2].clone();
    let other = server.site_with("other-code", |inventory| inventory);
    other.write("app/other.txt", "other\n");
    other.run(&["apply", "--yes"]).exits(0);
    server.on(
        "cd /srv/foobar/releases\n\
         for release in *; do\n\
         case $release in *.used) continue;; \"$(basename $(readlink ../current))\") continue;; esac\n\
         rm -r $release; done",
    );
    other
        .run(&["rollback", "--yes", text(&back, "generation")])
        .exits(1)
        .says(&["the server does not keep the release", "kept are "]);
    // A client that has the code brings it again.
    let number = text(&back, "generation");
    server.run(&["rollback", "--yes", number]).exits(0);
}

fn what_is_kept_is_nobodys_but_roots(server: &Server) {
    let found = server.on(
        "cd /var/lib/foobar-stack\nstat -c '%a %U' . generations\n\
         find generations -type f ! -perm 600\n\
         test $(ls generations | wc -l) -le 20\n\
         if zcat generations/*.json.gz | grep -a -e canary-from -e \"$(cat /etc/foobar-stack/secrets/foobar.SESSION_KEY)\"; then exit 1; fi",
    );
    assert_eq!(found, "700 root\n700 root\n");
}
