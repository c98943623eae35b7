//! The program as it is typed: exit statuses, streams, and a reader that goes away.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_foobar-stack"));
    command.current_dir(folder).stdin(Stdio::null());
    for name in [
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "FOOBAR_STACK_INVENTORY",
    ] {
        command.env_remove(name);
    }
    command
}

fn run(folder: &Path, line: &str) -> Output {
    program(folder)
        .args(line.split_whitespace())
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A folder with a valid inventory.
fn started() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), "init --domain example.org --ipv4 192.0.2.1");
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(out(&output).starts_with("wrote inventory.toml"));
    std::fs::create_dir(folder.path().join("app")).unwrap();
    folder
}

#[test]
fn what_init_writes_is_valid() {
    let folder = started();
    let output = run(folder.path(), "validate");
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(out(&output).starts_with("inventory.toml is valid"));
    assert_eq!(err(&output), "");
}

#[test]
fn init_leaves_what_is_there_alone() {
    let folder = started();
    let output = run(
        folder.path(),
        "init --domain other.example --ipv4 192.0.2.1",
    );
    assert_eq!(output.status.code(), Some(64));
    assert!(err(&output).starts_with("error: inventory.toml is there already\nhint: "));
    let text = std::fs::read_to_string(folder.path().join("inventory.toml")).unwrap();
    assert!(text.contains("example.org"));
}

#[test]
fn every_mistake_is_shown_at_its_place() {
    let folder = started();
    std::fs::remove_dir(folder.path().join("app")).unwrap();
    let output = run(folder.path(), "validate");
    assert_eq!(output.status.code(), Some(65));
    let text = err(&output);
    assert!(text.contains("error: app.source"), "{text}");
    assert!(text.contains("--> inventory.toml:"), "{text}");
    assert!(!text.contains('\u{1b}'), "no colour without a terminal");
    let output = run(folder.path(), "validate --color always");
    assert!(err(&output).contains('\u{1b}'));
}

#[test]
fn json_begins_with_the_version_and_ends_with_the_summary() {
    let folder = started();
    for (line, code) in [("validate --json", 0), ("validate --json -i none.toml", 64)] {
        let output = run(folder.path(), line);
        assert_eq!(output.status.code(), Some(code));
        let text = out(&output);
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines[0]["type"], "version");
        let last = lines.last().unwrap();
        assert_eq!(
            (&last["type"], &last["exit"]),
            (&"summary".into(), &code.into())
        );
    }
}

#[test]
fn what_is_no_saved_plan_is_invalid() {
    let folder = started();
    let output = run(folder.path(), "apply --yes inventory.toml");
    assert_eq!(output.status.code(), Some(65));
    let said = err(&output);
    assert!(
        said.starts_with("error: inventory.toml is not a saved plan"),
        "{said}"
    );
    assert!(said.contains("hint: `foobar-stack plan --out FILE` saves a plan"));
    let output = run(folder.path(), "apply --yes none.plan");
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).starts_with("error: cannot read none.plan"));
}

#[test]
fn the_environment_names_the_inventory() {
    let folder = started();
    let elsewhere = tempfile::tempdir().unwrap();
    let inventory = folder.path().join("inventory.toml");
    let mut command = program(elsewhere.path());
    command
        .arg("validate")
        .env("FOOBAR_STACK_INVENTORY", inventory);
    assert!(command.status().unwrap().success());
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    let output = command
        .arg("schema")
        .stdout(writer)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(
        (output.status.code(), err(&output)),
        (Some(0), String::new())
    );
}

#[test]
fn a_full_disk_is_an_error() {
    let full: File = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    let output = command
        .arg("schema")
        .stdout(full)
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).starts_with("error: the output could not be written\n"));
}

#[test]
fn every_shell_has_completions() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = run(folder.path(), &format!("completions {shell}"));
        assert!(out(&output).contains("completions"), "{shell}");
    }
}
