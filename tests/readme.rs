//! The README and the guides say nothing that is not so: every command in them can be typed,
//! their links lead somewhere, and what they show of an inventory or a role is one.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

#[path = "fixtures/applied.rs"]
mod applied;
mod fixtures;
#[path = "readme/pictures.rs"]
mod pictures;

use clap::Parser;
use foobar_stack::cli::{Cli, Command};
use foobar_stack::diagnostic::Source;
use foobar_stack::inventory;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

/// The README and the guides: their names and texts.
fn documents() -> Vec<(String, String)> {
    let mut names = vec!["README.md".to_owned()];
    for entry in std::fs::read_dir(root().join("docs")).unwrap() {
        names.push(format!("docs/{}", entry.unwrap().file_name().display()));
    }
    assert!(names.len() > 5, "{names:?}");
    let text = |name: &String| std::fs::read_to_string(root().join(name)).unwrap();
    names
        .iter()
        .map(|name| (name.clone(), text(name)))
        .collect()
}

/// The blocks of one language in all of them.
fn blocks(language: &str) -> Vec<String> {
    let texts = documents().into_iter();
    texts
        .flat_map(|(_, text)| blocks_of(&text, language))
        .collect()
}

fn blocks_of(text: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some(name) = line.strip_prefix("```") else {
            continue;
        };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if name == language {
            blocks.push(block.join("\n"));
        }
    }
    blocks
}

/// The commands of all of them.
fn commands() -> Vec<String> {
    let texts = documents().into_iter();
    texts.flat_map(|(_, text)| commands_of(&text)).collect()
}

/// The commands of the `sh` blocks.
fn commands_of(text: &str) -> Vec<String> {
    let lines: Vec<String> = blocks_of(text, "sh")
        .into_iter()
        .flat_map(|block| {
            block
                .lines()
                .map(|line| line.trim_start_matches("$ ").to_owned())
                .collect::<Vec<_>>()
        })
        .collect();
    let known = ["foobar-stack ", "cargo "];
    lines
        .into_iter()
        .filter(|line| known.iter().any(|known| line.starts_with(known)))
        .collect()
}

/// Fails unless the words after `foobar-stack` are a command line.
fn parses(line: &str) -> Cli {
    let line = line.split(" #").next().unwrap_or(line);
    let mut words = shlex::split(line).unwrap();
    // What follows is the shell's.
    let end = words
        .iter()
        .position(|word| ["<", ">", "|"].contains(&word.as_str()));
    words.truncate(end.unwrap_or(words.len()));
    match Cli::try_parse_from(words) {
        Ok(cli) => cli,
        Err(error) => panic!("`{line}`: {error}"),
    }
}

#[test]
fn the_two_commands_to_begin_with_are_there() {
    let commands = commands();
    for command in ["cargo run --release -- demo", "cargo test"] {
        assert!(
            commands.iter().any(|line| line == command),
            "no `{command}` in {commands:#?}"
        );
    }
    let cli = parses("foobar-stack demo");
    assert!(matches!(cli.command, Command::Demo(_)));
}

#[test]
fn every_command_can_be_typed() {
    let commands = commands();
    let ours = commands
        .iter()
        .filter(|line| line.starts_with("foobar-stack "));
    assert!(ours.clone().count() >= 5, "{commands:#?}");
    ours.for_each(|line| drop(parses(line)));
    for line in commands
        .iter()
        .filter_map(|line| line.strip_prefix("cargo run --release -- "))
    {
        parses(&format!("foobar-stack {line}"));
    }
    // In the text, too.
    for (name, text) in documents() {
        // The reference names commands, and their options apart.
        let text = if name == "docs/reference.md" {
            ""
        } else {
            &text
        };
        for span in text.split('`').skip(1).step_by(2) {
            if span.starts_with("foobar-stack ") {
                parses(&span.replace('\n', " "));
            }
        }
    }
}

#[test]
fn their_first_steps_lead_to_a_valid_inventory() {
    for document in ["README.md", "docs/first-site.md"] {
        let text = std::fs::read_to_string(root().join(document)).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("app")).unwrap();
        let mut ran = BTreeSet::new();
        let commands = commands_of(&text);
        for line in commands
            .iter()
            .filter(|line| line.starts_with("foobar-stack "))
        {
            let cli = parses(line);
            // The others talk to a server; `tests/real` has them.
            if matches!(cli.command, Command::Init(_) | Command::Validate) {
                let status = std::process::Command::new(env!("CARGO_BIN_EXE_foobar-stack"))
                    .args(shlex::split(line).unwrap().iter().skip(1))
                    .current_dir(folder.path())
                    .env_remove("FOOBAR_STACK_INVENTORY")
                    .stdout(Stdio::null())
                    .status();
                assert!(status.unwrap().success(), "{document}: {line}");
                ran.insert(cli.command.name());
            }
        }
        assert_eq!(ran.len(), 2, "{document}: {ran:?}");
    }
}

#[test]
fn every_inventory_it_shows_is_one() {
    let blocks = blocks("toml");
    assert!(!blocks.is_empty());
    for block in blocks {
        if let Err(found) = inventory::parse(&Source::new("README.md", block.clone())) {
            panic!("{block}\n{:#?}", found.0);
        }
    }
}

#[test]
fn its_links_lead_somewhere() {
    let map = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let map = ("ARCHITECTURE.md".to_owned(), map);
    for (document, text) in documents().into_iter().chain([map]) {
        let folder = root().join(&document).parent().unwrap().to_owned();
        for link in text.split("](").skip(1) {
            let link = link.split([')', '#']).next().unwrap_or_default();
            let outside = link.is_empty() || link.contains("://");
            assert!(outside || folder.join(link).exists(), "{document}: {link}");
        }
    }
}

#[test]
fn every_role_it_shows_is_one() {
    let roles = blocks("toml role");
    assert!(!roles.is_empty());
    for role in roles {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(path("roles/example")).unwrap();
        std::fs::create_dir(path("app")).unwrap();
        std::fs::write(path("roles/example/role.toml"), &role).unwrap();
        let inventory = blocks_of(&readme(), "toml").remove(0) + "\n[roles.example]\n";
        std::fs::write(path("inventory.toml"), inventory).unwrap();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_foobar-stack"))
            .arg("render")
            .current_dir(folder.path())
            .env_remove("FOOBAR_STACK_INVENTORY")
            .output()
            .unwrap();
        assert!(output.status.success(), "{role}\n{output:?}");
    }
}

#[test]
fn the_comparison_can_be_run() {
    let compare = root().join("benches/compare");
    let output = std::process::Command::new("python3")
        .args([compare.as_os_str(), "--help".as_ref()])
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && help.contains("--only"), "{help}");
    for peer in ["stack.sh", "deploy.py", "site.yml"] {
        assert!(root().join("benches/peers").join(peer).exists(), "{peer}");
    }
}

#[test]
fn the_readme_is_short() {
    assert!(readme().lines().count() < 150);
}

#[test]
fn it_names_every_command() {
    let text = readme();
    for command in <Cli as clap::CommandFactory>::command().get_subcommands() {
        let name = command.get_name();
        let named = text.contains(&format!("`{name}`")) || text.contains(&format!("`{name} "));
        assert!(named, "the README does not name `{name}`");
    }
}
