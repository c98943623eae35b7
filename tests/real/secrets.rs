//! Where secrets are on the server, and where they are not: not on the screen, in no plan file,
//! in no process's arguments or environment, in no journal, in nothing that others can read.

use crate::runs::{at_the_gate, with_gate};
use crate::server::{CANARIES, Server, Site};
use crate::support::{CANARY_VARIABLE, Ending};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// Runs a command as who may do nothing.
const NOBODY: &str = "setpriv --reuid=nobody --regid=nogroup --clear-groups";

/// Where anything that changes is kept.
const FOLDERS: &str = "/etc /run /var /srv /root /home /tmp /dev/shm /opt /usr/local";

pub(crate) fn a_secret_is_in_its_file_and_nowhere_else(server: &Server) {
    let (site, canaries) = everything_secret(server);
    what_is_shown_is_found(server, &canaries);
    let watch = Watch::begin(canaries.values().map(str::to_owned).collect());
    let mut said = Vec::new();
    let mut run = |arguments: &[&str]| {
        let ending = site.run(arguments);
        said.push(ending.clone());
        ending
    };
    // All values are new to the server, so that a run handles each.
    server.on("rm -f /etc/foobar-stack/secrets/foobar.FROM_*");
    let file = site.folder.join("site.plan").display().to_string();
    run(&["plan", "-vv"]).exits(0);
    run(&["plan", "--json", "-vv", "--out", &file]).exits(0);
    let client = site.start(&["apply", "--yes", "-vv", &file]);
    at_the_gate(server);
    let shown = canaries.found(server, NOBODY);
    assert_eq!(shown, "", "others can read it while a run is under way");
    kept_by_the_client(&site, &canaries);
    server.on("touch /run/gate-is-open");
    let applied = client.ending().exits(0);

    // Each is brought once more, by a run that fails and by one in JSON.
    server.on("echo another | tee /etc/foobar-stack/secrets/foobar.FROM_* >/dev/null");
    let app = site.read("app/app.py");
    site.write(
        "app/app.py",
        "raise RuntimeError('this app does not live')\n",
    );
    run(&["apply", "--yes", "-vv"]).exits(6);
    site.write("app/app.py", &app);
    run(&["apply", "--yes", "--json", "-vv"]).exits(0);
    for command in ["verify", "status", "history", "attach", "doctor"] {
        run(&[command, "--json", "-vv"]).exits(0);
    }
    run(&["logs", "-n", "500"]).exits(0);
    let seen = watch.end();
    assert!(seen.is_empty(), "seen while running: {seen:#?}");
    said.push(applied);
    for ending in &said {
        nothing_is_shown(ending, &canaries);
    }
    let saved = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(saved.contains("secrets/foobar.FROM_ENV\""), "{saved}");
    assert_eq!(canaries.within(&saved), None, "in the saved plan");
    kept_by_the_client(&site, &canaries);
    its_place_and_no_other(server, &canaries);
    what_the_app_sees(server);
}

/// Who looks would see it: a file that others can read, and an argument.
fn what_is_shown_is_found(server: &Server, canaries: &Canaries) {
    let (_, value) = CANARIES[1];
    server.on(&format!("umask 022; echo 'x {value}' >/tmp/planted"));
    assert_eq!(canaries.found(server, NOBODY), "/tmp/planted\n");
    server.on("rm /tmp/planted");
    let watch = Watch::begin(vec![value.to_owned()]);
    let shown = format!("sleep 0.5; : {value}");
    let run = std::process::Command::new("sh")
        .args(["-c", &shown])
        .status();
    assert!(run.is_ok_and(|status| status.success()));
    let seen = watch.end();
    assert!(seen.iter().any(|one| one.contains(&shown)), "{seen:?}");
}

/// A site with something in every place where it may have a secret, and the values.
fn everything_secret(server: &Server) -> (Site, Canaries) {
    let replaced = |text: String, from: &str, to: &str| {
        assert_eq!(text.matches(from).count(), 1, "{from:?}");
        text.replace(from, to)
    };
    let site = server.site_with("secrets", |text| {
        let files = "mode = \"files\"\ncertificate = \"site.pem\"\nkey = \"site.key\"\n";
        let text = replaced(text, "# mode = \"self-signed\"\n", files);
        replaced(text, "#: shared = ", "shared = ")
    });
    server.on("mkdir -p -m 700 /run/ca && cd /run/ca\n\
         openssl req -quiet -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 \
         -subj /CN=foobar.com -addext subjectAltName=DNS:foobar.com,DNS:www.foobar.com \
         -keyout site.key -out site.pem");
    site.write("site.pem", &server.on("cat /run/ca/site.pem"));
    let key = server.on("cat /run/ca/site.key; rm -r /run/ca");
    site.write("site.key", &key);
    site.write("local.json", "\"canary-from-shared-07e3d9\"\n");
    // Where its payload is on the server, and no step has ended yet.
    with_gate(server, &site, "secrets");
    let generated = "/etc/foobar-stack/secrets/foobar.SESSION_KEY";
    let mut canaries = vec![
        (
            "/etc/ssl/foobar-stack/foobar.com.key".to_owned(),
            key.lines().nth(1).unwrap_or_default().to_owned(),
        ),
        (
            "/srv/foobar/shared/config/local.json".to_owned(),
            "canary-from-shared-07e3d9".to_owned(),
        ),
        (
            generated.to_owned(),
            server.on(&format!("cat {generated}")).trim().to_owned(),
        ),
    ];
    for (name, value) in CANARIES {
        let file = format!("/etc/foobar-stack/secrets/foobar.{name}");
        canaries.push((file, value.to_owned()));
    }
    for (file, value) in &canaries {
        assert!(value.len() >= 20, "{file}: {} is too short", value.len());
    }
    (site, Canaries(canaries))
}

/// The files that may hold a secret, and the values.
struct Canaries(Vec<(String, String)>);

impl Canaries {
    fn values(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(_, value)| value.as_str())
    }

    /// The place of the first one that is in the text.
    fn within(&self, text: &str) -> Option<&str> {
        let mut all = self.0.iter();
        all.find(|(_, value)| text.contains(value))
            .map(|(file, _)| file.as_str())
    }

    /// The files of the server in which somebody (a command that runs another) finds any,
    /// sorted, a line each.
    fn found(&self, server: &Server, somebody: &str) -> String {
        let values: Vec<&str> = self.values().collect();
        server.on(&format!(
            "cd /; {{ {somebody} grep -rlaF -D skip -f - {FOLDERS} 2>/dev/null || true; }} <<'END' | sort\n{}\nEND",
            values.join("\n")
        ))
    }
}

#[track_caller]
fn nothing_is_shown(ending: &Ending, canaries: &Canaries) {
    for stream in [&ending.out, &ending.err] {
        if let Some(file) = canaries.within(stream) {
            panic!("what is in {file} is shown by {}", ending.line);
        }
    }
}

/// In none of its temporary files, while it runs and afterwards.
#[track_caller]
fn kept_by_the_client(site: &Site, canaries: &Canaries) {
    for file in files_below(&site.temporary()) {
        let text = std::fs::read(&file).unwrap_or_default();
        let found = canaries.within(&String::from_utf8_lossy(&text));
        assert_eq!(found, None, "in {}", file.display());
    }
}

fn files_below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files.extend(files_below(&entry.path())),
            Ok(kind) if kind.is_file() => files.push(entry.path()),
            _ => {}
        }
    }
    files
}

/// Every secret is in its file, which root alone or the app's group reads, and in what systemd
/// hands to the app.
fn its_place_and_no_other(server: &Server, canaries: &Canaries) {
    let found = canaries.found(server, "");
    let found = found
        .lines()
        .filter(|path| !path.starts_with("/run/credentials/"));
    let mut files: Vec<&str> = canaries.0.iter().map(|(file, _)| file.as_str()).collect();
    files.sort_unstable();
    assert_eq!(found.collect::<Vec<_>>(), files);
    let shown = canaries.found(server, NOBODY);
    assert_eq!(shown, "", "others can read it");
    let values: Vec<&str> = canaries.values().collect();
    let told = server.on(&format!(
        "{{ journalctl --no-pager -o json; zcat /var/lib/foobar-stack/generations/*.json.gz; }} >/dev/shm/told\n\
         test -s /dev/shm/told; grep -oaF -f - /dev/shm/told <<'END' || true\n{}\nEND\nrm /dev/shm/told",
        values.join("\n")
    ));
    assert_eq!(told, "", "in the journal, or in what is kept of a run");
}

/// The app's own copy, which systemd made for it, lies in memory.
fn what_the_app_sees(server: &Server) {
    for (name, value) in CANARIES {
        let app = server.on(&format!(
            "pid=$(systemctl show --value -p MainPID 'foobar-app-*@*.service')\n\
             credentials=$(tr '\\0' '\\n' </proc/$pid/environ | sed -n 's/^CREDENTIALS_DIRECTORY=//p')\n\
             nsenter --target $pid --mount cat $credentials/{name}"
        ));
        assert_eq!(app, value, "what the app sees of {name}");
        let file = format!("/etc/foobar-stack/secrets/foobar.{name}");
        let found = server.on(&format!("stat -c '%a %U' {file} && cat {file}"));
        assert_eq!(found, format!("600 root\n{value}"), "{file}");
    }
}

/// Looks at the arguments and the environment of every process, of the client and of the
/// server: a container's processes are this machine's, too.
struct Watch {
    enough: Arc<AtomicBool>,
    thread: JoinHandle<Vec<String>>,
}

impl Watch {
    fn begin(values: Vec<String>) -> Self {
        let enough = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&enough);
        let thread = std::thread::spawn(move || {
            let (mut seen, mut looks) = (Vec::new(), 0_usize);
            while !told.load(Ordering::Relaxed) {
                looks += look(&values, &mut seen);
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
            assert!(looks > 1000, "only {looks} processes were looked at");
            seen
        });
        Self { enough, thread }
    }

    /// What it has seen.
    fn end(self) -> Vec<String> {
        self.enough.store(true, Ordering::Relaxed);
        match self.thread.join() {
            Ok(seen) => seen,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// Gives the number of processes.
fn look(values: &[String], seen: &mut Vec<String>) -> usize {
    let given = format!("{CANARY_VARIABLE}=");
    let mut count = 0;
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        if !name
            .to_string_lossy()
            .starts_with(|c: char| c.is_ascii_digit())
        {
            continue;
        }
        let text = |file: &str| {
            let bytes = std::fs::read(entry.path().join(file)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        let (arguments, environment) = (text("cmdline"), text("environ"));
        count += usize::from(!arguments.is_empty());
        // What the user has put into the client's environment is there.
        let own = environment
            .split('\0')
            .filter(|one| !one.starts_with(&given));
        let shows = |text: &str| values.iter().any(|value| text.contains(value));
        if shows(&arguments) || own.into_iter().any(shows) {
            seen.push(arguments.replace('\0', " "));
        }
    }
    count
}
