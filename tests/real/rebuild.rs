//! A server that is lost comes back on another one: data, keys, secrets and the release, with what
//! was written after the last backup.

use crate::server::Server;
use crate::support::CANARY_VARIABLE;

const FOLDERS: &str = "folders = [\"/srv/more\"]\ndatabases = [\"reports\"]\n\n# --- roles ---";

/// What must be the same on both: the app's secrets, its release, files with their owners, and the
/// data.
fn belongings(server: &Server) -> String {
    let dump = match server.engine() {
        "mysql" => "mysqldump --set-gtid-purged=OFF",
        _ => "mariadb-dump",
    };
    server.on(&format!(
        "sha256sum /etc/foobar-stack/secrets/foobar.* /etc/foobar-stack/backup/key\n\
         readlink /srv/foobar/current\n\
         stat -c '%n %U %G %a' /srv/more/of-the-app /var/lib/foobar/kept\n\
         cat /srv/more/of-the-app /var/lib/foobar/kept\n\
         {dump} --single-transaction --routines --events --triggers --hex-blob --ignore-table=foobar.visits foobar |\n\
         grep -v '^--' | grep -v _foobar_stack_check"
    ))
}

pub(crate) fn what_is_lost_comes_back_on_an_empty_server(server: &Server) {
    // The other server has the repository, too.
    let other = Server::up(server.suite);
    let key = server.on(
        "test -e ~/.ssh/id_ed25519 || { mkdir -p -m 700 ~/.ssh; ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519; }
         cat ~/.ssh/id_ed25519.pub",
    );
    other.on(&format!(
        "mkdir -p -m 700 ~/.ssh; echo '{key}' >>~/.ssh/authorized_keys"
    ));
    let address = other.address;
    let host_key = other.on("cut -d ' ' -f 1,2 /etc/ssh/ssh_host_ed25519_key.pub");
    server.on(&format!(
        "echo '{address} {}' >>~/.ssh/known_hosts",
        host_key.trim()
    ));
    let repository =
        format!("[backup]\nrepository = \"sftp:root@{address}:/srv/backup\"\n{FOLDERS}");
    let site = server.site_with("lost", |text| text.replace("# --- roles ---", &repository));
    server.on("mkdir -p /srv/more");
    site.run(&["apply", "--yes"]).exits(0);
    // An account with another number than it will have there.
    server.on("echo one >/srv/more/of-the-app && chown foobar:adm /srv/more/of-the-app && chmod 640 /srv/more/of-the-app
               runuser -u foobar -- sh -c 'echo two >/var/lib/foobar/kept'");
    other.on("useradd --system somebody-else");
    let engine = server.engine();
    let write = |statement: &str| server.on(&format!("{engine} foobar --execute \"{statement}\""));
    // One that no site has, and one that nobody has named.
    write(
        "CREATE DATABASE reports; CREATE TABLE reports.sums (a INT PRIMARY KEY); INSERT INTO reports.sums VALUES (7); CREATE DATABASE wiki",
    );
    write(
        "CREATE TABLE lost (id INT PRIMARY KEY AUTO_INCREMENT, text VARCHAR(99)); INSERT INTO lost (text) VALUES ('before')",
    );
    // What is written while a backup is made is in the one that is asked for after that.
    server.on("systemctl start --no-block foobar-stack-backup.service");
    // Run as somebody whose account is no app's.
    write(
        "CREATE USER viewer@localhost IDENTIFIED BY 'a'; GRANT ALL ON foobar.* TO viewer@localhost; CREATE DEFINER=viewer@localhost VIEW seen AS SELECT * FROM lost;
         CREATE ROLE auditor; GRANT SELECT ON reports.* TO auditor; GRANT auditor TO viewer@localhost; SET DEFAULT ROLE auditor TO viewer@localhost;
         CREATE DEFINER=gone@localhost PROCEDURE of_nobody() SELECT 1",
    );
    site.run(&["backup", "now"]).exits(0).says(&["backup 2"]);
    site.run(&["status"])
        .says(&["wiki; name in backup.databases what you need"]);
    let recovery = site.folder.join("recovery.key");
    let recovery = recovery.to_str().unwrap_or_default();
    site.run(&["backup", "key", recovery]).exits(0);
    site.run(&["backup", "key", recovery])
        .exits(0)
        .says(&["opens the repository"]);
    write("INSERT INTO lost (text) VALUES ('after the backup')");
    server.on("/usr/local/lib/foobar-stack/backup logs");
    let had = belongings(server);
    assert!(
        had.contains("after the backup") && had.contains("before"),
        "{had}"
    );

    let repository = format!("[backup]\nrepository = \"/srv/backup\"\n{FOLDERS}");
    let site = other.site_with("rebuilt", |text| {
        text.replace("# --- roles ---", &repository)
    });
    let lost = ["the key of the repository was made on the server that is lost"];
    site.run(&["rebuild", "--yes"]).exits(64).says(&lost);
    let rebuild = ["rebuild", "--yes", "--recovery-key", recovery];
    site.write("wrong.key", "0123456789abcdef\n");
    let wrong = site.folder.join("wrong.key");
    let wrong = [
        "rebuild",
        "--yes",
        "--recovery-key",
        wrong.to_str().unwrap_or_default(),
    ];
    site.run(&wrong).exits(1).says(&["does not open"]);
    other.on("test -e /var/lib/foobar-stack-rebuild/begun && test ! -e /var/lib/foobar-stack-rebuild/given");
    site.run(&rebuild)
        .exits(0)
        .says(&["rebuilt on", "from backup 2"]);
    assert_eq!(belongings(&other), had);
    // With its password and its role; and nobody is the one that was gone.
    let viewer = other.on(&format!(
        "{engine} --user=viewer --password=a --batch --skip-column-names --execute 'SELECT COUNT(*) FROM foobar.seen; SELECT a FROM reports.sums' 2>/dev/null"
    ));
    assert_eq!(viewer, "2\n7\n");
    let nobody = other.on(&format!(
        "{engine} --batch --skip-column-names --execute 'SHOW CREATE USER gone@localhost; SHOW GRANTS FOR gone@localhost'"
    ));
    assert!(nobody.contains("ACCOUNT LOCK"), "{nobody}");
    assert!(nobody.contains("GRANT USAGE ON *.*"), "{nobody}");
    site.run(&["plan"]).exits(0).says(&["No changes."]);
    site.run(&["verify"]).exits(0);
    site.run(&rebuild).exits(1).says(&["is not empty"]);
    // Nor if one that was cut off was made good by an apply.
    other.on("mkdir /var/lib/foobar-stack-rebuild && touch -d yesterday /var/lib/foobar-stack-rebuild/begun");
    site.run(&rebuild).exits(1).says(&["is not empty"]);
    other.on("test -e /var/lib/foobar-stack/generation");
    site.run(&["backup", "now"]).exits(0);
    its_inventory_may_be_lost_too(server, &other, recovery, &had);
}

/// Nothing is left of the site but its repository and the key for that.
fn its_inventory_may_be_lost_too(between: &Server, lost: &Server, recovery: &str, had: &str) {
    let server = Server::up(lost.suite);
    let address = server.address;
    // The repository goes there by way of the server that may log in to both.
    let key = between.on("cat ~/.ssh/id_ed25519.pub");
    server.on(&format!(
        "mkdir -p -m 700 ~/.ssh; echo '{key}' >>~/.ssh/authorized_keys"
    ));
    between.on(&format!(
        "ssh root@{} tar -C /srv -c backup |
         ssh -o StrictHostKeyChecking=accept-new root@{address} tar -C /srv -x",
        lost.address
    ));
    let site = server.site_with("alone", |text| text);
    for folder in ["app", "roles"] {
        let _ = std::fs::remove_dir_all(site.folder.join(folder));
    }
    let _ = std::fs::remove_file(site.folder.join("inventory.toml"));
    let config = format!("{}/sandbox/{}/ssh_config", server.temporary(), server.suite);
    let by_name = std::fs::read_to_string(&config).unwrap_or_default();
    let by_address = by_name.replace("\n  HostName", &format!(" {address}\n  HostName"));
    site.write("ssh_config", &by_address);
    let config = site.folder.join("ssh_config");
    let ssh = ["--ssh-config", config.to_str().unwrap_or_default()];
    let place = format!("root@{address}");
    let rebuild = ["rebuild", "--yes", "--repository", "/srv/backup"];
    let way = ["--server", &place, "--recovery-key", recovery];
    let rebuild = [&ssh[..], &rebuild, &way].concat();
    let lacking = [CANARY_VARIABLE, "not set here", "nothing was written yet"];
    site.run_without(CANARY_VARIABLE, &rebuild)
        .exits(64)
        .says(&lacking);
    assert!(!site.folder.join("inventory.toml").exists());
    server.on("test ! -e /etc/foobar-stack && test ! -e /var/lib/mysql");
    site.run(&rebuild).exits(0).says(&[
        "its inventory is in",
        "the code that served is in",
        "rebuilt on",
    ]);
    assert_eq!(belongings(&server), had);
    let text = site.read("inventory.toml");
    assert!(
        text.contains(&format!("\nipv4 = \"{address}\"\n")),
        "{text}"
    );
    assert!(!site.read("roles/lab/role.toml").is_empty());
    let plan = [&ssh[..], &["plan"]].concat();
    site.run(&plan).exits(0).says(&["No changes."]);
    site.run(&rebuild)
        .exits(64)
        .says(&["there is an inventory already"]);
}
