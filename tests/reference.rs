//! `docs/reference.md` is made of the program itself: of the types of the inventory, of the
//! command line and of the exit codes. `UPDATE=1 cargo test --test reference` writes it anew.

use clap::CommandFactory;
use foobar_stack::cli::Cli;
use foobar_stack::inventory;
use serde_json::Value;
use std::fmt::Write as _;
use std::path::Path;

const HEAD: &str = "\
# Reference

Made from the program: the keys of the inventory, the commands and their options. A comment
on each key, with examples, is in [`inventory/foobar.toml`](../inventory/foobar.toml).
";

/// A text as one cell of a table.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

/// What a value looks like.
fn shape(schema: &Value) -> String {
    if let Some(choices) = schema["anyOf"].as_array().or(schema["oneOf"].as_array()) {
        let all: Vec<String> = choices.iter().map(shape).collect();
        return all.join(" or ");
    }
    if let Some(values) = schema["enum"].as_array() {
        let all: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
        return all.join(", ");
    }
    if let Some(value) = schema.get("const") {
        return format!("`{value}`");
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", shape(&schema["items"])),
        Some("object") => "table".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some(other) => other.to_owned(),
        None => match schema["type"].as_array() {
            Some(types) => {
                let all: Vec<&str> = types.iter().filter_map(Value::as_str).collect();
                all.join(" or ")
            }
            None => "anything".to_owned(),
        },
    }
}

/// The keys of a table, and of the tables in it.
fn keys(name: &str, schema: &Value, required: bool, text: &mut String) {
    let must = if required { " (required)" } else { "" };
    let meaning = schema["description"].as_str().unwrap_or_default();
    let _ = writeln!(
        text,
        "| `{name}`{must} | {} | {} |",
        cell(&shape(schema)),
        cell(meaning)
    );
    below(name, schema, text);
    for choice in schema["anyOf"].as_array().into_iter().flatten() {
        below(name, choice, text);
    }
    if let Some(items) = schema.get("items") {
        below(&format!("{name}[]"), items, text);
    }
}

fn below(name: &str, schema: &Value, text: &mut String) {
    let required: Vec<&str> = schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        if name.starts_with("sites.") && inner["type"] == "object" {
            let meaning = inner["description"].as_str().unwrap_or_default();
            let meaning = cell(&meaning.replace('\n', " "));
            let _ = writeln!(
                text,
                "| `[{name}.{key}]` | table | {meaning} Its keys are those of `[{key}]`. |"
            );
            continue;
        }
        let wanted = required.contains(&key.as_str());
        keys(&format!("{name}.{key}"), inner, wanted, text);
    }
}

/// A command, and those below it.
fn command(name: &str, command: &clap::Command, text: &mut String) {
    let about = command.get_about().map(ToString::to_string);
    let _ = writeln!(text, "\n### `{name}`\n\n{}.", about.unwrap_or_default());
    let options: Vec<&clap::Arg> = command
        .get_arguments()
        .filter(|arg| !arg.is_hide_set() && !arg.is_global_set() && arg.get_id() != "help")
        .collect();
    if !options.is_empty() {
        text.push_str("\n| option | meaning |\n|---|---|\n");
    }
    for option in options {
        let value: Vec<&str> = option
            .get_value_names()
            .into_iter()
            .flatten()
            .map(clap::builder::Str::as_str)
            .collect();
        let takes = option.get_action().takes_values();
        let value = if takes {
            format!("<{}>", value.join(" "))
        } else {
            String::new()
        };
        let shown = match (option.get_short(), option.get_long()) {
            (Some(short), Some(long)) => format!("-{short}, --{long} {value}"),
            (None, Some(long)) => format!("--{long} {value}"),
            _ => value,
        };
        let help = option.get_help().map(ToString::to_string);
        let _ = writeln!(
            text,
            "| `{}` | {} |",
            shown.trim(),
            cell(&help.unwrap_or_default())
        );
    }
    for inner in command
        .get_subcommands()
        .filter(|inner| inner.get_name() != "help")
    {
        self::command(&format!("{name} {}", inner.get_name()), inner, text);
    }
}

#[test]
fn the_reference_is_that_of_the_program() {
    let mut text = HEAD.to_owned();
    text.push_str("\n## Inventory\n");
    let schema = inventory::schema();
    for (section, inner) in schema["properties"].as_object().into_iter().flatten() {
        let meaning = inner["description"].as_str().unwrap_or_default();
        let _ = writeln!(
            text,
            "\n### `[{section}]`\n\n{}\n",
            meaning.replace('\n', " ")
        );
        if section == "servers" {
            text.push_str("The keys are those of `[server]`.\n");
            continue;
        }
        text.push_str("| key | value | meaning |\n|---|---|---|\n");
        below(section, inner, &mut text);
        if section == "sites" {
            below("sites.NAME", &inner["additionalProperties"], &mut text);
        }
    }
    text.push_str("\n## Commands\n");
    let cli = Cli::command();
    for inner in cli
        .get_subcommands()
        .filter(|inner| inner.get_name() != "help")
    {
        command(
            &format!("foobar-stack {}", inner.get_name()),
            inner,
            &mut text,
        );
    }
    text.push_str("\n### For every command\n\n| option | meaning |\n|---|---|\n");
    for option in cli
        .get_arguments()
        .filter(|arg| arg.is_global_set() && !arg.is_hide_set())
    {
        let long = option.get_long().unwrap_or_default();
        let help = option.get_help().map(ToString::to_string);
        let _ = writeln!(text, "| `--{long}` | {} |", cell(&help.unwrap_or_default()));
    }
    let after = cli.get_after_long_help().map(ToString::to_string);
    let after = after.unwrap_or_default();
    let (_, status) = after.split_once("Exit status:\n").unwrap_or_default();
    assert!(status.contains("130"), "{after}");
    let status = status.trim_end();
    let _ = writeln!(text, "\n## Exit status\n\n```text\n{status}\n```");

    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference.md");
    if std::env::var_os("UPDATE").is_some() {
        assert!(std::fs::write(&path, &text).is_ok());
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == text,
        "docs/reference.md is not what the program says; UPDATE=1 writes it anew"
    );
}
