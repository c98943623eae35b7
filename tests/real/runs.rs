//! Runs that meet: another run, a process that holds the package database, their own end.

use crate::server::{Server, Site};
use crate::support::until;

/// Opens when the file is there; then the command ends, and the run goes on.
const GATE: &str = r#"
[[command]]
name = "gate"
command = ["sh", "-c", "touch /run/at-the-gate; for i in $(seq 600); do if [ -e /run/gate-is-open ]; then exit 0; fi; sleep 0.1; done; exit 1"]
key = "KEY"
"#;

/// The site with a gate in the first role, before any service is activated. The role stands in
/// for the built-in one of its name.
pub(crate) fn gated(server: &Server, key: &str) -> Site {
    let site = server.site_with(&format!("gate-{key}"), |text| text);
    with_gate(server, &site, key);
    site
}

/// Builds the gate into a site.
pub(crate) fn with_gate(server: &Server, site: &Site, key: &str) {
    let base = include_str!("../../roles/base/role.toml");
    site.write(
        "roles/base/role.toml",
        &format!("{base}{}", GATE.replace("KEY", key)),
    );
    server.on("rm -f /run/at-the-gate /run/gate-is-open");
}

#[track_caller]
pub(crate) fn at_the_gate(server: &Server) {
    until("the run at the gate", || {
        (server.ask("test -e /run/at-the-gate").0 == 0).then_some(())
    });
}

/// Ends the run's process as the kernel does when memory is short.
pub(crate) fn kill(server: &Server) {
    server.on(
        "unit=$(systemctl list-units --plain --no-legend --no-pager 'foobar-stack-*' | cut -d ' ' -f 1)\n\
         systemctl kill --kill-whom=main --signal=KILL $unit\n\
         for i in $(seq 300); do systemctl is-active -q $unit || exit 0; sleep 0.1; done; exit 1",
    );
}

/// A run that was killed leaves nothing that gets in the way of others.
#[track_caller]
fn nothing_is_left(server: &Server) {
    let left = server.on(
        "find /var/lib/foobar-stack/runs/*/payload -maxdepth 0 2>/dev/null || true\n\
         find /usr/sbin/policy-rc.d* -maxdepth 0 2>/dev/null || true",
    );
    assert_eq!(left, "", "left behind");
}

pub(crate) fn changes(site: &Site) -> Vec<String> {
    let plan = site.plan().changes();
    plan.iter()
        .map(|change| format!("{} {}", change.action, change.id))
        .collect()
}

pub(crate) fn two_at_once_and_one_that_is_killed(server: &Server) {
    two_at_once(server);
    killed_before_the_services(server);
    killed_among_the_packages(server);
}

fn two_at_once(server: &Server) {
    let site = gated(server, "one");
    assert_eq!(changes(&site), ["run command:gate"]);
    let first = site.start(&["apply", "--yes", "--json"]);
    at_the_gate(server);
    let second = site.run(&["apply", "--yes", "--json"]).exits(5);
    assert!(second.lines("step").is_empty(), "{}", second.said());
    let error = second.lines("error").remove(0).to_string();
    for words in [
        "another run holds the lock",
        "started 2",
        " UTC by tester@",
        "(foobar.com)",
    ] {
        assert!(error.contains(words), "no {words:?} in {error}");
    }
    server.on("touch /run/gate-is-open");
    first.ending().exits(0);
    assert_eq!(changes(&site), [""; 0]);
}

fn killed_before_the_services(server: &Server) {
    let site = gated(server, "two");
    server.on("echo '# by hand' >>/etc/nginx/nginx.conf");
    let run = site.start(&["apply", "--yes", "--json"]);
    at_the_gate(server);
    kill(server);
    let end = run.ending().exits(1);
    end.says(&[
        "the run ended on the server without a last word",
        "/var/lib/foobar-stack/runs/",
    ]);
    nothing_is_left(server);
    // The file is in its place; Nginx does not know it yet, and that is not forgotten.
    server.on("if grep -q 'by hand' /etc/nginx/nginx.conf; then exit 1; fi");
    assert_eq!(
        changes(&site),
        ["run command:gate", "reload service:nginx.service"]
    );
    site.plan().says(&["pending from an interrupted run"]);
    server.on("touch /run/gate-is-open");
    site.run(&["apply", "--yes", "--json"]).exits(0);
    assert_eq!(changes(&site), [""; 0]);
}

fn killed_among_the_packages(server: &Server) {
    const HOLD: &str = "import fcntl, time\n\
        file = open('/var/lib/dpkg/lock-frontend', 'w')\n\
        fcntl.lockf(file, fcntl.LOCK_EX)\n\
        open('/run/held', 'w')\n\
        time.sleep(60)\n";
    server.on(&format!(
        "dpkg -r tree >/dev/null\nrm -f /run/held\n\
         cat >/run/hold.py <<'EOF'\n{HOLD}EOF\n\
         systemd-run --quiet --collect --unit=hold python3 /run/hold.py"
    ));
    until("the lock", || {
        (server.ask("test -e /run/held").0 == 0).then_some(())
    });
    let run = server.site.start(&["apply", "--yes", "--json"]);
    // apt waits, and says for whom; meanwhile no service may start.
    let waits = "grep -h 'It is held by process .*(python3)' /var/lib/foobar-stack/runs/*/events";
    server.on(&format!(
        "for i in $(seq 600); do {waits} >/dev/null && exit 0; sleep 0.1; done\n\
         ps -ef --forest; tail -n 40 \"$(ls -d /var/lib/foobar-stack/runs/* | tail -n 1)\"/events; exit 1"
    ));
    assert_eq!(server.ask("/usr/sbin/policy-rc.d nginx start").0, 101);
    kill(server);
    run.ending().exits(1);
    nothing_is_left(server);
    assert_eq!(changes(&server.site), ["create package:tree"]);

    // Now it waits until the other is done.
    let run = server.site.start(&["apply", "--yes", "--json"]);
    until("apt waiting again", || {
        (server.ask(&format!("test $({waits} | wc -l) -ge 2")).0 == 0).then_some(())
    });
    server.on("systemctl stop hold");
    run.ending().exits(0);
    nothing_is_left(server);
}
