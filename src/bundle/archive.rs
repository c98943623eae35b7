//! The bundle as a compressed tar stream.

use super::Bundle;
use crate::resource::Content;
use crate::types::{Node, Tree};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, Write};
use tar::{Builder, EntryType, Header};

/// The program and its payload as one archive, to be unpacked in the folder of the run.
///
/// # Errors
/// When a path of the app's code does not fit into an archive.
pub fn archive(bundle: &Bundle) -> io::Result<Vec<u8>> {
    // Most of it is text, of which a fifth is left. To compress harder takes longer than to send
    // what it would save.
    let mut builder = Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    add(
        &mut builder,
        "program",
        0o600,
        bundle.program.as_str().as_bytes(),
    )?;
    // For who follows the run without having made it.
    add(
        &mut builder,
        "prover",
        0o600,
        format!("{}\n", bundle.prover).as_bytes(),
    )?;
    let titles: String = bundle
        .titles
        .iter()
        .flat_map(|step| [step.title.as_str(), "\n"])
        .collect();
    add(&mut builder, "titles", 0o600, titles.as_bytes())?;
    for payload in &bundle.payload {
        let path = format!("payload/{}", payload.name);
        match &payload.content {
            Content::Bytes(bytes) => add(&mut builder, &path, 0o600, bytes)?,
            Content::Secret(secret) => add(&mut builder, &path, 0o600, secret.expose())?,
            Content::Tree(tree) => add(&mut builder, &path, 0o600, &tree_archive(tree)?)?,
        }
    }
    builder.into_inner()?.finish()
}

/// The app's code as an archive: readable by all, writable by nobody but its owner.
fn tree_archive(tree: &Tree) -> io::Result<Vec<u8>> {
    let mut builder = Builder::new(Vec::new());
    for (path, node) in tree.entries() {
        match node {
            Node::File {
                executable,
                content,
            } => {
                add(
                    &mut builder,
                    path,
                    if *executable { 0o755 } else { 0o644 },
                    content,
                )?;
            }
            Node::Link(target) => {
                let mut header = header(0o777, 0);
                header.set_entry_type(EntryType::Symlink);
                builder.append_link(&mut header, path, target)?;
            }
        }
    }
    builder.into_inner()
}

fn add<W: Write>(builder: &mut Builder<W>, path: &str, mode: u32, bytes: &[u8]) -> io::Result<()> {
    builder.append_data(&mut header(mode, bytes.len() as u64), path, bytes)
}

/// A header without dates and owners, so that equal input gives an equal archive.
fn header(mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_mode(mode);
    header.set_size(size);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}
