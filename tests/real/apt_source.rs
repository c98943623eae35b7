//! A foreign apt source: signed by the key of the inventory, gives what is named and nothing else,
//! and goes with its entry.

use crate::server::Server;

/// The archive on the loopback of the server; prints the public key of this name.
const ARCHIVE: &str = include_str!("apt_source.sh");
const FILES: &str =
    "ls /etc/apt/sources.list.d/foobar-stack-* /etc/apt/preferences.d/foobar-stack-*";

pub(crate) fn what_is_named_comes_from_there_and_nothing_else(server: &Server) {
    let wrong = server.on(&format!("set -- wrong\n{ARCHIVE}"));
    let right = server.on("cat /srv/foreign/right.asc");
    let site = server.site_with("foreign", |text| {
        let source = "[server.sources.foreign]\nurl = \"http://127.0.0.2:8099\"\nsuite = \"stable\"\n\
             key = \"foreign.asc\"\npackages = [\"tiny\", \"tiny-*\"]\n\n[site]\n";
        let packages = "\npackages = [\"tiny\", \"tiny-extra\", ";
        let with = text.replacen("\npackages = [", packages, 1);
        with.replacen("[site]\n", source, 1)
    });

    // A key that has not signed it: the run ends, and nothing of it stays.
    site.write("foreign.asc", &wrong);
    site.run(&["apply", "--yes"])
        .exits(6)
        .says(&["the source foreign cannot be used"]);
    assert_ne!(server.ask(FILES).0, 0);

    // Somebody's own source on the same host.
    site.write("foreign.asc", &right);
    let vendor = "/etc/apt/sources.list.d/vendor.list";
    server.on(&format!(
        "echo 'deb [trusted=yes] http://127.0.0.2:8099 stable main' >{vendor}"
    ));
    site.run(&["plan"]).exits(1).says(&[vendor]);
    server.on(&format!("rm {vendor}"));

    site.run(&["apply", "--yes"]).exits(0);
    let versions = server.on(
        "dpkg-query -W -f '${Package} ${Version}\\n' tiny tiny-extra\n\
         apt-cache policy unwanted curl | grep Candidate",
    );
    let lines: Vec<&str> = versions.lines().collect();
    assert_eq!(lines[..2], ["tiny 1.1", "tiny-extra 1.0"], "{versions}");
    assert!(lines[2].ends_with("(none)"), "{versions}");
    assert!(!lines[3].ends_with(" 99"), "{versions}");
    assert_eq!(site.plan().changes(), []);

    // The server's own inventory has no source.
    server.converge();
    assert_ne!(server.ask(FILES).0, 0);
    server.on("systemctl stop foreign-archive; rm -r /srv/foreign; dpkg --purge tiny tiny-extra; apt-get update -qq");
}
