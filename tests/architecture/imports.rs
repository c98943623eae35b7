//! Who imports from whom, file by file, as the `use` declarations and the paths in the code say:
//! no file needs, over whatever detour, what needs it.
//!
//! An arrow goes to the file that defines a name. A module that only hands on what its own
//! children define (`pub use`) does not need them.

use super::{MEMBERS, PRODUCT, files_of};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The path of a module: `["resource", "file"]`.
type Path = Vec<String>;

/// A module, which is a file.
struct Module {
    file: String,
    defines: BTreeSet<String>,
    /// Absolute paths, and whether they only hand on what a child defines.
    uses: Vec<(Path, bool)>,
    /// The same by the last name of each: what can be found here and stands elsewhere.
    names: BTreeMap<String, Path>,
}

fn path_of(file: &str) -> Path {
    let stem = file.trim_end_matches(".rs").trim_end_matches("/mod");
    let parts = stem.split('/').map(str::to_owned);
    parts.filter(|part| part != "lib").collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

/// The names of the items in a file.
fn defined(code: &str) -> BTreeSet<String> {
    const KINDS: [&str; 8] = [
        "struct",
        "enum",
        "trait",
        "fn",
        "const",
        "static",
        "type",
        "macro_rules",
    ];
    let all: Vec<&str> = words(code).collect();
    let pairs = all.windows(2).filter(|pair| KINDS.contains(&pair[0]));
    pairs.map(|pair| pair[1].to_owned()).collect()
}

/// The paths of a tree of imports, each as a whole, and the name that it goes by.
fn branches(tree: &str, found: &mut Vec<(String, String)>) {
    let tree = tree.trim();
    let Some((stem, rest)) = tree.split_once('{') else {
        let (path, name) = match tree.split_once(" as ") {
            Some((path, name)) => (path.trim(), name.trim()),
            None => (tree, tree.rsplit("::").next().unwrap_or(tree)),
        };
        found.push((path.to_owned(), name.to_owned()));
        return;
    };
    let inner = rest.trim_end().strip_suffix('}').unwrap_or(rest);
    let (mut depth, mut begin) = (0, 0);
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let branch = inner.get(begin..at).unwrap_or_default().trim();
                if !branch.is_empty() {
                    branches(&format!("{stem}{branch}"), found);
                }
                begin = at + 1;
            }
            _ => {}
        }
    }
}

/// A path of this crate, from its root; none if it leads into another crate.
fn absolute(own: &Path, path: &str, known: &BTreeSet<Path>) -> Option<Path> {
    let mut parts: Vec<&str> = path.split("::").collect();
    let mut base = match parts[0] {
        "crate" => Vec::new(),
        "self" | "super" => own.clone(),
        first => {
            let child: Path = own.iter().cloned().chain([first.to_owned()]).collect();
            return known.contains(&child).then(|| {
                let all = own.iter().cloned();
                all.chain(parts.iter().map(|part| (*part).to_owned()))
                    .collect()
            });
        }
    };
    while parts.first() == Some(&"super") {
        base.pop();
        parts.remove(0);
    }
    let parts = parts
        .into_iter()
        .filter(|part| !matches!(*part, "crate" | "self"));
    Some(base.into_iter().chain(parts.map(str::to_owned)).collect())
}

fn modules(source: &'static str) -> BTreeMap<Path, Module> {
    let files = files_of(source);
    let known: BTreeSet<Path> = files.iter().map(|file| path_of(&file.path)).collect();
    let mut modules = BTreeMap::new();
    for file in &files {
        let own = path_of(&file.path);
        let (mut uses, mut names) = (Vec::new(), BTreeMap::new());
        let mut rest = String::new();
        for statement in file.code.split_inclusive(';') {
            // A declaration begins a line, or stands in a function.
            let at = statement.rfind("use ").filter(|at| {
                let before = statement[..*at].trim_end_matches(' ');
                before.is_empty()
                    || before.ends_with(['\n', '{'])
                    || before.ends_with("pub")
                    || (before.ends_with(')') && before.contains("pub("))
            });
            let Some(at) = at else {
                rest.push_str(statement);
                continue;
            };
            let (before, tree) = statement.split_at(at);
            let public = before.trim_end().ends_with("pub") || before.trim_end().ends_with(')');
            let tree = tree.trim_start_matches("use ").trim_end_matches(';');
            let mut found = Vec::new();
            branches(&tree.replace('\n', " "), &mut found);
            for (path, name) in found {
                let path = path.replace(' ', "");
                if let Some(path) = absolute(&own, &path, &known) {
                    let child = path.len() > own.len() + 1 && path.starts_with(&own);
                    names.insert(name, path.clone());
                    uses.push((path, public && child));
                }
            }
        }
        // Paths in the code itself, also from a child module on, but not those that say who may see something.
        let rest = rest.replace("pub(in crate::", "pub(in ");
        let children = known
            .iter()
            .filter(|path| path.len() == own.len() + 1 && path.starts_with(&own))
            .filter_map(|path| Some(format!("{}::", path.last()?)));
        let starts = ["crate::", "super::", "self::"].map(str::to_owned);
        for start in starts.into_iter().chain(children) {
            for (at, _) in rest.match_indices(&start) {
                let before = rest[..at].chars().next_back();
                if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                    continue;
                }
                let end = rest[at..]
                    .find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':')
                    .map_or(rest.len(), |length| at + length);
                let path = rest[at..end].trim_end_matches(':');
                uses.extend(absolute(&own, path, &known).map(|path| (path, false)));
            }
        }
        let module = Module {
            file: file.to_string(),
            defines: defined(&file.code),
            uses,
            names,
        };
        modules.insert(own, module);
    }
    modules
}

/// The module that defines what a path names.
fn home(path: &[String], modules: &BTreeMap<Path, Module>, depth: usize) -> Option<Path> {
    let length = (0..=path.len())
        .rev()
        .find(|length| modules.contains_key(&path[..*length]))?;
    let (module, rest) = path.split_at(length);
    let found = &modules[module];
    if let Some(name) = rest.first()
        && !found.defines.contains(name)
        && let Some(elsewhere) = found.names.get(name)
        && depth < 8
    {
        return home(elsewhere, modules, depth + 1);
    }
    Some(module.to_vec())
}

#[test]
fn no_file_needs_what_needs_it() {
    let arrows = circles(PRODUCT);
    assert!(arrows > 500, "only {arrows} imports found");
    for source in MEMBERS {
        let arrows = circles(source);
        assert!(arrows > 10, "only {arrows} imports found in {source}");
    }
}

/// Fails if files of this crate need each other; the number of imports between its files.
fn circles(source: &'static str) -> usize {
    let modules = modules(source);
    let mut arrows: BTreeMap<&Path, BTreeMap<Path, String>> = BTreeMap::new();
    let mut all = 0;
    for (own, module) in &modules {
        let to = arrows.entry(own).or_default();
        for (path, handed_on) in &module.uses {
            if *handed_on {
                continue;
            }
            if let Some(home) = home(path, &modules, 0).filter(|home| home != own) {
                to.insert(home, path.join("::"));
                all += 1;
            }
        }
    }
    // What can be reached from each.
    let reach = |from: &Path| {
        let mut seen: BTreeSet<&Path> = BTreeSet::new();
        let mut open: Vec<&Path> = arrows[from].keys().collect();
        while let Some(next) = open.pop() {
            if seen.insert(next) {
                open.extend(arrows[next].keys());
            }
        }
        seen
    };
    let reached: BTreeMap<&Path, BTreeSet<&Path>> =
        modules.keys().map(|own| (own, reach(own))).collect();
    let mut found = String::new();
    for (own, to) in &arrows {
        for (other, name) in to {
            if reached[other].contains(own) {
                let (own, other) = (&modules[*own].file, &modules[other].file);
                let _ = writeln!(found, "{own} uses {name} of {other}");
            }
        }
    }
    assert!(
        found.is_empty(),
        "these files need each other; move what both need into one below them, or cut an arrow:\n{found}"
    );
    all
}
