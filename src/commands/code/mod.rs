//! The app's code, from wherever the inventory says: a folder, a git repository, an archive.

mod archive;
mod exclude;
mod folder;
mod git;
mod place;
#[cfg(test)]
mod tests;

pub(super) use folder::add_files;
#[cfg(test)]
pub(super) use folder::read as read_folder;
pub(super) use place::Place;

use crate::error::Error;
use crate::inventory::{App, AppSource};
use crate::types::{Code, Digest, ReleaseId, Tree};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Code, and what to call the place it came from.
pub(super) struct Fetched {
    pub(super) tree: Tree,
    pub(super) origin: Option<String>,
    /// Folders in which there is nothing, and which are left out.
    pub(super) empty: Vec<String>,
}

/// Whether other machines may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FetchPolicy {
    Everywhere,
    /// Nothing but this machine, and what it has kept.
    Here,
}

/// The code of a release, from what its server has packed, if it is that: the release goes by its
/// digest.
pub(super) fn of_release(packed: &[u8], release: &ReleaseId, app: &App) -> Option<Code> {
    let tree = archive::unpack_release(packed).ok()?;
    let code = Code::new(tree, &app.recipe(), None);
    (code.id() == release).then_some(code)
}

/// Reads the code. `folder` is that of the inventory. None if it is elsewhere, and only this
/// machine may be asked.
pub(super) async fn fetch(
    app: &App,
    folder: &Path,
    place: &Place<'_>,
    policy: FetchPolicy,
) -> Result<Option<Fetched>, Error> {
    let exclude = &app.exclude;
    match &app.source {
        None => Ok(None),
        Some(AppSource::Folder { folder: code }) => {
            let (tree, empty) = folder::read_all(&folder.join(code), exclude)?;
            Ok(Some(Fetched {
                tree,
                origin: None,
                empty,
            }))
        }
        Some(
            source @ AppSource::Git {
                repository,
                revision,
                path,
            },
        ) => {
            let repository = if source.is_remote() {
                repository.clone()
            } else {
                absolute(&folder.join(repository))?.display().to_string()
            };
            let asks = policy == FetchPolicy::Everywhere || !source.is_remote();
            let cache = cache("git")?.join(Digest::of(repository.as_bytes()).short());
            let clone = git::Clone::open(&repository, &cache).await?;
            let Some(commit) = clone.commit(revision, asks).await? else {
                return Ok(None);
            };
            let path = path.as_deref();
            let Some(files) = clone.files(&commit, path).await? else {
                let folder = path.unwrap_or_default();
                let message = format!("app.source.path: {commit} has no folder `{folder}`");
                return Err(Error::Input(place.mistake(message).into()));
            };
            let tree = archive::unpack(&files.tar, None, exclude, &files.submodules)
                .map_err(|why| why.at(place))?;
            let short = commit.get(..12).unwrap_or(&commit);
            let origin = format!("commit {short} ({revision})");
            Ok(Some(Fetched {
                tree,
                origin: Some(origin),
                empty: Vec::new(),
            }))
        }
        Some(AppSource::Archive {
            archive,
            sha256,
            path,
        }) => {
            let file = if archive.contains("://") {
                let kept = cache("archives")?.join(sha256.as_str());
                match archive::kept(&kept, sha256) {
                    Some(file) => file,
                    None if policy == FetchPolicy::Here => return Ok(None),
                    None => archive::download(archive, sha256, &kept)
                        .await
                        .map_err(|why| why.at(place))?,
                }
            } else {
                let path = folder.join(archive);
                let opened = File::open(&path);
                let file = opened.map_err(Error::io(format!("read {}", path.display())))?;
                archive::check(&file, sha256).map_err(|why| why.at(place))?;
                file
            };
            let tree = archive::unpack(&file, path.as_deref(), exclude, &[])
                .map_err(|why| why.at(place))?;
            let origin = format!("archive {}", sha256.short());
            Ok(Some(Fetched {
                tree,
                origin: Some(origin),
                empty: Vec::new(),
            }))
        }
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::fs::canonicalize(path).map_err(Error::io(format!("resolve {}", path.display())))
}

/// A folder below the user's cache, made if it is not there.
fn cache(name: &str) -> Result<PathBuf, Error> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let home = || set("HOME").map(|home| PathBuf::from(home).join(".cache"));
    let Some(cache) = set("XDG_CACHE_HOME").map(PathBuf::from).or_else(home) else {
        return Err(Error::Usage {
            message: "there is no place to keep the app's code in".to_owned(),
            hint: "set HOME or XDG_CACHE_HOME".to_owned(),
        });
    };
    let folder = cache.join("foobar-stack").join(name);
    std::fs::create_dir_all(&folder).map_err(Error::io(format!("make {}", folder.display())))?;
    Ok(folder)
}
