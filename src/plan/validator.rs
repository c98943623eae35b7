//! Which programs are asked about configuration before a run touches anything.

use super::Stack;
use crate::resource::{ExecutionPlan, Owned};
use crate::types::AbsolutePath;

/// A program that is shown the future `/etc` before it becomes true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validator {
    /// The role it belongs to.
    pub role: String,
    /// Its name.
    pub name: String,
    /// The words of the command; another status than 0 refuses the run.
    pub command: Vec<String>,
    /// It runs when a change touches one of these paths or what lies below them, and when a
    /// service that reads files there is started, restarted or reloaded.
    pub paths: Vec<AbsolutePath>,
}

/// What a validator is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// Files that the run changes.
    New,
    /// What is there already, which a service is about to read.
    Present,
}

impl Shown {
    /// For people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "the new configuration",
            Self::Present => "the present configuration",
        }
    }
}

/// The validators of what changes, and of what services read: somebody may have broken that.
#[must_use]
pub fn affected<'a>(stack: &'a Stack, work: &ExecutionPlan) -> Vec<(&'a Validator, Shown)> {
    let read = read_by(stack, work);
    let shown = |validator: &'a Validator| {
        let changes = work.future.iter().any(|one| {
            let path = one.path().as_str();
            validator
                .paths
                .iter()
                .any(|prefix| is_below(path, prefix.as_str()))
        });
        let reads = || {
            let mut paths = validator.paths.iter();
            paths.any(|folder| read.iter().any(|pattern| meet(pattern, folder.as_str())))
        };
        let shown = match (changes, reads) {
            (true, _) => Shown::New,
            (false, reads) if reads() => Shown::Present,
            _ => return None,
        };
        Some((validator, shown))
    };
    stack.validators.iter().filter_map(shown).collect()
}

/// The paths that services read in this plan, with `*` for anything.
fn read_by(stack: &Stack, work: &ExecutionPlan) -> Vec<String> {
    let owned = stack.resources.iter().flat_map(|one| one.spec.owned());
    let reads = owned.filter_map(|owned| match owned {
        Owned::Service { name, reads } if work.readers.contains(&name) => Some(reads),
        _ => None,
    });
    let patterns = reads.flatten().map(|reading| reading.pattern);
    patterns
        .filter_map(|pattern| pattern.strip_prefix("file:").map(ToOwned::to_owned))
        .collect()
}

/// Whether a path is this one, or lies below it.
fn is_below(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a path that fits the pattern may lie at or below this one.
fn meet(pattern: &str, folder: &str) -> bool {
    match pattern.split_once('*') {
        Some((start, _)) => {
            folder.starts_with(start) || is_below(start.trim_end_matches('/'), folder)
        }
        None => is_below(pattern, folder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_reads_below_a_folder_or_a_file() {
        for (pattern, folder, expected) in [
            ("/etc/nginx/*", "/etc/nginx", true),
            ("/etc/nginx/*", "/etc/nginx/conf.d", true),
            ("/etc/nginx/conf.d/*.conf", "/etc/nginx", true),
            ("/etc/nftables.conf", "/etc/nftables.conf", true),
            ("/etc/mysql/my.cnf", "/etc/mysql", true),
            ("/etc/*", "/etc/mysql", true),
            ("/etc/nginx/*", "/etc/nginx-extra", false),
            ("/etc/nftables.conf", "/etc/nftables", false),
            (
                "/etc/systemd/system/a.timer",
                "/etc/systemd/system/a@.service",
                false,
            ),
        ] {
            assert_eq!(meet(pattern, folder), expected, "{pattern} {folder}");
        }
    }
}
