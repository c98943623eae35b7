//! The README says nothing that is not so: every command in it can be typed, its links lead
//! somewhere, and what it shows of an inventory is one.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

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

/// The blocks of one language.
fn blocks(language: &str) -> Vec<String> {
    let text = readme();
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

/// The commands of its `sh` and `console` blocks.
fn commands() -> Vec<String> {
    let blocks = blocks("sh").into_iter().chain(blocks("console"));
    let lines: Vec<String> = blocks
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
    let words = shlex::split(line).unwrap();
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
    for span in readme().split('`').skip(1).step_by(2) {
        if span.starts_with("foobar-stack ") {
            parses(span);
        }
    }
}

#[test]
fn its_first_steps_lead_to_a_valid_inventory() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("app")).unwrap();
    let mut ran = BTreeSet::new();
    for line in commands()
        .iter()
        .filter(|line| line.starts_with("foobar-stack "))
    {
        let cli = parses(line);
        // The others talk to a server; `tests/real` has them.
        if matches!(
            cli.command,
            Command::Init(_) | Command::Validate | Command::Schema
        ) {
            let status = std::process::Command::new(env!("CARGO_BIN_EXE_foobar-stack"))
                .args(shlex::split(line).unwrap().iter().skip(1))
                .current_dir(folder.path())
                .env_remove("FOOBAR_STACK_INVENTORY")
                .stdout(Stdio::null())
                .status();
            assert!(status.unwrap().success(), "{line}");
            ran.insert(cli.command.name());
        }
    }
    assert!(ran.contains("init") && ran.contains("validate"), "{ran:?}");
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
    for document in ["README.md", "ARCHITECTURE.md"] {
        let text = std::fs::read_to_string(root().join(document)).unwrap();
        for link in text.split("](").skip(1) {
            let link = link.split([')', '#']).next().unwrap_or_default();
            let outside = link.is_empty() || link.contains("://");
            assert!(outside || root().join(link).exists(), "{document}: {link}");
        }
    }
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
