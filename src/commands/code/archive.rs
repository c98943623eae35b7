//! Archives: fetched, checked against their digest, and unpacked: small files into memory, large
//! ones into files without a name. Nothing in one leaves the folder it is unpacked for.

use super::exclude::{self, Exclude};
use super::place::Place;
use crate::error::Error;
use crate::types::{Blob, Digest, Node, Reopen, Tree};
use foobar_stack_load::http_client;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tar::EntryType;

/// The largest archive that is fetched.
const MOST_BYTES: u64 = 1 << 30;
/// The most an archive may become.
const MOST_UNPACKED: u64 = 4 << 30;
const MOST_FILES: usize = 500_000;

/// Why an archive is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    #[error("app.source: the archive has the SHA-256 digest {0}")]
    Digest(Digest),
    #[error("app.source: the archive cannot be read: {0}")]
    Read(String),
    #[error("app.source: the archive is neither tar.gz, tar nor zip")]
    Format,
    #[error("app.source: `{0}` in the archive leads out of it")]
    Outside(String),
    #[error("app.source: the name {0:?} in the archive is not plain UTF-8 text")]
    Name(String),
    #[error("app.source: `{0}` in the archive is neither a file, a folder nor a link")]
    Special(String),
    #[error("app.source: `{0}` stands twice in the archive")]
    Twice(String),
    #[error(
        "app.source: the archive unpacks to too much: more than {MOST_UNPACKED} bytes or {MOST_FILES} files"
    )]
    TooMuch,
    #[error("app.source: `{0}` is a submodule, and those are not fetched")]
    Submodule(String),
    #[error("app.source: `{0}` is a pointer of Git LFS, not the file itself")]
    Pointer(String),
    #[error("app.source.path: the archive has no folder `{0}`")]
    NoFolder(String),
    #[error(transparent)]
    Other(#[from] Box<Error>),
}

impl ArchiveError {
    /// The mistake at its place in the inventory.
    pub(super) fn at(self, place: &Place<'_>) -> Error {
        match self {
            Self::Other(error) => *error,
            error @ Self::Digest(_) => {
                let mistake = place.mistake(error.to_string());
                let mistake = mistake.label("another one is expected here");
                let help = "take the archive that is meant, or write its digest";
                Error::Input(mistake.help(help).into())
            }
            error @ (Self::Submodule(_) | Self::Pointer(_)) => {
                let help =
                    "name it in app.exclude, or take a folder where git has checked out all of it";
                Error::Input(place.mistake(error.to_string()).help(help).into())
            }
            error => Error::Input(place.mistake(error.to_string()).into()),
        }
    }
}

impl From<std::io::Error> for ArchiveError {
    fn from(error: std::io::Error) -> Self {
        Self::Read(error.to_string())
    }
}

impl From<zip::result::ZipError> for ArchiveError {
    fn from(error: zip::result::ZipError) -> Self {
        Self::Read(error.to_string())
    }
}

/// Whether this is the archive that is meant.
pub(super) fn check(mut archive: &File, expected: &Digest) -> Result<(), ArchiveError> {
    archive.rewind()?;
    let (digest, _) = Digest::of_reader(archive)?;
    if digest == *expected {
        Ok(())
    } else {
        Err(ArchiveError::Digest(digest))
    }
}

/// An archive that was fetched before.
pub(super) fn kept(path: &Path, expected: &Digest) -> Option<File> {
    let file = File::open(path).ok()?;
    check(&file, expected).is_ok().then_some(file)
}

/// Fetches an archive that is meant to be kept at `path`: whole or not at all.
pub(super) async fn download(
    address: &str,
    expected: &Digest,
    path: &Path,
) -> Result<File, ArchiveError> {
    let failed = || Error::io(format!("write {}", path.display()));
    let folder = path.parent().unwrap_or(path);
    let made = tempfile::NamedTempFile::new_in(folder).map_err(failed());
    let mut file = made.map_err(Box::new)?;
    fetch(address, file.as_file_mut(), &failed)
        .await
        .map_err(Box::new)?;
    check(file.as_file(), expected)?;
    let kept = file.persist(path).map_err(|error| failed()(error.error));
    Ok(kept.map_err(Box::new)?)
}

async fn fetch<F>(address: &str, file: &mut File, unwritten: &impl Fn() -> F) -> Result<(), Error>
where
    F: FnOnce(io::Error) -> Error,
{
    let failed = |source| Error::Download {
        address: address.to_owned(),
        source,
    };
    let client = http_client()
        .connect_timeout(Duration::from_secs(20))
        .read_timeout(Duration::from_secs(60))
        .build()
        .map_err(failed)?;
    let response = client.get(address).send().await.map_err(failed)?;
    let mut response = response.error_for_status().map_err(failed)?;
    let mut size = 0;
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        file.write_all(&chunk).map_err(unwritten())?;
        size += chunk.len() as u64;
        if size > MOST_BYTES {
            return Err(Error::TooLarge {
                address: address.to_owned(),
                most: MOST_BYTES,
            });
        }
    }
    Ok(())
}

/// What a release was made of, as its server packs it.
pub(super) fn unpack_release(packed: &[u8]) -> Result<Tree, ArchiveError> {
    let mut files = Files::default();
    files.tar(flate2::bufread::GzDecoder::new(packed))?;
    Ok(Tree::new(files.entries.into_iter().collect()))
}

/// The files of an archive, or of a folder in it, without what stays at home. The `missing`
/// are folders whose files are not in it; they must stay at home.
pub(super) fn unpack(
    mut archive: &File,
    inner: Option<&str>,
    patterns: &[String],
    missing: &[String],
) -> Result<Tree, ArchiveError> {
    let mut files = Files::default();
    let mut start = Vec::new();
    archive.rewind()?;
    archive.take(512).read_to_end(&mut start)?;
    archive.rewind()?;
    let reader = BufReader::new(archive);
    if start.starts_with(&[0x1f, 0x8b]) {
        files.tar(flate2::bufread::MultiGzDecoder::new(reader))?;
    } else if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        files.zip(reader)?;
    } else if start.get(257..262) == Some(b"ustar") {
        files.tar(reader)?;
    } else {
        return Err(ArchiveError::Format);
    }
    let mut entries = files.entries;
    if let Some(inner) = inner.filter(|inner| *inner != ".") {
        let prefix = format!("{inner}/");
        let below = |(path, node): (String, Node)| {
            let path = path.strip_prefix(&prefix)?.to_owned();
            Some((path, node))
        };
        entries = entries.into_iter().filter_map(below).collect();
        if entries.is_empty() {
            return Err(ArchiveError::NoFolder(inner.to_owned()));
        }
    }
    let lines = match entries.get(exclude::FILE) {
        Some(Node::File { content, .. }) => String::from_utf8_lossy(&content.bytes()?).into_owned(),
        _ => String::new(),
    };
    let exclude = Exclude::new(Path::new(""), patterns, &lines).map_err(Box::new)?;
    entries.retain(|path, _| !exclude.has_file(path));
    let mut missing = missing.iter();
    if let Some(folder) = missing.find(|path| !exclude.has_folder(path)) {
        return Err(ArchiveError::Submodule(folder.clone()));
    }
    // What lies below something that is no folder would be written through it.
    for path in entries.keys() {
        let above = path.match_indices('/').map(|(at, _)| &path[..at]);
        if let Some(file) = above.into_iter().find(|above| entries.contains_key(*above)) {
            return Err(ArchiveError::Twice(file.to_owned()));
        }
    }
    for (path, node) in &entries {
        if let Node::File { content, .. } = node
            && content.start(LFS_POINTER.len() as u64)? == LFS_POINTER
        {
            return Err(ArchiveError::Pointer(path.clone()));
        }
    }
    Ok(Tree::new(entries.into_iter().collect()))
}

/// How a file begins that stands for one elsewhere (the specification of Git LFS, "The Pointer").
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";

/// A large file that was unpacked.
struct Unpacked(File);

impl Reopen for Unpacked {
    fn open(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(Box::new(BufReader::new(At {
            file: &self.0,
            offset: 0,
        })))
    }
}

/// A reader of a file with an offset of its own.
struct At<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

/// What was unpacked so far.
#[derive(Default)]
struct Files {
    entries: BTreeMap<String, Node>,
    size: u64,
}

impl Files {
    fn tar(&mut self, reader: impl Read) -> Result<(), ArchiveError> {
        let mut archive = tar::Archive::new(reader);
        for entry in archive.entries()? {
            let mut entry = entry?;
            let kind = entry.header().entry_type();
            if matches!(kind, EntryType::Directory | EntryType::XGlobalHeader) {
                continue;
            }
            let path = name(&entry.path_bytes())?;
            let node = match kind {
                EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => Node::File {
                    executable: entry.header().mode()? & 0o111 != 0,
                    content: self.content(&mut entry)?,
                },
                EntryType::Symlink => {
                    Node::Link(text(&entry.link_name_bytes().unwrap_or_default())?)
                }
                // The same file under another name.
                EntryType::Link => {
                    let target = name(&entry.link_name_bytes().unwrap_or_default())?;
                    let node = self.entries.get(&target).cloned();
                    node.ok_or_else(|| ArchiveError::Outside(path.clone()))?
                }
                _ => return Err(ArchiveError::Special(path)),
            };
            self.add(path, node)?;
        }
        Ok(())
    }

    fn zip(&mut self, reader: impl Read + Seek) -> Result<(), ArchiveError> {
        const KIND: u32 = 0o170_000;
        let mut archive = zip::ZipArchive::new(reader)?;
        for place in 0..archive.len() {
            let mut entry = archive.by_index(place)?;
            if entry.is_dir() {
                continue;
            }
            let path = name(entry.name_raw())?;
            let mode = entry.unix_mode().unwrap_or_default();
            let content = self.content(&mut entry)?;
            let node = match mode & KIND {
                0o120_000 => Node::Link(text(&content.bytes()?)?),
                0 | 0o100_000 => Node::File {
                    executable: mode & 0o111 != 0,
                    content,
                },
                _ => return Err(ArchiveError::Special(path)),
            };
            self.add(path, node)?;
        }
        Ok(())
    }

    fn content(&mut self, reader: &mut impl Read) -> Result<Blob, ArchiveError> {
        if self.entries.len() >= MOST_FILES {
            return Err(ArchiveError::TooMuch);
        }
        let left = MOST_UNPACKED - self.size;
        let mut reader = reader.take(left + 1);
        let mut start = Vec::new();
        let mut read = reader.by_ref().take(Blob::SMALL + 1);
        let content = if read.read_to_end(&mut start)? as u64 <= Blob::SMALL {
            Blob::new(start)
        } else {
            let mut file = tempfile::tempfile()?;
            file.write_all(&start)?;
            io::copy(&mut reader, &mut file)?;
            Blob::elsewhere(Arc::new(Unpacked(file)))?
        };
        if content.size() > left {
            return Err(ArchiveError::TooMuch);
        }
        self.size += content.size();
        Ok(content)
    }

    fn add(&mut self, path: String, node: Node) -> Result<(), ArchiveError> {
        if self.entries.contains_key(&path) {
            return Err(ArchiveError::Twice(path));
        }
        self.entries.insert(path, node);
        Ok(())
    }
}

fn text(bytes: &[u8]) -> Result<String, ArchiveError> {
    let shown = || String::from_utf8_lossy(bytes).into_owned();
    let text = std::str::from_utf8(bytes).map_err(|_| ArchiveError::Name(shown()))?;
    if text.is_empty() || text.contains(char::is_control) {
        return Err(ArchiveError::Name(shown()));
    }
    Ok(text.to_owned())
}

/// A path below the folder: relative, and not out of it.
fn name(bytes: &[u8]) -> Result<String, ArchiveError> {
    let text = text(bytes)?;
    let parts: Vec<&str> = text
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    if text.starts_with('/') || parts.contains(&"..") || parts.is_empty() {
        return Err(ArchiveError::Outside(text));
    }
    Ok(parts.join("/"))
}
