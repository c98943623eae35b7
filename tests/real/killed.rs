//! Whatever works on backups is killed at each of its steps: nothing half is listed, what was there
//! stays, and the next run completes it.

use crate::server::Server;

const PROGRAM: &str = "/usr/local/lib/foobar-stack/backup";
const KILLED: &str = include_str!("killed.sh");

/// A step of a restore of all: what the database has restored is live, and what the folders have is
/// not.
const BETWEEN_SWAPS: u32 = 52;

/// The programs that a step is a call of.
const STEPS: &str = "restic mariadb mariadb-dump mysql mysqldump";

/// Further ones, of which there are many more calls.
const FILE_STEPS: &str = "mv rm find systemctl systemd-run";

/// What is killed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Killed {
    /// A backup, with the removal of old ones and the copy.
    Backup,
    /// A restore of all.
    Restore,
    /// A rebuild on an empty server.
    Rebuild,
}

impl Killed {
    fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Restore => "restore",
            Self::Rebuild => "rebuild",
        }
    }

    /// Whether more is wanted than a sample: each step with `KILLS=all` or `KILLS=1`, each third one
    /// with `KILLS=3`. All together take two hours, so `KILLS_OF=restore,rebuild` leaves out the
    /// other, and `KILLS_FROM=30` begins at that step.
    pub(crate) fn every(self) -> Option<usize> {
        let wanted = std::env::var("KILLS_OF").unwrap_or_default();
        if !wanted.is_empty() && !wanted.split(',').any(|one| one == self.name()) {
            return None;
        }
        let kills = std::env::var("KILLS").ok()?;
        match kills.as_str() {
            "all" => Some(1),
            number => number.parse().ok(),
        }
    }

    /// At which of its steps it is killed: a few of them, or as many as are wanted.
    pub(crate) fn steps(self, few: &[u32]) -> Vec<u32> {
        let from = std::env::var("KILLS_FROM").ok();
        let from = from.and_then(|from| from.parse().ok()).unwrap_or(1);
        match self.every() {
            Some(each) => (from..1000).step_by(each).collect(),
            None => few.to_vec(),
        }
    }
}

fn script(server: &Server, words: &str) -> String {
    server.on(&format!(
        "cat >/root/killed.sh <<'SCRIPT'\n{KILLED}\nSCRIPT\nsh /root/killed.sh {words}"
    ))
}

/// Counts the steps of whatever is started there from now on; those of a rebuild, which ends with a
/// run, are calls of other programs.
pub(crate) fn begin(server: &Server, what: Killed) {
    let more = match (what.every(), what) {
        (None, _) => "",
        (Some(_), Killed::Rebuild) => "apt-get useradd chown",
        (Some(_), _) => FILE_STEPS,
    };
    script(server, &format!("wrap {STEPS} {more}"));
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
    begin(server, Killed::Backup);
    let mut before = [whole(server, ""), whole(server, copy)];
    // Amid the removal of what is superfluous, before it is copied.
    for step in Killed::Backup.steps(&[16]) {
        let was_killed = killed(server, step, "now");
        assert!(was_killed || step > 16, "it has fewer than {step} steps");
        if Killed::Backup.every().is_some() {
            script(server, "at 0");
            for from in ["", copy] {
                server.on(&format!("{PROGRAM} {from} restic check --no-lock"));
            }
        }
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
        script(server, "at 0");
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

/// What is live is as it was or as it is to be, the database and the folders alike, and nothing in
/// between; a folder of the backup is `/srv/kept`.
pub(crate) fn a_restore_that_is_killed_is_as_if_it_was_not_or_completed(server: &Server) {
    let engine = server.engine();
    let have = || {
        server.on(&format!(
            "cat /srv/kept/*; {engine} foobar --skip-column-names --batch --execute 'SELECT text FROM copied ORDER BY id'"
        ))
    };
    let write = || {
        server.on(&format!(
            "systemctl stop foobar-stack-backup.service
             {engine} foobar --execute \"DELETE FROM copied WHERE text = 'since'; INSERT INTO copied (text) VALUES ('since')\"
             echo since >/srv/kept/since; rm -rf /srv/kept.before-* /var/lib/*.before-*"
        ))
    };
    server.on("systemctl stop foobar-stack-backup.service foobar-stack-backup-logs.timer");
    let id = server.on(&format!("{PROGRAM} list | tail -n 1 | cut -d ' ' -f 1"));
    let id = id.trim();
    let restored = have();
    write();
    let live = have();
    begin(server, Killed::Restore);
    // Between the swap of the database and those of the folders.
    for step in Killed::Restore.steps(&[BETWEEN_SWAPS]) {
        let was_killed = killed(server, step, &format!("restore {id} all"));
        assert!(
            was_killed || step > BETWEEN_SWAPS,
            "it has fewer than {step} steps"
        );
        script(server, "at 0");
        server.on(&format!("{PROGRAM} logs"));
        let now = have();
        assert!(
            now == restored || (was_killed && now == live),
            "killed at step {step}: {now}"
        );
        if Killed::Restore.every().is_none() {
            assert_eq!(now, restored, "killed at step {step}");
        }
        let left = server.on(&format!(
            "ls -d /var/lib/foobar-stack/backup/swap* /var/lib/foobar-stack/backup/work /srv/kept.restored \
                /var/lib/*.restored /srv/.foobar-stack-restored /var/lib/.foobar-stack-restored 2>/dev/null | wc -l
             systemctl is-active foobar-stack-backup-instance.service || true
             {engine} --skip-column-names --batch --execute \"SELECT @@read_only; SHOW DATABASES LIKE '%restored'\""
        ));
        assert_eq!(left, "0\ninactive\n0\n", "killed at step {step}");
        write();
        if !was_killed {
            break;
        }
    }
    end(server);
    server.on(&format!(
        "{PROGRAM} restore {id} all && systemctl stop foobar-stack-backup.service"
    ));
    assert_eq!(have(), restored);
    server.on(&format!(
        "for name in $({engine} --skip-column-names --batch --execute \"SHOW DATABASES LIKE 'foobar\\_%'\"); do \
         {engine} --execute \"DROP DATABASE $name\"; done; rm -rf /srv/kept.before-* /var/lib/*.before-*
         systemctl start foobar-stack-backup-logs.timer"
    ));
}
