//! Releases under load: deploys, failed deploys, ways back and changes of the configuration,
//! while a load of every kind of request goes on. Not one of them fails.
//!
//! `LOAD=full CHAPTERS=releases cargo test --test real a_debian_with_mysql -- --nocapture` is
//! the long form: twenty of each, and at least 500,000 requests. It takes about 20 minutes, and
//! says how it went while it goes. `LOAD=5` is a quarter of it. With `--release` the client takes
//! less of the machine, and latencies are the server's.

use crate::note;
use crate::server::{Server, Site};
use crate::support::{Ending, until};
use foobar_stack_load::{Background, Latencies, Profile, Protocol, Record, Request, Target, Trust};
use std::time::Duration;

/// The app under load.
const APP: &str = include_str!("releases.py");

/// How much of everything.
struct Dose {
    rounds: usize,
    rate: f64,
    connections: usize,
    requests: u64,
    /// How long nothing is switched first, so that there is something to compare with.
    quiet: Duration,
}

const SHORT: Dose = Dose {
    rounds: 1,
    rate: 60.0,
    connections: 12,
    requests: 1_000,
    quiet: Duration::ZERO,
};

const FULL: Dose = Dose {
    rounds: 20,
    rate: 500.0,
    connections: 64,
    requests: 500_000,
    quiet: Duration::from_secs(60),
};

/// The example inventory with the app under load in the place of its own.
fn inventory(text: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once(" = ") {
        Some(("packages", _)) => "packages = [\"python3-uvicorn\", \"python3-websockets\"]",
        Some(("command", words)) if words.contains("gunicorn") => {
            "command = \"python3 -m uvicorn app:application --host 127.0.0.1 --port ${PORT} \
             --no-access-log --timeout-graceful-shutdown 10\"\n\
             start_timeout = \"12s\"\ndrain = \"4s\"\ninstances = 2"
        }
        Some(("health", _)) => "health = { path = \"/healthz\", json = { status = \"ok\" } }",
        Some(("migrate", _)) => "",
        _ => line,
    });
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// The path of a static file that only this version has, with a digest in its name.
fn asset(version: &str) -> String {
    let digits: String = version.bytes().map(|byte| format!("{byte:02x}")).collect();
    format!("/static/of.{digits:0<12}.css")
}

/// The app in a version of its own, with further replacements that make it fail.
fn release(site: &Site, version: &str, faults: &[(&str, &str)]) {
    let folder = site.folder.join("app/static");
    for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("of.") {
            let _ = std::fs::remove_file(entry.path());
        }
    }
    site.write(&format!("app{}", asset(version)), "p { color: red }\n");
    let mut app = APP.replace("\"none\"", &format!("\"{version}\""));
    for (from, to) in faults {
        assert!(app.contains(from), "{from}");
        app = app.replace(from, to);
    }
    site.write("app/app.py", &app);
}

/// The version that visitors get.
fn serves(server: &Server) -> String {
    let said = server.on("curl -sk --connect-to ::127.0.0.1: https://foobar.com/version");
    let said: serde_json::Value = serde_json::from_str(&said).unwrap_or_default();
    said["version"].as_str().unwrap_or_default().to_owned()
}

/// The status that a static file is answered with, and for how long it may be kept.
fn kept(server: &Server, path: &str) -> String {
    server.on(&format!(
        "curl -sk -o /dev/null -D - --connect-to ::127.0.0.1: https://foobar.com{path} |
         tr -d '\\r' | sed -n 's/^HTTP[^ ]* \\([0-9]*\\).*/\\1/p; s/^cache-control: //ip' | paste -sd ' '"
    ))
}

/// The load, and when what was switched meanwhile.
struct Trial<'a> {
    server: &'a Server,
    site: Site,
    load: Background,
    switches: Vec<(Duration, Duration)>,
}

impl Trial<'_> {
    /// Runs a command that changes something, and says whether anything was lost by it.
    #[track_caller]
    fn switch(&mut self, name: &str, arguments: &[&str], code: i32) -> Ending {
        let begin = self.load.elapsed();
        let ending = self.site.run(arguments).exits(code);
        self.switches.push((begin, self.load.elapsed()));
        let (good, failed) = self.load.so_far();
        note(&format!(
            "{name}: {:.1} s; {good} requests, {failed} failed",
            (self.load.elapsed() - begin).as_secs_f64()
        ));
        ending
    }

    #[track_caller]
    fn apply(&mut self, name: &str, code: i32) -> Ending {
        self.switch(name, &["apply", "--yes", "--json"], code)
    }

    /// A release. Visitors who have a page of the one before get its files, before, while and
    /// after it is led over.
    fn deploy(&mut self, version: &str) {
        let before = asset(&serves(self.server));
        let pages = Profile {
            requests: vec![get(&before)],
            rate: 40.0,
            slow: Vec::new(),
            websocket: None,
            ..profile(&SHORT)
        };
        let visitors = match Background::start(&target(self.server), pages) {
            Ok(visitors) => visitors,
            Err(error) => panic!("no load: {error}"),
        };
        release(&self.site, version, &[]);
        self.apply(&format!("deploy of {version}"), 0);
        let visitors = visitors.end();
        assert_eq!(visitors.failed(), 0, "{:#?}", visitors.failures);
        assert!(visitors.whole().latencies.count() > 0);
        assert_eq!(serves(self.server), version);
        let kept = |path: &str| kept(self.server, path).trim().to_owned();
        let immutable = "200 public, max-age=31536000, immutable";
        assert_eq!(kept(&asset(version)), immutable);
        assert_eq!(kept(&before), immutable);
        assert_eq!(kept("/static/style.css"), "200 public, max-age=3600");
        assert_eq!(kept("/static/nothing.css"), "404");
    }

    /// A release that does not come to serve: visitors stay with the one before.
    fn fail(&mut self, faults: &[(&str, &str)], says: &str) {
        let before = serves(self.server);
        release(&self.site, "bad", faults);
        self.apply(&format!("a release that fails: {says}"), 6)
            .says(&[says, "rolled back"]);
        assert_eq!(serves(self.server), before);
        release(&self.site, &before, &[]);
        assert_eq!(self.site.plan().changes(), [], "after {says}");
    }

    /// Back to the release before, by name or without.
    fn back(&mut self, id: Option<&str>, version: &str) {
        let mut arguments = vec!["rollback", "--yes", "--json", "--release"];
        arguments.extend(id);
        self.switch(&format!("back to {version}"), &arguments, 0);
        assert_eq!(serves(self.server), version);
    }

    /// Nginx, the app's environment and the zone, all at once.
    fn configure(&mut self, number: usize) {
        let text = self.site.read("inventory.toml");
        let kept: Vec<&str> = text
            .lines()
            .filter(|line| !line.contains("# trial"))
            .collect();
        let mut text = kept.join("\n");
        for (section, line) in [
            ("[web]", format!("headers = {{ X-Trial = \"{number}\" }}")),
            ("[app.env]", format!("TRIAL = \"{number}\"")),
        ] {
            let line = format!("{section}\n{line} # trial\n");
            text = text.replacen(&format!("{section}\n"), &line, 1);
        }
        let record = [
            "\n[[dns.records]]".to_owned(),
            "name = \"trial\"".to_owned(),
            "type = \"TXT\"".to_owned(),
            format!("value = \"{number}\""),
        ];
        text.push_str(&record.map(|line| format!("{line} # trial\n")).concat());
        self.site.write("inventory.toml", &text);
        self.apply(&format!("configuration {number}"), 0);
    }
}

/// The site of the server, whoever signed its certificate.
pub(crate) fn target(server: &Server) -> Target {
    Target {
        https: true,
        host: "foobar.com".to_owned(),
        port: 443,
        address: server.address,
        trust: Trust::Anybody,
    }
}

fn get(path: &str) -> Request {
    Request {
        path: path.to_owned(),
        body: None,
        weight: 1,
    }
}

fn profile(dose: &Dose) -> Profile {
    Profile {
        rate: dose.rate,
        duration: Duration::from_secs(7200),
        connections: dose.connections,
        fresh: 0.2,
        protocol: Protocol::Http1,
        timeout: Duration::from_secs(30),
        requests: vec![
            Request {
                weight: 2,
                ..get("/")
            },
            Request {
                body: Some("name=Ann&text=hello".to_owned()),
                ..get("/")
            },
        ],
        slow: vec!["/slow".to_owned()],
        websocket: Some("/socket".to_owned()),
        retry_posts: false,
    }
}

pub(crate) fn no_request_is_lost(server: &Server) {
    let load = std::env::var("LOAD").unwrap_or_default();
    let dose = match (load.as_str(), load.parse()) {
        ("full", _) => FULL,
        (_, Ok(rounds)) => Dose {
            rounds,
            requests: FULL.requests / 20 * rounds as u64,
            ..FULL
        },
        _ => SHORT,
    };
    let site = server.site_with("releases", |text| inventory(&text));
    release(&site, "v0", &[]);
    site.run(&["apply", "--yes", "--json", "--delete-many"])
        .exits(0);
    assert_eq!(serves(server), "v0");

    let load = match Background::start(&target(server), profile(&dose)) {
        Ok(load) => load,
        Err(error) => panic!("no load: {error}"),
    };
    let mut trial = Trial {
        server,
        site,
        load,
        switches: Vec::new(),
    };
    until("the load", || (trial.load.so_far().0 > 100).then_some(()));
    std::thread::sleep(dose.quiet);

    for round in 1..=dose.rounds {
        let (one, two) = (format!("v{round}"), format!("v{round}-next"));
        trial.deploy(&one);
        if dose.rounds > 1 {
            trial.deploy(&two);
            trial.back(None, &one);
        } else {
            trial.back(None, "v0");
        }
        trial.configure(round);
        if round == 1 {
            // What serves by the way back is not what the inventory says.
            let serving = serves(server);
            release(&trial.site, &serving, &[]);
            trial.fail(
                &[("DIES_AFTER = None", "DIES_AFTER = 2.5")],
                "does not stay up",
            );
            trial.fail(
                &[("STATUS = \"ok\"", "STATUS = \"not ok\"")],
                "is not JSON with",
            );
            if dose.rounds > 1 {
                trial.fail(&[("DIES_AFTER = None", "DIES_AFTER = 0")], "does not live");
                trial.fail(&[("HEALTH = 200", "HEALTH = 500")], "says 500, not 200");
            }
        }
    }
    until("enough requests", || {
        let (good, failed) = trial.load.so_far();
        (good >= dose.requests || failed > 0).then_some(())
    });
    let Trial { load, switches, .. } = trial;
    judge(&load.end(), &switches, &dose);
}

fn judge(record: &Record, switches: &[(Duration, Duration)], dose: &Dose) {
    let switching = |second: u64| {
        let second = Duration::from_secs(second);
        switches
            .iter()
            .any(|(begin, end)| *begin < second + Duration::from_secs(1) && second < *end)
    };
    let quiet = record.parts(|second| !switching(second)).latencies;
    let busy = record.parts(switching).latencies;
    let show = |latencies: &Latencies| {
        let at = |share| latencies.quantile(share).unwrap_or_default().as_millis();
        let most = latencies.max().unwrap_or_default().as_millis();
        let count = latencies.count();
        format!(
            "{count} requests, 50 % {} ms, 99 % {} ms, 99.9 % {} ms, most {most} ms",
            at(0.5),
            at(0.99),
            at(0.999)
        )
    };
    let whole = record.whole();
    note(&format!(
        "{} switches; quiet: {}",
        switches.len(),
        show(&quiet)
    ));
    note(&format!("while switching: {}", show(&busy)));
    note(&format!(
        "sent again: {}; slow ones: {}; the WebSocket: opened {} times, {} pings",
        whole.retried,
        record.slow.latencies.count(),
        record.socket.opened,
        record.socket.pongs.count()
    ));
    assert_eq!(record.failed(), 0, "{:#?}", record.failures);
    assert!(
        whole.latencies.count() >= dose.requests,
        "{}",
        whole.latencies.count()
    );
    assert!(record.slow.latencies.count() > 0 && record.socket.pongs.count() > 0);
}
