//! A copy of a server gets the data of a backup of it.
//!
//! The server reads its own backup ([`super::backup`]): the key of the repository stays there.

use crate::host;
use crate::shell::Script;

/// The parts of the program of the role backup that load a dump.
const PARTS: [&str; 2] = [
    include_str!("../../templates/backup/dump.sh"),
    include_str!("../../templates/backup/instance.sh"),
];

/// What the manifest of a backup says of its data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Manifest {
    /// `mysql` or `mariadb`; empty without a database.
    pub engine: String,
    /// The databases.
    pub databases: Vec<String>,
    /// The folders and files of the apps.
    pub folders: Vec<String>,
}

impl Manifest {
    /// Reads a manifest; what is not understood is left out.
    #[must_use]
    pub fn read(text: &str) -> Self {
        let mut manifest = Self::default();
        for line in text.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let first = rest.split(' ').next().unwrap_or_default();
            match word {
                "engine" => first.clone_into(&mut manifest.engine),
                "objects" => manifest.databases.push(first.to_owned()),
                "folder" if !rest.is_empty() => manifest.folders.push(rest.to_owned()),
                _ => {}
            }
        }
        manifest
    }
}

/// The script that stops the apps of these accounts, and has the copy keep to itself.
#[must_use]
pub fn keep_to_itself<'a>(accounts: impl IntoIterator<Item = &'a str>) -> Script {
    let mut script = program(&Manifest::default());
    script.call("keep_to_itself", accounts);
    script
}

/// The script that unpacks the archive of a folder in its standard input.
#[must_use]
pub fn unpack() -> Script {
    let mut script = program(&Manifest::default());
    script.call("unpack_folder", [] as [&str; 0]);
    script
}

/// The script that puts the dump in its standard input in the place of the databases.
#[must_use]
pub fn load(manifest: &Manifest) -> Script {
    let mut script = program(manifest);
    script.call("load_data", [] as [&str; 0]);
    script
}

/// The script that starts the apps again. The next plan has their migrations.
#[must_use]
pub fn begin_again<'a>(accounts: impl IntoIterator<Item = &'a str>) -> Script {
    let mut script = program(&Manifest::default());
    script.call("begin_again", accounts);
    script
}

fn program(manifest: &Manifest) -> Script {
    let mut script = host::program();
    script
        .assign("WORK", "/var/lib/foobar-stack-rehearsal")
        .assign("engine", &manifest.engine)
        .assign("databases", &manifest.databases.join(" "));
    for part in PARTS {
        script.raw(part);
    }
    script.raw(include_str!("rehearsal.sh"));
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_read() {
        let manifest = Manifest::read(
            "backup 20260131T120500Z\nfiles 3 100\napp /srv/foobar 0123\nfolder /srv/a b\nfolder \n\
             engine mysql 9.7.0\nobjects foobar tables 3 views 0\nobjects shop tables 1 views 0\n",
        );
        assert_eq!(manifest.engine, "mysql");
        assert_eq!(manifest.databases, ["foobar", "shop"]);
        assert_eq!(manifest.folders, ["/srv/a b"]);
    }
}
