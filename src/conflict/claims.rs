//! What on a server is the stack's own, by the server's notes.

use crate::facts::Facts;
use crate::resource::{Claim, Managed, Owned, Resource};

/// What on a server is the stack's own, by the server's notes.
#[derive(Debug, Clone, Default)]
pub struct Claims {
    pub(super) managed: Vec<Managed>,
    pub(super) made: Vec<Managed>,
}

impl Claims {
    /// Reads the notes that came with the facts.
    #[must_use]
    pub fn of(facts: &Facts) -> Self {
        let read = |line: &String| Managed::parse(line);
        // Not recorded yet, so of no role.
        let note = |line: &String| Managed::parse(&format!("made\t\t{line}"));
        Self {
            managed: facts.managed.iter().filter_map(read).collect(),
            made: facts.made.iter().filter_map(note).collect(),
        }
    }

    /// The domains of the sites that runs have set up there.
    pub(super) fn domains(&self) -> Vec<&str> {
        // Its folder of pages may have been left behind; this is not.
        fn site(path: &str) -> Option<&str> {
            path.strip_prefix("/etc/nginx/sites-available/")?
                .strip_suffix(".conf")
        }
        let found = self
            .managed
            .iter()
            .filter_map(|managed| match &managed.owned {
                Owned::Path(path) if managed.role == "web" => site(path.as_str()),
                _ => None,
            });
        found.collect()
    }

    /// The files that Nginx reads as a whole and that runs have written.
    pub(super) fn nginx_files(&self) -> Vec<String> {
        let read = |path: &str| {
            ["/etc/nginx/conf.d/", "/etc/nginx/sites-enabled/"]
                .iter()
                .any(|folder| path.starts_with(folder))
        };
        let all = self.managed.iter().chain(&self.made);
        all.filter_map(|managed| match &managed.owned {
            Owned::Path(path) if read(path.as_str()) => Some(path.to_string()),
            _ => None,
        })
        .collect()
    }

    /// Whether a run has set up this service.
    pub(super) fn service(&self, unit: &str) -> bool {
        let is = |managed: &Managed| matches!(&managed.owned, Owned::Service { name, .. } if name == unit);
        self.managed.iter().chain(&self.made).any(is)
    }

    /// The units of the services that runs have set up, with `*` for anything: those of an app
    /// that has another name by now, too.
    pub(super) fn units(&self) -> Vec<String> {
        let mut all = Vec::new();
        for managed in self.managed.iter().chain(&self.made) {
            if let Owned::Service { name, .. } = &managed.owned {
                // A slot is a target, which starts its instances.
                all.extend(name.strip_suffix(".target").map(|slot| format!("{slot}@*")));
                all.push(name.clone());
            }
        }
        all
    }

    /// Whether a run has made this package.
    pub(super) fn package(&self, package: &str) -> bool {
        let is =
            |managed: &Managed| matches!(&managed.owned, Owned::Package(name) if name == package);
        self.managed
            .iter()
            .chain(&self.made)
            .any(|managed| managed.made && is(managed))
    }

    /// Whose the resource is.
    #[must_use]
    pub fn claim(&self, resource: &Resource) -> Claim {
        let owned = resource.spec.owned();
        let is = |managed: &&Managed| owned.iter().any(|owned| owned.is(&managed.owned));
        let found = self.made.iter().chain(&self.managed);
        match found.filter(is).map(|managed| managed.made).max() {
            Some(true) => Claim::Made,
            Some(false) => Claim::Adopted,
            None => Claim::Foreign,
        }
    }
}
