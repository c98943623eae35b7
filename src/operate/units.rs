//! The units of a stack, by the role that has them.
//!
//! They are what the compiled stack says: services it wants, units whose files it writes, and
//! units its checks ask for. No list of names is kept anywhere else.

use super::one_off;
use crate::check::Question;
use crate::plan::Stack;
use std::collections::{BTreeMap, BTreeSet};

/// Where the files of units stand.
const UNIT_FOLDER: &str = "/etc/systemd/system/";

/// Names of units by role, in the order of the stack. A template (`app@.service`) stands as the
/// pattern that its instances fit (`app@*.service`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Units(Vec<(String, Vec<String>)>);

/// The units of a stack; `date` is the server's, as `YYYYMMDD`.
#[must_use]
pub fn units(stack: &Stack, date: &str) -> Units {
    let mut all: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut add = |role: &str, unit: &str| {
        if let Some(known) = stack.roles.iter().find(|known| *known == role) {
            let name = unit.replace("@.", "@*.");
            let names = all.entry(known).or_default();
            if !names.contains(&name) {
                names.push(name);
            }
        }
    };
    for resource in &stack.resources {
        if resource.id.kind == "service" {
            add(&resource.role, &resource.id.name);
        }
        for file in resource.spec.rendered(date) {
            let name = file.path.as_str().strip_prefix(UNIT_FOLDER);
            let name = name.filter(|name| !name.contains('/') && name.ends_with(".service"));
            if let Some(name) = name {
                add(&resource.role, name);
            }
        }
    }
    for check in &stack.checks {
        match &check.question {
            Question::Unit(unit) => add(&check.role, unit.name.as_str()),
            Question::Deployment(deployment) => add(&check.role, &one_off::units(deployment)),
            _ => {}
        }
    }
    // Instances that are named stand for their template.
    for names in all.values_mut() {
        let named = names.clone();
        names.retain(|pattern| {
            !named
                .iter()
                .any(|name| name != pattern && fits(pattern, name))
        });
    }
    let ordered = stack
        .roles
        .iter()
        .filter_map(|role| Some((role.clone(), all.remove(role.as_str())?)));
    Units(ordered.collect())
}

impl Units {
    /// The roles that have units.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(role, _)| role.as_str())
    }

    /// The units of a role.
    #[must_use]
    pub fn of(&self, role: &str) -> &[String] {
        let found = self.0.iter().find(|(known, _)| known == role);
        found.map_or(&[], |(_, units)| units)
    }

    /// The role of a unit that runs; nothing if it is no unit of the stack.
    #[must_use]
    pub fn role(&self, unit: &str) -> String {
        let found = self.all().find(|(_, pattern)| fits(pattern, unit));
        found.map_or(String::new(), |(role, _)| role.to_owned())
    }

    /// Every unit once, with the first role that has it.
    pub fn all(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut seen = BTreeSet::new();
        self.0
            .iter()
            .flat_map(|(role, units)| units.iter().map(|unit| (role.as_str(), unit.as_str())))
            .filter(move |(_, unit)| seen.insert(*unit))
    }
}

/// Whether a name is, or fits, what stands among units.
fn fits(pattern: &str, unit: &str) -> bool {
    match pattern.split_once('*') {
        Some((head, tail)) => unit.starts_with(head) && unit.ends_with(tail),
        None => unit == pattern,
    }
}

#[cfg(test)]
impl Units {
    /// Units of a test.
    pub(super) fn of_roles(roles: &[(&str, &[&str])]) -> Self {
        let own = |units: &[&str]| units.iter().map(|&unit| unit.to_owned()).collect();
        Self(
            roles
                .iter()
                .map(|(role, units)| ((*role).to_owned(), own(units)))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Units {
        let app = ["foobar-app.service", "foobar-app@*.service"];
        Units::of_roles(&[("app", &app), ("web", &["nginx.service"])])
    }

    #[test]
    fn an_instance_belongs_to_the_role_of_its_template() {
        let units = known();
        for (unit, role) in [
            ("nginx.service", "web"),
            ("foobar-app@blue.service", "app"),
            ("foobar-app.service", "app"),
            ("ssh.service", ""),
        ] {
            assert_eq!(units.role(unit), role, "{unit}");
        }
        assert_eq!(units.all().count(), 3);
        assert_eq!(units.of("web"), ["nginx.service"]);
        assert!(units.of("dns").is_empty());
    }

    #[test]
    fn what_two_roles_watch_stands_once_among_all() {
        let units = Units::of_roles(&[
            ("web", &["nginx.service"]),
            ("watch", &["nginx.service", "cron.service"]),
        ]);
        assert_eq!(units.of("watch"), ["nginx.service", "cron.service"]);
        let all: Vec<_> = units.all().collect();
        assert_eq!(all, [("web", "nginx.service"), ("watch", "cron.service")]);
    }
}
