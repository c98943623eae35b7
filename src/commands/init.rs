//! `init`: a commented inventory to start from, for the code that is there.

use super::example;
use crate::cli;
use crate::error::Error;
use crate::inventory::{self, CodeFolder, Recipe, recognise};
use crate::report::Reporter;
use std::io::Write;
use std::path::{Path, PathBuf};

/// How many files and folders are looked at.
const MANY: usize = 5000;
/// How large a file is that is read, in bytes.
const LARGE: u64 = 256 * 1024;
/// What has code of others.
const SKIPPED: [&str; 6] = [
    "node_modules",
    "vendor",
    "venv",
    "target",
    "__pycache__",
    "wp-admin",
];

/// Writes it; what is there already is left alone.
pub(super) fn init(options: &cli::Init, reporter: &Reporter) -> Result<(), Error> {
    let shown = options.file.display();
    let mut file = match std::fs::File::create_new(&options.file) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(Error::Usage {
                message: format!("{shown} is there already"),
                hint: "name another file: foobar-stack init FILE".to_owned(),
            });
        }
        Err(error) => return Err(Error::io(format!("make {shown}"))(error)),
    };
    let beside = options.file.parent().unwrap_or(Path::new(""));
    let (source, recipe) = match &options.app {
        Some(folder) => (folder.clone(), look(&beside.join(folder))),
        None if options.example => {
            example::write_app(&beside.join("app"))?;
            (PathBuf::from("app"), Some(example::recipe()))
        }
        None => found(beside),
    };
    let recipe = recipe.map(|recipe| without_inventory(recipe, &source, &options.file));
    let name = source.to_string_lossy();
    let text = inventory::starter(&options.domain, options.ipv4, &name, recipe.as_ref());
    file.write_all(text.as_bytes())
        .map_err(Error::io(format!("write {shown}")))?;
    let Some(recipe) = recipe else {
        reporter.done(&format!(
            "wrote {shown}; no app was recognised: set what stands in [app], then run `foobar-stack plan` (`init --example` brings an app to try)"
        ));
        return Ok(());
    };
    for (path, text) in &recipe.files {
        let path = beside.join(&source).join(path);
        let shown = path.display();
        if !path.exists() {
            std::fs::write(&path, text).map_err(Error::io(format!("write {shown}")))?;
            reporter.note(&format!("wrote {shown}, which the code needs"));
        }
    }
    for note in &recipe.notes {
        reporter.note(note);
    }
    let what = &recipe.what;
    reporter.done(&format!(
        "wrote {shown}: the code in {name} is {what}; read it, then run `foobar-stack plan`"
    ));
    Ok(())
}

/// The inventory is not part of the code that it lies in.
fn without_inventory(mut recipe: Recipe, source: &Path, file: &Path) -> Recipe {
    let name = file.file_name().map(|name| name.to_string_lossy());
    if let (true, Some(name)) = (source == Path::new("."), name) {
        recipe.exclude(&name);
    }
    recipe
}

/// The code beside the inventory: in the folder `app`, or where the inventory is.
fn found(beside: &Path) -> (PathBuf, Option<Recipe>) {
    for folder in ["app", "."] {
        let recipe = look(&beside.join(folder));
        if recipe.is_some() {
            return (PathBuf::from(folder), recipe);
        }
    }
    (PathBuf::from("app"), None)
}

/// What the code in a folder is.
fn look(folder: &Path) -> Option<Recipe> {
    let mut code = CodeFolder::default();
    read(folder, "", 3, &mut code);
    recognise(&code)
}

/// Looks at a folder, and so many levels of those in it. What cannot be read tells nothing.
fn read(folder: &Path, below: &str, levels: u8, code: &mut CodeFolder) {
    let Ok(entries) = std::fs::read_dir(folder.join(below)) else {
        return;
    };
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if name.starts_with('.') || code.paths.len() > MANY {
            continue;
        }
        let path = format!("{below}{name}");
        let Ok(about) = std::fs::metadata(entry.path()) else {
            continue;
        };
        if about.is_dir() {
            if levels > 1 && !SKIPPED.contains(&name.as_str()) {
                read(folder, &format!("{path}/"), levels - 1, code);
            }
            code.paths.insert(format!("{path}/"));
        } else {
            if CodeFolder::tells(&path)
                && about.len() <= LARGE
                && let Ok(text) = std::fs::read_to_string(entry.path())
            {
                code.texts.insert(path.clone(), text);
            }
            code.paths.insert(path);
        }
    }
}
