//! Code from folders, repositories and archives is the same code.

use super::*;
use crate::diagnostic::Source;
use crate::inventory;
use crate::types::{Node, SiteName};
use std::io::{Cursor, Write};
use std::process::Command;

/// What an inventory with this source gives; the message and the place of its mistake otherwise.
fn fetch_from(folder: &Path, table: &str) -> Result<Tree, String> {
    let text = format!(
        "[server]\nipv4 = \"192.0.2.1\"\n[site]\ndomain = \"foobar.com\"\n\
         [app]\ncommand = \"run\"\nexclude = [\"*.log\"]\nsource = {table}\n"
    );
    let source = Source::new("inventory.toml", text);
    let parsed = inventory::parse(&source).unwrap_or_else(|found| panic!("{found:?}"));
    let place = Place {
        source: &source,
        span: parsed.references[&SiteName::default()].source.clone(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let fetching = fetch(
        &parsed.inventory.sites[&SiteName::default()].app,
        folder,
        &place,
        FetchPolicy::Everywhere,
    );
    match runtime.block_on(fetching) {
        Ok(fetched) => Ok(fetched.unwrap().tree),
        Err(Error::Input(found)) => {
            let mistake = &found.0[0];
            assert_eq!(&source.text[mistake.span.clone()], table);
            Err(mistake.message.clone())
        }
        Err(error) => Err(error.to_string()),
    }
}

fn archive(folder: &Path, bytes: &[u8], more: &str) -> Result<Tree, String> {
    std::fs::write(folder.join("app.archive"), bytes).unwrap();
    let digest = Digest::of(bytes);
    fetch_from(
        folder,
        &format!("{{ archive = \"app.archive\", sha256 = \"{digest}\"{more} }}"),
    )
}

/// An entry: kind, path, mode, content or target.
type Entry<'a> = (tar::EntryType, &'a str, u32, &'a str);

const FILE: tar::EntryType = tar::EntryType::Regular;
const LINK: tar::EntryType = tar::EntryType::Symlink;

fn tar(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (kind, path, mode, content) in entries {
        let mut header = tar::Header::new_ustar();
        // The library itself refuses names that lead out.
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(*mode);
        let bytes = if *kind == FILE {
            content.as_bytes()
        } else {
            header.set_link_name_literal(content).unwrap();
            &[]
        };
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        builder.append(&header, bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zipped(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (kind, path, mode, content) in entries {
        let options = zip::write::SimpleFileOptions::default().unix_permissions(*mode);
        if *kind == LINK {
            writer.add_symlink(*path, *content, options).unwrap();
        } else {
            writer.start_file(*path, options).unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
    }
    writer.finish().unwrap().into_inner()
}

const APP: [Entry<'static>; 5] = [
    (FILE, "./v1/app.py", 0o644, "print()\n"),
    (FILE, "v1/run", 0o755, "#!/bin/sh\n"),
    (LINK, "v1/link", 0o777, "run"),
    (FILE, "v1/x.log", 0o644, "noise"),
    (FILE, "other/x", 0o644, "x"),
];

#[test]
fn each_kind_of_archive_is_the_folder_it_was_made_of() {
    let home = tempfile::tempdir().unwrap();
    let code = home.path().join("code");
    std::fs::create_dir(&code).unwrap();
    std::fs::write(code.join("app.py"), "print()\n").unwrap();
    std::fs::write(code.join("run"), "#!/bin/sh\n").unwrap();
    let run = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(code.join("run"), run).unwrap();
    std::os::unix::fs::symlink("run", code.join("link")).unwrap();
    std::fs::write(code.join("x.log"), "other noise").unwrap();
    let folder = fetch_from(home.path(), "\"code\"").unwrap();
    assert_eq!(folder.len(), 3);
    for bytes in [tar(&APP), gzip(&tar(&APP)), zipped(&APP)] {
        let tree = archive(home.path(), &bytes, ", path = \"v1/\"").unwrap();
        assert_eq!(tree.digest(), folder.digest());
        assert_eq!(archive(home.path(), &bytes, "").unwrap().len(), 4);
        let found = archive(home.path(), &bytes, ", path = \"v2\"");
        assert_eq!(
            found.unwrap_err(),
            "app.source.path: the archive has no folder `v2`"
        );
    }
}

#[test]
fn what_would_leave_the_folder_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let device = tar::EntryType::Char;
    let through = [(LINK, "a", 0o777, "/etc"), (FILE, "a/passwd", 0o644, "x")];
    for (entries, expected) in [
        (
            &[(FILE, "../x", 0o644, "x")][..],
            "`../x` in the archive leads out of it",
        ),
        (
            &[(FILE, "/etc/x", 0o644, "x")],
            "`/etc/x` in the archive leads out of it",
        ),
        (&[(FILE, "a/../../x", 0o644, "x")], "leads out of it"),
        (
            &[(device, "null", 0o644, "")],
            "is neither a file, a folder nor a link",
        ),
        (&[(FILE, "a\nb", 0o644, "x")], "is not plain UTF-8 text"),
        (&through, "`a` stands twice in the archive"),
        (
            &[(FILE, "a", 0o644, "x"), (FILE, "./a", 0o644, "y")],
            "`a` stands twice",
        ),
        (
            &[(tar::EntryType::Link, "a", 0o644, "/etc/shadow")],
            "`/etc/shadow`",
        ),
        (
            &[(tar::EntryType::Link, "a", 0o644, "b")],
            "`a` in the archive leads out",
        ),
    ] {
        let found = archive(home.path(), &tar(entries), "").unwrap_err();
        assert!(found.contains(expected), "{found}");
    }
    for entries in [
        &[(FILE, "../x", 0o644, "x")][..],
        &[(FILE, "/x", 0o644, "x")],
    ] {
        let found = archive(home.path(), &zipped(entries), "").unwrap_err();
        assert!(found.contains("leads out of it"), "{found}");
    }
    assert!(
        archive(home.path(), b"a text", "")
            .unwrap_err()
            .contains("neither tar.gz")
    );
    let cut = &gzip(&tar(&APP))[..60];
    assert!(
        archive(home.path(), cut, "")
            .unwrap_err()
            .contains("cannot be read")
    );
}

#[test]
fn another_archive_than_the_one_that_is_meant_is_refused() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("a"), "changed").unwrap();
    let table = format!("{{ archive = \"a\", sha256 = \"{}\" }}", Digest::of(b"x"));
    let found = fetch_from(home.path(), &table).unwrap_err();
    let digest = Digest::of(b"changed");
    assert_eq!(
        found,
        format!("app.source: the archive has the SHA-256 digest {digest}")
    );
}

#[test]
fn an_archive_is_fetched_once() {
    use std::io::Read;
    let home = tempfile::tempdir().unwrap();
    let bytes = gzip(&tar(&APP));
    let served = bytes.clone();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 1024];
        let length = stream.read(&mut request).unwrap();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n",
            served.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&served).unwrap();
        String::from_utf8_lossy(&request[..length]).into_owned()
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let address = format!("http://127.0.0.1:{port}/app.tar.gz");
    let place = home.path().join("kept");
    let digest = Digest::of(&bytes);
    let download = || runtime.block_on(super::archive::download(&address, &digest, &place));
    drop(download().unwrap());
    assert_eq!(std::fs::read(&place).unwrap(), bytes);
    assert!(server.join().unwrap().starts_with("GET /app.tar.gz "));
    assert!(super::archive::kept(&place, &digest).is_some());
    assert!(super::archive::kept(&place, &Digest::of(b"x")).is_none());
    assert!(download().is_err());
}

#[test]
fn large_files_of_an_archive_are_read_again() {
    let home = tempfile::tempdir().unwrap();
    let large = "0123456789abcdef".repeat(1 << 17);
    let entries = [(FILE, "large", 0o644, large.as_str())];
    for bytes in [tar(&entries), gzip(&tar(&entries))] {
        let tree = archive(home.path(), &bytes, "").unwrap();
        let Some(Node::File { content, .. }) = tree.get("large") else {
            panic!("{tree:?}");
        };
        assert_eq!(content.size(), large.len() as u64);
        for _ in 0..2 {
            assert!(content.bytes().unwrap()[..] == *large.as_bytes());
        }
    }
}

fn git(folder: &Path, words: &[&str]) -> String {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(words);
    for name in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{name}_NAME"), "tester");
        command.env(format!("GIT_{name}_EMAIL"), "tester@example.com");
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn what_git_would_have_to_fetch_from_elsewhere_is_not_left_out_in_silence() {
    let home = tempfile::tempdir().unwrap();
    let origin = home.path().join("origin");
    std::fs::create_dir_all(&origin).unwrap();
    git(&origin, &["init", "--quiet", "--initial-branch=main"]);
    std::fs::write(origin.join("app.py"), "print()\n").unwrap();
    git(&origin, &["add", "."]);
    git(&origin, &["commit", "--quiet", "-m", "first"]);
    let commit = git(&origin, &["rev-parse", "HEAD"]);
    let module = format!("160000,{commit},vendor/library");
    git(&origin, &["update-index", "--add", "--cacheinfo", &module]);
    git(&origin, &["commit", "--quiet", "-m", "second"]);

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (repository, cache) = (origin.display().to_string(), home.path().join("cache"));
    let files = runtime.block_on(async {
        let clone = super::git::Clone::open(&repository, &cache).await.unwrap();
        let commit = clone.commit("main", true).await.unwrap().unwrap();
        clone.files(&commit, None).await.unwrap().unwrap()
    });
    assert_eq!(files.submodules, ["vendor/library"]);
    let unpack =
        |exclude: &[String]| super::archive::unpack(&files.tar, None, exclude, &files.submodules);
    let found = unpack(&[]).unwrap_err().to_string();
    assert!(found.contains("`vendor/library` is a submodule"), "{found}");
    assert_eq!(unpack(&["vendor/".to_owned()]).unwrap().len(), 1);

    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n";
    let found = archive(home.path(), &tar(&[(FILE, "film.mp4", 0o644, pointer)]), "");
    let found = found.unwrap_err();
    assert!(
        found.contains("`film.mp4` is a pointer of Git LFS"),
        "{found}"
    );
}

#[test]
fn a_branch_is_looked_up_each_time_and_a_commit_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let origin = home.path().join("origin");
    std::fs::create_dir_all(origin.join("backend")).unwrap();
    let write = |text: &str| {
        std::fs::write(origin.join("backend/app.py"), text).unwrap();
        git(&origin, &["add", "."]);
        git(&origin, &["commit", "--quiet", "-m", text]);
        git(&origin, &["rev-parse", "HEAD"])
    };
    git(&origin, &["init", "--quiet", "--initial-branch=main"]);
    let first = write("first");
    git(&origin, &["tag", "v1"]);
    write("second");

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (repository, cache) = (origin.display().to_string(), home.path().join("cache"));
    let read = |revision: &str, asks: bool| {
        runtime.block_on(async {
            let clone = super::git::Clone::open(&repository, &cache).await?;
            let Some(commit) = clone.commit(revision, asks).await? else {
                return Ok(None);
            };
            assert!(clone.files(&commit, Some("none")).await?.is_none());
            let files = clone.files(&commit, Some("backend")).await?.unwrap();
            let tree = super::archive::unpack(&files.tar, None, &[], &[]).unwrap();
            match tree.get("app.py") {
                Some(Node::File { content, .. }) => Ok(Some(
                    String::from_utf8_lossy(&content.bytes().unwrap()).into_owned(),
                )),
                other => panic!("{other:?}"),
            }
        })
    };
    let ok = |text: &str| Some(text.to_owned());
    assert_eq!(read("main", false).unwrap(), None);
    assert_eq!(read("main", true).unwrap(), ok("second"));
    assert_eq!(read("v1", true).unwrap(), ok("first"));
    write("third");
    assert_eq!(read("main", false).unwrap(), ok("second"));
    assert_eq!(read("main", true).unwrap(), ok("third"));
    let wrong: Result<_, Error> = read("no-such-branch", true);
    let said = wrong.unwrap_err().to_string();
    assert!(said.contains("git cannot fetch no-such-branch"), "{said}");
    // What is kept by its digits needs no repository.
    std::fs::rename(&origin, home.path().join("gone")).unwrap();
    assert_eq!(read(&first, true).unwrap(), ok("first"));
    assert!(read("main", true).is_err());
}
