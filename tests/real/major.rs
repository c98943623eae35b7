//! The database server becomes one of another series: what was backed up before can be restored after
//! it, and is the way back.

use crate::copies::second;
use crate::server::Server;
use crate::support::until;

/// The packages of the next release of Debian.
const NEWER: &str =
    "echo 'deb http://deb.debian.org/debian trixie main' >/etc/apt/sources.list.d/trixie.list
     apt-get update -qq";

/// As somebody does it by hand, once there is a proven backup.
const UPGRADE: &str = "DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
     -o Dpkg::Options::=--force-confold mariadb-server >/root/apt.log 2>&1 || { tail /root/apt.log; exit 1; }";

/// From MariaDB 10.11 to 11.8, on Debian 12. It takes some minutes, so it is told where `MAJOR` is set.
pub(crate) fn a_newer_series_takes_over_and_a_backup_is_the_way_back() {
    let server = Server::up("bookworm");
    let (other, address) = second(&server);
    let backup =
        |repository: &str| format!("[backup]\nrepository = \"{repository}\"\n\n# --- roles ---");
    let site = server.site_with("older", |text| {
        text.replace("# --- roles ---", &backup(&address))
    });
    site.run(&["apply", "--yes"]).exits(0);
    server.on("mariadb foobar --execute \"CREATE TABLE older (id INT PRIMARY KEY, text VARCHAR(99)); INSERT INTO older VALUES (1, 'Zoë 😀')\"");
    let rows = "mariadb foobar --default-character-set=utf8mb4 --skip-column-names --batch --execute 'SELECT * FROM older; SELECT SUBSTRING_INDEX(VERSION(), \".\", 2)'";
    let had = server.on(rows);
    assert!(had.ends_with("\n10.11\n"), "{had}");
    site.run(&["backup", "now"]).exits(0);
    site.run(&["backup", "drill"]).exits(0);
    let recovery = site.folder.join("recovery.key");
    let recovery = recovery.to_str().unwrap_or_default();
    site.run(&["backup", "key", recovery]).exits(0);
    let older = server.on("/usr/local/lib/foobar-stack/backup list | tail -n 1 | cut -d ' ' -f 1");
    let older = older.trim();

    server.on(NEWER);
    site.run(&["plan"])
        .says(&["a major upgrade of the database is pending: mariadb-server 10.11 → 11.8"]);
    server.on(UPGRADE);
    let now = server.on(rows);
    assert_eq!(now, had.replace("\n10.11\n", "\n11.8\n"));
    until("the upgrade is finished", || {
        (site.run(&["verify"]).code == 0).then_some(())
    });
    // As one that was cut off leaves it.
    server.on(
        "cd /var/lib/mysql && rm mariadb_upgrade_info && echo 10.11.19-MariaDB >mysql_upgrade_info",
    );
    site.run(&["verify"]).exits(3).says(&[
        "MariaDB is of series 11.8, and its upgrade from 10.11 is not finished",
        "run `mariadb-upgrade`",
    ]);
    server.on("mariadb-upgrade --silent");
    site.run(&["apply", "--yes"]).exits(0);
    site.run(&["verify"]).exits(0);
    site.run(&["plan"]).exits(0).says(&["No changes."]);

    site.run(&["backup", "drill", older])
        .exits(0)
        .says(&["can be restored"]);
    site.run(&["backup", "now"]).exits(0);
    site.run(&["backup", "drill"]).exits(0);
    let restore = ["backup", "restore", "--backup", older];
    let restore = [
        &restore[..],
        &["--table", "foobar.older", "--yes-lose", "foobar.com"],
    ];
    site.run(&restore.concat()).exits(0);
    assert_eq!(server.on(rows), now);

    // The way back: the older series, with what there was.
    let site = other.site_with("back", |text| {
        text.replace("# --- roles ---", &backup("/srv/second"))
    });
    let rebuild = ["rebuild", "--yes", "--recovery-key", recovery];
    site.run(&[&rebuild[..], &["--backup", older]].concat())
        .exits(0)
        .says(&["rebuilt on"]);
    assert_eq!(other.on(rows), had);
    site.run(&["verify"]).exits(0);
}
