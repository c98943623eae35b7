//! A run counts when a client has said that the checks pass, and never because nobody said
//! anything: verdicts that get lost, clients that die, runs that are ended.

use crate::Chapter;
use crate::page::{page, visit};
use crate::server::{Server, Site};
use crate::support::{Running, until};
use serde_json::Value;

/// The last run of the server.
const LAST: &str = "/var/lib/foobar-stack/runs/$(ls /var/lib/foobar-stack/runs | tail -n 1)";

/// A site whose app is healthy by its own health page, and answers visitors with an error.
fn broken(server: &Server, name: &str) -> Site {
    let site = server.site_with(name, |text| text);
    let app = site.read("app/app.py");
    let shown = "reply = show(environ)\n        elif";
    assert_eq!(app.matches(shown).count(), 1);
    let error = format!("reply = problem(\"500 Internal Server Error\", \"{name}\")\n        elif");
    site.write("app/app.py", &app.replace(shown, &error));
    site
}

/// The state of the last generation of the history, and its number.
fn last_state(server: &Server) -> (String, u64) {
    let mut runs = server
        .run(&["history", "--json"])
        .exits(0)
        .lines("generation");
    let text = |run: &Value, key: &str| run[key].as_str().unwrap_or_default().to_owned();
    match runs.pop() {
        Some(run) => (
            text(&run, "state"),
            text(&run, "generation").parse().unwrap_or_default(),
        ),
        None => (String::new(), 0),
    }
}

/// Waits until the run that has just been started waits for its proof.
#[track_caller]
fn proving(server: &Server, before: &str) {
    // A first run installs everything, perhaps on a busy machine.
    server.on(&format!(
        "for i in $(seq 3000); do\n\
         if [ \"$(ls /var/lib/foobar-stack/runs 2>/dev/null | tail -n 1)\" != '{before}' ] &&\n\
         grep -qs ^proving {LAST}/events; then exit 0; fi\n\
         sleep 0.1; done; exit 1"
    ));
}

fn last_run(server: &Server) -> String {
    server
        .on("ls /var/lib/foobar-stack/runs 2>/dev/null | tail -n 1")
        .trim()
        .to_owned()
}

/// Starts an apply, and gives it when it waits for its proof.
#[track_caller]
fn to_its_proof(server: &Server, site: &Site) -> Running {
    let before = last_run(server);
    let client = site.start(&["apply", "--yes", "--json"]);
    proving(server, &before);
    client
}

/// Waits until no run is under way, at most as long as a run waits for a client.
#[track_caller]
fn over(server: &Server) {
    server.on(
        "for i in $(seq 1200); do\n\
         [ -n \"$(systemctl list-units --plain --no-legend --no-pager 'foobar-stack-*')\" ] || exit 0\n\
         sleep 0.1; done; exit 1",
    );
}

#[track_caller]
fn nothing_has_changed(server: &Server, proven: u64) {
    page(server);
    assert_eq!(last_state(server), ("proven, current".to_owned(), proven));
    server.run(&["plan"]).exits(0).says(&["No changes."]);
}

/// On a bare server, whose first run nobody proves.
pub(crate) fn silence_is_no_approval(server: &Server) {
    // A run that touches the firewall would go back at once: it may be what keeps everybody out.
    let open = server.site_with("open", |text| {
        text.replacen("[firewall]\n", "[firewall]\nenabled = false\n", 1)
    });
    to_its_proof(server, &open).kill();
    over(server);
    let (state, generation) = last_state(server);
    assert_eq!(state, "unverified");
    let unverified = format!("generation {generation} is unverified");
    open.run(&["plan"])
        .exits(0)
        .says(&["No changes.", &unverified]);
    open.run(&["status"]).exits(0).says(&[&unverified]);
    open.run(&["attach"])
        .exits(1)
        .says(&["the run is not proven, and stays as it is"]);
    open.run(&["rollback", "--yes"])
        .exits(1)
        .says(&["no proven generation"]);
    let other = server.site_with("other", |_| {
        open.read("inventory.toml") + "\n# another inventory\n"
    });
    other
        .run(&["verify"])
        .exits(0)
        .says(&["stays unverified", "another inventory"]);
    open.run(&["verify"])
        .exits(0)
        .says(&[&format!("generation {generation} is proven now")]);
    assert_eq!(
        last_state(server),
        ("proven, current".to_owned(), generation)
    );
}

/// What the story of the proof is made of, after its begin on a bare server.
pub(crate) const PARTS: [Chapter; 8] = [
    ("a lost client", a_lost_client),
    ("a full disk", a_full_disk),
    ("a lost connection", a_lost_connection),
    ("a run that is ended", a_run_that_is_ended),
    ("a run that is killed", a_run_that_is_killed),
    ("a part", a_part),
    ("an innocent reload", an_innocent_reload),
    ("watching", watching),
];

/// Something proven is there: the run goes back to it. Who watches with another inventory does
/// not prove it.
fn a_lost_client(server: &Server) {
    let (_, generation) = last_state(server);
    let other = server.site_with("another", |text| {
        let aliases = "# aliases = [\"www.foobar.com\"]";
        assert_eq!(text.matches(aliases).count(), 1);
        text.replace(aliases, "aliases = [\"web.foobar.com\"]")
    });
    let site = broken(server, "lost-client");
    to_its_proof(server, &site).kill();
    other
        .run(&["attach", "--json"])
        .exits(6)
        .says(&["this only watches the run", "no client said in"]);
    nothing_has_changed(server, generation);
}

/// The verdict meets a full disk, twice: what was set aside is taken by others, too.
fn a_full_disk(server: &Server) {
    let (_, generation) = last_state(server);
    server.on("state=/var/lib/foobar-stack\n\
         cp -a $state /root/state\n\
         mount -t tmpfs -o size=32m,mode=700 state $state\n\
         cp -a /root/state/. $state/");
    let site = broken(server, "full-disk");
    let before = last_run(server);
    let client = site.start(&["apply", "--yes", "--json"]);
    proving(server, &before);
    server.on(&format!(
        "state=/var/lib/foobar-stack; run={LAST}; rm -f $run/reserve; left=20\n\
         for i in $(seq 600); do\n\
         cat /dev/zero >>$state/filler 2>/dev/null || true\n\
         if [ -e $run/verdict.new ]; then left=$((left - 1)); fi\n\
         [ $left -gt 0 ] || break\n\
         sleep 0.1; done; rm $state/filler"
    ));
    client.ending().exits(6).says(&[
        "telling the verdict failed, trying again",
        "\"state\":\"judged\",\"good\":false",
    ]);
    server.on("state=/var/lib/foobar-stack\n\
         rm -rf /root/state; cp -a $state /root/state\n\
         umount $state; rm -rf $state; mv /root/state $state");
    nothing_has_changed(server, generation);
}

/// Every connection is cut when the client has come to look.
fn a_lost_connection(server: &Server) {
    let (_, generation) = last_state(server);
    let site = broken(server, "lost-connection");
    let client = to_its_proof(server, &site);
    server.ask(&format!(
        "for i in $(seq 200); do [ ! -e {LAST}/reached ] || break; sleep 0.05; done\n\
         main=$(systemctl show --value -p MainPID ssh)\n\
         for pid in $(pgrep sshd); do [ $pid = $main ] || kill -9 $pid; done"
    ));
    client.ending().exits(6).says(&["the connection is lost"]);
    nothing_has_changed(server, generation);
}

/// Who stops the run's unit, as a machine does that is switched off, has it undone.
fn a_run_that_is_ended(server: &Server) {
    let (_, generation) = last_state(server);
    let site = broken(server, "ended");
    to_its_proof(server, &site).kill();
    server.on("systemctl stop 'foobar-stack-*.service'");
    nothing_has_changed(server, generation);
    server
        .run(&["attach"])
        .exits(6)
        .says(&["the run was told to end"]);
}

/// What a killed run leaves is not what a later one goes back to.
fn a_run_that_is_killed(server: &Server) {
    let (_, generation) = last_state(server);
    let site = broken(server, "killed");
    let client = to_its_proof(server, &site);
    crate::runs::kill(server);
    client.ending().exits(1);
    match visit(server, "https", None) {
        Ok(page) => assert_eq!(page.status, 500, "{}", page.text),
        Err(error) => panic!("{error}"),
    }
    let worse = broken(server, "worse");
    worse.run(&["apply", "--yes", "--json"]).exits(6);
    nothing_has_changed(server, generation);
}

/// A part of the stack breaks what worked; and leaves alone what did not.
fn a_part(server: &Server) {
    let (_, generation) = last_state(server);
    let site = broken(server, "part");
    let end = site.run(&["apply", "--yes", "--json", "--target", "app"]);
    end.exits(6).says(&["a part of the inventory is applied"]);
    nothing_has_changed(server, generation);
    server.on("systemctl stop named; echo by-hand >/srv/lab/note");
    let end = server.run(&["apply", "--yes", "--json", "--target", "lab"]);
    end.exits(3).says(&["\"healthy\":false"]);
    assert_eq!(last_state(server).0, "partial");
    server.converge();
}

/// A reload by somebody else while the run waits does not undo it.
fn an_innocent_reload(server: &Server) {
    let site = server.site_with("reloaded", |text| text);
    let page = site.read("app/pages.py") + "\n# another release\n";
    site.write("app/pages.py", &page);
    let before = last_run(server);
    server.on(
        "mkdir -p /run/systemd/system/nginx.service.d\n\
         printf '[Service]\\nExecReload=/bin/sleep 1\\n' >/run/systemd/system/nginx.service.d/slow.conf\n\
         systemctl daemon-reload",
    );
    let client = site.start(&["apply", "--yes", "--json"]);
    proving(server, &before);
    server.on("systemctl reload nginx");
    client.ending().exits(0);
    server.on("rm -r /run/systemd/system/nginx.service.d; systemctl daemon-reload");
    server.converge();
}

/// Ctrl-C ends the watching and not the run, and so does SIGTERM whoever follows it.
fn watching(server: &Server) {
    let site = crate::runs::gated(server, "watched");
    let mut client = site.start(&["apply", "--yes", "--json"]);
    crate::runs::at_the_gate(server);
    let mut watcher = site.start(&["attach", "--json"]);
    until("the watcher", || {
        (server.ask("test $(pgrep -c tail) -ge 2").0 == 0).then_some(())
    });
    assert_eq!(watcher.interrupted(), 130);
    assert_eq!(client.signalled("-TERM"), 130);
    let follower = site.start(&["attach", "--json"]);
    server.on(&format!("touch /run/gate-is-open; test ! -e {LAST}/stop"));
    follower.ending().exits(0);
    assert_eq!(last_state(server).0, "proven, current");
}
