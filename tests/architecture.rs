//! The structure that ARCHITECTURE.md promises, held against the source text.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

#[path = "architecture/imports.rs"]
mod imports;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Rooms that only compute.
const PURE: [&str; 14] = [
    "diagnostic",
    "shell",
    "types",
    "host",
    "systemd",
    "inventory",
    "facts",
    "resource",
    "check",
    "plan",
    "conflict",
    "role",
    "bundle",
    "operate",
];

/// What a pure room does not have: the network, processes, files, the clock, a voice.
const IMPURE: [&str; 21] = [
    "foobar_stack_load",
    "tokio::",
    "openssh::",
    "reqwest::",
    "indicatif::",
    "std::fs",
    "std::env",
    "std::process",
    "std::thread",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
    "UnixStream",
    "SystemTime",
    "Instant",
    "::now()",
    "io::stdin",
    "io::stdout",
    "io::stderr",
    "extern",
];

const PRINTING: [&str; 6] = [
    "println!",
    "print!",
    "eprintln!",
    "eprint!",
    "dbg!",
    "anstream",
];

/// The sources of the product, and of the other members of the workspace.
const PRODUCT: &str = "src";
const MEMBERS: [&str; 1] = ["crates/load/src"];

/// The crates the project is built on.
const CRATES: [&str; 9] = [
    "clap",
    "openssh",
    "tokio",
    "tera",
    "serde",
    "toml",
    "indicatif",
    "reqwest",
    "thiserror",
];

/// A source file without its comments and tests.
struct File {
    /// The folder of its crate: `src`.
    source: &'static str,
    /// Below that folder.
    path: String,
    /// The first part of its path.
    room: String,
    code: String,
    text: String,
}

impl std::fmt::Display for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.source, self.path)
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
    found.sort();
}

/// The lines that are compiled into the program: no comments, no test modules, no test items.
fn code(text: &str) -> String {
    let mut code = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            // The item ends where a line of its own depth closes it.
            let depth = line.len() - line.trim_start().len();
            for line in lines.by_ref() {
                let ends = line.len() - line.trim_start().len() == depth;
                if ends && (line.ends_with(';') || line.trim_start().starts_with('}')) {
                    break;
                }
            }
        } else if !line.trim_start().starts_with("//") {
            code.push_str(line.split(" // ").next().unwrap_or(line));
            code.push('\n');
        }
    }
    code
}

/// The Rust files of the product.
fn files() -> Vec<File> {
    let files = files_of(PRODUCT);
    assert!(files.len() > 80, "only {} files found", files.len());
    files
}

/// The Rust files of the whole workspace.
fn all_files() -> Vec<File> {
    let members = MEMBERS.into_iter().flat_map(files_of);
    files().into_iter().chain(members).collect()
}

/// The Rust files of a crate, without those that are tests as a whole.
fn files_of(source: &'static str) -> Vec<File> {
    let src = root().join(source);
    let mut paths = Vec::new();
    walk(&src, &mut paths);
    let mut files = Vec::new();
    for path in paths {
        let relative = path
            .strip_prefix(&src)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        if !relative.ends_with(".rs") || relative.ends_with("tests.rs") {
            continue;
        }
        let room = relative.split(['/', '.']).next().unwrap().to_owned();
        let text = read(&path);
        let code = code(&text);
        files.push(File {
            source,
            path: relative,
            room,
            code,
            text,
        });
    }
    files
}

/// The lines of a file that have one of the words, as a word of its own.
fn lines_with(file: &File, words: &[&str]) -> String {
    let mut found = String::new();
    for line in file.code.lines() {
        for word in words {
            let is_part = |c: char| c.is_alphanumeric() || c == '_';
            let whole = line.match_indices(word).any(|(at, _)| {
                let head = word.starts_with(is_part) && line[..at].ends_with(is_part);
                let tail = word.ends_with(is_part) && line[at + word.len()..].starts_with(is_part);
                !head && !tail
            });
            if whole {
                let _ = writeln!(found, "{file}: {word}: {}", line.trim());
            }
        }
    }
    found
}

/// The modules that `use std::{…}` brings, written out: `std::fs`.
fn grouped(code: &str) -> String {
    let flat = code.replace(char::is_whitespace, "");
    let groups = flat.split("usestd::{").skip(1);
    let group = |text: &str| {
        let names = text.split("};").next().unwrap_or_default().to_owned();
        names
            .split(',')
            .fold(String::new(), |all, name| format!("{all}std::{name}\n"))
    };
    groups.map(group).collect()
}

#[test]
fn pure_rooms_are_pure() {
    let mut found = String::new();
    for mut file in files()
        .into_iter()
        .filter(|file| PURE.contains(&file.room.as_str()))
    {
        let grouped = grouped(&file.code);
        file.code.push_str(&grouped);
        found += &lines_with(&file, &IMPURE);
        found += &lines_with(&file, &PRINTING);
    }
    assert!(found.is_empty(), "\n{found}");
}

#[test]
fn only_the_report_prints() {
    let silent =
        |file: &File| file.source != PRODUCT || !["report", "main"].contains(&file.room.as_str());
    let found: String = all_files()
        .iter()
        .filter(|file| silent(file))
        .map(|file| lines_with(file, &PRINTING))
        .collect();
    assert!(found.is_empty(), "\n{found}");
}

#[test]
fn no_order_of_a_hash_reaches_a_plan_or_a_report() {
    let ordered = |file: &File| PURE.contains(&file.room.as_str()) || file.room == "report";
    let words = ["HashMap", "HashSet"];
    let found: String = files()
        .iter()
        .filter(|file| ordered(file))
        .map(|file| lines_with(file, &words))
        .collect();
    assert!(found.is_empty(), "\n{found}");
}

#[test]
fn shell_text_is_written_where_it_belongs() {
    const ROOMS: [&str; 10] = [
        "shell", "host", "facts", "resource", "check", "conflict", "bundle", "operate", "server",
        "sandbox",
    ];
    // A secret's command is the user's own, for a shell of theirs; the others send one literal.
    const OWN: [&str; 3] = [
        "commands/load.rs",
        "commands/connected.rs",
        "commands/doctor.rs",
    ];
    let other =
        |file: &File| !ROOMS.contains(&file.room.as_str()) && !OWN.contains(&file.path.as_str());
    let words = [
        "Script::new",
        ".raw(",
        ".call(",
        "Command::new(\"sh\")",
        "\"-c\"",
        "\"bash\"",
    ];
    let found: String = files()
        .iter()
        .filter(|file| other(file))
        .map(|file| lines_with(file, &words))
        .collect();
    assert!(found.is_empty(), "\n{found}");
    for file in files() {
        // Its argument is `&'static str`; a leaked value would be one, too.
        assert!(!file.code.contains(".leak()"), "src/{}", file.path);
    }
}

#[test]
fn a_room_uses_only_those_above_it() {
    let lib = read(&root().join("src/lib.rs"));
    let order: Vec<&str> = lib
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    assert!(order.len() > 12, "{order:?}");
    let place = |room: &str| order.iter().position(|one| *one == room);
    let mut found = String::new();
    for file in files() {
        let Some(own) = place(&file.room) else {
            assert!(
                ["lib", "main"].contains(&file.room.as_str()),
                "src/{}",
                file.path
            );
            continue;
        };
        for used in file.code.split("crate::").skip(1) {
            let name = used
                .split(|c: char| !c.is_alphanumeric() && c != '_')
                .next()
                .unwrap_or("");
            if place(name).is_some_and(|used| used > own) {
                let _ = writeln!(
                    found,
                    "src/{} uses {name}, which stands below it",
                    file.path
                );
            }
        }
    }
    assert!(found.is_empty(), "the order is {order:?}\n{found}");
}

#[test]
fn files_are_short_and_say_what_they_own() {
    let mut found = String::new();
    for file in all_files() {
        if !file.text.starts_with("//! ") {
            let _ = writeln!(found, "{file} does not say what it owns");
        }
        let lines = file.code.lines().count();
        if lines > 400 {
            let _ = writeln!(found, "{file} has {lines} lines besides its tests");
        }
    }
    assert!(found.is_empty(), "\n{found}");
}

#[test]
fn the_names_of_built_in_roles_are_those_of_the_folder() {
    let resolve = read(&root().join("src/inventory/resolve.rs"));
    let table = resolve
        .split("BUILT_IN_ROLES: &[&str] = &[")
        .nth(1)
        .unwrap();
    let table = table.split(']').next().unwrap();
    let table: BTreeSet<String> = table
        .split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect();
    let folder = std::fs::read_dir(root().join("roles")).unwrap();
    let folder: BTreeSet<String> = folder
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(table, folder);
}

#[test]
fn every_kind_has_its_files() {
    let paths: Vec<String> = files().into_iter().map(|file| file.path).collect();
    for kind in foobar_stack::resource::kinds() {
        let name = format!("/{kind}.rs");
        let own = |path: &&String| path.starts_with("resource/") && path.ends_with(&name);
        assert_eq!(paths.iter().filter(own).count(), 1, "{kind}");
    }
}

#[test]
fn the_rooms_of_resources_have_walls() {
    // What the code of each does not name. A service knows of no database server.
    const WALLS: [(&str, &[&str]); 5] = [
        (
            "resource/vocabulary/",
            &[
                "databases::",
                "releases::",
                "orphans::",
                "registry::",
                "service::",
                "Spec",
            ],
        ),
        (
            "resource/service",
            &[
                "databases::",
                "releases::",
                "orphans::",
                "sql",
                "mysql",
                "mariadb",
                "Database",
            ],
        ),
        (
            "resource/databases/",
            &["releases::", "orphans::", "registry::"],
        ),
        (
            "resource/releases/",
            &["databases::", "orphans::", "registry::"],
        ),
        ("resource/orphans/", &["registry::"]),
    ];
    let files = files();
    let mut found = String::new();
    for (room, words) in WALLS {
        let own: Vec<&File> = files
            .iter()
            .filter(|file| file.path.starts_with(room))
            .collect();
        assert!(!own.is_empty(), "{room}");
        found.extend(own.into_iter().map(|file| lines_with(file, words)));
    }
    assert!(found.is_empty(), "\n{found}");
}

#[test]
fn the_crates_of_the_project_are_used() {
    let manifest = read(&root().join("Cargo.toml"));
    let manifest: toml::Table = manifest.parse().unwrap();
    let files = files();
    for name in CRATES {
        assert!(
            manifest["dependencies"].get(name).is_some(),
            "{name} is no dependency"
        );
        let used = |file: &File| {
            let code = &file.code;
            code.contains(&format!("{name}::")) || code.contains(&format!("use {name}"))
        };
        assert!(files.iter().any(used), "{name} is not used");
    }
    // Temporary folders are for the tests and the session's files.
    assert!(
        files.iter().any(|file| file.text.contains("tempfile::")),
        "tempfile is not used"
    );
}

fn manifest(folder: &str) -> toml::Table {
    let path = root().join(folder).join("Cargo.toml");
    read(&path).parse().unwrap()
}

#[test]
fn every_dependency_is_used_by_the_crate_that_names_it() {
    for source in [PRODUCT].into_iter().chain(MEMBERS) {
        let manifest = manifest(source.trim_end_matches("src"));
        let files = files_of(source);
        for name in manifest["dependencies"].as_table().unwrap().keys() {
            let word = name.replace('-', "_");
            let words = [format!("{word}::"), format!("use {word}")];
            let uses = |file: &File| words.iter().any(|word| file.code.contains(word));
            assert!(files.iter().any(uses), "{source} does not use {name}");
        }
    }
}

#[test]
fn every_member_is_tested_by_default_and_held_to_the_rules() {
    let workspace = manifest("")["workspace"].clone();
    let mut folders: BTreeSet<String> = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("crates")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        folders.insert(format!("crates/{name}"));
    }
    let known: BTreeSet<String> = MEMBERS
        .iter()
        .map(|source| source.trim_end_matches("/src").to_owned())
        .collect();
    assert_eq!(known, folders, "the crates that this test reads");
    let names = |key: &str| -> BTreeSet<String> {
        let names = workspace[key].as_array().unwrap().iter();
        names
            .map(|name| name.as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names("members"), folders);
    let with_product = folders.iter().cloned().chain([".".to_owned()]).collect();
    assert_eq!(names("default-members"), with_product);
    for folder in folders.iter().map(String::as_str).chain([""]) {
        let lints = manifest(folder)["lints"]["workspace"].as_bool();
        assert_eq!(lints, Some(true), "the lints of {folder:?}");
    }
}

#[test]
fn the_map_names_every_room_and_every_crate() {
    let map = read(&root().join("ARCHITECTURE.md"));
    for source in MEMBERS {
        let folder = source.trim_end_matches("src");
        assert!(
            map.contains(&format!("`{folder}`")),
            "{folder} is not on the map"
        );
    }
    let rooms: BTreeSet<String> = files().into_iter().map(|file| file.room).collect();
    for room in rooms
        .iter()
        .filter(|room| !["lib", "main"].contains(&room.as_str()))
    {
        let named = [format!("`{room}/`"), format!("`{room}.rs`")];
        assert!(
            named.iter().any(|name| map.contains(name)),
            "{room} is not on the map"
        );
    }
}
