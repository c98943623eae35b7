//! The order of the roles: each after those it names, else by name.

use super::manifest::Manifest;
use crate::diagnostic::{Diagnostic, Diagnostics, nearest};

/// Puts the roles in order. Of those that could come next, the first by name comes.
pub(super) fn order(mut manifests: Vec<Manifest>) -> Result<Vec<Manifest>, Diagnostics> {
    manifests.sort_by(|a, b| a.name.cmp(&b.name));
    let names: Vec<String> = manifests
        .iter()
        .map(|manifest| manifest.name.clone())
        .collect();
    for manifest in &manifests {
        for after in &manifest.after {
            if !names.contains(after.get_ref()) {
                let message = format!("there is no role `{}`", after.get_ref());
                let diagnostic = Diagnostic::new(&manifest.source, after.span(), message);
                let near = nearest(after.get_ref(), names.iter().map(String::as_str));
                let help = near.map_or_else(
                    || format!("known are {}", names.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                return Err(diagnostic.help(help).into());
            }
        }
    }
    let mut ordered: Vec<Manifest> = Vec::new();
    while !manifests.is_empty() {
        let is_ready = |manifest: &Manifest| {
            let done = |name: &String| ordered.iter().any(|earlier| earlier.name == *name);
            manifest.after.iter().all(|after| done(after.get_ref()))
        };
        match manifests.iter().position(is_ready) {
            Some(place) => ordered.push(manifests.remove(place)),
            None => {
                let waiting: Vec<&str> = manifests
                    .iter()
                    .map(|manifest| manifest.name.as_str())
                    .collect();
                let message = format!("roles wait for each other: {}", waiting.join(", "));
                let first = &manifests[0];
                let span = first.after.first().map_or(0..0, toml::Spanned::span);
                return Err(Diagnostic::new(&first.source, span, message).into());
            }
        }
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    use super::super::{RoleSource, Roles, builtin};
    use crate::diagnostic::Source;
    use std::collections::BTreeMap;

    fn role(name: &str, manifest: &str) -> RoleSource {
        RoleSource {
            name: name.into(),
            manifest: Source::new(name, manifest),
            templates: BTreeMap::new(),
        }
    }

    #[test]
    fn roles_come_after_those_they_name() {
        let sources = [role("a", "after = [\"c\"]"), role("b", ""), role("c", "")];
        let roles = Roles::read(&sources).unwrap();
        assert_eq!(roles.names().collect::<Vec<_>>(), ["b", "c", "a"]);
    }

    #[test]
    fn a_circle_and_a_missing_role_are_mistakes() {
        let circle = [role("a", "after = [\"b\"]"), role("b", "after = [\"a\"]")];
        assert!(
            Roles::read(&circle)
                .unwrap_err()
                .to_string()
                .contains("wait for each other: a, b")
        );
        let missing = [role("a", "after = [\"bsae\"]"), role("base", "")];
        assert!(
            Roles::read(&missing)
                .unwrap_err()
                .to_string()
                .contains("no role `bsae`")
        );
    }

    #[test]
    fn the_built_in_roles_are_in_order() {
        let roles = Roles::read(&builtin()).unwrap();
        let names: Vec<_> = roles.names().collect();
        assert_eq!(
            names,
            [
                "base", "cache", "database", "app", "dns", "firewall", "fail2ban", "jobs", "sshd",
                "tls", "upgrades", "web", "acme", "backup"
            ]
        );
    }
}
