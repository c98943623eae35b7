//! Where sandboxes are remembered: one directory each, a lock over all of them. Starts nothing.

use std::fs::File;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};

use super::{Sandbox, SandboxError};

/// The file that says what a sandbox is.
const DESCRIPTION: &str = "sandbox.json";
/// Exists as soon as a sandbox has answered for the first time.
const READY: &str = "ready";
/// Locked by the `up` that is at work on a sandbox.
const MAKING: &str = "making";
const LOCK: &str = ".lock";

/// The directory all sandboxes of this user live in.
#[derive(Debug, Clone)]
pub(super) struct Store {
    root: PathBuf,
}

/// The store, held: nobody else makes or forgets a sandbox meanwhile.
#[derive(Debug)]
pub(super) struct HeldStore {
    store: Store,
    lock: File,
}

/// What is known about one directory of the store.
#[derive(Debug)]
pub(super) enum Entry {
    /// It answered once.
    Complete(Sandbox),
    /// An `up` is at work on it.
    Making(Option<Sandbox>),
    /// An `up` was cut short.
    HalfMade(Option<Sandbox>),
}

impl Store {
    /// The store the environment names.
    pub(super) fn open() -> Result<Self, SandboxError> {
        let root = environment("FOOBAR_STACK_STATE")
            .or_else(|| user_directory("XDG_STATE_HOME", ".local/state"))
            .ok_or(SandboxError::NoHome {
                what: "the sandboxes",
            })?;
        let root = std::path::absolute(root.join("sandbox"))
            .map_err(failed("resolve", Path::new("sandbox")))?;
        Ok(Self { root })
    }

    /// The store a sandbox lives in.
    pub(super) fn of(sandbox: &Sandbox) -> Self {
        Self::around(&sandbox.directory)
    }

    /// The store that a sandbox's directory is in.
    pub(super) fn around(directory: &Path) -> Self {
        let root = directory.parent().unwrap_or(directory).to_owned();
        Self { root }
    }

    /// A short name of this store that no other store on the machine has.
    pub(super) fn id(&self) -> String {
        let root = self
            .root
            .canonicalize()
            .unwrap_or_else(|_| self.root.clone());
        let digest = Sha256::digest(root.as_os_str().as_encoded_bytes());
        digest
            .iter()
            .take(3)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Where the sandbox of that name lives, or would.
    pub(super) fn directory(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The names of all sandboxes, sorted.
    pub(super) fn names(&self) -> Result<Vec<String>, SandboxError> {
        let entries = match std::fs::read_dir(&self.root) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed("read", &self.root)(error)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(failed("read", &self.root))?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if is_name(&name) && entry.path().is_dir() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// What is known of one sandbox; `None` if there is none of that name.
    pub(super) fn entry(&self, name: &str) -> Option<Entry> {
        let directory = self.directory(name);
        if !is_name(name) || !directory.is_dir() {
            return None;
        }
        let sandbox = read(&directory).ok();
        let making = File::open(directory.join(MAKING))
            .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared).is_err());
        Some(match sandbox {
            sandbox if making => Entry::Making(sandbox),
            Some(sandbox) if directory.join(READY).exists() => Entry::Complete(sandbox),
            sandbox => Entry::HalfMade(sandbox),
        })
    }

    /// Waits until the store is ours. The lock dies with its holder.
    pub(super) async fn hold(&self) -> Result<HeldStore, SandboxError> {
        let path = self.root.join(LOCK);
        loop {
            std::fs::create_dir_all(&self.root).map_err(failed("create", &self.root))?;
            let Some(file) = lock_file(&path).await? else {
                continue;
            };
            return Ok(HeldStore {
                store: self.clone(),
                lock: file,
            });
        }
    }
}

impl HeldStore {
    /// The store that is held.
    pub(super) fn store(&self) -> &Store {
        &self.store
    }

    /// A standard input that keeps the store held until the program that got it ends, even if we
    /// are killed before.
    pub(super) fn stdin(&self) -> Result<Stdio, SandboxError> {
        let lock = self.lock.try_clone();
        lock.map(Stdio::from)
            .map_err(failed("open", &self.store.root))
    }

    /// Makes the directory of a new sandbox, which holds keys. The returned file marks it as being worked on.
    pub(super) fn create(&self, name: &str) -> Result<(PathBuf, File), SandboxError> {
        let directory = self.store.directory(name);
        let mut private = std::fs::DirBuilder::new();
        private
            .mode(0o700)
            .create(&directory)
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::AlreadyExists => SandboxError::Taken {
                    name: name.to_owned(),
                },
                _ => failed("create", &directory)(error),
            })?;
        let path = directory.join(MAKING);
        let file = File::create(&path).map_err(failed("create", &path))?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)
            .map_err(|error| failed("lock", &path)(error.into()))?;
        Ok((directory, file))
    }

    /// Forgets the store itself; only for when nothing is left in it.
    pub(super) fn forget(self) -> Result<(), SandboxError> {
        let lock = self.store.root.join(LOCK);
        std::fs::remove_file(&lock).map_err(failed("remove", &lock))?;
        // Its parents stay unless they are empty too.
        let _ = std::fs::remove_dir(&self.store.root);
        if let Some(parent) = self.store.root.parent() {
            let _ = std::fs::remove_dir(parent);
        }
        Ok(())
    }
}

/// Locks a file, made if need be; `None` if somebody removed it meanwhile.
pub(super) async fn lock_file(path: &Path) -> Result<Option<File>, SandboxError> {
    let file = match File::options().create(true).append(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("open", path)(error)),
    };
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => break,
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(error) => return Err(failed("lock", path)(error.into())),
        }
    }
    let held = file.metadata().map_err(failed("read", path))?;
    let same = std::fs::metadata(path)
        .is_ok_and(|named| (named.dev(), named.ino()) == (held.dev(), held.ino()));
    Ok(same.then_some(file))
}

/// Writes down what a sandbox is.
pub(super) fn write(sandbox: &Sandbox) -> Result<(), SandboxError> {
    let path = sandbox.directory.join(DESCRIPTION);
    let text =
        serde_json::to_string_pretty(sandbox).map_err(|source| SandboxError::Description {
            path: path.clone(),
            source,
        })?;
    write_file(&path, &text)
}

/// Notes that a sandbox has answered.
pub(super) fn mark_ready(directory: &Path) -> Result<(), SandboxError> {
    write_file(&directory.join(READY), "")
}

/// Writes a file so that it is there as a whole or not at all.
pub(super) fn write_file(path: &Path, text: &str) -> Result<(), SandboxError> {
    let new = path.with_extension("new");
    std::fs::write(&new, text).map_err(failed("write", &new))?;
    std::fs::rename(&new, path).map_err(failed("write", path))
}

fn read(directory: &Path) -> Result<Sandbox, SandboxError> {
    let path = directory.join(DESCRIPTION);
    let text = std::fs::read_to_string(&path).map_err(failed("read", &path))?;
    serde_json::from_str(&text).map_err(|source| SandboxError::Description { path, source })
}

/// The directory for one of the program's purposes, as the environment has it.
pub(super) fn user_directory(variable: &str, below_home: &str) -> Option<PathBuf> {
    environment(variable)
        .or_else(|| environment("HOME").map(|home| home.join(below_home)))
        .map(|directory| directory.join("foobar-stack"))
}

fn environment(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// Makes an I/O error say what was being done to which file.
pub(super) fn failed(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(std::io::Error) -> SandboxError {
    let path = path.to_owned();
    move |source| SandboxError::File {
        action,
        path,
        source,
    }
}

/// Whether a text may be a sandbox's name, which is also its host name.
pub(super) fn is_name(name: &str) -> bool {
    name.len() <= 30
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with('-')
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// The first of `wish`, `wish-2`, `wish-3`… that nobody has.
pub(super) fn free_name(wanted: &str, taken: &[String]) -> String {
    let is_free = |name: &String| !taken.contains(name);
    if is_free(&wanted.to_owned()) {
        return wanted.to_owned();
    }
    let mut number = 2_u32;
    loop {
        let name = format!("{wanted}-{number}");
        if is_free(&name) {
            return name;
        }
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_host_names() {
        for good in ["a", "trixie", "trixie-2", "b4"] {
            assert!(is_name(good), "{good}");
        }
        let long = "a".repeat(31);
        for bad in [
            "",
            "-a",
            "a-",
            "A",
            "4b",
            "a b",
            "a/b",
            "..",
            ".lock",
            long.as_str(),
        ] {
            assert!(!is_name(bad), "{bad}");
        }
    }

    #[test]
    fn a_free_name_is_numbered() {
        let taken = |names: &[&str]| {
            names
                .iter()
                .map(|&name| name.to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(free_name("sid", &taken(&[])), "sid");
        assert_eq!(free_name("sid", &taken(&["sid", "sid-3"])), "sid-2");
        assert_eq!(free_name("sid", &taken(&["sid", "sid-2"])), "sid-3");
    }

    #[tokio::test]
    async fn an_interrupted_making_shows() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = Store {
            root: directory.path().join("sandbox"),
        };
        let held = store.hold().await.expect("the lock");
        let (_, making) = held.create("a").expect("a new directory");
        assert!(matches!(held.create("a"), Err(SandboxError::Taken { .. })));
        assert!(matches!(store.entry("a"), Some(Entry::Making(None))));
        drop(making);
        assert!(matches!(store.entry("a"), Some(Entry::HalfMade(None))));
        assert!(store.entry("b").is_none());
        assert_eq!(store.names().expect("the names"), ["a"]);
    }

    #[tokio::test]
    async fn the_lock_is_exclusive_and_forgotten_with_the_store() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = Store {
            root: directory.path().join("state/sandbox"),
        };
        let held = store.hold().await.expect("the lock");
        let second = tokio::time::timeout(Duration::from_millis(80), store.hold()).await;
        assert!(second.is_err());
        held.forget().expect("nothing left");
        assert!(!directory.path().join("state").exists());
        store.hold().await.expect("a new lock");
    }
}
