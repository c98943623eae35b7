//! Base trees: one freshly installed system a suite, kept in the cache and laid under every box.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::archive;
use super::host;
use super::state::{failed, lock_file, user_directory};
use super::{Progress, SandboxError};

/// Raised whenever what is built changes.
const RECIPE: u32 = 4;
/// A tree older than this is built anew: security updates come in.
const MAX_AGE: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// Where Debian and Ubuntu have the authorities that an administrator has added.
const AUTHORITIES: &str = "/usr/local/share/ca-certificates";
const SCRIPT: &str = include_str!("base.sh");

/// The link in a sandbox's directory to the tree it stands on.
pub(super) const LINK: &str = "base";

/// Puts the suite's base tree under a sandbox, building it first if there is none.
pub(super) async fn lay_under(
    directory: &Path,
    suite: &str,
    progress: Progress<'_>,
) -> Result<(), SandboxError> {
    let cache = user_directory("XDG_CACHE_HOME", ".cache").ok_or(SandboxError::NoHome {
        what: "the base trees",
    })?;
    let cache = std::path::absolute(cache).map_err(failed("resolve", Path::new("cache")))?;
    let shelf = cache.join("base").join(suite);
    std::fs::create_dir_all(&shelf).map_err(failed("create", &shelf))?;
    let lock = shelf.join("lock");
    let _held = loop {
        if let Some(file) = lock_file(&lock).await? {
            break file;
        }
    };
    let tree = match newest(&shelf)? {
        Some((tree, age)) if age < MAX_AGE.min(age_of_authorities()) => tree,
        older => match (build(&shelf, suite, progress).await, older) {
            (Ok(tree), _) => tree,
            (Err(error @ SandboxError::Base { .. }), Some((tree, age))) => {
                let days = age.as_secs() / (24 * 60 * 60);
                progress(&format!(
                    "{error}; going on with the one of {days} days ago"
                ));
                tree
            }
            (Err(error), _) => return Err(error),
        },
    };
    claim(&tree, directory)?;
    discard_unused(&shelf, &tree).await
}

/// How long ago the host began to trust somebody, or ceased to.
fn age_of_authorities() -> Duration {
    let changed = std::fs::metadata(AUTHORITIES).and_then(|found| found.modified());
    let age = changed.ok().and_then(|changed| changed.elapsed().ok());
    age.unwrap_or(Duration::MAX)
}

/// Whether the tree under a sandbox is still there.
pub(super) fn is_under(directory: &Path) -> bool {
    directory.join(LINK).join("usr").is_dir()
}

/// The youngest tree of the present recipe, with its age.
fn newest(shelf: &Path) -> Result<Option<(PathBuf, Duration)>, SandboxError> {
    let now = unix_now();
    let youngest = trees(shelf)?
        .into_iter()
        .filter_map(|name| Some((parse_name(&name)?, name)))
        .filter(|((recipe, _), _)| *recipe == RECIPE)
        .max();
    Ok(youngest.map(|((_, built), name)| {
        (
            shelf.join(name),
            now.saturating_sub(Duration::from_secs(built)),
        )
    }))
}

fn trees(shelf: &Path) -> Result<Vec<String>, SandboxError> {
    let entries = std::fs::read_dir(shelf).map_err(failed("read", shelf))?;
    let names = entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok());
    Ok(names.filter(|name| parse_name(name).is_some()).collect())
}

/// `r1-1700000000`: the recipe, and when it was built.
fn parse_name(name: &str) -> Option<(u32, u64)> {
    let (recipe, built) = name.strip_prefix('r')?.split_once('-')?;
    Some((recipe.parse().ok()?, built.parse().ok()?))
}

async fn build(shelf: &Path, suite: &str, progress: Progress<'_>) -> Result<PathBuf, SandboxError> {
    progress(&format!(
        "building the base tree of {suite} (once; about 30 s)"
    ));
    let tree = shelf.join(format!("r{RECIPE}-{}", unix_now().as_secs()));
    let os_release = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let archive = archive::of_suite(suite, &os_release, &archive::host_sources());
    let dump = host::unprivileged("apt-config", ["dump"]).await;
    let dump = dump.map(|output| output.stdout).unwrap_or_default();
    let settings = archive::apt_settings(&String::from_utf8_lossy(&dump));
    let keyring = archive.keyring.unwrap_or("-");
    let has_keys = keyring == "-" || Path::new(keyring).exists();
    let keys = if has_keys { "-" } else { &archive.keys };

    let log = shelf.join("build.log");
    let output = File::create(&log).map_err(failed("create", &log))?;
    let errors = output.try_clone().map_err(failed("open", &log))?;
    let mut settings_file = tempfile::tempfile().map_err(failed("create", shelf))?;
    settings_file
        .write_all(settings.as_bytes())
        .map_err(failed("write", shelf))?;
    std::io::Seek::rewind(&mut settings_file).map_err(failed("read", shelf))?;

    let tree_text = tree.to_string_lossy();
    let fixed = [
        "-c",
        SCRIPT,
        "base.sh",
        &tree_text,
        suite,
        archive.components,
        keyring,
        keys,
        &archive.mirror,
    ];
    let arguments = fixed
        .into_iter()
        .chain(archive.optional.iter().map(String::as_str));
    let status = host::privileged_command("sh", arguments)
        .stdin(settings_file)
        .stdout(output)
        .stderr(errors)
        .status()
        .await
        .map_err(|source| SandboxError::Start {
            program: "sh".to_owned(),
            source,
        })?;
    if status.success() && tree.is_dir() {
        return Ok(tree);
    }
    let said = std::fs::read_to_string(&log).unwrap_or_default();
    let mut detail = host::last_lines(&said, 6);
    if detail.is_empty() {
        detail = status.to_string();
    }
    Err(SandboxError::Base {
        suite: suite.to_owned(),
        detail,
        log,
    })
}

/// Notes in the cache that a sandbox stands on a tree, and in the sandbox which one it is.
fn claim(tree: &Path, directory: &Path) -> Result<(), SandboxError> {
    let users = users(tree);
    std::fs::create_dir_all(&users).map_err(failed("create", &users))?;
    let name = directory.to_string_lossy().replace('/', "+");
    for (link, target) in [(users.join(name), directory), (directory.join(LINK), tree)] {
        let _ = std::fs::remove_file(&link);
        std::os::unix::fs::symlink(target, &link).map_err(failed("link", &link))?;
    }
    Ok(())
}

/// Beside a tree: a link to each sandbox that stands on it. A link to nowhere is one that is gone.
fn users(tree: &Path) -> PathBuf {
    tree.with_extension("users")
}

fn is_used(tree: &Path) -> bool {
    let links = std::fs::read_dir(users(tree))
        .into_iter()
        .flatten()
        .flatten();
    let mut used = false;
    for link in links.map(|entry| entry.path()) {
        if link.join(LINK).read_link().is_ok_and(|under| under == tree) {
            used = true;
        } else {
            let _ = std::fs::remove_file(link);
        }
    }
    used
}

/// Removes the trees that are neither the present one nor under any sandbox.
async fn discard_unused(shelf: &Path, present: &Path) -> Result<(), SandboxError> {
    for name in trees(shelf)? {
        let tree = shelf.join(name);
        if tree == present || is_used(&tree) {
            continue;
        }
        let action = || format!("remove {}", tree.display());
        let paths = [Path::new("-rf"), Path::new("--"), &tree, &users(&tree)];
        host::expect_success(&host::privileged("rm", paths).await?, action)?;
    }
    Ok(())
}

fn unix_now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tree_names_carry_recipe_and_time() {
        assert_eq!(parse_name("r1-1700000000"), Some((1, 1_700_000_000)));
        for other in [
            "lock",
            "build.log",
            "r1-1700000000.users",
            "r1-1700000000.work",
            "x1-1",
        ] {
            assert_eq!(parse_name(other), None, "{other}");
        }
    }

    #[test]
    fn the_youngest_tree_of_the_present_recipe_counts() {
        let shelf = tempfile::tempdir().expect("a temporary directory");
        let other = RECIPE - 1;
        for name in [
            format!("r{other}-9999999999"),
            format!("r{RECIPE}-1700000000"),
            format!("r{RECIPE}-1700000001"),
            format!("r{RECIPE}-1700000002.work"),
        ] {
            std::fs::create_dir(shelf.path().join(name)).expect("a tree");
        }
        let (tree, age) = newest(shelf.path())
            .expect("a readable shelf")
            .expect("a tree");
        assert!(tree.ends_with(format!("r{RECIPE}-1700000001")));
        assert!(age > MAX_AGE);
    }

    #[test]
    fn a_tree_is_used_as_long_as_its_sandbox_exists() {
        let place = tempfile::tempdir().expect("a temporary directory");
        let (tree, sandbox) = (place.path().join("r1-1"), place.path().join("sandbox"));
        for directory in [&tree, &sandbox] {
            std::fs::create_dir(directory).expect("a directory");
        }
        assert!(!is_used(&tree));
        claim(&tree, &sandbox).expect("a claim");
        assert!(is_used(&tree));
        std::fs::remove_dir_all(&sandbox).expect("removal");
        assert!(!is_used(&tree));
    }
}
