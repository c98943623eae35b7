//! What is backed up comes back as it was, whatever happens meanwhile; what would not is named.

use crate::server::{Server, Site};
use crate::upgrades;

/// What is hard to bring back.
const HARD: &str = include_str!("restore.sql");
const PROGRAM: &str = "/usr/local/lib/foobar-stack/backup";

/// The database of the app as a dump has it, without what says when that was made.
fn dump(server: &Server) -> String {
    let program = match server.engine() {
        "mysql" => "mysqldump --set-gtid-purged=OFF",
        _ => "mariadb-dump",
    };
    server.on(&format!(
        "{program} --single-transaction --routines --events --triggers --hex-blob \
         --default-character-set=utf8mb4 foobar | grep -v '^--'"
    ))
}

fn sql(server: &Server, statements: &str) {
    let engine = server.engine();
    server.on(&format!(
        "{engine} --default-character-set=utf8mb4 --comments <<'END'\n{statements}\nEND"
    ));
}

pub(crate) fn what_was_backed_up_comes_back_as_it_was(server: &Server) {
    // In another time zone than ours.
    server.on("ln -sf /usr/share/zoneinfo/America/New_York /etc/localtime");
    sql(server, HARD);
    server.on("mkdir -p /srv/more/d && echo one >'/srv/more/d/a b' && ln -sfn d /srv/more/link");
    let backup = "[backup]\nrepository = \"/srv/backup\"\nfolders = [\"/srv/more\"]\n\
         keep = { hourly = 0, daily = 1, weekly = 0, monthly = 0 }\n\n# --- roles ---";
    let more = upgrades::section(server);
    let site = server.site_with("backup", |text| {
        text.replace("# --- roles ---", &format!("{more}{backup}"))
    });
    site.run(&["apply", "--yes"]).exits(0);
    upgrades::the_database_waits_for_its_window(server, &site);
    site.run(&["backup", "now"]).exits(0);
    let before = dump(server);
    for object in [
        "Zoë 😀",
        "book_title",
        "`nightly`",
        "VIEW `z_base`",
        "PROCEDURE `tidy`",
    ] {
        assert!(before.contains(object), "no {object} in\n{before}");
    }
    site.run(&["backup", "drill"])
        .exits(0)
        .says(&["can be restored", "foobar.com answers /healthz with it"]);
    an_app_that_is_not_healthy_fails_the_drill(server, &site);
    a_moment_comes_back(server, &site, &before);
    a_table_that_was_dropped_comes_back(server, &site);
    a_swap_that_is_killed_is_completed(server, &before);
    no_moment_of_before_a_restore_is_lost(server, &site);
    what_does_not_fit_is_not_begun(server, &site);
    a_full_repository_has_room_when_fewer_are_to_be_kept(server);
    a_damaged_pack_of_an_older_backup_is_named(server, &site);
    a_corrupt_dump_is_named(server, &site);
    server.on(&format!(
        "for name in $({} --skip-column-names --batch --execute \"SHOW DATABASES LIKE 'foobar\\_%'\"); do \
         {} --execute \"DROP DATABASE $name\"; done; rm -rf /srv/more /srv/more.before-* /srv/backup; \
         ln -sf /usr/share/zoneinfo/Etc/UTC /etc/localtime",
        server.engine(),
        server.engine()
    ));
    sql(
        server,
        "USE foobar; DROP VIEW a_view, z_base; DROP TABLE book, author, day, nothing, counted, `od``d name-ü`; \
         DROP EVENT nightly; DROP FUNCTION twice; DROP PROCEDURE tidy; DROP USER somebody@localhost;",
    );
}

/// Seen from where the app runs: the data of the backup, and nothing that is live.
fn an_app_that_is_not_healthy_fails_the_drill(server: &Server, site: &Site) {
    // It is asked for three seconds, and what it sees is looked at.
    server.on(&format!(
        "sed -i 's/^health foobar https 60 200/health foobar https 1 299/' /etc/foobar-stack/backup/settings
         cat >/root/look <<'END'
         unit='foobar-stack-drill-foobar@*.service'
         until systemctl is-active --quiet $unit; do sleep 0.1; done
         pid=$(systemctl show --value -p MainPID $unit)
         as() {{ nsenter --target $pid --mount --net setpriv --reuid foobar --regid foobar --clear-groups \"$@\"; }}
         as {} --batch --skip-column-names --execute 'SELECT @@innodb_flush_log_at_trx_commit; SELECT COUNT(*) FROM foobar.book'
         as ls -d /run/dbus /run/systemd/private /run/nginx.pid; as touch /srv/foobar/current/x
         as touch /var/lib/foobar/of-the-drill; ls /var/lib/foobar/of-the-drill; as ip -oneline link | wc -l
END
         setsid sh /root/look >/root/seen 2>/dev/null &",
        server.engine()
    ));
    site.run(&["backup", "drill"]).exits(1).says(&[
        "the app of foobar.com is not healthy with the data of backup 2",
        "/healthz says 200, not 299",
        "  | ",
        "Listening at",
    ]);
    assert_eq!(
        server.on("cat /root/seen; rm /root/seen /root/look"),
        "0\n2\n1\n"
    );
    server.on("sed -i 's/^health foobar https 1 299/health foobar https 60 200/' /etc/foobar-stack/backup/settings");
}

/// One second before tables were dropped; a folder with it.
fn a_moment_comes_back(server: &Server, site: &Site, before: &str) {
    sql(server, "INSERT INTO foobar.nothing VALUES (7);");
    let later = dump(server);
    assert_ne!(later, before);
    server.on("sleep 1");
    let moment = server.on("date -u '+%F %T UTC'").trim().to_owned();
    server.on("sleep 1; rm -r /srv/more/d; echo younger >/srv/more/young");
    sql(
        server,
        "SET FOREIGN_KEY_CHECKS = 0; DROP TABLE foobar.author, foobar.day; DELETE FROM foobar.book;",
    );
    let restore = ["backup", "restore", "--to", &moment];
    let lost = [
        "--yes-lose foobar.com",
        "the database foobar: all that was written after",
        "/srv/more: 1 files that are younger",
    ];
    site.run(&restore).exits(64).says(&lost);
    let mut agreed = restore.to_vec();
    agreed.extend(["--yes-lose", "foobar.com"]);
    site.run(&agreed).exits(0).says(&[
        "restored the database foobar",
        "foobar_before_",
        "restored /srv/more",
    ]);
    assert_eq!(dump(server), later);
    let files = server.on("cat '/srv/more/link/a b' /srv/more.before-*/young; ls /srv/more");
    assert_eq!(files, "one\nyounger\nd\nlink\n");
}

/// One table alone, which is the usual accident.
fn a_table_that_was_dropped_comes_back(server: &Server, site: &Site) {
    let sum = || {
        let ask = "CHECKSUM TABLE foobar.counted";
        server.on(&format!("{} --batch --execute '{ask}'", server.engine()))
    };
    // What a restore begins is over: a table that goes meanwhile is in no whole backup.
    site.run(&["backup", "now"]).exits(0);
    let before = sum();
    sql(server, "DROP TABLE foobar.counted;");
    assert_ne!(sum(), before);
    let restore = ["backup", "restore", "--table", "foobar.counted"];
    let agreed = [&restore[..], &["--yes-lose", "foobar.com"]].concat();
    site.run(&agreed).exits(0).says(&["restored the table"]);
    assert_eq!(sum(), before);
}

/// By SIGKILL, after the point of no return.
fn a_swap_that_is_killed_is_completed(server: &Server, before: &str) {
    let id = server.on(&format!("{PROGRAM} list | sed -n '1s/ .*//p'"));
    let id = id.trim();
    // The backup that a restore begins is over.
    server.on("systemctl stop foobar-stack-backup.service foobar-stack-backup-logs.timer");
    sql(server, "INSERT INTO foobar.nothing VALUES (8);");
    server.on(&format!(
        "setsid {PROGRAM} restore {id} database foobar >/dev/null 2>&1 & pid=$!\n\
         until [ -d /var/lib/foobar-stack/backup/swap ]; do kill -0 $pid; done\n\
         kill -9 -- -$pid; ! wait $pid; test -d /var/lib/foobar-stack/backup/swap"
    ));
    server.on(&format!("{PROGRAM} logs"));
    assert_eq!(dump(server), before);
    let left = server.on(&format!(
        "ls -d /var/lib/foobar-stack/backup/swap* /var/lib/foobar-stack/backup/work 2>/dev/null | wc -l\n\
         systemctl is-active foobar-stack-backup-instance.service || true\n\
         {} --skip-column-names --batch --execute \"SELECT @@read_only; SHOW DATABASES LIKE '%restored'\"",
        server.engine()
    ));
    assert_eq!(left, "0\ninactive\n0\n");
}

/// The policy would do with the last one: the others are each the last of its incarnation, or the last
/// that was proven.
fn no_moment_of_before_a_restore_is_lost(server: &Server, site: &Site) {
    let ids = || server.on(&format!("{PROGRAM} list | cut -d ' ' -f 1"));
    site.run(&["backup", "now"]).exits(0);
    site.run(&["backup", "drill"]).exits(0);
    let before = ids();
    let kept = before.lines().count();
    assert!(kept > 1, "{before}");
    site.run(&["backup", "now"]).exits(0);
    let after = ids();
    assert_eq!(after.lines().count(), kept + 1, "{after}");
    assert!(after.starts_with(&before), "{before} is not before {after}");
}

/// What the newest backup does not need is read, too.
fn a_damaged_pack_of_an_older_backup_is_named(server: &Server, site: &Site) {
    let pack = server.on(&format!(
        "head -c 2000000 /dev/urandom >/root/older; touch /root/before
         {PROGRAM} restic backup --quiet --host older /root/older
         pack=$(find /srv/backup/data -type f -newer /root/before -size +1000k | head -n 1)
         chmod u+w $pack; printf damaged | dd of=$pack bs=1 seek=5000 conv=notrunc 2>/dev/null
         sed -i 's/^check 4/check 1/' /etc/foobar-stack/backup/settings; rm /root/older /root/before
         basename $pack"
    ));
    let named = format!("is damaged in its pack {}", pack.trim());
    site.run(&["backup", "drill"])
        .exits(1)
        .says(&["can be restored, but the repository /srv/backup", &named]);
    site.run(&["verify"]).says(&[&named]);
    server.on(&format!(
        "sed -i 's/^check 1/check 4/' /etc/foobar-stack/backup/settings; find /srv/backup/data -name {} -delete",
        pack.trim()
    ));
}

/// A disk that a restore fills is full for what is live, too.
fn what_does_not_fit_is_not_begun(server: &Server, site: &Site) {
    server.on("mount -t tmpfs -o size=32m small /srv/more");
    site.run(&[
        "backup",
        "restore",
        "--folder",
        "/srv/more/d",
        "--yes-lose",
        "foobar.com",
    ])
    .exits(1)
    .says(&[
        "/srv/more/d cannot be restored beside the live one: it takes 0 MB, with 64 to spare, and 32 MB are free where /srv/more is",
    ]);
    server.on("test -z \"$(ls -A /srv/more)\" && umount /srv/more");
}

/// What is superfluous goes after a backup, and a repository that is full takes none.
fn a_full_repository_has_room_when_fewer_are_to_be_kept(server: &Server) {
    let keep = |from: &str, to: &str| {
        format!("sed -i 's/^keep {from}$/keep {to}/' /etc/foobar-stack/backup/settings")
    };
    let more = "head -c 12M /dev/urandom >/srv/more/large";
    // A process that was killed has left its lock.
    server.on(
        "export RESTIC_REPOSITORY=/srv/backup RESTIC_PASSWORD_FILE=/etc/foobar-stack/backup/key
         sleep 20 | restic backup --quiet --stdin >/dev/null 2>&1 & killed=$!
         for i in $(seq 100); do [ -z \"$(ls /srv/backup/locks)\" ] || break; sleep 0.1; done
         kill -KILL $killed && test -n \"$(ls /srv/backup/locks)\"",
    );
    server.on(&format!(
        "cd /srv && mv backup full && mkdir backup
         mount -t tmpfs -o size=$(($(du -sm full | cut -f 1) + 32))m full backup && cp -a full/. backup
         {}; {more}; {PROGRAM} now; {more}; {PROGRAM} now; {more}
         ! {PROGRAM} now 2>/root/said && grep 'is full: no space left on device' /root/said
         {}; {PROGRAM} now; {PROGRAM} restic check",
        keep("daily 1", "last 9"),
        keep("last 9", "daily 1"),
    ));
    server
        .on("cd /srv && umount backup && rmdir backup && mv full backup; rm more/large /root/said");
}

/// Whether it is another one than the manifest says, or cannot be loaded.
fn a_corrupt_dump_is_named(server: &Server, site: &Site) {
    let made = |id: &str, dump: &str| {
        server.on(&format!(
            "cd /var/lib/foobar-stack/backup && mkdir -p spool && echo '{dump}' >spool/databases.sql\n\
             export RESTIC_REPOSITORY=/srv/backup RESTIC_PASSWORD_FILE=/etc/foobar-stack/backup/key\n\
             data=$(restic backup --json --host foobar-stack --tag data,id={id} $PWD/spool |\n\
             jq -r 'select(.message_type == \"summary\").snapshot_id')\n\
             printf '%s\\n' 'backup {id}' 'made 1800000000' \"snapshot $data\" 'files 1 1' \\\n\
             'dump databases.sql '$(printf '%s\\n' 'CREATE TABEL x;' | sha256sum | cut -d ' ' -f 1)' 16' \\\n\
             'objects foobar tables 1 views 0 triggers 0 routines 0 events 0' |\n\
             restic backup --quiet --host foobar-stack --tag manifest,id={id},data=$data --stdin --stdin-filename manifest"
        ));
    };
    let changed = "databases.sql of backup 20270101T000000Z is not what its manifest says";
    made("20270101T000000Z", "CREATE TABLE x;");
    site.run(&["backup", "drill"]).exits(1).says(&[changed]);
    made("20270102T000000Z", "CREATE TABEL x;");
    site.run(&["backup", "drill", "20270102T000000Z"])
        .exits(1)
        .says(&["databases.sql cannot be loaded: ERROR 1064"]);
}
