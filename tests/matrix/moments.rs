//! Moments of a run that its steps do not show: Ctrl-C, the way back, and between two things
//! that belong together.

use crate::faults::{Fault, Reference, converge, ids};
use crate::lab::{Disk, Machine, read};
use crate::support::until;
use crate::visitors::Visitors;
use crate::{Case, Scope};

/// All of them.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for fault in [Fault::Executor, Fault::Power] {
        for lines in [0, 2, 4, 6, 9, 12] {
            cases.push(Case::new(
                &format!("undoing after {lines} lines: {}", fault.name()),
                Scope::Full,
                move |machine, reference| struck_while_undoing(machine, reference, fault, lines),
            ));
        }
    }
    let once = |machine: &Machine, reference: &Reference| interrupted(machine, reference, false);
    let twice = |machine: &Machine, reference: &Reference| interrupted(machine, reference, true);
    cases.push(Case::new("interrupted: once", Scope::Full, once));
    cases.push(Case::new("interrupted: twice", Scope::Full, twice));
    cases.push(Case::new(
        "before the reload: executor",
        Scope::Full,
        killed_before_the_reload,
    ));
    cases
}

/// Presses Ctrl-C while a step runs.
fn interrupted(machine: &Machine, reference: &Reference, twice: bool) {
    machine.reset(Disk::Installed);
    let planned = ids(&machine.run(&["plan", "--json"]).exits(0));
    machine.strike("5", "begin wait");
    let client = machine.start(&["apply", "--yes", "--json"]);
    machine.at_the_strike("5");
    client.signal("INT");
    until("the answer to Ctrl-C", || {
        client
            .said()
            .contains("stopping after this step")
            .then_some(())
    });
    until("the run being told", || {
        let told = machine.ask("ls /var/lib/foobar-stack/runs/*/stop");
        (told.0 == 0).then_some(())
    });
    let end = if twice {
        client.signal("INT");
        let end = client.ending().exits(130);
        end.says(&["the run continues on the server", "foobar-stack attach"]);
        machine.go_on("5");
        machine.run(&["attach", "--json"]).exits(130)
    } else {
        machine.go_on("5");
        client.ending().exits(130)
    };
    end.says(&["stopped before the step '", "steps are left"]);
    converge(machine, &planned);
    reference.holds(machine);
}

/// Strikes a run that takes back what it did, since its app does not live.
fn struck_while_undoing(machine: &Machine, reference: &Reference, fault: Fault, lines: u32) {
    machine.reset(Disk::Applied);
    machine.run(&["apply", "--yes", "--json"]).exits(0);
    let site = machine.site();
    site.write(
        "app/app.py",
        "raise RuntimeError('this app does not live')\n",
    );
    site.edit("# max_connections = 100", "max_connections = 90");
    site.edit("# ttl = \"1h\"", "ttl = \"2h\"");
    site.edit("# max_body = \"10m\"", "max_body = \"11m\"");
    site.edit(
        "# aliases = [\"www.foobar.com\"]",
        "aliases = [\"www.foobar.com\", \"more.foobar.com\"]",
    );
    let planned = ids(&site.run(&["plan", "--json"]).exits(0));
    machine.strike("undo", &format!("lines-{lines} {}", fault.how()));
    let client = site.start(&["apply", "--yes", "--json"]);
    if fault == Fault::Power {
        machine.at_the_strike("undo");
        client.kill();
        machine.power_off();
        machine.boot();
        // What still starts would hide what it holds.
        machine.on("systemctl is-system-running --wait >/dev/null || true");
    } else {
        client.ending().exits(1);
    }
    machine.was_struck();
    let mut planned = planned;
    // What was touched by the undone run may be compared anew by who reads it.
    planned.insert("service:nginx.service".to_owned());
    converge(machine, &planned);
    // A release that did not live is kept like others, until there are too many.
    reference.holds_beside(machine, "/releases/");
}

/// A run is killed when the upstream names the new slot and Nginx does not know it yet.
fn killed_before_the_reload(machine: &Machine, reference: &Reference) {
    const SLOW: &str = "mkdir -p /run/systemd/system/nginx.service.d\n\
        printf '[Service]\\nExecReload=\\nExecReload=/bin/sh -c \"touch /run/at-the-reload; sleep 3; exit 1\"\\n' \
        >/run/systemd/system/nginx.service.d/slow.conf\n\
        systemctl daemon-reload";
    machine.reset(Disk::Applied);
    machine.run(&["apply", "--yes", "--json"]).exits(0);
    machine.on(SLOW);
    let site = machine.site();
    let app = read(&site.path("app/app.py"));
    site.write("app/app.py", &format!("{app}\n# another release\n"));
    let client = site.start(&["apply", "--yes", "--json"]);
    until("the reload", || {
        (machine.ask("test -e /run/at-the-reload").0 == 0).then_some(())
    });
    machine.on("systemctl kill --kill-whom=all --signal=KILL 'foobar-stack-*.service'");
    client.ending().exits(1);
    machine.on("rm -r /run/systemd/system/nginx.service.d; systemctl daemon-reload\n\
                for i in $(seq 100); do [ \"$(systemctl show --value -p ActiveState nginx)\" != active ] || exit 0; sleep 0.1; done; exit 1");
    let visitors = Visitors::send(machine.sandbox.address);
    site.run(&["apply", "--yes", "--json"]).exits(0);
    let visits = visitors.call_back();
    assert!(visits.lost.is_empty(), "{:?}", visits.lost.first());
    let plan = site.run(&["plan", "--json"]).exits(0);
    assert!(plan.changes().is_empty(), "{}", plan.said());
    converge(machine, &ids(&machine.run(&["plan", "--json"]).exits(0)));
    reference.holds_beside(machine, "/releases/");
}
