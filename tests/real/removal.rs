//! What is no longer in the inventory: files go, data and packages are kept until somebody asks,
//! and what was there before foobar-stack is nobody's to remove.

use crate::server::{Server, Site};
use crate::support::Ending;

const ROLE: &str = include_str!("removal.toml");

/// What somebody has made by hand before the role came.
const BEFORE: &str = "apt-get install -y -qq less >/dev/null\n\
    useradd --system --home-dir /var/lib/older --create-home --shell /usr/sbin/nologin older\n\
    mkdir -p /srv/older && echo theirs >/srv/older/file\n\
    CLIENT -e 'CREATE DATABASE older; CREATE TABLE older.t (a INT); CREATE USER older@localhost'";

/// Whether all of that is still there.
const OLDER: &str = "dpkg-query -W less >/dev/null && getent passwd older >/dev/null &&\n\
    test -d /var/lib/older && test -f /srv/older/file &&\n\
    CLIENT -N -e 'SELECT COUNT(*) FROM older.t; SELECT User FROM mysql.user WHERE User = \"older\"'";

const EVERYTHING: [&str; 4] = ["apply", "--yes", "--destroy-data", "--remove-packages"];

fn ids(ending: &Ending) -> Vec<String> {
    let changes = ending.changes().into_iter();
    changes
        .map(|change| format!("{} {}", change.action, change.id))
        .collect()
}

fn plan(site: &Site, flags: &[&str]) -> Ending {
    site.run(&[&["plan", "--json"], flags].concat()).exits(0)
}

pub(crate) fn what_leaves_goes_and_data_stays(server: &Server) {
    let client = server.engine();
    let older = || server.on(&OLDER.replace("CLIENT", client));
    server.on(&BEFORE.replace("CLIENT", client));
    let with = server.site_with("with-extra", |text| text);
    with.write("roles/extra/role.toml", ROLE);
    with.run(&["apply", "--yes"]).exits(0);
    server.on(&format!(
        "{client} -e 'CREATE TABLE extra.t (a INT); INSERT INTO extra.t VALUES (421421)'\n\
         install -d -o extra /var/lib/extra && echo state >/var/lib/extra/state"
    ));
    let made = server.on("grep -c '^made	extra	' /var/lib/foobar-stack/managed");
    assert_eq!(made, "8\n");

    // It leaves: what it put on the server goes, except what cannot be made again.
    let without = &server.site;
    let left = [
        "no longer in the inventory, and kept: ",
        "secret /etc/extra.key",
        "database extra",
        "database-account extra",
        "folder /srv/extra/inner",
        "folder /srv/extra",
        "account extra",
        "--destroy-data",
        "no longer in the inventory, and kept: jq; --remove-packages",
    ];
    let shown = plan(without, &[]).says(&left);
    assert_eq!(ids(&shown), ["delete absent:/srv/extra/inner/file"]);
    assert!(!shown.err.contains(" older"), "{}", shown.said());
    without.run(&["apply", "--yes"]).exits(0);
    let shown = plan(without, &[]).says(&left);
    assert_eq!(ids(&shown), [""; 0]);
    server.on("test -d /var/lib/extra && test -s /etc/extra.key && dpkg-query -W jq >/dev/null");
    assert_eq!(
        server.on(&format!("{client} -N -e 'SELECT a FROM extra.t'")),
        "421421\n"
    );

    what_others_need_stays(server);

    let file = without.folder.join("removal.plan").display().to_string();
    let removal = ["--destroy-data", "--remove-packages", "--out", &file];
    let shown = plan(without, &removal).says(&[
        "folder /srv/extra (others' files are in it)",
        "{\"name\":\"folders\",\"before\":\"/var/lib/extra\",\"after\":null}",
        "{\"name\":\"dump\",\"before\":null,\"after\":\"/var/lib/foobar-stack/dropped\"}",
        "libjq1",
    ]);
    let expected = [
        "delete orphan:secret:/etc/extra.key",
        "delete orphan:database:extra",
        "delete orphan:database-account:extra",
        "delete orphan:folder:/srv/extra/inner",
        "delete orphan:account:extra",
        "delete orphan_package:jq",
    ];
    let mut found = ids(&shown);
    found.sort();
    let mut sorted = expected.to_vec();
    sorted.sort_unstable();
    assert_eq!(found, sorted, "{}", shown.said());
    // What was asked for when the plan was made is asked for.
    without.run(&["apply", "--yes", &file]).exits(0);
    let gone = server.on(&format!(
        "exists() {{ if \"$@\" >/dev/null 2>&1; then echo \"$*\"; fi; }}\n\
         exists test -e /etc/extra.key; exists test -e /srv/extra/inner; exists test -e /var/lib/extra\n\
         exists getent passwd extra; exists getent group extra; exists dpkg -s jq; exists dpkg -s libjq1\n\
         exists {client} extra -e 'SELECT 1'\n\
         {client} -N -e 'SELECT User FROM mysql.user WHERE User = \"extra\"'\n\
         grep '	extra	' /var/lib/foobar-stack/managed"
    ));
    assert_eq!(gone, "made	extra	folder	/srv/extra\n");
    // The data is in the dump, for root alone.
    let dump = server.on(
        "cd /var/lib/foobar-stack/dropped && stat -c '%a %U' . extra.*.sql.gz\n\
         zcat extra.*.sql.gz | grep -c 421421",
    );
    assert_eq!(dump, "700 root\n600 root\n1\n");
    server.on("rm /srv/extra/mine");
    without.run(&EVERYTHING).exits(0);
    server.on("test ! -e /srv/extra && test ! -s /srv/older/mine");
    let end = without.run(&["plan", "--destroy-data", "--remove-packages"]);
    let end = end.exits(0).says(&["No changes."]);
    assert!(
        !end.err.contains("no longer in the inventory, and kept"),
        "{}",
        end.said()
    );
    assert_eq!(older(), "0\nolder\n");
}

/// A package that another one depends on, and a folder with somebody's file.
fn what_others_need_stays(server: &Server) {
    server.on(
        "touch /srv/extra/mine\n\
         mkdir -p /tmp/needs/DEBIAN && cd /tmp && printf '%s\\n' 'Package: needs-jq' 'Version: 1' \
         'Architecture: all' 'Maintainer: me <me@localhost>' 'Depends: jq' 'Description: needs jq' >needs/DEBIAN/control\n\
         dpkg-deb -b needs needs.deb >/dev/null && dpkg -i needs.deb >/dev/null && rm -r needs needs.deb",
    );
    let shown = plan(&server.site, &["--remove-packages"]).says(&["jq (needs-jq needs it)"]);
    assert_eq!(ids(&shown), [""; 0]);
    server.on("dpkg -r needs-jq >/dev/null");
}
