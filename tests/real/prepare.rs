//! Releases that are made ready on the server, and what they share.

use crate::server::{Server, Site};
use std::io::{Cursor, Write as _};

const BUILD: &str = r#"build = [
  { command = "sh -c 'mkdir made; pwd >made/where; date +%s.%N >made/when'", from = ["requirements.txt"], makes = ["made"] },
  "sh -c 'echo own >made/own; rm made/when; echo another >made/when; ! echo x >>made/where'",
  "sh -c 'pwd >built; id -un >>built; echo $SITE_TITLE >>built; test -s $CREDENTIALS_DIRECTORY/SESSION_KEY'",
  "sh -c 'echo changed >>README.md; touch $CACHE_DIRECTORY/tried; .venv/bin/python -c \"import greeting; print(greeting.WORD)\" >>built'",
]
python = { requirements = "requirements.txt", wheels = "wheels", system_packages = true }
persistent = ["uploads/pictures"]
shared = { "config/local.json" = "local.json" }
"#;

/// A wheel with one module, as PEP 427 has it.
fn wheel(word: &str) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let info = "greeting-1.0.dist-info";
    let tag = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    for (path, text) in [
        ("greeting.py".to_owned(), format!("WORD = {word:?}\n")),
        (
            format!("{info}/METADATA"),
            "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n".to_owned(),
        ),
        (format!("{info}/WHEEL"), tag.to_owned()),
        (
            format!("{info}/RECORD"),
            format!("greeting.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"),
        ),
    ] {
        let options = zip::write::SimpleFileOptions::default();
        let written = writer
            .start_file(path, options)
            .and_then(|()| Ok(writer.write_all(text.as_bytes())?));
        assert!(written.is_ok(), "{written:?}");
    }
    writer.finish().map(Cursor::into_inner).unwrap_or_default()
}

fn prepared(server: &Server) -> Site {
    let site = server.site_with("prepared", |text| {
        let migrate = "migrate = \"python3 migrate.py\"\n";
        assert_eq!(text.matches(migrate).count(), 1);
        text.replace(migrate, &format!("{BUILD}{migrate}"))
    });
    site.write("app/requirements.txt", "greeting\n");
    let wheels = site.folder.join("app/wheels");
    let put = std::fs::create_dir_all(&wheels).and_then(|()| {
        std::fs::write(wheels.join("greeting-1.0-py3-none-any.whl"), wheel("hello"))
    });
    assert!(put.is_ok(), "{put:?}");
    site.write("local.json", "{\"canary\": 1}\n");
    // The folder of uploads has something in it at home, as is the custom.
    site.write("app/uploads/pictures/.gitkeep", "");
    site
}

fn release(server: &Server) -> String {
    let current = server.on("readlink /srv/foobar/current");
    current.trim().trim_start_matches("releases/").to_owned()
}

pub(crate) fn a_release_is_made_ready_before_anybody_sees_it(server: &Server) {
    let site = prepared(server);
    let before = release(server);
    site.run(&["apply", "--yes", "--json"]).exits(0);
    let first = release(server);
    assert_ne!(first, before);
    let place = format!("/srv/foobar/releases/{first}");
    let built = server.on(&format!("cat {place}/built"));
    assert_eq!(built, format!("{place}\nfoobar\nfoobar\nhello\n"));
    // Now it is root's, read-only, and what runs in it does so from its own place.
    server.on(&format!(
        "cd {place}\n\
         find . ! -user root -o -perm /022 ! -type l | (! grep .)\n\
         .venv/bin/python -c 'import greeting, pymysql'\n\
         head -n 1 .venv/bin/pip | grep -qF '#!{place}/.venv/bin/python'"
    ));
    // What is shared is there, and not part of it.
    server.on(&format!(
        "cd {place}\n\
         grep -q canary config/local.json\n\
         test \"$(readlink -f uploads/pictures)\" = /srv/foobar/shared/uploads/pictures\n\
         stat -c '%U %a' /srv/foobar/shared/uploads/pictures | grep -qx 'foobar 755'\n\
         stat -Lc '%U:%G %a' config/local.json | grep -qx 'root:foobar 640'\n\
         echo kept >uploads/pictures/one"
    ));
    site.run(&["plan"]).exits(0).says(&["No changes."]);
    only_once_a_release(server, &site, &first);
    what_is_made_of_the_same_is_shared(server, &first);
    a_failure_leaves_the_old_one(server, &site);
}

fn only_once_a_release(server: &Server, site: &Site, first: &str) {
    // What the preparation changed of the code travels again; the rest does not.
    site.write("app/note", "new\n");
    let run = site.run(&["apply", "--yes", "--json"]).exits(0);
    run.says(&["2 files, "]);
    let second = release(server);
    assert_ne!(second, first);
    server.on(
        "cd /srv/foobar/current/ && grep -qx kept uploads/pictures/one\n\
         test \"$(grep -c changed README.md)\" = 1",
    );
    // A file that is shared belongs to no release.
    let built = format!("stat -c %Z /srv/foobar/releases/{second}/built");
    let time = server.on(&built);
    site.write("local.json", "{\"canary\": 2}\n");
    site.run(&["apply", "--yes", "--json"]).exits(0);
    assert_eq!(release(server), second);
    assert_eq!(server.on(&built), time);
    server.on("grep -q 'canary.: 2' /srv/foobar/current/config/local.json");
}

/// The release that serves was made of the same requirements as the first, which has not changed
/// by that. Each has its own path, and nobody has what a command did later.
fn what_is_made_of_the_same_is_shared(server: &Server, first: &str) {
    server.on(&format!(
        "cd /srv/foobar/releases && second=$(basename \"$(readlink ../current)\")\n\
         for file in made/where .venv/bin/pip; do\n\
         \tfor id in {first} $second; do\n\
         \t\thead -n 1 $id/$file | grep -q \"/srv/foobar/releases/$id\"\n\
         \tdone\n\
         done\n\
         same=$(cd {first} && echo .venv/lib/python*/site-packages/greeting.py)\n\
         test \"$(stat -c %i {first}/$same)\" = \"$(stat -c %i $second/$same)\"\n\
         grep -qx another $second/made/when && grep -q '[.]' .shared/*/tree/made/when\n\
         test ! -e .shared/*/tree/made/own\n\
         test \"$(ls .shared | wc -l)\" = 2\n\
         find .shared $second ! -user root -o -perm /022 ! -type l | (! grep .)"
    ));
}

fn a_failure_leaves_the_old_one(server: &Server, site: &Site) {
    let before = release(server);
    site.write("app/requirements.txt", "greeting\nno-such-thing-anywhere\n");
    let run = site.run(&["apply", "--yes", "--json"]).exits(6);
    run.says(&["no-such-thing-anywhere", "was not made ready"]);
    assert_eq!(release(server), before);
    crate::page::page(server);
    let left = server.on("find /srv/foobar/releases -maxdepth 1 -name '.*' ! -name .shared");
    assert_eq!(left, "");
    site.write("app/requirements.txt", "greeting\n");
    site.run(&["plan"]).exits(0).says(&["No changes."]);
}
