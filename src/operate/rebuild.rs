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
/// each part begins, and last `rebuilt ID SECONDS`: which backup that was, and when it was made. If the
/// repository cannot be opened, it names those that have copies.
#[must_use]
pub fn script(repository: &str, copies: &[String], backup: Option<&str>) -> Script {
    calling("rebuild", repository, copies, backup)
}

/// The script that brings the generations of a backup alone, to be read before anything else is
/// done. It reads [`given`], too.
#[must_use]
pub fn look_inside(repository: &str, backup: Option<&str>) -> Script {
    calling("look_inside", repository, &[], backup)
}

fn calling(
    function: &'static str,
    repository: &str,
    copies: &[String],
    backup: Option<&str>,
) -> Script {
    let mut script = host::program();
    script
        .assign("repository", repository)
        .assign("copies", &copies.join(" "))
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

/// The script that removes what the other one has left for the case that it is done again. If all
/// came from a copy, no backup was begun yet: it begins one.
#[must_use]
pub fn clear_up() -> Script {
    let mut script = Script::new();
    script
        .raw("[ ! -e /var/lib/foobar-stack-rebuild/of-a-copy ] || systemctl start --no-block foobar-stack-backup.service\n")
        .call("rm -rf --", ["/var/lib/foobar-stack-rebuild"]);
    script
}
