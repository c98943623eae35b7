//! The files of this machine that an inventory names, beside the code of its apps.

use crate::diagnostic::{Diagnostic, Diagnostics, Source};
use crate::error::Error;
use crate::inventory::{FileReference, Inventory, TlsMode};
use crate::types::SecretValue;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Reads the keys of foreign sources and the user's own certificates into `files` by `read`, and gives what nobody may see: its key,
/// and the files that releases share.
pub(super) fn own_files(
    folder: &Path,
    inventory: &Inventory,
    read: fn(&Path) -> Result<Vec<u8>, Error>,
    files: &mut BTreeMap<String, Arc<[u8]>>,
) -> Result<BTreeMap<String, SecretValue>, Error> {
    let mut sensitive_files = BTreeMap::new();
    for source in inventory.servers.values().flat_map(|one| &one.sources) {
        files.insert(source.key.clone(), read(&folder.join(&source.key))?.into());
    }
    for site in inventory.sites.values() {
        if site.tls.mode == TlsMode::Files {
            if let Some(path) = &site.tls.certificate {
                files.insert(path.clone(), read(&folder.join(path))?.into());
            }
            if let Some(path) = &site.tls.key {
                sensitive_files.insert(path.clone(), SecretValue::new(read(&folder.join(path))?));
            }
        }
        if let Some(path) = &site.tls.directory_ca {
            files.insert(path.clone(), read(&folder.join(path))?.into());
        }
        let hook = site.tls.hook.as_ref().map(|hook| &hook.script);
        for path in site.app.shared.values().chain(hook) {
            let content = SecretValue::new(read(&folder.join(path))?);
            sensitive_files.insert(path.clone(), content);
        }
    }
    Ok(sensitive_files)
}

/// Every file the inventory names that is not there, each at its place.
pub(super) fn missing_files(
    source: &Arc<Source>,
    folder: &Path,
    files: &[FileReference],
) -> Result<(), Error> {
    let mut mistakes = Vec::new();
    for file in files {
        let path = folder.join(&file.path);
        let (wanted, fits) = if file.directory {
            ("folder", path.is_dir())
        } else {
            ("file", path.is_file())
        };
        if !fits {
            let what = if path.exists() {
                "is not a"
            } else {
                "is no such"
            };
            let message = format!("{}: {} {what} {wanted}", file.key, path.display());
            let diagnostic = Diagnostic::new(source, file.span.clone(), message);
            mistakes.push(
                diagnostic
                    .label("not found")
                    .help("paths are relative to the inventory"),
            );
        }
    }
    if mistakes.is_empty() {
        Ok(())
    } else {
        Err(Diagnostics(mistakes).into())
    }
}

/// What is in the file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(Error::io(format!("read {}", path.display())))
}

/// The same, with nothing for a file that is not here.
pub(super) fn read_or_stand_in(path: &Path) -> Result<Vec<u8>, Error> {
    if path.exists() {
        read(path)
    } else {
        Ok(Vec::new())
    }
}
