//! What `init` proposes for code of each kind: `cases/init/NAME/` is a folder of code,
//! `cases/init/NAME.expected` the inventory and what was said. `UPDATE=1` writes them anew; look at
//! the difference before you keep it.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail the test")]

use std::path::{Path, PathBuf};
use std::process::Command;

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/init")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let place = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &place);
        } else {
            std::fs::copy(entry.path(), place).unwrap();
        }
    }
}

/// Runs it in the folder; gives what it says.
fn run(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_foobar-stack"));
    command.current_dir(folder).args(arguments);
    command.env_remove("FOOBAR_STACK_INVENTORY");
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(output.status.success(), "{arguments:?}: {said}");
    said
}

#[test]
fn each_kind_of_code_gets_an_inventory_that_validates() {
    let mut count = 0;
    for entry in std::fs::read_dir(cases()).unwrap() {
        let case = entry.unwrap().path();
        if !case.is_dir() {
            continue;
        }
        let folder = tempfile::tempdir().unwrap();
        copy(&case, folder.path());
        let said = run(
            folder.path(),
            &["init", "--domain=example.org", "--ipv4=192.0.2.1"],
        );
        let text = std::fs::read_to_string(folder.path().join("inventory.toml")).unwrap();
        let made = format!("{said}\n{text}");
        let expected = case.with_extension("expected");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&expected, &made).unwrap();
        }
        let expected = std::fs::read_to_string(&expected).unwrap();
        assert_eq!(made, expected, "{}", case.display());
        run(folder.path(), &["validate"]);
        count += 1;
    }
    assert!(count >= 10, "only {count} cases");
}

#[test]
fn the_example_app_comes_where_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &["init", "--example"]);
    run(folder.path(), &["validate"]);
    assert!(folder.path().join("app/migrate.py").exists());
}

#[test]
fn a_file_that_is_there_already_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    copy(&cases().join("wordpress"), folder.path());
    std::fs::write(folder.path().join(".php-fpm.conf"), "mine\n").unwrap();
    run(folder.path(), &["init"]);
    let text = std::fs::read_to_string(folder.path().join(".php-fpm.conf"));
    assert_eq!(text.unwrap(), "mine\n");
}
