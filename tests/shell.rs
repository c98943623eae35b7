//! The shell of the project as shellcheck sees it: for dash, which every server has as its sh.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What shellcheck finds in a script; nothing in a good one.
fn findings(name: &str, script: &str) -> String {
    let mut child = Command::new("shellcheck")
        .args(["--shell=dash", "--format=gcc", "-"])
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("shellcheck: {error}; `.ci/run` installs it"));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(script.as_bytes()).unwrap();
    drop(stdin);
    let said = child.wait_with_output().unwrap().stdout;
    let said = String::from_utf8(said).unwrap();
    said.lines().fold(String::new(), |mut all, line| {
        let _ = writeln!(all, "{name}: {}", line.trim_start_matches("-:"));
        all
    })
}

fn walk(folder: &Path, ends: &str, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, ends, found);
        } else if path.to_str().unwrap().ends_with(ends) {
            found.push(path);
        }
    }
    found.sort();
}

/// The scripts of a manifest: what follows `sh -c`, wherever it stands.
fn scripts(value: &toml::Value, found: &mut Vec<String>) {
    match value {
        toml::Value::Table(table) => table.values().for_each(|one| scripts(one, found)),
        toml::Value::Array(words) => {
            let texts: Vec<&str> = words.iter().filter_map(toml::Value::as_str).collect();
            if let ["sh", "-c", script, ..] = texts.as_slice() {
                found.push((*script).to_owned());
            }
            words.iter().for_each(|one| scripts(one, found));
        }
        _ => {}
    }
}

/// A program that a role puts on the server finds the shared functions and its own parts beside it.
#[test]
fn the_programs_of_roles_are_clean() {
    let mut programs = Vec::new();
    walk(&root().join("templates"), ".sh", &mut programs);
    assert!(!programs.is_empty(), "no programs found");
    let host = std::fs::read_to_string(root().join("src/host.sh")).unwrap();
    let (programs, parts): (Vec<_>, Vec<_>) = programs
        .iter()
        .map(|path| (path, std::fs::read_to_string(path).unwrap()))
        .partition(|(_, text)| text.starts_with("#!/bin/sh\n"));
    let all = programs.iter().fold(String::new(), |all, (path, text)| {
        let parts = parts
            .iter()
            .filter(|(part, _)| part.parent() == path.parent());
        let parts: String = parts.map(|(_, text)| text.as_str()).collect();
        let (sourced, own): (Vec<&str>, Vec<&str>) =
            text.lines().partition(|line| line.starts_with(". "));
        assert!(
            sourced
                .iter()
                .any(|line| line.ends_with("/foobar-stack/host.sh")),
            "{}",
            path.display()
        );
        let own = own.join("\n");
        all + &findings(
            path.to_str().unwrap(),
            &format!("STATE=/var\n{host}{parts}{own}\n"),
        )
    });
    assert_eq!(all, "");
}

#[test]
fn the_scripts_of_roles_are_clean() {
    let mut manifests = Vec::new();
    walk(&root().join("roles"), "/role.toml", &mut manifests);
    let (mut count, mut all) = (0, String::new());
    for path in manifests {
        let role = path.parent().unwrap().file_name().unwrap();
        let role = role.to_str().unwrap().to_owned();
        let manifest: toml::Table = std::fs::read_to_string(&path).unwrap().parse().unwrap();
        let mut found = Vec::new();
        scripts(&toml::Value::Table(manifest), &mut found);
        for script in found {
            count += 1;
            // Without its first words nobody could tell which one it is.
            let begin = script.trim_start().lines().next().unwrap_or_default();
            all += &findings(&format!("{role}: {begin}"), &script);
        }
    }
    assert!(count > 8, "only {count} scripts found");
    assert!(all.is_empty(), "\n{all}");
}

/// Variables that pass out of the function that assigns them.
const SHARED: [(&str, &str); 22] = [
    ("bring_databases", "databases engine socket"),
    ("clock", "now"),
    ("step", "ended step_number"),
    ("give_up", "ended"),
    (
        "begin_run",
        "ended generation proven terminated touched unverified",
    ),
    ("touch_server", "touched"),
    ("record_run", "proven"),
    ("end_run", "ended"),
    ("undecided", "unverified"),
    ("validator", "refused"),
    ("unit_of", "unit"),
    ("read_key_state", "goal relied"),
    ("probe_database", "database_silent"),
    ("ask_settings", "database_silent"),
    ("fetch_lists", "fetched"),
    ("is_healthy", "why"),
    ("may_connect", "why"),
    ("deploy", "asking settle"),
    ("start_asking", "asked asking"),
    ("stop_asking", "asking"),
    ("compare_service", "comparing"),
    ("changed_in", "changed"),
];

/// The names that the commands of a line assign, each before its first word.
fn assigned(line: &str) -> Vec<&str> {
    let is_name = |name: &str| {
        let mut letters = name.bytes();
        letters
            .next()
            .is_some_and(|first| first.is_ascii_lowercase())
            && letters.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    let keyword = |word: &&str| ["then", "do", "else", "if", "while", "until", "!"].contains(word);
    line.split([';', '(', ')', '{', '&', '|'])
        .flat_map(|command| {
            let words = command.split_whitespace().skip_while(keyword);
            words.map_while(|word| Some(word.split_once('=')?.0))
        })
        .filter(|name| is_name(name))
        .collect()
}

#[test]
fn what_a_function_assigns_is_its_own() {
    let shared: BTreeMap<&str, &str> = SHARED.into();
    let mut files = Vec::new();
    walk(&root().join("src"), ".sh", &mut files);
    let (mut functions, mut found) = (0, String::new());
    for path in files {
        // What makes a sandbox runs beside it, each time as a script of its own.
        if path.to_str().unwrap().contains("/sandbox/") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let mut name = None;
        let mut own = BTreeSet::new();
        for line in text.lines() {
            if let Some(begin) = line.strip_suffix("() {") {
                name = Some(begin);
                own = shared
                    .get(begin)
                    .into_iter()
                    .flat_map(|all| all.split(' '))
                    .collect();
                functions += 1;
            } else if line.starts_with('}') {
                name = None;
            }
            let line = line.trim_start();
            if let Some(names) = line.strip_prefix("local ") {
                own.extend(names.split(' '));
            }
            let Some(function) = name.filter(|_| !line.starts_with('#')) else {
                continue;
            };
            // The head of a line: what stands after a quote is text.
            let head = line.split(['"', '\'']).next().unwrap_or_default();
            let mut names = assigned(head);
            if let Some(rest) = head.strip_prefix("for ") {
                names.extend(rest.split(' ').next());
            }
            for name in names.into_iter().filter(|name| !own.contains(name)) {
                let file = path.strip_prefix(root()).unwrap().display();
                let _ = writeln!(
                    found,
                    "{file}: {function} assigns {name}, which is not local"
                );
            }
        }
    }
    assert!(functions > 150, "only {functions} functions found");
    assert!(found.is_empty(), "\n{found}");
}
