//! Workers and timers of an app on a real server.

use crate::server::{Server, Site};
use crate::support::until;

/// A worker that notes when it begins a job and when it has done it, and that finishes its job when
/// it is asked to end.
const WORKER: &str = r#"
import os, signal, time
ended = False
def end(*_):
    global ended
    ended = True
signal.signal(signal.SIGTERM, end)
def note(text):
    with open(os.environ["STATE_DIRECTORY"] + "/jobs", "a") as file:
        file.write(f"{os.environ['RELEASE']} {os.getpid()} {text}\n")
secret = open(os.environ["CREDENTIALS_DIRECTORY"] + "/SESSION_KEY").read()
assert os.environ["SESSION_KEY"] == secret.strip() != ""
while not ended:
    note("begun")
    until = time.monotonic() + 2
    while time.monotonic() < until:
        time.sleep(0.1)
    note("done")
"#;

const TABLES: &str = r#"
[app.workers.queue]
command = "python3 worker.py"
instances = 2
drain = "20s"

[app.timers.tick]
command = "sh -c 'id -un >> $STATE_DIRECTORY/ticks'"
schedule = "*:*:0/5"
"#;

pub(crate) fn what_runs_beside_the_app_changes_over_with_it(server: &Server) {
    let with = |name: &str, tables: &str| {
        let site = server.site_with(name, |text| {
            let text = text.replace("\n[app]\n", "\n[app]\nsecret_env = true\n");
            text.replace("# --- database:", &format!("{tables}\n# --- database:"))
        });
        site.write("app/worker.py", WORKER);
        site
    };
    let site = with("processes", TABLES);
    site.run(&["apply", "--yes"]).exits(0);
    they_run(server, &site);
    no_job_is_cut_off(server, &site);
    a_run_that_failed_is_told(server, &with);
    one_that_dies_is_undone(server, &with);
    one_that_must_be_alone_is(server);

    the_app_has_a_cache(server, &with);

    server.run(&["apply", "--yes"]).exits(0);
    let left = "ls /etc/systemd/system | grep -e -worker- -e -timer- || true; \
                systemctl list-units --all --no-legend 'foobar-worker*' 'foobar-timer*'";
    assert_eq!(server.on(left), "");
    server.on("rm -f /var/lib/foobar/jobs /var/lib/foobar/ticks");
}

fn they_run(server: &Server, site: &Site) {
    until("the timer has come", || {
        let (_, ticks) = server.ask("head -n 1 /var/lib/foobar/ticks 2>/dev/null");
        (ticks == "foobar\n").then_some(())
    });
    site.run(&["verify"]).exits(0);
    let status = site.run(&["status"]).exits(0).out;
    for unit in ["foobar-worker-queue@1", "foobar-worker-queue@2"] {
        assert_eq!(status.matches(unit).count(), 1, "{unit}: {status}");
    }
    assert!(status.contains("foobar-timer-tick.timer"), "{status}");
    let script = "test \"$SESSION_KEY\" = \"$(cat $CREDENTIALS_DIRECTORY/SESSION_KEY)\"";
    site.run(&["run", "--", "sh", "-c", script]).exits(0);
    let seen = "key=/etc/foobar-stack/secrets/foobar.SESSION_KEY; \
                systemctl show 'foobar-*' | grep -cF -f $key || true; \
                cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ' | grep -cF -f $key || true";
    assert_eq!(server.on(seen), "0\n0\n", "only the app has its secret");
    site.run(&["plan", "--detailed-exitcode"]).exits(0);
}

fn no_job_is_cut_off(server: &Server, site: &Site) {
    let before = server.on("basename $(readlink /srv/foobar/current)");
    let before = before.trim();
    site.write("app/worker.py", &format!("{WORKER}# another release\n"));
    let apply = site.run(&["apply", "--yes", "--json"]).exits(0);
    let said = apply.said();
    assert!(
        said.contains("foobar-worker-queue@1.service"),
        "the plan names what starts anew: {said}"
    );
    let after = server.on("basename $(readlink /srv/foobar/current)");
    let after = after.trim();
    assert_ne!(before, after);
    until("workers of the new release", || {
        let jobs = server.on("cat /var/lib/foobar/jobs");
        let begun = jobs.lines().filter(|line| line.starts_with(after));
        (begun.filter(|line| line.ends_with("begun")).count() >= 2).then_some(())
    });
    let jobs = server.on("cat /var/lib/foobar/jobs");
    let count = |word: &str| {
        let old = jobs.lines().filter(|line| line.starts_with(before));
        old.filter(|line| line.ends_with(word)).count()
    };
    assert_eq!(count("begun"), count("done"), "{jobs}");
    let runs = server.on(
        "cd /proc; for process in $(pgrep -f worker.py); do readlink $process/cwd; done | sort -u",
    );
    assert_eq!(runs, format!("/srv/foobar/releases/{after}\n"));
}

fn a_run_that_failed_is_told(server: &Server, with: &dyn Fn(&str, &str) -> Site) {
    let tables = TABLES
        .replace("sh -c 'id -un >> $STATE_DIRECTORY/ticks'", "false")
        .replace("*:*:0/5", "yearly");
    let site = with("failing", &tables);
    site.run(&["apply", "--yes"]).exits(0);
    let (status, _) = server.ask("systemctl start foobar-timer-tick.service");
    assert_ne!(status, 0);
    site.run(&["verify"])
        .exits(3)
        .says(&["the last run of tick", "exit status 1"]);
}

fn one_that_dies_is_undone(server: &Server, with: &dyn Fn(&str, &str) -> Site) {
    let tables = TABLES.replace("python3 worker.py", "python3 no-such-file.py");
    let site = with("dying", &tables);
    site.run(&["apply", "--yes"])
        .exits(6)
        .says(&["foobar-worker-queue@", "no-such-file.py"]);
    let active = server.on("systemctl is-active foobar-worker-queue@1.service");
    assert_eq!(active, "active\n", "the one before runs again");
}

/// It takes a lock that no second one gets.
fn one_that_must_be_alone_is(server: &Server) {
    let locked = "command = \"flock --nonblock ${STATE_DIRECTORY}/alone gunicorn ";
    let alone = |name: &str, deploy: &str| {
        server.site_with(name, |text| {
            let text = text.replace("command = \"gunicorn ", locked);
            text.replace("\n[app]\n", &format!("\n[app]\n{deploy}"))
        })
    };
    let site = alone("alone", "deploy = \"stop-start\"\n");
    site.run(&["apply", "--yes"]).exits(0);
    let beside = alone("beside", "");
    beside.write("app/static/more.txt", "more");
    beside.run(&["apply", "--yes"]).exits(6);
    site.run(&["verify"]).exits(0);

    site.write("app/static/more.txt", "more");
    site.run(&["plan"])
        .exits(0)
        .says(&["restart of foobar-app"]);
    site.run(&["apply", "--yes"]).exits(0);
    site.run(&["plan"]).exits(0).says(&["No changes."]);

    // What was stopped for one that does not start comes back, and has its lock.
    // Gunicorn starts a worker that exits again and again; one that cannot be loaded ends it.
    site.write("app/app.py", "raise RuntimeError(\"not this one\")\n");
    site.run(&["apply", "--yes"])
        .exits(6)
        .says(&["not this one"]);
    site.run(&["verify"]).exits(0);
}

/// A worker that counts in the cache, as the app would.
const COUNTING: &str = r#"
import os, socket, time
url = os.environ["REDIS_URL"]
assert url == "unix://" + os.environ["CACHE_SOCKET"], url
with socket.socket(socket.AF_UNIX) as cache:
    cache.connect(os.environ["CACHE_SOCKET"])
    cache.sendall(b"INCR seen\r\n")
    assert cache.recv(100).startswith(b":")
time.sleep(3600)
"#;

const CACHE: &str = r#"
[cache]
memory = "8M"

[app.workers.queue]
command = "python3 worker.py"
"#;

/// The cache is the app's alone, on a socket and no port, and goes with its section.
fn the_app_has_a_cache(server: &Server, with: &dyn Fn(&str, &str) -> Site) {
    let site = with("cache", CACHE);
    site.write("app/worker.py", COUNTING);
    let applied = site.run(&["apply", "--yes"]).exits(0);
    for said in ["foobar-cache.service", "it answers"] {
        assert!(applied.said().contains(said), "{}", applied.said());
    }
    let socket = "/run/foobar-cache/cache.sock";
    let seen = format!("valkey-cli -s {socket} GET seen");
    until("the worker counts", || {
        (server.on(&seen).trim() == "1").then_some(())
    });
    let limit = format!("valkey-cli -s {socket} CONFIG GET maxmemory");
    assert!(server.on(&limit).contains("8388608"));
    // Nobody else may use it, and nothing listens on a port or is there to do so.
    let other = format!("setpriv --reuid www-data --regid www-data --clear-groups {seen}");
    assert_ne!(server.ask(&other).0, 0);
    server.on("! ss -Hlnt | grep -q ':6379 ' && ! systemctl cat valkey-server redis-server");
    server.on("systemd-analyze security --no-pager --threshold=15 foobar-cache.service");
    let status = site.run(&["status"]).exits(0);
    assert!(
        status.out.contains("foobar-cache.service"),
        "{}",
        status.out
    );
    site.run(&["logs", "cache"]).exits(0);
    server.on("systemctl stop foobar-cache.service");
    let broken = site.run(&["verify"]).exits(3);
    assert!(broken.said().contains("the cache at"), "{}", broken.said());

    server.run(&["apply", "--yes"]).exits(0);
    server.on(&format!(
        "! systemctl cat foobar-cache.service && [ ! -e {socket} ]"
    ));
}
