//! Where secrets are on the server, and where they are not.

use crate::server::{CANARIES, Server};

pub(crate) fn a_secret_is_in_its_file_and_nowhere_else(server: &Server) {
    // The values are brought once more, so that a run has handled them.
    server.on("rm /etc/foobar-stack/secrets/foobar.FROM_*");
    let plan = server.run(&["plan", "-vv"]).exits(0);
    let run = server.run(&["apply", "--yes", "-vv"]).exits(0);
    let verify = server.run(&["verify", "--json", "-vv"]).exits(0);
    server.on("echo another | tee /etc/foobar-stack/secrets/foobar.FROM_* >/dev/null");
    let json = server.run(&["apply", "--yes", "--json", "-vv"]).exits(0);
    for ending in [&plan, &run, &verify, &json] {
        let mut said = [&ending.out, &ending.err].into_iter();
        let shown = said.any(|stream| stream.contains("canary-from"));
        assert!(!shown, "{}", ending.said());
    }

    for (name, value) in CANARIES {
        let file = format!("/etc/foobar-stack/secrets/foobar.{name}");
        let found = server.on(&format!("stat -c '%a %U' {file} && cat {file}"));
        assert_eq!(found, format!("600 root\n{value}"), "{file}");
        // The app's own copy, which systemd made for it, lies in memory.
        let app = server.on(&format!(
            "pid=$(systemctl show --value -p MainPID 'foobar-app-*@*.service')\n\
             credentials=$(tr '\\0' '\\n' </proc/$pid/environ | sed -n 's/^CREDENTIALS_DIRECTORY=//p')\n\
             if grep -aq canary-from /proc/$pid/environ; then echo environment; fi\n\
             nsenter --target $pid --mount cat $credentials/{name}"
        ));
        assert_eq!(app, value, "what the app sees of {name}");
        let places = server.on(&format!(
            "grep -rlIa --exclude-dir=proc --exclude-dir=sys -e {value} \
             /etc /var /root /home /srv /tmp /opt /usr/local || true\n\
             journalctl --no-pager -o json | grep -a {value} || true\n\
             grep -al {value} /proc/[0-9]*/cmdline 2>/dev/null || true"
        ));
        assert_eq!(places, format!("{file}\n"), "places of {name}");
    }
}
