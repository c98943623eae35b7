//! Where the app's code comes from.

use super::mistakes::Mistakes;
use super::model::is_local;
use super::raw::{self, At, TextOr};
use super::values::{file, path, relative};
use super::{AppSource, FileReference, sensitive};
use crate::types::{Digest, InvalidValue};
use std::ops::Range;

const HELP: &str = "source = \"folder\", { git = \"…\", revision = \"main\" } \
                    or { archive = \"…\", sha256 = \"…\" }";

/// The key `app.source`.
pub(super) fn source(
    raw: &At<TextOr<raw::AppSource>>,
    files: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> Option<AppSource> {
    let table = match &**raw {
        TextOr::Text(text) => {
            let folder = checked("app.source", raw.span(), path(text), mistakes)?;
            files.push(reference(&folder, raw.span(), "app.source"));
            return Some(AppSource::Folder { folder });
        }
        TextOr::Table(table) => table,
    };
    let inner = table.path.as_ref();
    let path = mistakes.check("app.source.path", inner, |text| relative(text));
    match (&table.git, &table.archive) {
        (Some(address), None) => {
            misplaced("sha256", table.sha256.as_ref(), "an archive", mistakes);
            git(raw.span(), table, address, path, files, mistakes)
        }
        (None, Some(address)) => {
            let revision = table.revision.as_ref();
            misplaced("revision", revision, "a repository", mistakes);
            archive(raw.span(), table, address, path, files, mistakes)
        }
        (Some(first), Some(second)) => {
            let mistake = mistakes.at(second.span(), "app.source has two sources");
            mistakes.push(
                mistake
                    .label("another one")
                    .context(first.span(), "one source"),
            );
            None
        }
        (None, None) => {
            mistakes.missing(raw.span(), "app.source says no source", HELP);
            None
        }
    }
}

fn git(
    place: Range<usize>,
    table: &raw::AppSource,
    address: &At<String>,
    path: Option<String>,
    files: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> Option<AppSource> {
    let repository = mistakes.check("app.source.git", Some(address), |text| remote(text));
    if table.revision.is_none() {
        let help = "a branch, a tag or all digits of a commit: revision = \"main\"";
        mistakes.missing(place, "app.source.revision is missing", help);
    }
    let revision = mistakes.check("app.source.revision", table.revision.as_ref(), |text| {
        revision(text)
    });
    let repository = repository?;
    if is_local(&repository) {
        files.push(reference(&repository, address.span(), "app.source.git"));
    }
    Some(AppSource::Git {
        repository,
        revision: revision?,
        path,
    })
}

fn archive(
    place: Range<usize>,
    table: &raw::AppSource,
    address: &At<String>,
    path: Option<String>,
    files: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> Option<AppSource> {
    let checked = mistakes.check("app.source.archive", Some(address), |text| remote(text));
    if table.sha256.is_none() {
        let help = "what `sha256sum` prints of it: sha256 = \"…\"";
        mistakes.missing(place, "app.source.sha256 is missing", help);
    }
    let sha256 = mistakes.check("app.source.sha256", table.sha256.as_ref(), |text| {
        Digest::parse(&text.to_ascii_lowercase()).ok_or_else(|| {
            InvalidValue::new(format!("`{text}` is not a SHA-256 digest"))
                .hint("64 digits of 0-9 and a-f, as `sha256sum` prints them")
        })
    });
    let archive = checked?;
    if archive.contains("://") {
        if !["https://", "http://"]
            .iter()
            .any(|scheme| archive.starts_with(scheme))
        {
            let mistake = mistakes.at(
                address.span(),
                format!("app.source.archive: `{archive}` cannot be fetched"),
            );
            mistakes.push(mistake.help("an archive is a file, or comes from an https:// address"));
            return None;
        }
    } else {
        file(address, "app.source.archive", false, files, mistakes)?;
    }
    Some(AppSource::Archive {
        archive,
        sha256: sha256?,
        path,
    })
}

/// A key that belongs to the other kind of source.
fn misplaced(key: &str, value: Option<&At<String>>, to: &str, mistakes: &mut Mistakes<'_>) {
    if let Some(value) = value {
        let message = format!("app.source.{key} belongs to {to}");
        mistakes.push(mistakes.at(value.span(), message));
    }
}

/// An address or a path, without a password and not to be taken for an option.
fn remote(text: &str) -> Result<String, InvalidValue> {
    let text = path(text)?;
    if text.starts_with('-') {
        return Err(InvalidValue::new(format!("`{text}` begins with `-`")));
    }
    if sensitive::value_is_secret(&text).is_some() {
        let error = InvalidValue::new("a password must not stand in the inventory");
        return Err(error.hint("ssh keys and git's credential helpers are honoured"));
    }
    Ok(text)
}

fn revision(text: &str) -> Result<String, InvalidValue> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._/+@-".contains(c);
    let odd = ["..", "//", "@{"].iter().any(|part| text.contains(part));
    if text.is_empty() || !text.chars().all(plain) || odd || text.starts_with(['-', '/', '.']) {
        let error = InvalidValue::new(format!("`{text}` is not the name of a revision"));
        return Err(error.hint("a branch, a tag or all digits of a commit"));
    }
    Ok(text.to_owned())
}

fn checked<T>(
    key: &str,
    place: Range<usize>,
    value: Result<T, InvalidValue>,
    mistakes: &mut Mistakes<'_>,
) -> Option<T> {
    value
        .map_err(|error| mistakes.invalid(place, key, &error))
        .ok()
}

fn reference(path: &str, span: Range<usize>, key: &str) -> FileReference {
    FileReference {
        path: path.to_owned(),
        span,
        key: key.to_owned(),
        directory: true,
    }
}
