//! The app's code, looked at before it is sent: what the inventory names of it must be there, and
//! what could not work on the server, or should not be there, is said at its place.

use crate::diagnostic::{Diagnostic, Diagnostics, Source};
use crate::error::Error;
use crate::inventory::{App, FileReference, References};
use crate::types::{Node, Tree, private_key};
use std::sync::Arc;

/// Every file or folder of the code that the inventory names and that is not in it, each at its
/// place.
pub(super) fn missing_in_code(
    source: &Arc<Source>,
    tree: &Tree,
    references: &References,
) -> Result<(), Error> {
    let is_file = |file: &FileReference| tree.get(&file.path).is_some();
    let is_folder = |file: &FileReference| tree.has_folder(&file.path);
    let inside = references.inside.iter().filter_map(|file| match file {
        file if file.directory => (!is_folder(file)).then_some((file, "folder")),
        file => (!is_file(file)).then_some((file, "file")),
    });
    let from = references.made_from.iter();
    let from = from.filter(|file| !is_file(file) && !is_folder(file));
    let missing = inside.chain(from.map(|file| (file, "file or folder")));
    let mistakes: Vec<Diagnostic> = missing
        .map(|(file, kind)| {
            let message = format!("{}: the app's code has no {kind} {}", file.key, file.path);
            let diagnostic = Diagnostic::new(source, file.span.clone(), message);
            diagnostic
                .label("not found")
                .help("what app.exclude names and empty folders are not part of it")
        })
        .collect();
    if mistakes.is_empty() {
        Ok(())
    } else {
        Err(Diagnostics(mistakes).into())
    }
}

/// The largest file that is looked at for a key.
const MOST_OF_A_KEY: u64 = 256 << 10;

/// Refuses private keys in the folders of the code that Nginx shows to everybody, each at the
/// place that names the folder.
pub(super) fn keys_for_visitors(
    source: &Arc<Source>,
    tree: &Tree,
    shown: &[FileReference],
) -> Result<(), Error> {
    let mut mistakes = Vec::new();
    for folder in shown.iter().filter(|folder| folder.directory) {
        let below = format!("{}/", folder.path);
        let inside = |path: &str| folder.path == "." || path.starts_with(&below);
        let key = tree.entries().find_map(|(path, node)| match node {
            Node::File { content, .. } if inside(path) && content.size() <= MOST_OF_A_KEY => {
                Some((path, private_key(&content.bytes().ok()?)?))
            }
            _ => None,
        });
        if let Some((path, what)) = key {
            let message = format!(
                "{}: {path} is {what}, and visitors could fetch it",
                folder.key
            );
            let mistake = Diagnostic::new(source, folder.span.clone(), message);
            mistakes.push(mistake.help("move it out of this folder, or name it in app.exclude"));
        }
    }
    if mistakes.is_empty() {
        Ok(())
    } else {
        Err(Diagnostics(mistakes).into())
    }
}

/// Says which empty folders no release has, unless they are made there anyway.
pub(super) fn left_out(empty: &[String], app: &App) -> Vec<String> {
    let kept = &app.persistent;
    let left = empty.iter().filter(|folder| !kept.contains(folder));
    left.map(|folder| {
        format!(
            "app.source: the empty folder {folder} is left out; app.build can make it, and \
             app.persistent keeps one that the app writes to"
        )
    })
    .collect()
}

/// How long the first line of a script may be: Linux reads no more of it (execve(2)).
const MOST_OF_A_LINE: u64 = 256;

/// Refuses a script with the line ends of Windows as a command: Linux would look for an
/// interpreter whose name ends in a carriage return, and say only "No such file or directory".
pub(super) fn runs_on_linux(
    source: &Arc<Source>,
    span: std::ops::Range<usize>,
    tree: &Tree,
    app: &App,
) -> Result<(), Error> {
    let build = app.build.iter().map(|step| ("app.build", step.command()));
    let migrate = app.migrate.iter();
    let migrate = migrate.map(|words| ("app.migrate", words.as_slice()));
    let commands = std::iter::once(("app.command", app.command.as_slice()));
    for (key, words) in commands.chain(migrate).chain(build) {
        for word in words {
            let path = word.strip_prefix("./").unwrap_or(word);
            let Some(Node::File { content, .. }) = tree.get(path) else {
                continue;
            };
            let start = content.start(MOST_OF_A_LINE).unwrap_or_default();
            let first = start.split(|byte| *byte == b'\n').next();
            let Some([b'#', b'!', .., b'\r']) = first else {
                continue;
            };
            let message = format!("{key}: {path} has the line ends of Windows (CRLF)");
            let mistake = Diagnostic::new(source, span, message);
            return Err(Error::Input(
                mistake
                    .label("it comes from here")
                    .help(format!(
                        "Linux cannot run it; write it anew with: sed -i 's/\\r$//' {path}"
                    ))
                    .into(),
            ));
        }
    }
    Ok(())
}
