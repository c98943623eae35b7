//! The user's own certificate and key, looked at before anything is planned: what visitors could
//! not use is refused in plain words, at its place in the inventory.

use crate::diagnostic::{Diagnostic, Diagnostics, Source};
use crate::inventory::{FileReference, Site};
use crate::types::{ChainFile, SecretValue, check_chain, private_key};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Refuses a private key in the file that everybody may read.
pub(super) fn is_public(
    source: &Arc<Source>,
    named: &[FileReference],
    site: &Site,
    files: &BTreeMap<String, Arc<[u8]>>,
) -> Result<(), Diagnostics> {
    let public = [
        ("tls.certificate", &site.tls.certificate),
        ("tls.directory_ca", &site.tls.directory_ca),
    ];
    let found = public.into_iter().find_map(|(key, path)| {
        let path = path.as_ref()?;
        let what = private_key(files.get(path)?)?;
        Some((key, path, what))
    });
    let Some((key, path, what)) = found else {
        return Ok(());
    };
    let message = format!("{key}: {path} holds {what}");
    let mistake = Diagnostic::new(source, span(named, key), message);
    Err(mistake
        .label("certificates are for everybody to read")
        .help(
            "leave only the certificates in this file; the key has a file of its own, tls.key. \
             Are the two paths swapped?",
        )
        .into())
}

/// Finds what keeps visitors from using it today.
pub(super) fn check(
    source: &Arc<Source>,
    named: &[FileReference],
    site: &Site,
    files: &BTreeMap<String, Arc<[u8]>>,
    sensitive_files: &BTreeMap<String, SecretValue>,
) -> Result<(), Diagnostics> {
    let tls = &site.tls;
    let certificate = tls.certificate.as_ref().and_then(|path| files.get(path));
    let key = tls.key.as_ref().and_then(|path| sensitive_files.get(path));
    let Some((certificate, key)) = certificate.zip(key) else {
        return Ok(());
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |passed| passed.as_secs().cast_signed());
    check_chain(certificate, key, &tls.names, now).map_err(|wrong| {
        let (key, path) = match wrong.file {
            ChainFile::Certificate => ("tls.certificate", &tls.certificate),
            ChainFile::Key => ("tls.key", &tls.key),
        };
        let path = path.as_deref().unwrap_or_default();
        let message = format!("{key}: {path} {}", wrong.message);
        let mistake = Diagnostic::new(source, span(named, key), message);
        mistake.help(wrong.help).into()
    })
}

fn span(named: &[FileReference], key: &str) -> std::ops::Range<usize> {
    let file = named.iter().find(|file| file.key == key);
    file.map(|file| file.span.clone()).unwrap_or_default()
}
