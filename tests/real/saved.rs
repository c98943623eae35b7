//! Saved plans: what is saved is run, all of it and nothing else, or nothing at all.

use crate::server::{CANARIES, Server};
use crate::support::{Change, Ending};
use std::os::unix::fs::PermissionsExt;

/// A file, a zone, a secret and what must be seen of none of them in the file.
const DRIFT: &str = "echo '# by-hand' >>/etc/nginx/nginx.conf\n\
    sed -i 's/CNAME.*/CNAME by-hand.example./' /etc/bind/zones/foobar.com.zone\n\
    echo by-hand >/etc/foobar-stack/secrets/foobar.FROM_ENV\n\
    chmod 400 /etc/lab.key";

fn generation(server: &Server) -> String {
    server.on("cat /var/lib/foobar-stack/generation")
}

/// Saves a plan and gives its changes.
fn save(server: &Server, file: &str) -> Vec<Change> {
    let plan = server.run(&["plan", "--json", "--out", file]).exits(0);
    plan.changes()
}

fn apply(server: &Server, file: &str) -> Ending {
    server.run(&["apply", "--yes", "--json", file])
}

pub(crate) fn a_saved_plan_runs_as_it_is_or_not_at_all(server: &Server) {
    server.converge();
    let path = server.site.folder.join("site.plan");
    let file = path.display().to_string();
    server.on(DRIFT);
    let planned = save(server, &file);
    let mode = path.metadata().map(|found| found.permissions().mode());
    assert_eq!(mode.ok().map(|mode| mode & 0o7777), Some(0o600));
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text.contains("\"zone:foobar.com\""), "{text}");
    for secret in ["by-hand", "a-key-that-nobody-sees", CANARIES[0].1] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }

    what_has_moved_is_named(server, &file);

    // What the plan does not rest on: a run of another role, a service that restarted, more drift.
    server.on("echo mine >/srv/lab/note; systemctl restart nginx");
    let before = generation(server);
    server
        .run(&["apply", "--yes", "--target", "lab"])
        .exits(0)
        .says(&["This plan is partial"]);
    assert_ne!(generation(server), before);
    server.on("chmod 400 /etc/lab.key; echo mine >/srv/lab/note; chmod 600 /etc/sysctl.d/60-foobar-stack.conf");
    let applied = apply(server, &file).exits(0).says(&[
        "not in the saved plan, and left alone: ",
        "file:/srv/lab/note",
    ]);
    assert_eq!(applied.changes(), planned, "{}", applied.said());
    let left: Vec<String> = server
        .site
        .plan()
        .changes()
        .into_iter()
        .map(|one| one.id)
        .collect();
    assert_eq!(
        left,
        [
            "file:/etc/sysctl.d/60-foobar-stack.conf",
            "service:systemd-sysctl.service",
            "file:/srv/lab/note"
        ]
    );
    apply(server, &file)
        .exits(1)
        .says(&["zone:foobar.com is already as it should be"]);
    server.converge();

    one_that_sees_more_once_it_runs(server, &file);
}

/// Nothing is touched by a plan that does not fit any more.
fn what_has_moved_is_named(server: &Server, file: &str) {
    let before = generation(server);
    for (moved, words) in [
        (
            "echo '# more' >>/etc/nginx/nginx.conf",
            "file:/etc/nginx/nginx.conf has changed on the server",
        ),
        (
            "chmod 600 /etc/lab.key",
            "file:/etc/lab.key is already as it should be",
        ),
    ] {
        let path = words.split([':', ' ']).nth(1).unwrap_or_default();
        server.on(&format!("cp -a {path} /root/kept\n{moved}"));
        let refusal = apply(server, file).exits(1).says(&[words]);
        assert!(refusal.lines("step").is_empty(), "{}", refusal.said());
        server.on(&format!("cp -a --remove-destination /root/kept {path}"));
    }
    let records = "\n[[dns.records]]\nname = \"more\"\ntype = \"A\"\nvalue = \"192.0.2.1\"\n";
    let other = server.site_with("other", |inventory| inventory + records);
    other
        .run(&["apply", "--yes", file])
        .exits(1)
        .says(&["zone:foobar.com is another in the inventory or its roles"]);
    assert_eq!(generation(server), before);
}

/// What a stopped database hides belongs to the plan: what its start does not mend, a second run
/// does.
fn one_that_sees_more_once_it_runs(server: &Server, file: &str) {
    let engine = server.engine();
    let revoke = "REVOKE ALL PRIVILEGES ON foobar.* FROM foobar@localhost";
    let login = "ALTER USER foobar@localhost IDENTIFIED BY \"by-hand\"";
    server.on(&format!(
        "{engine} -e '{revoke}; {login}'; systemctl stop {engine}"
    ));
    assert_eq!(save(server, file).len(), 1);
    apply(server, file).exits(0).says(&[
        "what could not be compared before",
        "authentication",
        "\"healthy\":true",
    ]);
    let grants = server.on(&format!("{engine} -e 'SHOW GRANTS FOR foobar@localhost'"));
    assert!(grants.contains("`foobar`.*"), "{grants}");
    server.run(&["plan"]).exits(0).says(&["No changes."]);
}
