//! What the stack owns on the server, and what it owned once.
//!
//! The server has a record of it, which a proven run writes. What stands there and is not in
//! the stack any more is an orphan: it becomes a resource that should be gone, so that a plan
//! shows it and a run removes it, like everything else. Only what a run of ours *made* is ever
//! removed; what was there before is left as it is, and forgotten. Data and packages stay, and
//! in the record, until somebody asks for their removal.

use super::absent::Absent;
use super::orphan::Orphan;
use super::orphan_package::OrphanPackage;
use super::record::Managed;
use super::retired::Retired;
use crate::resource::{Change, Data, Observed, Owned, Reading, Resource, ResourceId, Spec, State};

/// What may be removed beside files, links and services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Removal {
    /// Data.
    pub data: bool,
    /// Packages.
    pub packages: bool,
}

/// The resource that says that something should be gone.
fn without(owned: &Owned, removal: Removal) -> Spec {
    match owned {
        Owned::Path(path) => Spec::Absent(Absent::orphaned(path.clone())),
        Owned::Service { name, .. } => Spec::Retired(Retired::new(name)),
        Owned::Data(data) => Spec::Orphan(Orphan::new(data.clone(), removal.data)),
        Owned::Package(name) => Spec::OrphanPackage(OrphanPackage::new(name, removal.packages)),
    }
}

/// Adds to the stack what left it: everything the record has, a run of ours made, and no
/// resource owns any more.
pub fn retire(resources: &mut Vec<Resource>, record: &[Managed], removal: Removal) {
    let owned: Vec<Owned> = resources
        .iter()
        .flat_map(|resource| resource.spec.owned())
        .collect();
    let known = record.iter().map(|managed| &managed.owned);
    let reads: Vec<&Reading> = owned
        .iter()
        .chain(known)
        .filter_map(|owned| match owned {
            Owned::Service { reads, .. } => Some(reads),
            _ => None,
        })
        .flatten()
        .collect();
    let mut left: Vec<&Managed> = record
        .iter()
        .filter(|managed| managed.made && !owned.iter().any(|owned| owned.is(&managed.owned)))
        .collect();
    // Services stop before their files go; a folder goes after what is in it, an account after
    // all that may be its own, and packages last.
    left.sort_by_key(|managed| {
        let deep = |path: &str| usize::MAX - path.len();
        match &managed.owned {
            Owned::Service { .. } => (0, 0),
            Owned::Path(_) => (1, 0),
            Owned::Data(data @ Data::Folder(_)) => (3, deep(data.name())),
            Owned::Data(Data::Account(_)) => (4, 0),
            Owned::Data(_) => (2, 0),
            Owned::Package(_) => (5, 0),
        }
    });
    let mut paths = 0;
    let mut gone = Vec::new();
    for managed in left {
        let mut spec = without(&managed.owned, removal);
        let id = spec.id();
        if let (Spec::Absent(absent), Owned::Path(path)) = (&mut spec, &managed.owned)
            && !path.as_str().starts_with("/etc/")
            && !reads.iter().any(|reading| id.matches(&reading.pattern))
        {
            absent.goes_last();
        }
        if resources.iter().all(|resource| resource.id != id) {
            // Paths come first: whoever has read them sees that they go.
            let place = match managed.owned {
                Owned::Path(_) => paths,
                _ => resources.len(),
            };
            if let Owned::Path(_) = managed.owned {
                gone.push(id.clone());
                paths += 1;
            }
            resources.insert(place, of_record(managed, spec));
        }
    }
    tell_readers(resources, record, &gone);
}

/// The resource that the server's record makes.
fn of_record(managed: &Managed, spec: Spec) -> Resource {
    Resource {
        id: spec.id(),
        role: managed.role.clone(),
        site: None,
        origin: "the server's record".to_owned(),
        spec,
    }
}

/// Who has read what goes has to take that, also if it is no longer part of the stack itself, or
/// not as the one who reads that: the stack's file may have been in the folder of another's
/// service.
fn tell_readers(resources: &mut Vec<Resource>, record: &[Managed], gone: &[ResourceId]) {
    for managed in record {
        let Owned::Service { name, reads } = &managed.owned else {
            continue;
        };
        let read = |reading: &&Reading| gone.iter().any(|id| id.matches(&reading.pattern));
        let reads: Vec<Reading> = reads.iter().filter(read).cloned().collect();
        let own = resources.iter_mut().find_map(|resource| {
            let own = resource.id.kind == "service" && resource.id.name == *name;
            own.then_some(&mut resource.spec)
        });
        match own {
            Some(Spec::Service(service)) => service.reads(&reads),
            // What we made stops.
            _ if managed.made || reads.is_empty() => {}
            _ => {
                let spec = Spec::orphaned_service(name, &reads);
                resources.push(of_record(managed, spec));
            }
        }
    }
}

/// Takes data and packages that the record speaks of and the server does not have any more out
/// of the stack: who makes them anew makes them his own.
pub fn forget_lost(resources: &mut Vec<Resource>, observed: &mut Vec<Observed<State>>) {
    let pairs = std::mem::take(resources)
        .into_iter()
        .zip(std::mem::take(observed));
    let lost = |resource: &Resource, observed: &Observed<State>| {
        let left = matches!(resource.spec, Spec::Orphan(_) | Spec::OrphanPackage(_));
        left && *observed == Observed::Absent
    };
    let stay = pairs.filter(|(resource, observed)| !lost(resource, observed));
    (*resources, *observed) = stay.unzip();
}

/// Adds to the stack the releases that the wanted one makes superfluous.
pub fn prune(resources: &mut Vec<Resource>, observed: &mut Vec<Observed<State>>) {
    let mut place = 0;
    while let (Some(resource), Some(found)) = (resources.get(place), observed.get(place)) {
        let old = match (&resource.spec, found) {
            (Spec::Release(release), Observed::Present(State::Release(found))) => {
                release.superseded(found)
            }
            _ => Vec::new(),
        };
        let role = resource.role.clone();
        for old in old {
            place += 1;
            let spec = Spec::OldRelease(old);
            let resource = Resource {
                id: spec.id(),
                role: role.clone(),
                site: None,
                origin: "what the server keeps".to_owned(),
                spec,
            };
            resources.insert(place, resource);
            observed.insert(place, Observed::Present(State::OldRelease(())));
        }
        place += 1;
    }
}

/// The record as it is to be after a run of this stack: a line each, where `new` stands for
/// what the executor alone knows, whether it made the thing. With `target` the other roles'
/// lines stay as they are, and so do those of the resources in `left`, which the run leaves
/// alone. The lines in `foreign` are those that are not understood; they stay, too.
#[must_use]
pub fn record(
    resources: &[Resource],
    before: &[Managed],
    foreign: &[&str],
    target: Option<&[String]>,
    left: &[ResourceId],
) -> String {
    let concerned = |role: &String| target.is_none_or(|roles| roles.contains(role));
    let (spared, resources): (Vec<&Resource>, Vec<&Resource>) = resources
        .iter()
        .filter(|resource| concerned(&resource.role))
        .partition(|resource| left.contains(&resource.id));
    let spared: Vec<Owned> = spared
        .iter()
        .flat_map(|resource| resource.spec.owned())
        .collect();
    let stays = |managed: &&Managed| {
        !concerned(&managed.role)
            || spared.iter().any(|owned| owned.is(&managed.owned))
            || left.contains(&without(&managed.owned, Removal::default()).id())
    };
    let mut text = String::new();
    for line in foreign {
        text.push_str(&format!("as-is\t{line}\n"));
    }
    for managed in before.iter().filter(stays) {
        text.push_str(&managed.line(if managed.made { "made" } else { "adopted" }));
    }
    for resource in resources {
        // It is ours until it is gone, which the executor knows.
        if matches!(resource.spec, Spec::Absent(_) | Spec::Retired(_)) {
            let goes = |managed: &&Managed| {
                managed.made && without(&managed.owned, Removal::default()).id() == resource.id
            };
            if let Some(managed) = before.iter().find(goes) {
                text.push_str(&managed.line("gone"));
            }
        }
        for owned in resource.spec.owned() {
            let known = before.iter().find(|managed| managed.owned.is(&owned));
            let made = match known {
                Some(Managed { made: true, .. }) => "made",
                Some(_) => "adopted",
                None => "new",
            };
            let managed = Managed {
                role: resource.role.clone(),
                owned,
                made: false,
                more: known.map(|known| known.more.clone()).unwrap_or_default(),
            };
            text.push_str(&managed.line(made));
        }
    }
    text
}

/// The record in which files, links, services and releases that were not known are ours. Whether
/// an account, data or a package is, nobody can say afterwards.
#[must_use]
pub fn adopt(record: &str) -> String {
    let line = |line: &str| {
        let ours = line.strip_prefix("new\t").filter(|rest| {
            let kind = rest.split('\t').nth(1);
            matches!(kind, Some("path" | "service" | "tree"))
        });
        ours.map_or_else(|| format!("{line}\n"), |rest| format!("made\t{rest}\n"))
    };
    record.lines().map(line).collect()
}

/// Whether the server has most of the stack's files, just as they should be.
#[must_use]
pub fn is_there(resources: &[Resource], observed: &[Observed<State>], changes: &[Change]) -> bool {
    let files = resources.iter().zip(observed);
    let files = files.filter(|(resource, _)| resource.id.kind == "file");
    let (there, not): (Vec<_>, Vec<_>) = files.partition(|(resource, found)| {
        found.present().is_some() && changes.iter().all(|change| change.id != resource.id)
    });
    there.len() > not.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::NoMaterials;

    #[test]
    fn only_what_was_made_and_orphan_is_retired() {
        let record = [
            "made\tx\tpath\t/etc/a",
            "adopted\tx\tpath\t/etc/b",
            "made\tx\tservice\ta.service",
        ];
        let record: Vec<Managed> = record
            .iter()
            .filter_map(|line| Managed::parse(line))
            .collect();
        let mut stack = Vec::new();
        retire(&mut stack, &record, Removal::default());
        let ids: Vec<String> = stack
            .iter()
            .map(|resource| resource.id.to_string())
            .collect();
        assert_eq!(ids, ["absent:/etc/a", "retired:a.service"]);
        // The executor forgets them when they are gone.
        assert_eq!(
            super::record(&stack, &record, &[], None, &[]),
            "gone\tx\tpath\t/etc/a\ngone\tx\tservice\ta.service\n"
        );
        // A partial run leaves the lines of other roles alone.
        let other = super::record(&[], &record, &[], Some(&["y".to_owned()]), &[]);
        assert_eq!(other.lines().count(), 3);
        // So does one that leaves an orphan alone.
        let left = [stack[0].id.clone()];
        assert_eq!(
            super::record(&stack, &record, &[], None, &left),
            "made\tx\tpath\t/etc/a\ngone\tx\tservice\ta.service\n"
        );
    }

    #[test]
    fn who_has_read_what_goes_is_told() {
        let record = [
            "made\tx\tpath\t/etc/ssh/a",
            "adopted\tx\tservice\tssh.service\treload file:/etc/ssh/*",
            "adopted\tx\tservice\tother.service\treload file:/etc/other",
            "adopted\tx\tservice\tours.service\trestart file:/etc/ssh/a",
            "made\tx\tservice\tmade.service\treload file:/etc/ssh/a",
        ];
        let record: Vec<Managed> = record
            .iter()
            .filter_map(|line| Managed::parse(line))
            .collect();
        let entry = toml::from_str("name = 'ours.service'").unwrap();
        let spec = Spec::build("service", entry, &NoMaterials).unwrap();
        let mut stack = vec![of_record(&record[3], spec)];
        retire(&mut stack, &record, Removal::default());
        let resources = stack.iter();
        let ids: Vec<String> = resources.map(|resource| resource.id.to_string()).collect();
        assert_eq!(
            ids,
            [
                "absent:/etc/ssh/a",
                "service:ours.service",
                "retired:made.service",
                "service:ssh.service"
            ]
        );
        // What stays as it is, is forgotten; what is ours has one file more to tell of.
        let after = super::record(&stack, &record, &[], None, &[]);
        assert_eq!(
            after,
            "gone\tx\tpath\t/etc/ssh/a\n\
             adopted\tx\tservice\tours.service\trestart file:/etc/ssh/a\n\
             gone\tx\tservice\tmade.service\treload file:/etc/ssh/a\n"
        );
    }

    #[test]
    fn what_is_adopted_is_what_can_be_made_again() {
        let record = "new\tx\tpath\t/etc/a\nnew\tx\taccount\tx\nadopted\tx\tpath\t/b\nas-is\tnew\tx\tpath\t/c\n";
        assert_eq!(
            adopt(record),
            "made\tx\tpath\t/etc/a\nnew\tx\taccount\tx\nadopted\tx\tpath\t/b\nas-is\tnew\tx\tpath\t/c\n"
        );
    }

    #[test]
    fn a_line_that_is_not_understood_stays() {
        let foreign = "made\tweb\tplanet\tmars\t\twith  two moons ";
        let stack = Vec::new();
        let text = super::record(&stack, &[], &[foreign], Some(&[]), &[]);
        assert_eq!(text, format!("as-is\t{foreign}\n"));
    }

    #[test]
    fn data_and_packages_stay_in_the_record_until_they_go() {
        let record = [
            "made\tx\tfolder\t/srv/x",
            "made\tx\tfolder\t/srv/x/y",
            "made\tx\tpackage\txx",
            "made\tx\tdatabase\tx",
            "made\tx\taccount\tx",
            "adopted\tx\tdatabase\told",
        ];
        let record: Vec<Managed> = record
            .iter()
            .filter_map(|line| Managed::parse(line))
            .collect();
        let mut stack = Vec::new();
        retire(&mut stack, &record, Removal::default());
        let resources = stack.iter();
        let ids: Vec<String> = resources.map(|resource| resource.id.to_string()).collect();
        assert_eq!(
            ids,
            [
                "orphan:database:x",
                "orphan:folder:/srv/x/y",
                "orphan:folder:/srv/x",
                "orphan:account:x",
                "orphan_package:xx"
            ]
        );
        let after = super::record(&stack, &record, &[], None, &[]);
        assert_eq!(after.lines().count(), 5, "{after}");
        let mut observed = vec![Observed::Absent; 5];
        observed[0] = Observed::unknown("down");
        forget_lost(&mut stack, &mut observed);
        let after = super::record(&stack, &record, &[], None, &[]);
        assert_eq!(after, "made\tx\tdatabase\tx\n");
    }

    #[test]
    fn what_is_left_alone_is_not_written_down_before_it_is_made() {
        let entry = "path = '/etc/a'\ncontent = 'a'";
        let entry = toml::from_str(entry).unwrap();
        let spec = Spec::build("file", entry, &NoMaterials).unwrap();
        let stack = vec![Resource {
            id: spec.id(),
            role: "x".to_owned(),
            site: None,
            origin: String::new(),
            spec,
        }];
        let left = [stack[0].id.clone()];
        let new = "new\tx\tpath\t/etc/a\n";
        assert_eq!(record(&stack, &[], &[], None, &[]), new);
        assert_eq!(record(&stack, &[], &[], None, &left), "");
        let before = [Managed::parse("adopted\tx\tpath\t/etc/a").unwrap()];
        let same = "adopted\tx\tpath\t/etc/a\n";
        assert_eq!(record(&stack, &before, &[], None, &left), same);
    }
}
