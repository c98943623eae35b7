//! Every mistake in an inventory, as data: `cases/inventory/NAME.toml`, and beside it what
//! is said of it in `NAME.expected`. `UPDATE=1` writes the expected files anew.

use foobar_stack::diagnostic::{Diagnostic, Diagnostics, Source};
use foobar_stack::inventory;
use std::ops::Range;
use std::path::Path;

#[test]
fn every_case_says_what_is_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/inventory");
    let update = std::env::var_os("UPDATE").is_some();
    let mut failed = Vec::new();
    let mut mistakes = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let source = Source::new(&name, std::fs::read_to_string(&path).unwrap());
        let said = match inventory::parse(&source) {
            Ok(_) => "no mistake\n".to_owned(),
            Err(found) => {
                mistakes += found.0.len();
                describe(&found)
            }
        };
        let expected = path.with_extension("expected");
        if update {
            std::fs::write(&expected, &said).unwrap();
        }
        if std::fs::read_to_string(&expected).unwrap_or_default() != said {
            failed.push(format!("--- {name}\n{said}"));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(mistakes >= 40, "only {mistakes} mistakes in the cases");
}

/// One paragraph a mistake: message, place, and what stands beside it.
fn describe(found: &Diagnostics) -> String {
    let paragraphs: Vec<String> = found.0.iter().map(paragraph).collect();
    paragraphs.join("\n")
}

fn paragraph(mistake: &Diagnostic) -> String {
    let mut text = format!("{}\n", mistake.message);
    let place = |span: &Range<usize>| {
        let all = &mistake.source.text;
        let marked = if mistake.sensitive {
            "(sensitive)"
        } else {
            &all[span.clone()]
        };
        format!(
            "{}-{} {marked}",
            position(all, span.start),
            position(all, span.end)
        )
    };
    text += &format!("  at {}\n", place(&mistake.span));
    if !mistake.label.is_empty() {
        text += &format!("  label: {}\n", mistake.label);
    }
    for (span, words) in &mistake.context {
        text += &format!("  also {}: {words}\n", place(span));
    }
    if let Some(help) = &mistake.help {
        text += &format!("  help: {}\n", help.replace('\n', "\n        "));
    }
    text
}

/// `line:column`, both from 1, the column in characters.
fn position(text: &str, at: usize) -> String {
    let before = &text[..at];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.matches('\n').count() + 1;
    format!("{line}:{}", before[line_start..].chars().count() + 1)
}
