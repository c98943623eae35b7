//! What somebody changes on the server by hand, one thing at a time: the plan shows exactly
//! that, and apply mends it.

use crate::running::{RUNNING, who_cannot_be_asked_is_unknown};
use crate::server::Server;
use crate::support::{Change, Ending};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// One kind of drift. `{…}` in its texts stands for what the server has: see [`fill`].
pub(crate) struct Drift {
    pub(crate) name: &'static str,
    /// What is done by hand, as a shell script.
    pub(crate) make: &'static str,
    /// The whole plan, in its order: action and id.
    pub(crate) plan: &'static str,
    /// What the lines of the changes must say.
    pub(crate) says: &'static [&'static str],
    /// Whether it is looked at on this server only.
    pub(crate) suite: Option<&'static str>,
    /// Whether nothing else may be amiss when it is made.
    pub(crate) alone: bool,
    /// If apply refuses to mend it: the words with which it does, and the mending by hand.
    pub(crate) refused: Option<(&'static str, &'static str)>,
}

pub(crate) const ROW: Drift = Drift {
    name: "",
    make: "",
    plan: "",
    says: &[],
    suite: None,
    alone: false,
    refused: None,
};

/// Only on the server with MariaDB: what does not depend on the release.
pub(crate) const ONCE: Drift = Drift {
    suite: Some("trixie"),
    ..ROW
};

const NGINX: &str = "update file:/etc/nginx/nginx.conf\nreload service:nginx.service";
const KEY: &str = "secret:/etc/foobar-stack/secrets/foobar.SESSION_KEY";

const DRIFTS: &[Drift] = &[
    // --- files --------------------------------------------------------------
    Drift {
        name: "a file edited",
        make: "echo '# by hand' >>/etc/nginx/nginx.conf",
        plan: NGINX,
        says: &[
            "\\n-# by hand",
            "its content differs from its template nginx.conf",
            "\"impact\":\"reload\"",
        ],
        ..ROW
    },
    Drift {
        name: "a file emptied",
        make: ": >/etc/nginx/conf.d/unknown-names.conf",
        plan: "update file:/etc/nginx/conf.d/unknown-names.conf\nreload service:nginx.service",
        says: &["\\n+"],
        ..ONCE
    },
    Drift {
        name: "a file's mode",
        make: "chmod 600 /etc/nginx/nginx.conf",
        plan: NGINX,
        says: &["{\"name\":\"mode\",\"before\":\"600\",\"after\":\"644\"}"],
        ..ROW
    },
    Drift {
        name: "a file's owner",
        make: "chown www-data /etc/nginx/nginx.conf",
        plan: NGINX,
        says: &["{\"name\":\"owner\",\"before\":\"www-data\",\"after\":\"root\"}"],
        ..ONCE
    },
    Drift {
        name: "a file's group",
        make: "chgrp root /srv/lab/note",
        plan: "update file:/srv/lab/note",
        says: &["{\"name\":\"group\",\"before\":\"root\",\"after\":\"adm\"}"],
        ..ONCE
    },
    Drift {
        name: "a file deleted",
        make: "rm /etc/nginx/conf.d/unknown-names.conf",
        plan: "create file:/etc/nginx/conf.d/unknown-names.conf\nreload service:nginx.service",
        says: &["\\n+", "it is not there"],
        ..ROW
    },
    Drift {
        name: "a link to the same text where a file should be",
        make: "mv /etc/sysctl.d/60-foobar-stack.conf /root/ && ln -s /root/60-foobar-stack.conf /etc/sysctl.d/",
        plan: "update file:/etc/sysctl.d/60-foobar-stack.conf\nrestart service:systemd-sysctl.service",
        says: &["\"before\":\"symbolic link\",\"after\":\"regular file\""],
        ..ONCE
    },
    Drift {
        name: "a link to nothing where a file should be",
        make: "ln -sfn /nonexistent /srv/lab/note",
        plan: "update file:/srv/lab/note",
        says: &["\"before\":\"symbolic link\",\"after\":\"regular file\""],
        ..ONCE
    },
    Drift {
        name: "a folder where a file should be",
        make: "rm /srv/lab/note && mkdir /srv/lab/note && echo mine >/srv/lab/note/mine",
        plan: "update file:/srv/lab/note",
        says: &["\"before\":\"directory\",\"after\":\"regular file\""],
        refused: Some((
            "/srv/lab/note is a folder, a file should be there; move it away",
            "test -f /srv/lab/note/mine && rm -r /srv/lab/note",
        )),
        ..ONCE
    },
    Drift {
        name: "a file that must not be seen, edited",
        make: "echo hidden-by-hand >/etc/lab.key",
        plan: "update file:/etc/lab.key\nrestart service:lab.service",
        says: &["\"diff\":null"],
        ..ROW
    },
    Drift {
        name: "a unit edited",
        make: "sed -i 's/^MemoryMax=.*/MemoryMax=1G/' /etc/systemd/system/foobar-app-{slot}@.service && systemctl daemon-reload",
        plan: "update deployment:foobar-app\nreload service:nginx.service",
        says: &[
            "\\n-MemoryMax=1G",
            "\\n+MemoryMax=512M",
            "its unit differs from its template app.service",
        ],
        ..ROW
    },
    Drift {
        name: "the database's settings edited, and the database started with them",
        make: "echo 'max_connections = 77' >>{config} && systemctl restart {service}",
        plan: "update file:{config}\nreload service:{service}",
        says: &[
            "\\n-max_connections = 77",
            "{\"name\":\"max_connections\",\"before\":\"77\",\"after\":\"100\"}",
            "its new settings can be set while it runs",
        ],
        ..ROW
    },
    Drift {
        name: "the database's settings edited, and not taken by the database",
        make: "echo 'back_log = 77' >>{config}",
        plan: "update file:{config}",
        says: &["\\n-back_log = 77"],
        alone: true,
        ..ROW
    },
    Drift {
        name: "the database started with settings that take a start to go",
        make: "echo 'back_log = 77' >>{config} && systemctl restart {service}",
        plan: "update file:{config}\nrestart service:{service}",
        says: &["back_log is no longer set, and has its default from a start on; about "],
        ..ONCE
    },
    Drift {
        name: "the firewall's rules edited",
        make: "sed -i 's/ 443 / 443, 8000 /' /etc/nftables.conf; echo '# open' >>/etc/nftables.conf",
        plan: "update file:/etc/nftables.conf\nreload service:nftables.service",
        says: &["\\n-# open"],
        ..ROW
    },
    // --- folders, links, what should not be ----------------------------------
    Drift {
        name: "a folder's mode",
        make: "chmod 700 /var/www/foobar.com",
        plan: "update directory:/var/www/foobar.com",
        says: &["{\"name\":\"mode\",\"before\":\"700\",\"after\":\"755\"}"],
        ..ROW
    },
    Drift {
        name: "a folder's group, and the bit that passes it on",
        make: "chgrp root /srv/lab && chmod 00755 /srv/lab",
        plan: "update directory:/srv/lab",
        says: &[
            "\"before\":\"755\",\"after\":\"2750\"",
            "\"before\":\"root\",\"after\":\"adm\"",
        ],
        ..ONCE
    },
    Drift {
        name: "a folder deleted with what is in it",
        make: "rm -r /var/www/foobar.com",
        plan: "create directory:/var/www/foobar.com\ncreate file:/var/www/foobar.com/unavailable.html\ncreate file:/var/www/foobar.com/maintenance.html",
        ..ONCE
    },
    Drift {
        name: "a file where a folder should be",
        make: "rm -r /var/www/foobar.com && echo mine >/var/www/foobar.com",
        plan: "update directory:/var/www/foobar.com\ncreate file:/var/www/foobar.com/unavailable.html\ncreate file:/var/www/foobar.com/maintenance.html",
        says: &["\"before\":\"regular file\",\"after\":\"directory\""],
        refused: Some((
            "/var/www/foobar.com is there and is not a folder; move it away",
            "grep -q mine /var/www/foobar.com && rm /var/www/foobar.com",
        )),
        ..ONCE
    },
    Drift {
        name: "a link's target",
        make: "ln -sfn /dev/null /etc/nginx/sites-enabled/foobar.com.conf",
        plan: "update link:/etc/nginx/sites-enabled/foobar.com.conf\nreload service:nginx.service",
        says: &[
            "\"before\":\"/dev/null\",\"after\":\"/etc/nginx/sites-available/foobar.com.conf\"",
        ],
        ..ROW
    },
    Drift {
        name: "a link deleted",
        make: "rm /srv/lab/link",
        plan: "create link:/srv/lab/link",
        ..ONCE
    },
    Drift {
        name: "a file where a link should be",
        make: "rm /srv/lab/link && echo mine >/srv/lab/link",
        plan: "update link:/srv/lab/link",
        says: &["(not a link)"],
        ..ONCE
    },
    Drift {
        name: "what should not be there is back",
        make: "ln -s ../sites-available/default /etc/nginx/sites-enabled/default",
        plan: "delete absent:/etc/nginx/sites-enabled/default\nreload service:nginx.service",
        says: &["a symbolic link is there"],
        ..ROW
    },
    // --- packages, accounts ---------------------------------------------------
    Drift {
        name: "a package removed",
        make: "dpkg -r python3-pymysql >/dev/null",
        plan: "create package:python3-pymysql\nupdate deployment:foobar-app\nreload service:nginx.service",
        ..ROW
    },
    Drift {
        name: "an account's shell",
        make: "sed -i '/^foobar:/s,/usr/sbin/nologin$,/bin/bash,' /etc/passwd",
        plan: "update user:foobar",
        says: &["{\"name\":\"shell\",\"before\":\"/bin/bash\",\"after\":\"/usr/sbin/nologin\"}"],
        ..ROW
    },
    Drift {
        name: "an account's home, while it has processes",
        make: "sed -i '/^foobar:/s,:/var/lib/foobar:,:/nonexistent:,' /etc/passwd",
        plan: "update user:foobar",
        says: &["{\"name\":\"home\",\"before\":\"/nonexistent\",\"after\":\"/var/lib/foobar\"}"],
        refused: Some((
            "usermod: user foobar is currently used by process",
            "sed -i '/^foobar:/s,:/nonexistent:,:/var/lib/foobar:,' /etc/passwd",
        )),
        ..ONCE
    },
    Drift {
        name: "an account's group",
        make: "gpasswd -d lab adm >/dev/null",
        plan: "update user:lab",
        says: &["\"after\":\"adm\""],
        ..ONCE
    },
    Drift {
        name: "an account deleted",
        make: "userdel lab",
        plan: "create user:lab\nupdate directory:/srv/lab\nupdate file:/srv/lab/note",
        says: &["\"before\":\"UNKNOWN\",\"after\":\"lab\""],
        ..ONCE
    },
    // --- services -------------------------------------------------------------
    Drift {
        name: "a service stopped",
        make: "systemctl stop nginx",
        plan: "update service:nginx.service",
        says: &[
            "{\"name\":\"state\",\"before\":\"inactive\",\"after\":\"active\"}",
            "it does not run",
        ],
        ..ROW
    },
    Drift {
        name: "a service disabled",
        make: "systemctl disable --quiet nginx",
        plan: "update service:nginx.service",
        says: &["{\"name\":\"at boot\",\"before\":\"disabled\",\"after\":\"enabled\"}"],
        ..ROW
    },
    Drift {
        name: "a service enabled that should not be",
        make: "systemctl enable --quiet lab",
        plan: "update service:lab.service",
        says: &["{\"name\":\"at boot\",\"before\":\"enabled\",\"after\":\"disabled\"}"],
        ..ONCE
    },
    Drift {
        name: "a service masked and stopped",
        make: "systemctl mask --quiet --now named",
        plan: "update service:named.service",
        says: &["\"before\":\"inactive\"", "\"before\":\"masked\""],
        ..ROW
    },
    Drift {
        name: "a service that failed",
        // systemd starts it again, unless it is told not to.
        make: "mkdir -p /run/systemd/system/nginx.service.d && printf '[Service]\\nRestart=no\\n' >/run/systemd/system/nginx.service.d/zz.conf\n\
               systemctl daemon-reload && systemctl kill --signal=KILL nginx\n\
               for i in $(seq 100); do [ \"$(systemctl is-active nginx)\" != failed ] || break; sleep 0.1; done\n\
               rm -r /run/systemd/system/nginx.service.d && systemctl daemon-reload",
        plan: "update service:nginx.service",
        says: &["{\"name\":\"state\",\"before\":\"failed\",\"after\":\"active\"}"],
        ..ONCE
    },
    Drift {
        name: "a unit changed that systemd has not read yet",
        make: "mkdir -p /etc/systemd/system/nginx.service.d && printf '[Service]\\nNice=1\\n' >/etc/systemd/system/nginx.service.d/hand.conf",
        plan: "restart service:nginx.service",
        says: &["its unit file is newer than what systemd read"],
        alone: true,
        ..ONCE
    },
    Drift {
        name: "a reload that an earlier run owes",
        make: "echo reload >/var/lib/foobar-stack/pending/nginx.service",
        plan: "reload service:nginx.service",
        says: &["pending from an interrupted run"],
        ..ONCE
    },
    // --- secrets, certificates --------------------------------------------------
    Drift {
        name: "a secret's mode",
        make: "chmod 644 /etc/foobar-stack/secrets/foobar.SESSION_KEY",
        plan: "update {key}\nupdate deployment:foobar-app\nreload service:nginx.service",
        says: &["\"before\":\"644\",\"after\":\"600\""],
        ..ROW
    },
    Drift {
        name: "a generated secret deleted",
        make: "rm /etc/foobar-stack/secrets/foobar.SESSION_KEY",
        plan: "create {key}\nupdate deployment:foobar-app\nreload service:nginx.service",
        says: &["it is made on the server", "(sensitive)"],
        ..ONCE
    },
    Drift {
        name: "a brought secret changed",
        make: "echo another >/etc/foobar-stack/secrets/foobar.FROM_ENV",
        plan: "update secret:/etc/foobar-stack/secrets/foobar.FROM_ENV\nupdate deployment:foobar-app\nreload service:nginx.service",
        says: &["(sensitive, another)"],
        ..ROW
    },
    Drift {
        name: "a certificate for another name",
        make: "{make-certificate} -days 825 -subj /CN=evil.example -addext subjectAltName=DNS:evil.example",
        plan: "{certificate}",
        says: &[
            "{\"name\":\"names\",\"before\":\"evil.example\",\"after\":\"foobar.com, www.foobar.com\"}",
        ],
        ..ROW
    },
    Drift {
        name: "a key of another certificate",
        make: "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out /etc/ssl/foobar-stack/foobar.com.key",
        plan: "{certificate}",
        says: &["of another certificate"],
        ..ROW
    },
    Drift {
        name: "a key that all may read",
        make: "chmod 644 /etc/ssl/foobar-stack/foobar.com.key",
        plan: "{certificate}",
        says: &["\"before\":\"644 root:root\",\"after\":\"600 root:root\""],
        ..ROW
    },
    Drift {
        name: "a certificate that has ended",
        make: "{make-certificate} -not_before 20200101000000Z -not_after 20210101000000Z {names}",
        plan: "{certificate}",
        says: &["\"before\":\"ended ", " days ago\",\"after\":\"825 days\""],
        ..ROW
    },
    Drift {
        name: "a certificate that is about to end",
        make: "{make-certificate} -not_before 20200101000000Z -not_after $(date -u -d '200 days 12 hours' +%Y%m%d%H%M%SZ) {names}",
        plan: "{certificate}",
        says: &["\"before\":\"200 days left\""],
        ..ONCE
    },
    Drift {
        name: "a certificate that is none",
        make: "echo nonsense >/etc/ssl/foobar-stack/foobar.com.pem",
        plan: "{certificate}",
        ..ONCE
    },
    Drift {
        name: "a certificate deleted",
        make: "rm /etc/ssl/foobar-stack/foobar.com.pem",
        plan: "create certificate:/etc/ssl/foobar-stack/foobar.com.pem\nreload service:nginx.service",
        ..ONCE
    },
    // --- the app ------------------------------------------------------------
    Drift {
        name: "a file of the release edited",
        make: "echo '# by hand' >>/srv/foobar/current/app.py",
        plan: "update release:/srv/foobar\nupdate deployment:foobar-app\nreload service:nginx.service",
        says: &[
            "\"before\":\"app.py\"",
            "its files were changed on the server",
        ],
        ..ROW
    },
    Drift {
        name: "a file of the release deleted",
        make: "rm /srv/foobar/current/static/style.css",
        plan: "update release:/srv/foobar\nupdate deployment:foobar-app\nreload service:nginx.service",
        says: &["\"before\":\"static/\""],
        ..ONCE
    },
    Drift {
        name: "another release serves",
        make: "cp -a /srv/foobar/releases/$(basename $(readlink /srv/foobar/current)) /srv/foobar/releases/by-hand && ln -sfn releases/by-hand /srv/foobar/current",
        plan: "update deployment:foobar-app\nreload service:nginx.service",
        says: &["{\"name\":\"release\",\"before\":\"by-hand\""],
        ..ROW
    },
    Drift {
        name: "the release deleted",
        make: "rm -r /srv/foobar/releases/$(basename $(readlink /srv/foobar/current))",
        plan: "create release:/srv/foobar\nupdate deployment:foobar-app\nreload service:nginx.service",
        alone: true,
        ..ONCE
    },
    Drift {
        name: "the slot that serves stopped",
        make: "systemctl stop foobar-app-{slot}.target",
        plan: "update deployment:foobar-app\nreload service:nginx.service",
        says: &["it does not run"],
        alone: true,
        ..ROW
    },
    Drift {
        name: "the slot that does not serve started",
        make: "systemctl start foobar-app-{idle}.target",
        plan: "update deployment:foobar-app\nreload service:nginx.service",
        says: &["\"before\":\"running\",\"after\":\"stopped\""],
        alone: true,
        ..ROW
    },
    Drift {
        name: "the slot that does not serve enabled, the other not",
        make: "systemctl enable --quiet foobar-app-{idle}.target; systemctl disable --quiet foobar-app-{slot}.target",
        plan: "update deployment:foobar-app\nreload service:nginx.service",
        says: &[
            " at boot\",\"before\":\"disabled\",\"after\":\"enabled\"",
            " at boot\",\"before\":\"enabled\",\"after\":\"disabled\"",
        ],
        ..ONCE
    },
    Drift {
        name: "what leads Nginx to the app edited",
        make: "sed -i 's/max_fails=0/max_fails=1/' /etc/nginx/foobar-stack/foobar-app.conf",
        plan: "update deployment:foobar-app\nreload service:nginx.service",
        says: &["max_fails=1", "max_fails=0"],
        ..ONCE
    },
    Drift {
        name: "a command that is not known to have run",
        make: "rm /var/lib/foobar-stack/commands/foobar-migrate",
        plan: "run command:foobar-migrate",
        says: &["it has not run yet"],
        ..ROW
    },
    Drift {
        name: "a command that ran for another key",
        make: "echo other >/var/lib/foobar-stack/commands/lab",
        plan: "run command:lab",
        says: &["{\"name\":\"key\",\"before\":\"other\",\"after\":\"1\"}"],
        ..ONCE
    },
    // --- the database ---------------------------------------------------------
    Drift {
        name: "a database's character set",
        make: "{client} -e 'ALTER DATABASE foobar CHARACTER SET latin1 COLLATE latin1_swedish_ci'",
        plan: "update database:foobar",
        says: &["{\"name\":\"charset\",\"before\":\"latin1\",\"after\":\"utf8mb4\"}"],
        ..ROW
    },
    Drift {
        name: "the table of the checks dropped",
        make: "{client} -e 'DROP TABLE foobar._foobar_stack_check'",
        plan: "update database:foobar",
        says: &["\"after\":\"_foobar_stack_check\""],
        ..ROW
    },
    Drift {
        name: "a right taken away",
        make: "{client} -e 'REVOKE DELETE ON foobar.* FROM foobar@localhost'",
        plan: "update database_user:foobar",
        says: &["{\"name\":\"grant\",\"before\":null,\"after\":\"ALL PRIVILEGES on `foobar`.*\"}"],
        ..ROW
    },
    Drift {
        name: "all rights taken away",
        make: "{client} -e 'REVOKE ALL PRIVILEGES, GRANT OPTION FROM foobar@localhost'",
        plan: "update database_user:foobar",
        says: &["{\"name\":\"grant\",\"before\":null,\"after\":\"ALL PRIVILEGES on `foobar`.*\"}"],
        ..ONCE
    },
    Drift {
        name: "a database account with a password",
        make: "{client} -e \"ALTER USER foobar@localhost {password}\"",
        plan: "update database_user:foobar",
        says: &["{\"name\":\"authentication\"", "\"after\":\"{plugin}\"}"],
        ..ROW
    },
    Drift {
        name: "a database account dropped",
        make: "{client} -e 'DROP USER foobar@localhost'",
        plan: "create database_user:foobar",
        ..ROW
    },
    Drift {
        name: "the database server stopped: what is in it cannot be seen",
        make: "systemctl stop {service}",
        plan: "update service:{service}",
        says: &[
            "\"hidden\":[{\"id\":\"database:foobar\",\"until\":\"{service}\"},{\"id\":\"database_user:foobar\"",
        ],
        alone: true,
        ..ROW
    },
];

/// Puts what the server has into a text.
pub(crate) fn fill(server: &Server, text: &str) -> String {
    let engine = server.engine();
    let (config, plugin, password) = match engine {
        "mysql" => (
            "/etc/mysql/mysql.conf.d/zz-foobar-stack.cnf",
            "auth_socket",
            "IDENTIFIED WITH caching_sha2_password BY 'by-hand'",
        ),
        _ => (
            "/etc/mysql/mariadb.conf.d/99-foobar-stack.cnf",
            "unix_socket",
            "IDENTIFIED BY 'by-hand'",
        ),
    };
    const UPSTREAM: &str = "/etc/nginx/foobar-stack/foobar-app.conf";
    let slot = format!("$(sed -n '1s/^# Slot: //p' {UPSTREAM})");
    let idle =
        format!("$(sed -n '1s/^# Slot: blue$/green/p; 1s/^# Slot: green$/blue/p' {UPSTREAM})");
    text.replace("{key}", KEY)
        .replace("{slot}", &slot)
        .replace("{idle}", &idle)
        .replace(
            "{certificate}",
            "update certificate:/etc/ssl/foobar-stack/foobar.com.pem\nreload service:nginx.service",
        )
        .replace(
            "{make-certificate}",
            "cd /etc/ssl/foobar-stack && openssl req -quiet -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
             -nodes -keyout foobar.com.key -out foobar.com.pem",
        )
        .replace(
            "{names}",
            "-subj /CN=foobar.com -addext subjectAltName=DNS:foobar.com,DNS:www.foobar.com",
        )
        .replace("{service}", &format!("{engine}.service"))
        .replace("{zone}", "/etc/bind/zones/foobar.com.zone")
        .replace("{client}", engine)
        .replace("{config}", config)
        .replace("{plugin}", plugin)
        .replace("{password}", password)
}

/// The changes a text names, one a line.
fn changes(text: &str) -> BTreeSet<Change> {
    text.lines()
        .filter_map(|line| line.split_once(' '))
        .map(|(action, id)| Change {
            action: action.to_owned(),
            id: id.to_owned(),
        })
        .collect()
}

/// The plan has these changes and no others, whatever their order.
#[track_caller]
fn exactly(plan: &Ending, expected: &BTreeSet<Change>) {
    let found = plan.changes();
    let set: BTreeSet<Change> = found.iter().cloned().collect();
    assert_eq!(found.len(), set.len(), "twice the same: {}", plan.said());
    assert_eq!(set, *expected, "{}", plan.said());
}

/// Drifts that were made and not mended yet. To mend takes some seconds, so those that have
/// nothing to do with each other are mended together; each is looked at as soon as it is made.
#[derive(Default)]
struct Batch {
    names: Vec<&'static str>,
    changes: BTreeSet<Change>,
}

impl Batch {
    /// Whether it has a change of the same resource, other than the same reaction of a service.
    fn touches(&self, changes: &BTreeSet<Change>) -> bool {
        changes.iter().any(|change| {
            let reacts = ["reload", "restart"].contains(&change.action.as_str())
                || change.id.starts_with("deployment:");
            let same = self.changes.iter().find(|other| other.id == change.id);
            same.is_some_and(|same| !reacts || same.action != change.action)
        })
    }

    /// Mends all of them; gives the names of those that could not be mended.
    fn mend(&mut self, server: &Server) -> Vec<&'static str> {
        let Self { names, changes } = std::mem::take(self);
        if names.is_empty() {
            return Vec::new();
        }
        let mended = catch_unwind(AssertUnwindSafe(|| {
            let run = server.run(&["apply", "--yes", "--json"]).exits(0);
            exactly(&run, &changes);
            // It ends with 0 only if nothing is left to change, and all is well.
            run.says(&["\"healthy\":true"]);
        }));
        if mended.is_ok() { Vec::new() } else { names }
    }
}

/// Makes one drift and looks at the plan.
fn make(server: &Server, drift: &Drift, batch: &mut Batch) {
    let fill = |text: &str| fill(server, text);
    server.on(&fill(drift.make));
    batch.names.push(drift.name);
    batch.changes.extend(changes(&fill(drift.plan)));
    let plan = server
        .run(&["plan", "--json", "--detailed-exitcode"])
        .exits(2);
    exactly(&plan, &batch.changes);
    for words in drift.says {
        assert!(
            plan.out.contains(&fill(words)),
            "no {words:?}:\n{}",
            plan.said()
        );
    }
    assert!(!plan.out.contains("hidden-by-hand"), "{}", plan.said());
    if let Some((words, mend)) = drift.refused {
        server
            .run(&["apply", "--yes", "--json"])
            .exits(6)
            .says(&[words]);
        server.on(mend);
        // What is left was made by that; it may be nothing.
        *batch = Batch::default();
        server.converge();
    }
}

pub(crate) fn every_kind_of_drift_is_found_and_mended(server: &Server) {
    let asked = std::env::var("DRIFT").unwrap_or_default();
    let only = if asked == "full" { "" } else { &asked };
    let mut failed = Vec::new();
    let mut batch = Batch::default();
    // Unless all are asked for, each of the two servers has a third of what both could have.
    let third = usize::from(server.suite == "sid");
    let here = |(place, drift): &(usize, &Drift)| match drift.suite {
        Some(suite) => suite == server.suite,
        None => !asked.is_empty() || place % 3 == third,
    };
    let drifts = DRIFTS.iter().chain(RUNNING).enumerate().filter(here);
    let drifts = drifts.map(|(_, drift)| drift);
    for drift in drifts.filter(|drift| drift.name.contains(only)) {
        let changes = changes(&fill(server, drift.plan));
        if drift.refused.is_some() || drift.alone || batch.touches(&changes) {
            failed.extend(batch.mend(server));
        }
        if catch_unwind(AssertUnwindSafe(|| make(server, drift, &mut batch))).is_err() {
            crate::note(&format!("{}: {} FAILED", server.suite, drift.name));
            failed.push(drift.name);
            batch = Batch::default();
            let _ = server.run(&["apply", "--yes"]);
        }
        if drift.alone {
            failed.extend(batch.mend(server));
        }
    }
    failed.extend(batch.mend(server));
    if only.is_empty() {
        zone(server);
        who_cannot_be_asked_is_unknown(server);
    }
    assert!(failed.is_empty(), "{failed:#?}");
    server.run(&["plan"]).exits(0).says(&["No changes."]);
}

/// The serial that the name server gives.
fn serial(server: &Server) -> u32 {
    let verify = server.run(&["verify", "--json"]);
    let soa = verify
        .lines("check")
        .into_iter()
        .find(|check| check["name"] == "foobar.com SOA");
    let actual = soa.map(|check| check["actual"].clone()).unwrap_or_default();
    let serial = actual.as_str().unwrap_or_default().split(' ').nth(2);
    match serial.and_then(|serial| serial.parse().ok()) {
        Some(serial) => serial,
        None => panic!("no serial: {}", verify.said()),
    }
}

/// The zone: its serial rises if what it says was changed, and only then.
fn zone(server: &Server) {
    const FILE: &str = "/etc/bind/zones/foobar.com.zone";
    const PLAN: &str = "update zone:foobar.com\nreload service:named.service";
    for (name, make, rises, says) in [
        (
            "a record edited",
            "sed -i 's/CNAME.*/CNAME evil.example./' {file}",
            true,
            "evil.example.",
        ),
        (
            "a record added and served",
            "echo 'extra IN A 192.0.2.1' >>{file} && sed -i 's/20[0-9]\\{8\\}/2099010101/' {file} && rndc reload foobar.com >/dev/null",
            true,
            "\\n-extra IN A 192.0.2.1",
        ),
        (
            "only a comment",
            "echo '; by hand' >>{file}",
            false,
            "\\n-; by hand",
        ),
        (
            "only its mode",
            "chmod 600 {file} && chown bind {file}",
            false,
            "\"before\":\"600\"",
        ),
    ] {
        server.on(&make.replace("{file}", FILE));
        let before = serial(server);
        let plan = server.run(&["plan", "--json"]).exits(0).says(&[says]);
        exactly(&plan, &changes(PLAN));
        server.converge();
        let after = serial(server);
        assert_eq!(after > before, rises, "{name}: {before} and then {after}");
        assert_eq!(after == before, !rises, "{name}: {before} and then {after}");
    }
    server.on(&format!("rm {FILE}"));
    exactly(
        &server.site.plan(),
        &changes(&PLAN.replace("update", "create")),
    );
    server.converge();
}
