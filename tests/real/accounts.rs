//! The database server's accounts, rights and data: what others made there is theirs, an undo
//! puts back what was there, and whoever serves keeps its rights until nothing can fail any more.

use crate::releases::target;
use crate::server::{Server, Site};
use crate::support::until;
use foobar_stack_load::{Background, Profile, Protocol, Request};
use std::time::Duration;

/// What somebody has made by hand, and what of it must stay as it is.
const THEIRS: &str = "CREATE DATABASE shop CHARACTER SET latin1; CREATE TABLE shop.theirs (a INT); \
    CREATE USER shop@localhost IDENTIFIED BY 'a-Password-9-of-theirs'; \
    GRANT ALL ON shop.* TO shop@localhost; GRANT SELECT ON mysql.* TO foobar@localhost";

/// The rights of the app's account and of theirs, how theirs logs in, and their character set.
const STATE: &str = "SHOW GRANTS FOR foobar@localhost; SHOW GRANTS FOR shop@localhost; \
    SHOW CREATE USER shop@localhost; SHOW CREATE DATABASE shop";

pub(crate) fn what_others_made_in_the_database_is_theirs(server: &Server) {
    the_log_of_changes_is_kept_and_durable(server);
    root_may_have_a_password(server);
    sql(server, THEIRS);
    let before = sql(server, STATE);
    another_database_is_refused_adopted_and_undone(server, &before);
    an_account_with_a_password_keeps_it(server, &before);
    the_app_moves_there_and_back(server);
    nobody_waits_for_a_server_that_hangs(server);
}

/// What the server says to root.
#[track_caller]
fn sql(server: &Server, statements: &str) -> String {
    let client = server.engine();
    server.on(&format!("{client} -Nr <<'EOF'\n{statements}\nEOF"))
}

/// The site with lines more in `[database]`.
fn with(server: &Server, name: &str, lines: &str) -> Site {
    server.site_with(name, |text| {
        assert_eq!(text.matches("\n[database]\n").count(), 1);
        text.replace("\n[database]\n", &format!("\n[database]\n{lines}\n"))
    })
}

/// The same with a step at the end that fails.
fn failing(site: &Site) {
    let lab = site.read("roles/lab/role.toml");
    let fails = "\n[[command]]\nname = \"fails\"\ncommand = [\"false\"]\nkey = \"1\"\n";
    site.write("roles/lab/role.toml", &format!("{lab}{fails}"));
}

fn the_log_of_changes_is_kept_and_durable(server: &Server) {
    let redo = match server.engine() {
        "mysql" => "@@innodb_redo_log_capacity",
        _ => "@@innodb_log_file_size",
    };
    let said = sql(
        server,
        &format!(
            "SELECT CONCAT_WS(' ', IF(@@log_bin, 1, 0), @@sync_binlog, @@innodb_flush_log_at_trx_commit, \
             @@binlog_expire_logs_seconds, {redo} >= 134217728 AND {redo} * 4 >= \
             LEAST(@@innodb_buffer_pool_size, 17179869184) - 134217728); FLUSH BINARY LOGS"
        ),
    );
    assert_eq!(said.trim(), "1 1 1 604800 1");
    // Two looks are two rows written, and no change of the schema.
    for _ in 0..2 {
        server.run(&["verify", "--json"]).exits(0);
    }
    let log = server.on(&format!(
        "client={}; log=$($client -N -e 'SHOW BINARY LOGS' | tail -n 1 | cut -f 1)\n\
         $client -N -e \"SHOW BINLOG EVENTS IN '$log'\"",
        server.engine()
    ));
    for word in ["CREATE", "DROP", "ALTER"] {
        assert!(!log.to_uppercase().contains(word), "{log}");
    }
    assert!(
        log.matches("foobar._foobar_stack_check").count() >= 2,
        "{log}"
    );
}

/// As in the manuals: root has a password, and its own file knows it.
fn root_may_have_a_password(server: &Server) {
    let (there, back) = match server.engine() {
        "mysql" => (
            "ALTER USER root@localhost IDENTIFIED WITH caching_sha2_password BY 'of-Root-1'",
            "ALTER USER root@localhost IDENTIFIED WITH auth_socket",
        ),
        _ => (
            "ALTER USER root@localhost IDENTIFIED VIA mysql_native_password USING PASSWORD('of-Root-1')",
            "ALTER USER root@localhost IDENTIFIED VIA unix_socket",
        ),
    };
    sql(server, there);
    server
        .run(&["plan"])
        .exits(1)
        .says(&["root cannot log in to the database server", "/root/.my.cnf"]);
    server.on("(umask 077 && printf '[client]\npassword = of-Root-1\n' >/root/.my.cnf)");
    let site = with(server, "password", "max_connections = 131");
    site.run(&["apply", "--yes", "--json"]).exits(0);
    sql(server, back);
    server.on("rm /root/.my.cnf");
}

fn another_database_is_refused_adopted_and_undone(server: &Server, before: &str) {
    let refused = with(server, "refused-database", "name = \"shop\"");
    for command in [&["plan"][..], &["apply", "--yes"]] {
        refused.run(command).exits(1).says(&[
            "database shop: there is one, with the character set latin1",
            "adopt = true",
        ]);
    }
    // Asked to make it like a new one, and undone: as it was.
    let undone = with(
        server,
        "undone",
        "name = \"shop\"\nadopt = true\nconvert = true",
    );
    failing(&undone);
    undone.plan().says(&[
        "{\"name\":\"charset\",\"before\":\"latin1\",\"after\":\"utf8mb4\"}",
        "{\"name\":\"revoke\",\"before\":\"ALL PRIVILEGES on `foobar`.*\",\"after\":null}",
    ]);
    undone.run(&["apply", "--yes"]).exits(6).says(&[
        "put back: the character set of the database shop",
        "put back: the grants of the database account foobar",
    ]);
    assert_eq!(sql(server, STATE), before);

    // What cannot be seen when the plan is made, since the server does not run, is as it was, too.
    let engine = server.engine();
    let unseen = server.site_with("unseen", |text| text);
    failing(&unseen);
    let tables = sql(server, "SHOW TABLES IN foobar");
    server.on(&format!("systemctl stop {engine}"));
    unseen.run(&["apply", "--yes"]).exits(6);
    server.on(&format!("systemctl start {engine}"));
    assert_eq!(sql(server, STATE), before);
    assert_eq!(sql(server, "SHOW TABLES IN foobar"), tables);
}

/// Not one request is lost on the way to another database, to another account, and back.
fn the_app_moves_there_and_back(server: &Server) {
    let load = visitors(server);
    let moved = with(server, "moved", "name = \"shop\"\nadopt = true");
    moved.run(&["apply", "--yes", "--json"]).exits(0);
    let rights = sql(server, "SHOW GRANTS FOR foobar@localhost");
    for (right, there) in [("`shop`", true), ("`mysql`", true), ("`foobar`.*", false)] {
        assert_eq!(rights.contains(right), there, "{right}: {rights}");
    }
    // The migration was told of it, and what others have is as it was.
    let said = sql(server, "SHOW TABLES IN shop; SHOW CREATE DATABASE shop");
    assert!(
        said.contains("theirs\n") && said.contains("visits\n"),
        "{said}"
    );
    assert!(said.contains("latin1"), "{said}");
    // Another account is another deployment: it starts beside the one that serves, on ports that
    // are free, has the migration for itself, and what served goes last.
    if server.engine() == "mariadb" {
        let other = server.site_with("other-account", |text| {
            assert_eq!(text.matches("\n[app]\n").count(), 1);
            let text = text.replace("\n[app]\n", "\n[app]\nuser = \"other\"\n");
            text.replace("\n[database]\n", "\n[database]\nname = \"foobar\"\n")
        });
        let plan = other.plan().says(&["\"id\":\"command:other-migrate\""]);
        assert!(plan.changes().len() > 5, "{}", plan.said());
        other
            .run(&["apply", "--yes", "--json", "--delete-many"])
            .exits(0);
        server.on(
            "systemctl is-active 'other-app-*.target'; ! systemctl is-active -q 'foobar-app-*@*'",
        );
    }
    server.converge();
    let record = load.end();
    assert_eq!(record.failed(), 0, "{:#?}", record.failures);
    sql(server, "REVOKE SELECT ON mysql.* FROM foobar@localhost");
}

/// An account that somebody has made, and a check that cannot log in as it.
fn an_account_with_a_password_keeps_it(server: &Server, before: &str) {
    let site = |name: &str, adopt: &str| {
        let site = server.site_with(name, |text| text);
        let lab = site.read("roles/lab/role.toml");
        let engine = server.engine();
        let theirs = format!(
            "\n[[database]]\nname = \"shop\"\ncharset = \"utf8mb4\"\ncollation = \"utf8mb4_bin\"\n\
             unit = \"{engine}.service\"\nadopt = true\n\
             [[database_user]]\nname = \"shop\"\ndatabase = \"shop\"\nengine = \"{engine}\"\n\
             unit = \"{engine}.service\"\n{adopt}\n\
             [[check.database]]\nuser = \"shop\"\ndatabase = \"shop\"\nclient = \"{engine}\"\n"
        );
        site.write("roles/lab/role.toml", &format!("{lab}{theirs}"));
        site
    };
    site("refused-account", "").run(&["plan"]).exits(1).says(&[
        "database account `shop`@`localhost`: there is one that logs in by ",
        "adopt = true",
    ]);
    let undone = site("undone-account", "adopt = true\nconvert = true");
    failing(&undone);
    undone.run(&["apply", "--yes"]).exits(6).says(&[
        "put back: how the database account shop logs in",
        "put back: the table of the checks in the database shop",
    ]);
    assert_eq!(sql(server, STATE), before);
    let adopted = site("adopted-account", "adopt = true");
    adopted
        .run(&["apply", "--yes"])
        .exits(0)
        .says(&["written and read back by root: the account logs in with a password"]);
    assert_eq!(sql(server, STATE), before);
    // It leaves again, and is theirs as before.
    let gone = server.run(&["apply", "--yes", "--destroy-data"]).exits(0);
    assert!(!gone.out.contains("orphan:"), "{}", gone.said());
    assert_eq!(sql(server, STATE), before);
}

fn visitors(server: &Server) -> Background {
    let profile = Profile {
        rate: 25.0,
        connections: 4,
        duration: Duration::from_secs(600),
        fresh: 0.2,
        protocol: Protocol::Http1,
        timeout: Duration::from_secs(30),
        requests: vec![match Request::get("/") {
            Ok(request) => request,
            Err(error) => panic!("{error}"),
        }],
        slow: Vec::new(),
        websocket: None,
        retry_posts: false,
    };
    let load = match Background::start(&target(server), profile) {
        Ok(load) => load,
        Err(error) => panic!("no load: {error}"),
    };
    until("the load", || (load.so_far().0 > 20).then_some(()));
    load
}

/// A deadline, and one reason for all that could not be seen.
fn nobody_waits_for_a_server_that_hangs(server: &Server) {
    let signal = |word: &str| {
        let unit = server.engine();
        server.on(&format!(
            "systemctl kill --kill-whom=main --signal={word} {unit}"
        ));
    };
    signal("STOP");
    let plan = server.run(&["plan"]);
    signal("CONT");
    plan.exits(1).says(&[
        "database:foobar, database_user:foobar (the database server has not answered in 10 s)",
    ]);
    server.run(&["plan", "--json"]).exits(0);
}
