//! Facts: what the server is, found out in one round trip before anything is compiled.
//!
//! Pure: [`script`] is what to run, [`parse`] reads what it printed. A fact that is missing or
//! not understood is an error, never a default: a plan must not rest on a guess.

mod maintenance;

pub use maintenance::Maintenance;

use crate::host;
use crate::shell::Script;
use serde::Serialize;
use std::collections::BTreeMap;

/// Version of a package that the distribution has, when there are no lists to look it up in.
pub const UNKNOWN_VERSION: &str = "unknown";

/// What the server is. Templates see it as `facts`, without what changes from run to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// The distribution.
    pub os: Os,
    /// Architecture of its packages, such as `amd64`.
    pub architecture: String,
    /// Processors that are online.
    pub cpus: u32,
    /// Main memory in bytes.
    pub memory: u64,
    /// Swap in bytes that somebody else has set up; 0 while there is that of the stack.
    pub swap: u64,
    /// Whether it shares its kernel with another system, which then has the swap.
    pub container: bool,
    /// Host name.
    pub hostname: String,
    /// Day of the server's clock in UTC, as `YYYYMMDD`.
    pub date: String,
    /// Each package that was asked for, with the version that is installed, else the one that
    /// can be; `""` if there is none, [`UNKNOWN_VERSION`] if there are no package lists.
    pub packages: BTreeMap<String, String>,
    /// Of each package that was asked for, whether it is installed.
    pub installed: BTreeMap<String, bool>,
    /// Port of sshd that we came in by.
    pub ssh_port: u16,
    /// The account that we logged in to, before we became root.
    pub login: String,
    /// The server's clock, in seconds since 1970.
    #[serde(skip)]
    pub now: i64,
    /// Age of the package lists in seconds; `None` if there are none.
    #[serde(skip)]
    pub package_lists_age: Option<u64>,
    /// Packages that an interrupted dpkg left half-way.
    #[serde(skip)]
    pub dpkg_interrupted: Vec<String>,
    /// Those of them that apt does not repair by itself: half-configured, or to be installed anew.
    #[serde(skip)]
    pub dpkg_broken: Vec<String>,
    /// Whether there is a run that neither came to its end nor was undone.
    #[serde(skip)]
    pub unsettled: bool,
    /// The last run, if no client has said that its checks pass: its id and the digest of its
    /// generation.
    #[serde(skip)]
    pub unverified: Option<(String, String)>,
    /// Version of systemd.
    #[serde(skip)]
    pub systemd: u32,
    /// The last proven generation; 0 if there is none.
    #[serde(skip)]
    pub generation: u64,
    /// Which sites are closed for maintenance.
    #[serde(skip)]
    pub maintenance: Maintenance,
    /// The server's record of what foobar-stack owns there, a line each.
    #[serde(skip)]
    pub managed: Vec<String>,
    /// What runs have made there and no proven run has recorded yet, a line each.
    #[serde(skip)]
    pub made: Vec<String>,
}

impl Facts {
    /// A small server of this release on which nothing has been done, as it is assumed where none
    /// is asked: none of the packages is installed, and these versions can be.
    #[must_use]
    pub fn fresh(os: Os, packages: BTreeMap<String, String>) -> Self {
        Self {
            os,
            architecture: "amd64".to_owned(),
            cpus: 2,
            memory: 2 << 30,
            swap: 0,
            container: false,
            hostname: "server".to_owned(),
            date: "20260101".to_owned(),
            installed: packages.keys().map(|name| (name.clone(), false)).collect(),
            packages,
            ssh_port: 22,
            login: "root".to_owned(),
            now: 1_767_225_600,
            package_lists_age: Some(0),
            dpkg_interrupted: Vec::new(),
            dpkg_broken: Vec::new(),
            unsettled: false,
            unverified: None,
            systemd: 257,
            generation: 0,
            maintenance: Maintenance::Off,
            managed: Vec::new(),
            made: Vec::new(),
        }
    }
}

/// The distribution, as os-release(5) names it; a field that it lacks is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Os {
    /// `debian`, `ubuntu`, …
    pub id: String,
    /// `13`, `24.04`, …; Debian's testing and unstable have none.
    pub version_id: String,
    /// `trixie`, `noble`, …
    pub version_codename: String,
    /// For people.
    pub pretty_name: String,
}

/// Why the facts are not known, or not good enough.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FactsError {
    /// A fact is missing: the script did not run to its end, or the server is a strange one.
    #[error("the server did not report its {0}")]
    Missing(&'static str),
    /// A fact is not what it should be.
    #[error("the server's {name} cannot be understood: '{value}'")]
    NotUnderstood {
        /// Which fact.
        name: &'static str,
        /// What the server said.
        value: String,
    },
    /// A later version of this program has written the record there, and this one would take or
    /// remove what it must not.
    #[error(
        "the server's record in {} was written by {program}, which this version cannot read",
        host::STATE
    )]
    LaterRecord {
        /// Who has written it.
        program: String,
    },
    /// Another package manager.
    #[error("{os} is not supported: it has no apt")]
    NoApt {
        /// The distribution's name for people.
        os: String,
    },
    /// Another init.
    #[error("{os} is not supported: systemd does not run there")]
    NoSystemd {
        /// The distribution's name for people.
        os: String,
    },
}

impl FactsError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Missing(_) | Self::NotUnderstood { .. } => {
                "run again with -vv to see what the server printed"
            }
            Self::LaterRecord { .. } => {
                "use that version, or a later one: what it has made here, this one does not know"
            }
            Self::NoApt { .. } | Self::NoSystemd { .. } => {
                "use a server or a virtual machine with Debian 12 or later, or Ubuntu 22.04 or later"
            }
        }
    }
}

/// The script that prints the facts, among them the versions of `packages`.
#[must_use]
pub fn script(packages: &[String]) -> Script {
    // Other names exist nowhere, and would be options, patterns or several words.
    let valid = |name: &&String| {
        name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c))
    };
    let names: Vec<&str> = packages.iter().filter(valid).map(String::as_str).collect();
    let mut script = host::script();
    script
        .assign("asked", &names.join(" "))
        .library(include_str!("facts.sh"));
    script
}

/// Reads what [`script`] for the same `packages` printed.
///
/// # Errors
/// [`FactsError`], also if the server is none that can be managed.
pub fn parse(printed: &str, packages: &[String]) -> Result<Facts, FactsError> {
    let printed = Printed(printed);
    printed.get("end")?;
    let os = Os {
        id: printed.get("os.id")?.to_owned(),
        version_id: printed.get("os.version_id")?.to_owned(),
        version_codename: printed.get("os.version_codename")?.to_owned(),
        pretty_name: printed.get("os.pretty_name")?.to_owned(),
    };
    if printed.get("apt").is_err() {
        return Err(FactsError::NoApt { os: os.pretty_name });
    }
    if printed.get("systemd.running").is_err() {
        return Err(FactsError::NoSystemd { os: os.pretty_name });
    }
    if let Ok(line) = printed.get("record") {
        can_be_read(line)?;
    }
    let now: i64 = printed.number("now")?;
    let date = jiff::Timestamp::from_second(now)
        .map_err(|_| not_understood("now", printed.0))?
        .strftime("%Y%m%d")
        .to_string();
    let memory: u64 = printed.number("memory")?;
    let connection = printed.get("connection")?;
    let known = printed.packages()?;
    let installed = |name: &str| {
        known
            .iter()
            .find(|package| package.name == name && package.is_installed())
    };
    // These two run, whatever dpkg is in the middle of doing with them.
    let running = |name: &str| known.iter().find(|package| package.name == name);
    let systemd = running("systemd").ok_or(FactsError::Missing("version of systemd"))?;
    let lists_time: Option<i64> = printed
        .all("lists")
        .map(|value| parse_number("lists", value))
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .max();
    let mut facts = Facts {
        architecture: running("dpkg")
            .ok_or(FactsError::Missing("architecture"))?
            .architecture
            .to_owned(),
        cpus: count_cpus(printed.get("cpus")?)?,
        memory: memory
            .checked_mul(1024)
            .ok_or_else(|| not_understood("memory", &memory.to_string()))?,
        swap: match printed.get("swap") {
            Ok(kib) => parse_number::<u64>("swap", kib)?.saturating_mul(1024),
            Err(_) => 0,
        },
        container: printed.get("container").is_ok(),
        hostname: printed.get("hostname")?.to_owned(),
        date,
        packages: BTreeMap::new(),
        installed: BTreeMap::new(),
        // "CLIENT PORT SERVER PORT", see ssh(1).
        ssh_port: parse_number(
            "connection",
            connection.split(' ').nth(3).unwrap_or(connection),
        )?,
        login: printed.get("login")?.to_owned(),
        now,
        package_lists_age: lists_time.map(|time| now.saturating_sub(time).max(0).unsigned_abs()),
        dpkg_interrupted: interrupted(&printed, &known),
        dpkg_broken: known
            .iter()
            .filter(|package| package.is_broken())
            .map(|package| package.name.to_owned())
            .collect(),
        unsettled: printed.get("unsettled").is_ok(),
        unverified: printed.get("unverified").ok().and_then(|line| {
            let mut fields = line.split('\t');
            Some((fields.next()?.to_owned(), fields.next()?.to_owned()))
        }),
        systemd: parse_number(
            "version of systemd",
            systemd
                .version
                .split(|c: char| !c.is_ascii_digit())
                .next()
                .unwrap_or_default(),
        )?,
        generation: printed.number("generation")?,
        maintenance: Maintenance::read(printed.all("maintenance")),
        managed: printed.all("managed").map(str::to_owned).collect(),
        made: printed.all("made").map(str::to_owned).collect(),
        os,
    };
    let candidates = printed.candidates();
    for name in packages {
        let version = match (installed(name), lists_time) {
            (Some(package), _) => package.version,
            (None, Some(_)) => candidates.get(name.as_str()).copied().unwrap_or_default(),
            (None, None) if printed.distribution_has(name, &facts.os) => UNKNOWN_VERSION,
            (None, None) => "",
        };
        facts.packages.insert(name.clone(), version.to_owned());
        facts
            .installed
            .insert(name.clone(), installed(name).is_some());
    }
    Ok(facts)
}

/// Whether this program may go by the server's record: `VERSION NEEDS PROGRAM`.
fn can_be_read(line: &str) -> Result<(), FactsError> {
    let mut words = line.splitn(3, ' ').skip(1);
    let needs: u32 = parse_number("record", words.next().unwrap_or_default())?;
    if needs <= host::RECORD {
        return Ok(());
    }
    let program = words.next().unwrap_or("a later version").to_owned();
    Err(FactsError::LaterRecord { program })
}

fn interrupted(printed: &Printed<'_>, known: &[Package<'_>]) -> Vec<String> {
    let mut names: Vec<String> = known
        .iter()
        .filter(|package| package.is_interrupted())
        .map(|package| package.name.to_owned())
        .collect();
    if names.is_empty() && printed.get("journal").is_ok() {
        names.push("dpkg's journal".to_owned());
    }
    names.dedup();
    names
}

/// The processors in a list of ranges as the kernel writes it: `0-3,8`.
fn count_cpus(list: &str) -> Result<u32, FactsError> {
    let mut count = 0_u32;
    for range in list.split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let first: u16 = parse_number("cpus", first)?;
        let last: u16 = parse_number("cpus", last)?;
        let width = last
            .checked_sub(first)
            .ok_or_else(|| not_understood("cpus", list))?;
        count += u32::from(width) + 1;
    }
    Ok(count)
}

/// One line of dpkg-query.
struct Package<'a> {
    state: &'a str,
    name: &'a str,
    version: &'a str,
    architecture: &'a str,
}

impl Package<'_> {
    fn is_installed(&self) -> bool {
        self.state.as_bytes().get(1) == Some(&b'i')
    }

    /// Half-installed, half-configured, or to be installed anew.
    fn is_broken(&self) -> bool {
        match self.state.as_bytes() {
            [_, state, error @ ..] => b"FH".contains(state) || error == b"R",
            _ => false,
        }
    }

    /// Half-installed, unpacked, half-configured, or waiting for triggers; or broken.
    fn is_interrupted(&self) -> bool {
        match self.state.as_bytes() {
            [_, state, error @ ..] => b"FHUWt".contains(state) || error == b"R",
            _ => false,
        }
    }
}

/// The script's output.
struct Printed<'a>(&'a str);

impl<'a> Printed<'a> {
    fn all(&self, name: &'static str) -> impl Iterator<Item = &'a str> {
        self.0
            .lines()
            .filter_map(move |line| line.strip_prefix(name)?.strip_prefix(' '))
    }

    fn get(&self, name: &'static str) -> Result<&'a str, FactsError> {
        self.all(name).next().ok_or(FactsError::Missing(name))
    }

    fn number<N: std::str::FromStr>(&self, name: &'static str) -> Result<N, FactsError> {
        parse_number(name, self.get(name)?)
    }

    fn packages(&self) -> Result<Vec<Package<'a>>, FactsError> {
        let package = |line: &'a str| {
            let mut parts = line.split('|');
            let package = Package {
                state: parts.next()?,
                name: parts.next()?,
                version: parts.next()?,
                architecture: parts.next()?,
            };
            parts.next().is_none().then_some(package)
        };
        self.all("package")
            .map(|line| package(line).ok_or_else(|| not_understood("packages", line)))
            .collect()
    }

    /// The versions that could be installed, from `apt-cache policy`.
    fn candidates(&self) -> BTreeMap<&'a str, &'a str> {
        let mut candidates = BTreeMap::new();
        let mut name = "";
        for line in self.0.lines() {
            if let Some(version) = line.strip_prefix("  Candidate: ") {
                if version != "(none)" {
                    candidates.insert(name, version);
                }
            } else if let Some(header) = line.strip_suffix(':')
                && !line.starts_with(' ')
            {
                name = header;
            }
        }
        candidates
    }

    /// Whether the distribution has a package, as far as that is known without lists: MySQL is
    /// in Ubuntu and in Debian's unstable, but in no release of Debian; all else is taken for
    /// there.
    fn distribution_has(&self, name: &str, os: &Os) -> bool {
        let unstable = || {
            let mut sources = self.all("deb").chain(self.all("Suites:"));
            sources.any(|line| {
                line.split_whitespace()
                    .any(|word| word == "sid" || word == "unstable")
            })
        };
        name != "mysql-server" || os.id == "ubuntu" || unstable()
    }
}

fn not_understood(name: &'static str, value: &str) -> FactsError {
    let value = value.to_owned();
    FactsError::NotUnderstood { name, value }
}

fn parse_number<N: std::str::FromStr>(name: &'static str, value: &str) -> Result<N, FactsError> {
    value.parse().map_err(|_| not_understood(name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "os.id debian\nos.version_id 13\nos.version_codename trixie\nos.pretty_name Debian GNU/Linux 13 (trixie)\nhostname web1\ncpus 0-2,8\nmemory 1000\nnow 1795376400\nconnection 10.0.0.1 5 10.0.0.2 2222\nlogin deploy\nsystemd.running yes\ngeneration 7\napt yes\npackage ii |dpkg|1.22.21|amd64\npackage ii |systemd|257.13-1~deb13u1|amd64\npackage ii |nginx|1.26.3-3|amd64\npackage iF |libc6|2.41-12|amd64\npackage rc |bind9|1:9.20|amd64\nlists 1795376000\nlists 1795376300\nbind9:\n  Installed: (none)\n  Candidate: 1:9.20.11-4\n  Version table:\nmysql-server:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\nend facts\n";

    fn asked() -> Vec<String> {
        ["nginx", "bind9", "mysql-server", "nosuch"]
            .map(str::to_owned)
            .to_vec()
    }

    #[test]
    fn systemd_runs_while_dpkg_is_busy_with_it() {
        let facts = parse(&PRINTED.replace("ii |systemd", "it |systemd"), &asked()).unwrap();
        assert_eq!(facts.systemd, 257);
        assert_eq!(facts.dpkg_interrupted, ["systemd", "libc6"]);
    }

    #[test]
    fn a_record_of_a_later_version_is_read_unless_that_forbids_it() {
        let with = |line: &str| {
            let printed = PRINTED.replace("end facts", &format!("record {line}\nend facts"));
            parse(&printed, &asked()).map(|facts| facts.generation)
        };
        assert_eq!(with("2 1 foobar-stack 0.1.0"), Ok(7));
        assert_eq!(with("9 2 foobar-stack 3.0.0 and more"), Ok(7));
        let error = with("9 3 foobar-stack 3.0.0").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the server's record in /var/lib/foobar-stack was written by foobar-stack 3.0.0, \
             which this version cannot read"
        );
        assert!(with("nonsense").is_err());
    }

    #[test]
    fn sites_that_are_closed_are_named() {
        let with = |lines: &str| {
            let printed = PRINTED.replace("end facts", &format!("{lines}end facts"));
            parse(&printed, &asked()).unwrap().maintenance
        };
        assert_eq!(with(""), Maintenance::Off);
        assert_eq!(with("maintenance every\n"), Maintenance::EverySite);
        let two = ["shop.example", "blog.example"].map(str::to_owned).into();
        assert_eq!(
            with("maintenance shop.example\nmaintenance blog.example\n"),
            Maintenance::Sites(two)
        );
    }

    #[test]
    fn every_fact_is_read() {
        let facts = parse(PRINTED, &asked()).unwrap();
        assert_eq!(
            (facts.cpus, facts.memory, facts.ssh_port),
            (4, 1_024_000, 2222)
        );
        assert_eq!(
            (facts.now, facts.date.as_str()),
            (1_795_376_400, "20261122")
        );
        assert_eq!((facts.systemd, facts.generation), (257, 7));
        assert_eq!(
            (facts.architecture.as_str(), facts.hostname.as_str()),
            ("amd64", "web1")
        );
        assert_eq!(facts.os.pretty_name, "Debian GNU/Linux 13 (trixie)");
        assert_eq!(facts.package_lists_age, Some(100));
        assert_eq!(facts.dpkg_interrupted, ["libc6"]);
        let packages: Vec<(&str, &str)> = facts
            .packages
            .iter()
            .map(|(name, version)| (name.as_str(), version.as_str()))
            .collect();
        assert_eq!(
            packages,
            [
                ("bind9", "1:9.20.11-4"),
                ("mysql-server", ""),
                ("nginx", "1.26.3-3"),
                ("nosuch", "")
            ]
        );
    }

    #[test]
    fn without_lists_the_distribution_decides() {
        let cut = |text: &str| {
            text.lines()
                .filter(|line| !line.starts_with("lists "))
                .map(|line| format!("{line}\n"))
                .collect::<String>()
        };
        let debian = cut(PRINTED);
        for (printed, mysql) in [
            (debian.clone(), ""),
            (
                debian.replace("end facts", "Suites: sid\nend facts"),
                "unknown",
            ),
            (
                debian.replace("end facts", "deb http://x unstable main\nend facts"),
                "unknown",
            ),
            (debian.replace("os.id debian", "os.id ubuntu"), "unknown"),
        ] {
            let facts = parse(&printed, &asked()).unwrap();
            assert_eq!(facts.packages["mysql-server"], mysql);
            assert_eq!(facts.packages["bind9"], UNKNOWN_VERSION);
            assert_eq!(facts.package_lists_age, None);
        }
    }

    #[test]
    fn a_missing_or_strange_fact_is_an_error() {
        for line in PRINTED.lines().filter(|line| {
            ![
                "package ii |nginx",
                "package iF",
                "package rc",
                "lists",
                " ",
                "bind9:",
                "mysql-server:",
            ]
            .iter()
            .any(|start| line.starts_with(start))
        }) {
            let printed = PRINTED.replace(&format!("{line}\n"), "");
            assert!(parse(&printed, &asked()).is_err(), "without {line}");
        }
        for (from, to) in [
            ("cpus 0-2,8", "cpus 3-1"),
            ("cpus 0-2,8", "cpus "),
            ("memory 1000", "memory much"),
            ("memory 1000", "memory 18446744073709551615"),
            ("10.0.0.2 2222", "10.0.0.2 70000"),
            ("connection 10.0.0.1 5 10.0.0.2 2222", "connection "),
            ("generation 7", "generation -1"),
            ("257.13", "x"),
            ("|1.26.3-3|", "|"),
        ] {
            let printed = PRINTED.replace(from, to);
            assert!(parse(&printed, &asked()).is_err(), "{to}");
        }
    }

    #[test]
    fn names_that_are_no_packages_do_not_reach_the_script() {
        let names = ["-o", "a b", "*", "g++", "$(id)"].map(str::to_owned);
        let text = script(&names);
        assert!(text.as_str().contains("\nasked=g++\n"), "{}", text.as_str());
    }
}
