//! The bundle as a compressed tar stream.

use super::Bundle;
use crate::resource::{Content, Payload};
use crate::types::{Blob, Node, Tree};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, Read, Write};
use tar::{Builder, EntryType, Header};

/// Writes the program and its payload as one archive, to be unpacked in the folder of the run.
/// Secrets come first and the app's code last: what is large may be written to a file, where no
/// secret should be.
///
/// # Errors
/// When a path of the app's code does not fit into an archive, when its content cannot be read
/// any more, or when the archive cannot be written.
pub fn archive(bundle: &Bundle, out: impl Write) -> io::Result<()> {
    // Most of it is text, of which a fifth is left. To compress much code harder takes longer than
    // to send what it would save.
    let level = if code_size(bundle) > MUCH_CODE {
        Compression::fast()
    } else {
        Compression::default()
    };
    let mut builder = Builder::new(GzEncoder::new(out, level));
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
    let path = |payload: &Payload| format!("payload/{}", payload.name);
    for payload in &bundle.payload {
        if let Content::Secret(secret) = &payload.content {
            add(&mut builder, &path(payload), 0o600, secret.expose())?;
        }
    }
    for payload in &bundle.payload {
        if let Content::Bytes(bytes) = &payload.content {
            add(&mut builder, &path(payload), 0o600, bytes)?;
        }
    }
    for payload in &bundle.payload {
        let Content::Tree(tree) = &payload.content else {
            continue;
        };
        // An archive in the archive. Its size comes before it, so that it is written twice; its
        // blocks are those of the outer one.
        let mut size = Counter(0);
        write_tree(tree, &mut size, |content| {
            Ok(io::repeat(0).take(content.size()))
        })?;
        let mut header = header(0o600, size.0);
        header.set_path(path(payload))?;
        header.set_cksum();
        let out = builder.get_mut();
        out.write_all(header.as_bytes())?;
        write_tree(tree, out, Blob::open)?;
    }
    builder.into_inner()?.finish()?;
    Ok(())
}

/// From so many bytes of code on it is compressed fast rather than hard.
const MUCH_CODE: u64 = 4 << 20;

/// The bytes of the app's code in the bundle.
fn code_size(bundle: &Bundle) -> u64 {
    let trees = bundle.payload.iter().filter_map(|one| match &one.content {
        Content::Tree(tree) => Some(tree),
        Content::Bytes(_) | Content::Secret(_) => None,
    });
    let nodes = trees.flat_map(|tree| tree.entries());
    let sizes = nodes.map(|(_, node)| match node {
        Node::File { content, .. } => content.size(),
        Node::Link(_) => 0,
    });
    sizes.sum()
}

/// Counts what is written.
struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the app's code as an archive: readable by all, writable by nobody but its owner.
fn write_tree<'a, R: Read>(
    tree: &'a Tree,
    out: impl Write,
    open: impl Fn(&'a Blob) -> io::Result<R>,
) -> io::Result<()> {
    let mut builder = Builder::new(out);
    for (path, node) in tree.entries() {
        match node {
            Node::File {
                executable,
                content,
            } => {
                let mode = if *executable { 0o755 } else { 0o644 };
                let mut header = header(mode, content.size());
                let added = open(content)
                    .and_then(|content| builder.append_data(&mut header, path, content));
                added.map_err(|why| io::Error::new(why.kind(), format!("{path}: {why}")))?;
            }
            Node::Link(target) => {
                let mut header = header(0o777, 0);
                header.set_entry_type(EntryType::Symlink);
                builder.append_link(&mut header, path, target)?;
            }
        }
    }
    builder.finish()
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
