//! What a run leaves, removes and puts back: an undone run leaves the server as it was, and says
//! what of it stays; nothing that somebody else has put on the server goes.

use crate::server::Server;

/// What an undone run must leave as it was, one line each.
const BEFORE: &str = r#"
    hostname; cat /proc/sys/net/ipv4/tcp_fin_timeout
    stat -c '%n %u:%g %a' /var/www/foobar.com
    ls -d /etc/deep /etc/deep/er /srv/deep 2>/dev/null || true
    ls -A /srv/foobar/releases
    cat /var/lib/foobar-stack/commands/*
    grep -v SOA /etc/bind/zones/foobar.com.zone
    cat /etc/hostname /etc/foobar-stack/secrets/foobar.FROM_FILE
    python3 - <<END
import os
for path in "$(echo /etc/listed /etc/listed/*)".split() + ["$secret", "$zone"]:
    at = os.stat(path)
    print(path, oct(at.st_mode), at.st_uid, at.st_gid)
    print(*((name, os.getxattr(path, name).hex()) for name in sorted(os.listxattr(path))))
END
"#;

/// Files and folders with access control lists and notes of somebody's (acl(5), xattr(7)), which
/// the run changes, replaces and removes.
const LISTED: &str = r#"
    command -v setfacl >/dev/null || apt-get install -y -qq acl >/dev/null
    mkdir /etc/listed /etc/listed/folder /etc/listed/read
    echo theirs | tee /etc/listed/file /etc/listed/gone >/dev/null
    chown 0:12345 /etc/listed/folder
    setfacl -m u:12345:rwx,g:54321:x,d:u:12345:rwX /etc/listed/folder /etc/listed/read
    setfacl -m u:12345:rw,g:54321:r /etc/listed/file /etc/listed/gone "$secret" "$zone"
    for path in /etc/listed/* "$secret" "$zone"; do
        python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.note", b"theirs")' "$path"
    done
"#;

/// Paths for both.
const PATHS: &str =
    "secret=/etc/foobar-stack/secrets/foobar.FROM_FILE zone=/etc/bind/zones/foobar.com.zone\n";

/// A role that sets something everywhere, and another that says no in the end.
const ROLE: &str = r#"
description = "What an undo must find"
after = ["web"]

[[file]]
path = "/etc/deep/er/file"
content = "x\n"

[[file]]
path = "/srv/deep/file"
content = "x\n"

[[file]]
path = "/etc/listed/file"
content = "x\n"

[[absent]]
path = "/etc/listed/gone"

[[directory]]
path = "/etc/listed/folder"
mode = "0700"

[[directory]]
path = "/etc/listed/read"
readers = ["adm"]

[[command]]
name = "stays"
command = ["touch", "/root/stays"]
key = "1"

[[command]]
name = "no"
command = ["sh", "-c", "echo 'this says no'; exit 1"]
key = "1"
"#;

fn serial(server: &Server) -> u32 {
    let serial =
        server.on("sed -n 's/.* SOA [^ ]* [^ ]* \\([0-9]*\\) .*/\\1/p' /etc/bind/zones/*.zone");
    serial.trim().parse().unwrap_or_default()
}

fn published(server: &Server) -> u32 {
    let serial = server.on("rndc zonestatus foobar.com | sed -n 's/^serial: //p'");
    serial.trim().parse().unwrap_or_default()
}

pub(crate) fn what_a_run_touched_goes_back_and_others_things_stay(server: &Server) {
    let record = "made\tweb\tplanet\tmars\t\twith two  moons";
    server.on(&format!(
        "mkdir /srv/foobar/releases/theirs && echo theirs >/srv/foobar/releases/theirs/file\n\
         chown 12345:12345 /var/www/foobar.com\n\
         echo '{record}' >>/var/lib/foobar-stack/managed"
    ));
    an_undone_run(server);
    what_is_superseded_is_planned(server);
    // Neither run took what is not ours.
    server.on(&format!(
        "grep -qx theirs /srv/foobar/releases/theirs/file\n\
         grep -qxF '{record}' /var/lib/foobar-stack/managed\n\
         rm -r /srv/foobar/releases/theirs /root/stays"
    ));
    a_folder_in_the_place_of_the_link(server);
    a_full_file_system(server);
}

fn an_undone_run(server: &Server) {
    let site = server.site_with("undone", |text| {
        let adopt = "adopt = [\"/etc/listed/file\", \"/etc/listed/gone\"]\n";
        let server = format!("[server]\nhostname = \"another\"\n{adopt}");
        text.replacen("[server]\n", &server, 1)
            + "\n[[dns.records]]\nname = \"undone\"\ntype = \"A\"\nvalue = \"192.0.2.9\"\n"
    });
    site.write("roles/deep/role.toml", ROLE);
    site.write("canary", "another value\n");
    site.write(
        "templates/base/sysctl.conf",
        "net.ipv4.tcp_fin_timeout = 31\n",
    );
    let app = site.read("app/app.py");
    site.write("app/app.py", &format!("{app}\n# another release\n"));
    server.on(&format!("{PATHS}{LISTED}"));
    let look = format!("{PATHS}{BEFORE}");
    let (before, first) = (server.on(&look), serial(server));
    let listed = before.matches("system.posix_acl_access").count();
    assert_eq!(listed, 6, "{before}");
    let ending = site.run(&["apply", "--yes", "--json"]).exits(6);
    let stays: Vec<String> = ending
        .lines("run")
        .iter()
        .filter(|line| line["state"] == "stays")
        .map(|line| line["what"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        stays,
        [
            "the package libnss-myhostname",
            "what the command foobar-migrate has done",
            "what the command stays has done",
            "what the command no has done"
        ],
        "{}",
        ending.said()
    );
    assert_eq!(server.on(&look), before, "{}", ending.said());
    server.on("rm -r /etc/listed");
    // The name server has had another serial in between, and has a third one now.
    let undone = serial(server);
    assert_eq!((undone, published(server)), (first + 2, first + 2));
    // Nobody finds a secret of before in what was kept for undoing.
    let kept = server.on(
        "cd /var/lib/foobar-stack/runs && find */before -type f ! -perm -004; \
         grep -rl canary-from-file */before || true",
    );
    assert_eq!(kept, "");
    server.on("chown 0:0 /var/www/foobar.com");
    // The secret that came back is newer than the start of the app, which starts anew for it.
    server.converge();
    // A rotated secret that is proven leaves none, either.
    let rotated = server.site_with("rotated", |text| text);
    rotated.write("canary", "canary-from-file-rotated\n");
    rotated.run(&["apply", "--yes"]).exits(0);
    server.on("! grep -rlq canary-from-file /var/lib/foobar-stack/runs/*/before");
    server.converge();
    assert_eq!(serial(server), undone);
    server.on("chown 0:0 /var/www/foobar.com; apt-get purge -y -qq libnss-myhostname >/dev/null");
}

/// Old releases go by the plan, and a folder that is none of ours stays.
fn what_is_superseded_is_planned(server: &Server) {
    let releases = "ls /srv/foobar/releases | grep -cE '^[0-9a-f]{12}$'";
    let site = server.site_with("superseded", |text| text);
    let app = site.read("app/app.py");
    let mut deleted = Vec::new();
    for number in 0..6 {
        site.write("app/app.py", &format!("{app}\n# {number}\n"));
        let planned = site.plan();
        let applied = site.run(&["apply", "--yes", "--json"]).exits(0);
        let old = |change: &crate::support::Change| change.id.starts_with("old_release:");
        let goes: Vec<_> = planned.changes().into_iter().filter(old).collect();
        let count = goes
            .iter()
            .filter(|change| change.action == "delete")
            .count();
        assert_eq!(
            planned.summary()["plan"]["delete"],
            count,
            "{}",
            planned.said()
        );
        assert!(goes.iter().all(|change| applied.changes().contains(change)));
        deleted.extend(goes);
    }
    // The one that serves and three more.
    assert_eq!(server.on(releases), "4\n");
    assert!(deleted.len() >= 2, "{deleted:?}");
    server.converge();
}

/// The plan says so, and what to do.
fn a_folder_in_the_place_of_the_link(server: &Server) {
    server.on("cd /srv/foobar && mv current link && mkdir current && touch current/theirs");
    server.run(&["plan"]).exits(1).says(&[
        "/srv/foobar/current is not a symbolic link",
        "mv /srv/foobar/current /srv/foobar/current.before",
    ]);
    server.on("cd /srv/foobar && rm -r current && mv link current");
}

/// A run for which there is no space does not begin, and one that fills the disk leaves nothing.
fn a_full_file_system(server: &Server) {
    // What runs goes on with what is below. The mark is the newest of a release, as before.
    server.on(
        "mkdir /root/srv && cp -a /srv/. /root/srv/ && mount -t tmpfs -o size=24m srv /srv\n\
         cp -a /root/srv/. /srv/ && find /srv -name .foobar-stack-complete -exec touch {} +",
    );
    server.converge();
    let site = server.site_with("too-large", |text| text);
    site.write("app/large", &"0123456789abcdef\n".repeat(4_000_000));
    let before = server.on("ls -A /srv/foobar/releases; cat /var/lib/foobar-stack/commands/*");
    site.run(&["apply", "--yes"])
        .exits(1)
        .says(&["the file system of /srv", "is too full: this run needs"]);
    // It fits when the run begins, and not any more when the release is made.
    site.write("app/large", &"0123456789abcdef\n".repeat(600_000));
    site.write(
        "roles/aaa/role.toml",
        "description = \"fills the disk\"\nafter = [\"base\"]\n[[command]]\nname = \"fill\"\nkey = \"1\"\n\
         command = [\"sh\", \"-c\", \"head -c 20m /dev/zero >/srv/fill || true\"]\n\
         undo = { remember = [\"true\"], command = [\"rm\", \"-f\", \"/srv/fill\"] }\n",
    );
    site.run(&["apply", "--yes"]).exits(6);
    let after = server.on("ls -A /srv/foobar/releases; cat /var/lib/foobar-stack/commands/*");
    assert_eq!(before, after);
    server.run(&["plan"]).exits(0).says(&["No changes."]);
    server.on("umount -l /srv && rm -r /root/srv");
    server.converge();
}
