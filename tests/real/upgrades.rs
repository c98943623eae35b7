//! Security upgrades: which are pending, and which the server installs by itself.

use crate::server::{Server, Site};
use serde_json::Value;

/// The section of the inventory; sid has no security archive.
pub(crate) fn section(server: &Server) -> &'static str {
    match server.suite {
        "sid" => "[upgrades]\nenabled = false\n",
        _ => "[upgrades]\n",
    }
}

/// Makes another archive the only one, and puts back what was there.
const ARCHIVE: &str = include_str!("upgrades.sh");
const NO_ARCHIVE: &str = "rm -r /etc/apt/sources.list /etc/apt/sources.list.d /var/lib/apt/lists /srv/archive\n\
     mv /root/apt/sources.list /root/apt/sources.list.d /etc/apt/ && mv /root/apt/lists /var/lib/apt/\n\
     rmdir /root/apt && dpkg --purge tiny mariadb-tiny && apt-get check -qq";

/// On a server whose inventory has the section.
pub(crate) fn the_database_waits_for_its_window(server: &Server, site: &Site) {
    if server.suite == "sid" {
        let dump = server.on("apt-config dump APT::Periodic::Unattended-Upgrade");
        assert!(dump.contains("\"0\""), "{dump}");
        return;
    }
    let versions = |unit: &str| {
        let versions = "dpkg-query -W -f '${Package} ${Version}, ' mariadb-tiny tiny";
        server.ask(&format!("systemctl start {unit}.service; {versions}"))
    };
    server.on(ARCHIVE);
    let plan = site.run(&["plan", "--json", "--detailed-exitcode"]);
    let daily = versions("foobar-stack-upgrades");
    let status = site.run(&["status"]);
    let window = versions("foobar-stack-upgrades-window");
    let journal = server.on("journalctl --output=cat --unit='foobar-stack-upgrades*'");
    server.on(NO_ARCHIVE);

    let plan = plan.exits(0);
    let upgrades = plan.lines("upgrades").remove(0);
    let pending = upgrades["pending"].as_array().cloned().unwrap_or_default();
    let names: Vec<&Value> = pending.iter().map(|one| &one["package"]).collect();
    assert_eq!(
        names,
        ["mariadb-server", "mariadb-tiny", "tiny"],
        "{upgrades}"
    );
    assert_eq!(pending[0]["restarts"][0]["role"], "database", "{upgrades}");
    let plan =
        plan.says(&["3 security upgrades are pending: mariadb-server (restarts the database), "]);
    assert_eq!(plan.changes(), []);
    assert_eq!(
        daily,
        (0, "mariadb-tiny 1.0, tiny 1.1, ".to_owned()),
        "{journal}"
    );
    status
        .exits(0)
        .says(&["2 security upgrades are pending", "upgraded at ", ": tiny"]);
    assert_eq!(
        window,
        (0, "mariadb-tiny 1.1, tiny 1.1, ".to_owned()),
        "{journal}"
    );
}
