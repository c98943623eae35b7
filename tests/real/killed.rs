//! Whatever works on backups is killed at each of its steps: nothing half is listed, what was there
//! stays, and the next run completes it.

use crate::server::Server;

const PROGRAM: &str = "/usr/local/lib/foobar-stack/backup";
const KILLED: &str = include_str!("killed.sh");

/// The programs that a step is a call of.
const STEPS: &str = "restic mariadb mariadb-dump mysql mysqldump";

/// Whether all is wanted, and not a sample: `KILLS=all`.
pub(crate) fn all() -> bool {
    std::env::var("KILLS").is_ok_and(|kills| kills == "all")
}

/// At which of so many steps it is killed: a few of them, or each.
pub(crate) fn steps(few: &[u32]) -> Vec<u32> {
    if all() {
        (1..200).collect()
    } else {
        few.to_vec()
    }
}

fn script(server: &Server, words: &str) -> String {
    server.on(&format!(
        "cat >/root/killed.sh <<'SCRIPT'\n{KILLED}\nSCRIPT\nsh /root/killed.sh {words}"
    ))
}

/// Counts the steps of whatever is started there from now on.
pub(crate) fn begin(server: &Server) {
    script(server, &format!("wrap {STEPS}"));
}

/// Has what is started next killed at this step.
pub(crate) fn at(server: &Server, step: u32) {
    script(server, &format!("at {step}"));
}

/// Kills nothing any more.
pub(crate) fn end(server: &Server) {
    script(server, "unwrap");
}

/// Whether it was killed.
fn killed(server: &Server, step: u32, words: &str) -> bool {
    script(server, &format!("at {step} {PROGRAM} {words}")).trim() == "killed"
}

/// The backups of a repository, each of which must have its data.
fn whole(server: &Server, from: &str) -> Vec<String> {
    let listed = server.on(&format!(
        "there=$({PROGRAM} {from} restic snapshots --no-lock --json) || exit
         of() {{ printf '%s\\n' \"$there\" | jq -r --arg kind $1 '.[].tags | select(.[0] == $kind)[1] | ltrimstr(\"id=\")'; }}
         for id in $(of manifest | sort); do
             of data | grep -qx \"$id\" || {{ echo \"$id has no data\"; exit 1; }}
             echo $id
         done"
    ));
    listed.lines().map(str::to_owned).collect()
}

/// With a second repository, whose words for the program are `copy`.
pub(crate) fn a_backup_that_is_killed_leaves_what_was_there(server: &Server, copy: &str) {
    server.on("systemctl stop foobar-stack-backup.service foobar-stack-backup-logs.timer");
    begin(server);
    let mut before = [whole(server, ""), whole(server, copy)];
    // Amid the removal of what is superfluous, before it is copied.
    for step in steps(&[16]) {
        let was_killed = killed(server, step, "now");
        assert!(was_killed || step > 16, "it has fewer than {step} steps");
        let after = [whole(server, ""), whole(server, copy)];
        for (before, after) in before.iter().zip(&after) {
            assert!(
                after.last() >= before.last(),
                "killed at step {step}: {before:?}, {after:?}"
            );
        }
        if !was_killed {
            break;
        }
        server.on(&format!("{PROGRAM} now"));
        before = [whole(server, ""), whole(server, copy)];
        assert_eq!(before[0].last(), before[1].last(), "after step {step}");
    }
    end(server);
    for from in ["", copy] {
        let left = server.on(&format!(
            "{PROGRAM} {from} restic check 2>&1 | tail -n 1; ls -A /var/lib/foobar-stack/backup | grep -c spool || true"
        ));
        assert_eq!(left, "no errors were found\n0\n", "{from}");
    }
    server.on("systemctl start foobar-stack-backup-logs.timer");
}

/// What is live is as it was or as it is to be, and nothing in between.
pub(crate) fn a_restore_that_is_killed_is_as_if_it_was_not_or_completed(server: &Server) {
    let engine = server.engine();
    let rows = || {
        server.on(&format!(
            "{engine} foobar --skip-column-names --batch --execute 'SELECT text FROM copied ORDER BY id'"
        ))
    };
    server.on("systemctl stop foobar-stack-backup.service foobar-stack-backup-logs.timer");
    let id = server.on(&format!("{PROGRAM} list | tail -n 1 | cut -d ' ' -f 1"));
    let id = id.trim();
    let restored = rows();
    server.on(&format!(
        "{engine} foobar --execute \"INSERT INTO copied (text) VALUES ('since')\""
    ));
    let live = rows();
    begin(server);
    for step in steps(&[45]) {
        let was_killed = killed(server, step, &format!("restore {id} database foobar"));
        assert!(was_killed || step > 45, "it has fewer than {step} steps");
        server.on(&format!("{PROGRAM} logs"));
        let now = rows();
        assert!(
            now == restored || (was_killed && now == live),
            "killed at step {step}: {now}"
        );
        let left = server.on(&format!(
            "ls -d /var/lib/foobar-stack/backup/swap* /var/lib/foobar-stack/backup/work 2>/dev/null | wc -l
             systemctl is-active foobar-stack-backup-instance.service || true
             {engine} --skip-column-names --batch --execute \"SELECT @@read_only; SHOW DATABASES LIKE '%restored'\""
        ));
        assert_eq!(left, "0\ninactive\n0\n", "killed at step {step}");
        server.on(&format!(
            "systemctl stop foobar-stack-backup.service
             {engine} foobar --execute \"DELETE FROM copied WHERE text = 'since'; INSERT INTO copied (text) VALUES ('since')\""
        ));
        if !was_killed {
            break;
        }
    }
    end(server);
    server.on(&format!(
        "{PROGRAM} restore {id} database foobar && systemctl stop foobar-stack-backup.service"
    ));
    assert_eq!(rows(), restored);
    server.on(&format!(
        "for name in $({engine} --skip-column-names --batch --execute \"SHOW DATABASES LIKE 'foobar\\_%'\"); do \
         {engine} --execute \"DROP DATABASE $name\"; done; systemctl start foobar-stack-backup-logs.timer"
    ));
}
