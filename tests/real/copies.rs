//! Backups are copied to a second repository: it is behind while it is away, and stands in when the
//! first one, or all of the server, is lost.

use crate::killed::{self, Killed};
use crate::server::{Server, Site};
use crate::support::until;

const PROGRAM: &str = "/usr/local/lib/foobar-stack/backup";

/// The server of the second repository, with its address as restic takes it; the root of each of the
/// two may log in there.
pub(crate) fn second(server: &Server) -> (Server, String) {
    let other = Server::up(server.suite);
    let address = other.address;
    let host_key = other.on("cut -d ' ' -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub");
    for one in [server, &other] {
        let key = one.on(&format!(
            "test -e ~/.ssh/id_ed25519 || {{ mkdir -p -m 700 ~/.ssh; ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519; }}
             echo '{address} {}' >>~/.ssh/known_hosts; cat ~/.ssh/id_ed25519.pub",
            host_key.trim()
        ));
        other.on(&format!(
            "mkdir -p -m 700 ~/.ssh; echo '{key}' >>~/.ssh/authorized_keys"
        ));
    }
    (other, format!("sftp:root@{address}:/srv/second"))
}

fn ids(server: &Server, from: &str) -> String {
    server.on(&format!("{PROGRAM} {from} list | cut -d ' ' -f 1"))
}

pub(crate) fn what_is_copied_stands_in(server: &Server) {
    let (other, address) = second(server);
    let backup = format!(
        "[jobs]\non_failure = \"cat >>/root/told\"\n[backup]\nrepository = \"/srv/backup\"\ncopies = [\"{address}\"]\n\
         folders = [\"/srv/kept\"]\n\
         keep = {{ hourly = 0, daily = 1, weekly = 0, monthly = 0 }}\n\n# --- roles ---"
    );
    let site = server.site_with("copies", |text| text.replace("# --- roles ---", &backup));
    let engine = server.engine();
    server.on(&format!(
        "mkdir /srv/kept && echo kept >/srv/kept/one
         {engine} foobar --execute \"CREATE TABLE copied (id INT PRIMARY KEY AUTO_INCREMENT, text VARCHAR(99)); INSERT INTO copied (text) VALUES ('one')\"
         {engine} --execute \"CREATE USER reader@localhost IDENTIFIED BY 'a'; CREATE ROLE auditor; GRANT SELECT ON foobar.* TO auditor; GRANT auditor TO reader@localhost\""
    ));
    site.run(&["apply", "--yes"]).exits(0);
    // The first backup begins by itself.
    until("the first backup is copied", || {
        let copied = "test -e /var/lib/foobar-stack/backup/record/copy.2.succeeded";
        (server.ask(copied).0 == 0).then_some(())
    });
    let copy = format!("from {address}");
    assert_eq!(ids(server, &copy), ids(server, ""));
    let params = |from: &str| {
        server.on(&format!(
            "{PROGRAM} {from} restic cat config --no-lock | jq -r .chunker_polynomial"
        ))
    };
    assert_eq!(params(&copy), params(""));
    let recovery = site.folder.join("recovery.key");
    let recovery = recovery.to_str().unwrap_or_default();
    one_that_is_away_is_named_and_catches_up(server, &site, &address, recovery);
    the_first_one_is_away(server, &site, &address);
    killed::a_backup_that_is_killed_leaves_what_was_there(server, &copy);
    the_server_is_lost_with_the_first_one(server, &other, &backup, recovery);
    killed::a_restore_that_is_killed_is_as_if_it_was_not_or_completed(server);
    server.on(&format!(
        "rm -rf /srv/backup /srv/kept /root/told; {engine} foobar --execute 'DROP TABLE copied; DROP USER reader@localhost; DROP ROLE auditor'"
    ));
}

fn one_that_is_away_is_named_and_catches_up(
    server: &Server,
    site: &Site,
    address: &str,
    recovery: &str,
) {
    let copy = format!("from {address}");
    let host = address.trim_start_matches("sftp:root@");
    let host = host.split(':').next().unwrap_or_default();
    server.on(&format!(
        "rm -f /root/told; ip route add unreachable {host}"
    ));
    let away = format!("the repository {address} cannot be reached");
    site.run(&["backup", "now"])
        .exits(1)
        .says(&["was made, and not copied", &away]);
    let had = ids(server, "");
    let told = server.on("cat /root/told");
    assert!(
        told.contains(&format!("the backup is not in {address}")),
        "{told}"
    );
    for command in ["status", "verify", "doctor"] {
        let said = site.run(&[command]).said();
        assert!(said.contains(&away), "{command}: {said}");
    }
    site.run(&["backup", "key", recovery])
        .exits(1)
        .says(&[&away, "say this again"]);
    // The first one has the log, too.
    server.on(&format!(
        "{} foobar --execute \"INSERT INTO copied (text) VALUES ('two')\"
         ! {PROGRAM} logs; test ! -e /var/lib/foobar-stack/backup/record/logs-failed",
        server.engine()
    ));

    server.on(&format!("ip route del unreachable {host}"));
    site.run(&["backup", "now"]).exits(0);
    let caught_up = ids(server, &copy);
    assert_eq!(caught_up, ids(server, ""));
    assert_ne!(caught_up, had);
    site.run(&["verify"]).says(&["copied to"]);
    let doctor = ["doctor", "--recovery-key", recovery];
    site.run(&doctor).says(&["this key does not open", address]);
    site.run(&["backup", "key", recovery])
        .exits(0)
        .says(&["opens the 2 repositories"]);
    site.run(&doctor).says(&["opens the repository"]);
}

fn the_first_one_is_away(server: &Server, site: &Site, address: &str) {
    let engine = server.engine();
    server.on(&format!(
        "{engine} foobar --execute \"INSERT INTO copied (text) VALUES ('three')\"; sleep 1"
    ));
    let moment = server.on("date -u '+%F %T UTC'").trim().to_owned();
    server.on(&format!(
        "sleep 1; {engine} foobar --execute 'DROP TABLE copied'; mv /srv/backup /srv/away; ! {PROGRAM} logs"
    ));
    let there = [
        "the repository /srv/backup is not there",
        "--from 2",
        address,
    ];
    site.run(&["backup", "list"]).exits(1).says(&there);
    site.run(&["backup", "list", "--from", "3"])
        .exits(64)
        .says(&["the inventory has no repository 3"]);
    site.run(&["backup", "list", "--from", "2"]).exits(0);
    // The restore below loads and compares it as a drill does.
    if Killed::Restore.every().is_some() {
        site.run(&["backup", "drill", "--from", address])
            .exits(0)
            .says(&["can be restored from sftp:"]);
    }
    let restore = [
        "backup",
        "restore",
        "--from",
        "2",
        "--to",
        &moment,
        "--table",
        "foobar.copied",
    ];
    site.run(&[&restore[..], &["--yes-lose", "foobar.com"]].concat())
        .exits(0)
        .says(&["restored the table foobar.copied"]);
    let rows = server.on(&format!(
        "{engine} foobar --skip-column-names --batch --execute 'SELECT text FROM copied'"
    ));
    assert_eq!(rows, "one\ntwo\nthree\n");
    let to = site.folder.join("fetched");
    let to = to.to_str().unwrap_or_default();
    let fetch = ["backup", "fetch", "--from", "2", "--to", to];
    site.run(&[&fetch[..], &["/etc/foobar-stack/backup/settings"]].concat())
        .exits(0);
    server.on("mv /srv/away /srv/backup");
}

/// It comes back where the second repository is; killed amid that, it begins anew.
fn the_server_is_lost_with_the_first_one(
    server: &Server,
    other: &Server,
    backup: &str,
    recovery: &str,
) {
    let engine = server.engine();
    let belongings = format!(
        "sha256sum /etc/foobar-stack/backup/key; readlink /srv/foobar/current
         {engine} foobar --skip-column-names --batch --execute 'SELECT text FROM copied'
         {engine} --user=reader --password=a --skip-column-names --batch --execute 'SET ROLE auditor; SELECT COUNT(*) FROM foobar.copied'"
    );
    let had = server.on(&belongings);
    let site = other.site_with("rebuilt", |text| text.replace("# --- roles ---", backup));
    let rebuild = ["rebuild", "--yes", "--recovery-key", recovery];
    site.run(&rebuild)
        .exits(1)
        .says(&["the repository /srv/backup is not there", "add --from 2"]);
    let rebuild = [&rebuild[..], &["--from", "2"]].concat();
    killed::begin(other, Killed::Rebuild);
    for step in Killed::Rebuild.steps(&[8]) {
        killed::at(other, step);
        if site.run(&rebuild).code == 0 {
            assert!(step > 8, "it has fewer than {step} steps");
            break;
        }
        other.on("test -e /var/lib/foobar-stack-rebuild/begun");
        // Cut off when all was there but the proof of it.
        let has_run =
            "test /var/lib/foobar-stack/generation -nt /var/lib/foobar-stack-rebuild/begun";
        if other.ask(has_run).0 == 0 {
            killed::at(other, 0);
            let left = ["is not empty", "`foobar-stack apply` does what is left"];
            site.run(&rebuild).exits(1).says(&left);
            site.run(&["apply", "--yes"]).exits(0);
            break;
        }
    }
    killed::end(other);
    if other.ask("test ! -e /var/lib/foobar-stack-rebuild").0 != 0 {
        site.run(&rebuild)
            .exits(0)
            .says(&["rebuilt on", "from backup 2"]);
    }
    assert_eq!(other.on(&belongings), had);
    site.run(&["plan"]).exits(0).says(&["No changes."]);
    // The first one may have been killed.
    other.ask("systemctl start foobar-stack-backup.service");
    site.run(&["verify"])
        .says(&["the repository /srv/backup is not there"]);
}
