//! Finding the inventory: the one that was named, else the only one that is there.

use crate::error::Error;
use std::path::{Path, PathBuf};

/// The inventory to use, seen from the folder `here`: `named` (by `-i` or the environment), else
/// `inventory.toml`, else the only `inventory/*.toml`.
///
/// # Errors
/// When there is none, or more than one that could be meant, or the named one is not there.
pub(super) fn inventory(named: Option<&Path>, here: &Path) -> Result<PathBuf, Error> {
    if let Some(named) = named {
        let path = here.join(named);
        if path.exists() {
            return Ok(path);
        }
        return Err(Error::Usage {
            message: format!("there is no inventory {}", named.display()),
            hint: "correct -i or FOOBAR_STACK_INVENTORY, or make one with `foobar-stack init`"
                .to_owned(),
        });
    }
    let usual = here.join("inventory.toml");
    if usual.is_file() {
        return Ok(usual);
    }
    let folder = here.join("inventory");
    let mut found = toml_files(&folder).map_err(Error::io(format!("read {}", folder.display())))?;
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(Error::Usage {
            message: "there is no inventory here: neither inventory.toml nor inventory/*.toml"
                .to_owned(),
            hint: "name it with -i FILE, or make one with `foobar-stack init`".to_owned(),
        }),
        _ => {
            let names: Vec<String> = found
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            Err(Error::Usage {
                message: format!("there are several inventories here: {}", names.join(", ")),
                hint: format!("choose one: -i {}", names[0]),
            })
        }
    }
}

fn toml_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let is_hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.extension().is_some_and(|end| end == "toml") && !is_hidden && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_inventory_is_found() {
        for (files, found) in [
            (&["inventory.toml"][..], Ok("inventory.toml")),
            (&["inventory/foobar.toml"], Ok("inventory/foobar.toml")),
            (
                &["inventory.toml", "inventory/other.toml"],
                Ok("inventory.toml"),
            ),
            (
                &["inventory/a.toml", "inventory/app.py", "inventory/.b.toml"],
                Ok("inventory/a.toml"),
            ),
            (&[], Err("there is no inventory here")),
            (
                &["inventory/b.toml", "inventory/a.toml"],
                Err("there are several inventories here"),
            ),
        ] {
            let here = tempfile::tempdir().unwrap();
            std::fs::create_dir(here.path().join("inventory")).unwrap();
            for file in files {
                std::fs::write(here.path().join(file), "").unwrap();
            }
            match (inventory(None, here.path()), found) {
                (Ok(path), Ok(found)) => assert_eq!(path, here.path().join(found)),
                (Err(error), Err(words)) => {
                    assert!(error.to_string().starts_with(words), "{error}");
                    assert_eq!(error.exit().code(), 64);
                }
                (got, _) => panic!("{files:?}: {got:?}"),
            }
        }
    }

    #[test]
    fn several_are_named_in_order() {
        let here = tempfile::tempdir().unwrap();
        std::fs::create_dir(here.path().join("inventory")).unwrap();
        for name in ["b", "a"] {
            std::fs::write(here.path().join(format!("inventory/{name}.toml")), "").unwrap();
        }
        let error = inventory(None, here.path()).unwrap_err().to_string();
        assert!(error.ends_with("b.toml"), "{error}");
        let empty = tempfile::tempdir().unwrap();
        assert!(inventory(None, empty.path()).is_err());
    }

    #[test]
    fn the_named_one_is_taken_or_missed() {
        let here = tempfile::tempdir().unwrap();
        for name in ["inventory.toml", "named.toml"] {
            std::fs::write(here.path().join(name), "").unwrap();
        }
        let find = |name| inventory(Some(Path::new(name)), here.path());
        assert_eq!(find("named.toml").unwrap(), here.path().join("named.toml"));
        let error = find("nowhere.toml").unwrap_err();
        assert_eq!(error.to_string(), "there is no inventory nowhere.toml");
        assert_eq!(error.exit().code(), 64);
    }
}
