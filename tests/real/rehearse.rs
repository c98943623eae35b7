//! A change is applied to a copy of the server first: what fails there never reaches the server.

use crate::server::Server;

/// What an apply changes on the server in any case.
fn standing(server: &Server) -> String {
    server.on("cat /var/lib/foobar-stack/generation; readlink /srv/foobar/current; ls -l --time-style=full-iso /etc/nginx/snippets; ls /srv/foobar/releases")
}

pub(crate) fn what_fails_on_a_copy_never_reaches_the_server(server: &Server) {
    // It works on an empty database, and not with what is in that of the server.
    let backup = "[backup]\nrepository = \"/srv/backup\"\n\n# --- roles ---";
    let broken = server.site_with("broken-migration", |text| {
        text.replace("# --- roles ---", backup)
    });
    broken.run(&["apply", "--yes"]).exits(0);
    // The first backup, which the apply has begun, is over, and the next has all of it.
    broken.run(&["backup", "now"]).exits(0);
    server.on(&format!(
        "{} foobar --execute \"INSERT INTO entries (name, text) VALUES ('twice', 'a'), ('twice', 'b')\"
         runuser -u foobar -- touch /var/lib/foobar/of-the-backup",
        server.engine()
    ));
    broken.run(&["backup", "now"]).exits(0);
    let before = standing(server);
    broken.write(
        "app/migrations/0009_half.sql",
        "CREATE TABLE half (id INT);\nALTER TABLE entries ADD UNIQUE KEY (name);\n",
    );
    broken
        .run(&["apply", "--rehearse", "--with-backup", "--yes"])
        .exits(6)
        .says(&[
            "the copy serves what the server serves",
            "the copy has the data of backup 2",
            "0009_half.sql: Duplicate entry 'twice' for key",
            "that was the copy: the server itself was not touched",
        ]);
    assert_eq!(standing(server), before);

    // What backups leave behind is data.
    server.run(&["apply", "--yes", "--destroy-data"]).exits(0);
    let before = standing(server);

    let works = server.site_with("works", |inventory| inventory);
    works.write("templates/web/unavailable.html", "rehearsed\n");
    works.write("app/rehearsed.txt", "rehearsed\n");
    let applied = works.run(&["apply", "--rehearse", "--yes"]).exits(0);
    let applied = applied.says(&["this change works on a copy of the server", "; 0 of "]);
    assert!(
        !applied.said().contains("errors before"),
        "{}",
        applied.said()
    );
    assert_ne!(standing(server), before);
    server.on("test -e /srv/foobar/current/rehearsed.txt");
    let left = works.run(&["sandbox", "list"]).exits(0).said();
    assert!(!left.contains("rehearsal"), "{left}");
}
