//! Which security upgrades are pending on a server, and what each restarts.
//!
//! They are what the server's package lists have. How old these are is said with it, since what is
//! not in them is not known.

use super::Units;
use super::major::{MajorUpgrade, unit_of};
use crate::resource::section;
use crate::shell::Script;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The unit that has a server install them by itself.
pub const TIMER: &str = "foobar-stack-upgrades.timer";

/// The part of a reply that has them.
const NAME: &str = "upgrades";

/// Package lists that nobody has fetched for so long, in seconds, are old: a server that fetches
/// them each day has younger ones.
const OLD: u64 = 3 * 86400;

/// How many packages are named.
const SHOWN: usize = 8;

/// What could be upgraded for the sake of security.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Upgrades {
    /// The age of the package lists in seconds; none if there are no lists.
    pub lists_age: Option<u64>,
    /// The upgrades; those that restart something come first.
    pub pending: Vec<Upgrade>,
    /// What would make the database server one of another series, from whatever archive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub major: Option<MajorUpgrade>,
    /// Why they are not known, if they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
}

/// A security upgrade of a package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Upgrade {
    /// The package.
    pub package: String,
    /// The version that is installed.
    pub installed: String,
    /// The newest version with security updates.
    pub version: String,
    /// Services of the stack that the package brings, and restarts when it is upgraded.
    pub restarts: Vec<Restart>,
}

/// A service that is restarted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restart {
    /// The unit.
    pub unit: String,
    /// The role that has it.
    pub role: String,
}

/// What the program of the role upgrades has written down. Times are in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct UpgradeRecord {
    /// When it was last through.
    pub ran: Option<i64>,
    /// When it has last upgraded something, and which packages.
    pub upgraded: Option<(i64, String)>,
    /// When it has failed since, and why.
    pub failed: Option<(i64, String)>,
}

impl UpgradeRecord {
    /// Takes in one of its files: its name, and the line in it. What is not understood is left
    /// out.
    pub(super) fn read(&mut self, name: &str, line: &str) {
        let (first, rest) = line.split_once(' ').unwrap_or((line, ""));
        let Ok(time) = first.parse::<i64>() else {
            return;
        };
        match name {
            "ran" => self.ran = Some(time),
            "upgraded" => self.upgraded = Some((time, rest.to_owned())),
            "failed" => self.failed = Some((time, rest.to_owned())),
            _ => {}
        }
    }
}

/// The function `newer_versions`, which asks in the background.
#[must_use]
pub fn library() -> Script {
    let mut script = Script::new();
    script.library(include_str!("upgrades.sh"));
    script
}

/// The script that does what `others` does, and asks meanwhile.
#[must_use]
pub fn meanwhile(others: &Script) -> Script {
    let mut script = library();
    script
        // What is asked for writes to the substitution, the others to where all goes.
        .raw("exec 3>&1\nnewer=$(\nnewer_versions\nexec >&3 3>&-")
        .append(others)
        .raw(")\nprintf '\\n%s\\n' \"$newer\"");
    script
}

/// A package, as `apt-cache policy` has it: versions that are newer than the one that is installed,
/// the newest first, each with its priority and its sources.
#[derive(Default)]
struct Package<'a> {
    name: &'a str,
    newer: Vec<(&'a str, i32, Vec<&'a str>)>,
    installed: (&'a str, i32),
}

impl Upgrades {
    /// Reads what `newer_versions` printed.
    #[must_use]
    pub fn read(reply: &str, units: &Units, lists_age: Option<u64>) -> Self {
        let (body, unknown) = match section(reply, NAME) {
            Ok(body) => (body, None),
            Err(_) => ("", Some("apt-cache policy does not say it".to_owned())),
        };
        let mut packages: Vec<Package<'_>> = Vec::new();
        let mut security: BTreeMap<&str, bool> = BTreeMap::new();
        let mut brought: Vec<(&str, &str)> = Vec::new();
        let mut source = "";
        for line in body.lines() {
            let text = line.trim_start();
            if let Some(rest) = line.strip_prefix("unit ") {
                brought.extend(rest.split_once(' '));
            } else if text == line {
                let name = line.trim_end_matches(':');
                packages.push(Package {
                    name,
                    ..Package::default()
                });
            } else if let Some(release) = text.strip_prefix("release ") {
                security.insert(source, is_security(release));
            } else if let (Some(package), Some((first, rest))) =
                (packages.last_mut(), text.split_once(' '))
            {
                let number = rest.parse().unwrap_or_default();
                if first == "***" {
                    let (version, priority) = rest.split_once(' ').unwrap_or((rest, ""));
                    package.installed = (version, priority.parse().unwrap_or_default());
                } else if rest.contains(' ') {
                    // A source: its priority, and what it is called.
                    source = rest;
                    if let Some((_, _, sources)) = package.newer.last_mut() {
                        sources.push(rest);
                    }
                } else {
                    package.newer.push((first, number, Vec::new()));
                }
            }
        }
        let is_secure = |source: &&str| security.get(source) == Some(&true);
        let upgrade = |package: &Package<'_>| {
            let (installed, priority) = package.installed;
            // What is pinned lower than the installed version is not wanted.
            let (version, ..) = package
                .newer
                .iter()
                .find(|(_, pin, sources)| *pin >= priority && sources.iter().any(is_secure))?;
            let name = package.name.split(':').next().unwrap_or_default();
            let own = brought.iter().filter(|(owner, _)| *owner == name);
            let restart = |unit: &str| Restart {
                unit: unit.to_owned(),
                role: units.role(unit),
            };
            Some(Upgrade {
                package: legal(package.name)?,
                installed: legal(installed)?,
                version: legal(version)?,
                restarts: own
                    .map(|(_, unit)| restart(unit))
                    .filter(|restart| !restart.role.is_empty())
                    .collect(),
            })
        };
        let major = packages.iter().find_map(|package| {
            let is_ours = units.role(unit_of(package.name)?) == "database";
            let (installed, priority) = package.installed;
            let (version, ..) = package.newer.iter().find(|(_, pin, _)| *pin >= priority)?;
            let major = || MajorUpgrade::between(package.name, installed, version);
            is_ours.then(major).flatten()
        });
        let mut pending: Vec<Upgrade> = packages.iter().filter_map(upgrade).collect();
        pending.sort_by_key(|one| (one.rank(), one.package.clone()));
        Self {
            lists_age,
            pending,
            major,
            unknown,
        }
    }

    /// Whether nobody need hear of them.
    #[must_use]
    pub fn are_settled(&self) -> bool {
        self.are_known() && self.pending.is_empty() && self.major.is_none()
    }

    /// Whether they are all there are: the package lists are new enough to say it.
    #[must_use]
    pub fn are_known(&self) -> bool {
        self.unknown.is_none() && self.lists_age.is_some_and(|age| age <= OLD)
    }
}

/// Whether a source, by its line `v=13,o=Debian,a=stable-security,…`, has security updates alone:
/// Debian's says it by its label, Ubuntu's, those of ESM, too, by their name.
fn is_security(release: &str) -> bool {
    release.split(',').any(|field| match field.split_once('=') {
        Some(("l", label)) => label == "Debian-Security",
        Some(("a" | "n", name)) => name.ends_with("-security"),
        _ => false,
    })
}

/// A name or a version as Debian's policy has it: nothing that a terminal would obey.
fn legal(text: &str) -> Option<String> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "+-.:~".contains(c);
    text.chars().all(legal).then(|| text.to_owned())
}

impl Upgrade {
    /// What is noticed most comes first.
    fn rank(&self) -> u8 {
        match self.restarts.first() {
            Some(_) if self.restarts.iter().any(Restart::is_database) => 0,
            Some(_) => 1,
            None => 2,
        }
    }
}

impl Restart {
    fn is_database(&self) -> bool {
        self.role == "database"
    }
}

impl fmt::Display for Upgrade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.package)?;
        let names = self.restarts.iter().map(|one| {
            if one.is_database() {
                "the database"
            } else {
                one.unit.as_str()
            }
        });
        let names: Vec<&str> = names.collect();
        match names.as_slice() {
            [] => Ok(()),
            names => write!(f, " (restarts {})", names.join(", ")),
        }
    }
}

/// One sentence, for people.
impl fmt::Display for Upgrades {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(why) = &self.unknown {
            return write!(
                f,
                "it is not known which security upgrades are pending: {why}"
            );
        }
        match self.pending.len() {
            0 => write!(f, "no security upgrade is pending")?,
            1 => write!(f, "1 security upgrade is pending: ")?,
            many => write!(f, "{many} security upgrades are pending: ")?,
        }
        let names: Vec<String> = self.pending.iter().map(Upgrade::to_string).collect();
        let (shown, more) = names.split_at(names.len().min(SHOWN));
        f.write_str(&shown.join(", "))?;
        if !more.is_empty() {
            write!(f, " and {} more", more.len())?;
        }
        match self.lists_age {
            None => write!(f, "; there are no package lists (`apt-get update`)")?,
            Some(age) if age > OLD => write!(
                f,
                "; the package lists are {} days old, and what came since is not known",
                age / 86400
            )?,
            Some(_) => {}
        }
        match &self.major {
            Some(major) => write!(f, "; {major}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
