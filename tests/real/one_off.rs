//! `run`, `shell` and `db` on a real server.

use crate::server::Server;
use crate::support::until;
use std::io::Write as _;
use std::process::Stdio;

pub(crate) fn commands_run_as_the_app_does(server: &Server) {
    they_run_in_the_release_that_serves(server);
    what_is_piped_in_comes_out(server);
    a_terminal_is_one(server);
    one_ends_with_its_client(server);
    without_a_release_there_is_none(server);
}

fn they_run_in_the_release_that_serves(server: &Server) {
    let run = |words: &[&str]| server.run(&[&["run", "--"], words].concat());
    assert_eq!(run(&["id", "-un"]).exits(0).out, "foobar\n");
    let folder = server.on("readlink -f /srv/foobar/current");
    assert_eq!(run(&["pwd"]).exits(0).out, folder);
    run(&["sh", "-c", "exit 7"]).exits(7);
    run(&["no-such-program"])
        .exits(127)
        .says(&["no-such-program"]);

    // Every word arrives as it was typed.
    let words = ["a b", "$HOME", "it's", "\"", "%i", "%%", "\\", ""];
    let said = run(&[&["printf", "%s|"], words.as_slice()].concat()).exits(0);
    assert_eq!(said.out, words.map(|word| format!("{word}|")).concat());

    // Environment, secrets and limits are the app's.
    let script = "echo $SITE_TITLE $DATABASE_NAME; test -s $CREDENTIALS_DIRECTORY/SESSION_KEY && echo secret; \
                  touch here 2>/dev/null || echo read-only; touch $STATE_DIRECTORY/here && rm $STATE_DIRECTORY/here && echo data; \
                  \
                  ls /etc/foobar-stack/secrets 2>/dev/null || echo closed; grep NoNewPrivs /proc/self/status";
    let said = run(&["sh", "-c", script]).exits(0).out;
    assert_eq!(
        said,
        "foobar foobar\nsecret\nread-only\ndata\nclosed\nNoNewPrivs:\t1\n"
    );
    server.run(&["logs", "app", "--lines=400"]).exits(0).says(&[
        "sh -c exit 7",
        "(foobar.com)",
        "status=7",
    ]);
}

fn what_is_piped_in_comes_out(server: &Server) {
    let piped = |arguments: &[&str], text: &str| {
        let mut command = server.site.command(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{error}"));
        let mut stdin = child.stdin.take().unwrap_or_else(|| panic!("no stdin"));
        let sent = stdin.write_all(text.as_bytes());
        drop(stdin);
        let output = child.wait_with_output();
        let output = output.unwrap_or_else(|error| panic!("{error}"));
        assert!(sent.is_ok() && output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let long = "a line\n".repeat(100_000);
    assert!(piped(&["run", "--", "cat"], &long) == long);
    let asked = "SELECT CONCAT(CURRENT_USER(), ' ', DATABASE(), ' ', 'Grüße');";
    assert_eq!(
        piped(&["db", "--", "--skip-column-names"], asked),
        "foobar@localhost foobar Grüße\n"
    );
    assert_eq!(piped(&["shell"], "echo $((6 * 7))\n"), "42\n");
}

fn a_terminal_is_one(server: &Server) {
    let child = server.site.at_a_terminal(&["run", "--", "tty"]);
    let output = child.wait_with_output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("/dev/pts/"), "{said:?}");
    assert!(output.status.success(), "{said:?}");
}

fn one_ends_with_its_client(server: &Server) {
    let running = || {
        let (_, said) = server.ask("systemctl list-units --plain --no-legend 'foobar-app-run-*'");
        !said.trim().is_empty()
    };
    let client = server.site.start(&["run", "--", "sleep", "600"]);
    until("the command runs", || running().then_some(()));
    let limit = server.on("systemctl show --value --property=MemoryMax 'foobar-app-run-*'");
    assert_eq!(limit.trim(), (512 * 1024 * 1024).to_string());
    server.run(&["status"]).exits(0).says(&["foobar-app-run-"]);
    client.kill();
    until("the command is ended", || (!running()).then_some(()));
    assert_eq!(server.on("ls /run/foobar-stack"), "");
}

fn without_a_release_there_is_none(server: &Server) {
    server.on("mv /etc/nginx/foobar-stack/foobar-app.conf /root/aside");
    let run = server.run(&["run", "--", "true"]);
    server.on("mv /root/aside /etc/nginx/foobar-stack/foobar-app.conf");
    run.exits(1)
        .says(&["no release of foobar.com serves", "foobar-stack apply"]);
}
