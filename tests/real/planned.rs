//! What a plan sees before anything runs, and that what runs is what somebody has said yes to.

use crate::server::Server;
use std::io::{Read, Write};

pub(crate) fn a_plan_sees_it_before_a_run_does(server: &Server) {
    an_edit_while_somebody_is_asked(server);
    a_secret_that_was_rotated(server);
    a_package_that_does_not_exist(server);
    a_unit_that_is_masked_until_the_next_boot(server);
    odd_but_right(server);
}

/// Somebody edits a planned file after the plan was shown, and before the answer.
fn an_edit_while_somebody_is_asked(server: &Server) {
    let path = "/etc/nginx/nginx.conf";
    server.on(&format!("echo '# an old edit' >>{path}"));
    let before = server.on("cat /var/lib/foobar-stack/generation");
    let answer = |edit: &str, words: &str, code: i32| {
        let mut child = server.site.at_a_terminal(&["apply"]);
        let (Some(mut stdin), Some(mut stdout)) = (child.stdin.take(), child.stdout.take()) else {
            panic!("no terminal")
        };
        let mut said = Vec::new();
        let mut byte = [0];
        while !String::from_utf8_lossy(&said).contains("Apply these changes?") {
            let read = stdout.read(&mut byte).unwrap_or(0);
            assert!(read == 1, "{}", String::from_utf8_lossy(&said));
            said.push(byte[0]);
        }
        server.on(edit);
        assert!(stdin.write_all(b"y\n").is_ok());
        let _ = stdout.read_to_end(&mut said);
        let ended = child.wait().ok().and_then(|status| status.code());
        let said = String::from_utf8_lossy(&said).into_owned();
        assert_eq!(ended, Some(code), "{said}");
        assert!(said.contains(words), "{words:?} is not in {said}");
    };
    let moved = "file:/etc/nginx/nginx.conf has changed on the server";
    answer(&format!("echo '# a new edit' >>{path}"), moved, 1);
    let text = server.on(&format!("cat {path}"));
    assert!(text.ends_with("# an old edit\n# a new edit\n"), "{text}");
    assert_eq!(server.on("cat /var/lib/foobar-stack/generation"), before);
    // What the plan does not change may change.
    answer("touch /etc/nobody-plans-this", "this is generation", 0);
    assert!(!server.on(&format!("cat {path}")).contains("edit"));
}

/// The source of a secret changes between a saved plan and its run.
fn a_secret_that_was_rotated(server: &Server) {
    let site = server.site_with("rotated", |text| text);
    let file = site.folder.join("site.plan").display().to_string();
    let secret = "/etc/foobar-stack/secrets/foobar.FROM_FILE";
    server.on(&format!("echo by-hand >{secret}"));
    site.run(&["plan", "--out", &file]).exits(0);
    let saved = site.read("site.plan");
    let planned = site.read("canary");
    site.write("canary", "another-canary-62cf71\n");
    let before = server.on("cat /var/lib/foobar-stack/generation");
    let said = site.run(&["apply", "--yes", &file]).exits(1).says(&[
        &format!("the value of secret:{secret} is another in the source of the secret"),
        "nothing was changed",
    ]);
    assert!(!said.said().contains("another-canary"), "{}", said.said());
    assert_eq!(server.on("cat /var/lib/foobar-stack/generation"), before);
    assert_eq!(server.on(&format!("cat {secret}")), "by-hand\n");
    // Nothing in the file lets somebody try values: the key is made of what only the server has.
    for part in [planned.trim(), "another-canary"] {
        assert!(!saved.contains(part), "{saved}");
    }
    site.write("canary", &planned);
    site.run(&["apply", "--yes", &file]).exits(0);
    assert_eq!(server.on(&format!("cat {secret}")), planned.trim());
}

fn a_package_that_does_not_exist(server: &Server) {
    let site = server.site_with("no-package", |text| {
        text.replace("packages = [", "packages = [\"nosuch-package\", ")
    });
    let words = [
        "package:nosuch-package",
        "Unable to locate package nosuch-package",
    ];
    site.run(&["plan"]).exits(1).says(&words);
    site.run(&["apply", "--yes"]).exits(1).says(&words);
}

fn a_unit_that_is_masked_until_the_next_boot(server: &Server) {
    server.on("systemctl mask --runtime --quiet nginx.service");
    let plan = server.run(&["plan"]).exits(0);
    plan.says(&["service:nginx.service", "masked-runtime"]);
    server.run(&["apply", "--yes"]).exits(0);
    let state = server.on("systemctl show --value -p UnitFileState nginx.service");
    assert_eq!(state, "enabled\n");
}

/// What looks wrong and is not; and with two instances, a first port that is.
fn odd_but_right(server: &Server) {
    let label = "a".repeat(60);
    let long = format!("{label}.{label}.{label}.foobar.com");
    let odd = |text: String| {
        let text = text.replace(
            "# aliases = [\"www.foobar.com\"]",
            &format!("aliases = [\"www.foobar.com\", \"{long}\"]"),
        );
        let wildcard = "[[dns.records]]\nname = \"*\"\ntype = \"TXT\"\nvalue = \"any name\"\n\n";
        let text = text.replace("[tls]\n", &format!("{wildcard}[tls]\n"));
        let lines = "[app.env]\nLINES = \"one\\ntwo\\t%h $X\"\n";
        let text = text.replace("[app.env]\n", lines);
        text.replace("# instances = 1\n", "instances = 2\n")
    };
    let site = server.site_with("odd", odd);
    site.write(
        "roles/odd/role.toml",
        &format!(
            "description = \"A certificate for a name that no common name holds\"\n\
             after = [\"tls\"]\n[[certificate]]\nnames = [\"{long}\"]\n\
             certificate = \"/etc/ssl/odd.pem\"\nkey = \"/etc/ssl/odd.key\"\n"
        ),
    );
    site.run(&["apply", "--yes"])
        .exits(0)
        .says(&["*.foobar.com TXT", "\"any name\""]);
    site.run(&["plan"]).exits(0).says(&["No changes."]);
    let name = server.on("openssl x509 -noout -subject -ext subjectAltName -in /etc/ssl/odd.pem");
    assert!(
        name.contains(&format!("DNS:{long}")) && !name.contains("CN"),
        "{name}"
    );
    let environment = server.on(
        "pid=$(systemctl show --value -p MainPID 'foobar-app-*@*.service' | grep -m1 '^[1-9]')\n\
         tr '\\0' '\\1' </proc/$pid/environ | tr '\\1' '|'",
    );
    assert!(
        environment.contains("|LINES=one\ntwo\t%h $X|"),
        "{environment}"
    );

    let crowded = server.site_with("crowded", |text| {
        odd(text).replace("# port = 8000\n", "port = 8001\n")
    });
    assert_ne!(crowded.read("inventory.toml"), site.read("inventory.toml"));
    let words = [
        "deployment:foobar-app",
        "with this app.port the next release would listen",
    ];
    crowded.run(&["plan"]).exits(1).says(&words);
    site.run(&["verify"]).exits(0);
}
