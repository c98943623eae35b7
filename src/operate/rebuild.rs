//! A site comes back on an empty server: what a backup holds, before an apply makes the rest.

use crate::host;
use crate::shell::Script;
use crate::types::SecretValue;
use std::collections::BTreeMap;
use std::io::Write as _;

/// The parts of the program of the role backup that are needed before that is there.
const PARTS: [&str; 3] = [
    include_str!("../../templates/backup/repository.sh"),
    include_str!("../../templates/backup/dump.sh"),
    include_str!("../../templates/backup/instance.sh"),
];

/// The script that brings everything but what an apply makes. It reads [`given`], prints a line as
/// each part begins, and last `rebuilt ID SECONDS`: which backup that was, and when it was made.
#[must_use]
pub fn script(repository: &str, backup: Option<&str>) -> Script {
    calling("rebuild", repository, backup)
}

/// The script that brings the generations of a backup alone, to be read before anything else is
/// done. It reads [`given`], too.
#[must_use]
pub fn look_inside(repository: &str, backup: Option<&str>) -> Script {
    calling("look_inside", repository, backup)
}

fn calling(function: &'static str, repository: &str, backup: Option<&str>) -> Script {
    let mut script = host::program();
    script
        .assign("repository", repository)
        .assign("wanted", backup.unwrap_or_default());
    for part in PARTS {
        script.raw(part);
    }
    script
        .raw(include_str!("rebuild.sh"))
        .call(function, [] as [&str; 0]);
    script
}

/// What [`script`] reads: the key of the repository, and the environment of restic.
#[must_use]
pub fn given(key: &[u8], environment: &BTreeMap<&str, &SecretValue>) -> Vec<u8> {
    let mut text = key.trim_ascii_end().to_vec();
    text.push(b'\n');
    for (name, value) in environment {
        let _ = write!(text, "{name}=");
        text.extend_from_slice(value.expose());
        text.push(b'\n');
    }
    text
}

/// The script that removes what the other one has left for the case that it is done again.
#[must_use]
pub fn clear_up() -> Script {
    let mut script = Script::new();
    script.call("rm -rf --", ["/var/lib/foobar-stack-rebuild"]);
    script
}
