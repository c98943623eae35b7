//! Loading the inventory: finding it, reading it, and looking for the files it speaks of.

use super::discover;
use crate::cli::Global;
use crate::diagnostic::{Diagnostic, Diagnostics, Source};
use crate::error::Error;
use crate::inventory::{self, FileReference, Parsed};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An inventory, and where it stands.
#[derive(Debug)]
pub(super) struct Loaded {
    /// Its path, as it was named or found.
    pub path: PathBuf,
    /// What it says.
    pub parsed: Parsed,
}

/// Loads the inventory that the options mean.
///
/// # Errors
/// When it is not found, cannot be read, has mistakes, or speaks of files that are not there.
pub(super) fn inventory(global: &Global) -> Result<Loaded, Error> {
    let path = discover::inventory(global.inventory.as_deref(), Path::new(""))?;
    let text = std::fs::read_to_string(&path)
        .map_err(Error::io(format!("read the inventory {}", path.display())))?;
    let source = Source::new(path.display().to_string(), text);
    let parsed = inventory::parse(&source)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let missing: Vec<Diagnostic> = parsed
        .files
        .iter()
        .filter_map(|file| missing(file, folder, &source))
        .collect();
    if !missing.is_empty() {
        return Err(Diagnostics(missing).into());
    }
    Ok(Loaded { path, parsed })
}

fn missing(file: &FileReference, folder: &Path, source: &Arc<Source>) -> Option<Diagnostic> {
    let what = if file.directory { "folder" } else { "file" };
    let path = folder.join(expanded(&file.path));
    let is_there = if file.directory {
        path.is_dir()
    } else {
        path.is_file()
    };
    (!is_there).then(|| {
        let message = format!(
            "{} names a {what} that is not there: {}",
            file.key,
            path.display()
        );
        Diagnostic::new(source, file.span.clone(), message)
            .help("paths are relative to the inventory")
    })
}

/// The path with a leading `~/` as the home folder.
fn expanded(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}
