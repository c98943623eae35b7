//! Secrets that several servers have: what a server made once, the others get from it.

use crate::shell::Script;
use crate::types::{AbsolutePath, SecretValue};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use std::collections::BTreeMap;

/// The script that prints those of these files that are there. Nobody may be shown what it prints.
#[must_use]
pub fn script<'a>(paths: impl IntoIterator<Item = &'a AbsolutePath>) -> Script {
    let mut script = Script::new();
    script
        .raw(include_str!("shared_secrets.sh"))
        .call("print_secrets", paths);
    script
}

/// Reads what [`script`] printed. A file with nothing in it is no secret.
#[must_use]
pub fn parse(printed: &str) -> BTreeMap<AbsolutePath, SecretValue> {
    let line = |line: &str| {
        let (content, path) = line.split_once('\x1f')?;
        let content = BASE64_STANDARD.decode(content).ok()?;
        let path = AbsolutePath::new(path).ok()?;
        (!content.is_empty()).then(|| (path, SecretValue::new(content)))
    };
    printed.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_read() {
        let read = parse("c2VjcmV0Cg==\x1f/etc/a\n\x1f/etc/empty\n");
        let found: Vec<_> = read
            .iter()
            .map(|(path, it)| (path.as_str(), it.expose()))
            .collect();
        assert_eq!(found, [("/etc/a", &b"secret\n"[..])]);
    }
}
