//! Settings of the database: what it can set while it runs is set, whatever happens in between,
//! and what takes a start is announced with the time without it.

use crate::runs::{at_the_gate, changes, gated, kill};
use crate::server::{Server, Site};

/// A start has an id of its own, so has the process.
const STARTS: &str = "systemctl show --value -p InvocationID -p MainPID";

/// The site with another number of connections.
fn with(server: &Server, name: &str, connections: u32) -> Site {
    server.site_with(name, |text| connections_of(&text, connections))
}

fn connections_of(text: &str, connections: u32) -> String {
    let head = format!("[database]\nmax_connections = {connections}\n");
    assert_eq!(text.matches("\n[database]\n").count(), 1);
    text.replace("[database]\n", &head)
}

fn start(server: &Server) -> String {
    server.on(&format!("{STARTS} {}.service", server.engine()))
}

fn connections(server: &Server) -> String {
    let client = server.engine();
    let said = server.on(&format!("{client} -Ne 'SELECT @@GLOBAL.max_connections'"));
    said.trim().to_owned()
}

pub(crate) fn what_can_be_set_is_set_while_it_runs(server: &Server) {
    let begun = start(server);
    let before = connections(server);
    let file = match server.engine() {
        "mysql" => "update file:/etc/mysql/mysql.conf.d/zz-foobar-stack.cnf",
        _ => "update file:/etc/mysql/mariadb.conf.d/99-foobar-stack.cnf",
    };
    let service = format!("reload service:{}.service", server.engine());

    // The executor dies when the file is there and the server does not know it yet.
    let site = gated(server, "three");
    let inventory = connections_of(&site.read("inventory.toml"), 123);
    site.write("inventory.toml", &inventory);
    assert_eq!(changes(&site), ["run command:gate", file, &service]);
    site.plan()
        .says(&["\"name\":\"max_connections\",\"before\":\"100\",\"after\":\"123\""]);
    let run = site.start(&["apply", "--yes", "--json"]);
    at_the_gate(server);
    kill(server);
    run.ending().exits(1);
    assert_eq!(changes(&site), ["run command:gate", &service]);
    assert_eq!(connections(server), before);
    server.on("touch /run/gate-is-open");
    // It ends with 0 only if the next plan is empty.
    site.run(&["apply", "--yes", "--json"]).exits(0);
    assert_eq!(connections(server), "123");

    // A step after that fails: the old value comes back, and is known to be there.
    let dead = with(server, "unsettled", 124);
    let lab = dead.read("roles/lab/role.toml");
    let fails = "\n[[command]]\nname = \"fails\"\ncommand = [\"false\"]\nkey = \"1\"\n";
    dead.write("roles/lab/role.toml", &format!("{lab}{fails}"));
    dead.run(&["apply", "--yes", "--json"]).exits(6);
    assert_eq!(connections(server), "123");
    let same = with(server, "same", 123);
    assert_eq!(changes(&same), [""; 0]);
    assert_eq!(start(server), begun, "it was started anew");

    // What is kept beyond a start, and what can only be set at one.
    if server.engine() == "mysql" {
        server
            .on("mysql -e 'SET PERSIST_ONLY back_log = 91; SET PERSIST_ONLY max_connections = 9'");
    }
    let name = format!("templates/database/{}.cnf", server.engine());
    let text = match server.engine() {
        "mysql" => include_str!("../../templates/database/mysql.cnf"),
        _ => include_str!("../../templates/database/mariadb.cnf"),
    };
    same.write(&name, &format!("{text}back_log = 90\n"));
    let service = service.replace("reload", "restart");
    assert_eq!(changes(&same), [file, &service]);
    same.plan().says(&[
        "back_log cannot be set to that while it runs; about ",
        "\"impact\":\"restart\"",
    ]);
    same.run(&["apply", "--yes", "--json"]).exits(0);
    assert_ne!(start(server), begun);
    assert_eq!(connections(server), "123");
    server.converge();
    assert_eq!(connections(server), before);
}
