//! What travels of the app's code.

use crate::server::{Server, Site};
use crate::support::Ending;
use std::fmt::Write as _;

/// A large app in few files, since a throw-away server's disk may be slow with many.
const LARGE: usize = 50_000_000;

/// Hexadecimal digits, of which no compression leaves less than half: the generator of Knuth, MMIX.
fn noise(seed: u64, length: usize) -> String {
    let mut state = seed;
    let mut text = String::with_capacity(length + 16);
    while text.len() < length {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let _ = write!(text, "{state:016x}");
    }
    text
}

fn number(summary: &serde_json::Value, key: &str) -> u64 {
    summary["traffic"][key].as_u64().unwrap_or_default()
}

fn deploy(site: &Site) -> Ending {
    site.run(&["apply", "--yes", "--json"]).exits(0)
}

/// How much of the code the plan would send.
fn sent(run: &Ending) -> String {
    let lines = run.lines("change");
    let release = lines
        .iter()
        .find(|line| line["id"] == "release:/srv/foobar");
    let fields = release.and_then(|line| line["fields"].as_array());
    let sent = fields.and_then(|fields| fields.iter().find(|field| field["name"] == "sent"));
    let text = sent.and_then(|field| field["after"].as_str());
    text.unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .to_owned()
}

pub(crate) fn only_what_changed_travels(server: &Server) {
    let usual = server.run(&["plan", "--json"]).exits(0).summary();
    let site = server.site_with("large", |text| text);
    for part in 0..4 {
        site.write(&format!("app/large/{part}"), &noise(part, LARGE));
    }
    let (first, memory) = site.start(&["apply", "--yes", "--json"]).memory();
    let first = first.exits(0).summary();
    assert!(number(&first, "bytes_sent") > 100_000_000, "{first}");
    assert!((1..100_000).contains(&memory), "{memory} kB");

    // Nothing has changed: nothing travels, and nothing more is asked than without the files.
    let unchanged = site.plan().summary();
    assert_eq!(
        number(&unchanged, "round_trips"),
        number(&usual, "round_trips")
    );
    let bytes = number(&unchanged, "bytes_sent");
    assert!(bytes <= number(&usual, "bytes_sent") + 1_000, "{unchanged}");
    assert_eq!(site.plan().changes(), []);

    // One file of 200 MB.
    site.write("app/large/note", "new\n");
    let run = deploy(&site);
    assert_eq!(sent(&run), "1 file, 4 bytes");
    let second = run.summary();
    // The program and two looks at the server, and not 200 MB.
    assert!(number(&second, "bytes_sent") < 200_000, "{second}");
    assert_eq!(
        number(&second, "round_trips"),
        number(&first, "round_trips")
    );
    crate::note(&format!(
        "200 MB: {} bytes sent with {memory} kB of memory, then {} for one file, {bytes} for none",
        number(&first, "bytes_sent"),
        number(&second, "bytes_sent")
    ));

    what_was_changed_by_hand_is_not_taken(server, &site);
}

/// The release that the next one is made of is not what it was.
fn what_was_changed_by_hand_is_not_taken(server: &Server, site: &Site) {
    // Somebody has looked at it with Python, which leaves its own behind.
    server.on("cd /srv/foobar/current/ && python3 -m py_compile app.py && test -d __pycache__");
    site.run(&["plan"]).exits(0).says(&["No changes."]);
    server.on("cd /srv/foobar/current/\n\
         echo '# by hand' >>pages.py && rm static/style.css README.md && echo mine >more");
    site.write("app/large/note", "newer\n");
    let run = deploy(site);
    let sent = sent(&run);
    let folder = std::fs::read_dir(site.folder.join("app/static"));
    let static_files = folder.map_or(0, Iterator::count);
    let top = std::fs::read_dir(site.folder.join("app")).map_or(0, Iterator::count);
    // The changed file, and all in the two folders that files are missing from: which ones these
    // are, nobody needs to know. The folders below are as they were.
    assert!(static_files > 1 && top > 5, "{static_files}, {top}");
    let count: usize = sent
        .split(' ')
        .next()
        .and_then(|count| count.parse().ok())
        .unwrap_or_default();
    assert!((static_files..20).contains(&count), "{sent}");
    let summary = run.summary();
    assert!(number(&summary, "bytes_sent") < 200_000, "{summary}");
    server.on("cd /srv/foobar/current/\n\
         if grep -q 'by hand' pages.py || test -e more; then exit 1; fi\n\
         test -e static/style.css && test -e README.md && grep -qx newer large/note\n\
         sed -n 's/^[fx] //p' .foobar-stack-manifest | sha256sum --quiet --strict -c -");
    site.run(&["plan"]).exits(0).says(&["No changes."]);
}
