//! Which package archive a suite comes from: the public one, or the mirror this host is set to.

use std::path::Path;

/// Ubuntu's code names; every other suite is taken for Debian's.
const UBUNTU: &[&str] = &[
    "bionic", "focal", "jammy", "kinetic", "lunar", "mantic", "noble", "oracular", "plucky",
    "questing", "resolute", "devel",
];

/// A distribution that base trees are built of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Debian,
    Ubuntu,
}

/// What a base tree is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Archive {
    /// The mirror that must answer.
    pub(super) mirror: String,
    /// The parts of the archive that are used.
    pub(super) components: &'static str,
    /// The file of the archive's keys; `None`: it is the host's own distribution's.
    pub(super) keyring: Option<&'static str>,
    /// Where a host without that file gets it: "package suite URI components".
    pub(super) keys: String,
    /// More sources, used if they answer: "URI suite components".
    pub(super) optional: Vec<String>,
}

/// One line of `sources.list`, or one stanza of the newer form.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Source {
    uris: Vec<String>,
    suites: Vec<String>,
    components: Vec<String>,
}

impl Family {
    /// Whose suite this is.
    pub(super) fn of_suite(suite: &str) -> Self {
        if UBUNTU.contains(&suite) {
            Self::Ubuntu
        } else {
            Self::Debian
        }
    }

    /// The file its archive's keys are in, and the package that brings it.
    fn keyring(self) -> (&'static str, &'static str) {
        match self {
            Self::Debian => (
                "/usr/share/keyrings/debian-archive-keyring.gpg",
                "debian-archive-keyring",
            ),
            Self::Ubuntu => (
                "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
                "ubuntu-keyring",
            ),
        }
    }

    /// A suite that brings the keys of other distributions too.
    fn keys_suite(self) -> &'static str {
        match self {
            Self::Debian => "trixie",
            Self::Ubuntu => "noble",
        }
    }

    fn components(self) -> &'static str {
        match self {
            Self::Debian => "main",
            Self::Ubuntu => "main universe",
        }
    }

    fn public(self) -> (&'static str, &'static str) {
        match self {
            Self::Debian => (
                "http://deb.debian.org/debian",
                "http://deb.debian.org/debian-security",
            ),
            Self::Ubuntu => (
                "http://archive.ubuntu.com/ubuntu",
                "http://archive.ubuntu.com/ubuntu",
            ),
        }
    }
}

/// Where a suite comes from, given what the host says of itself and of its own sources.
pub(super) fn of_suite(suite: &str, os_release: &str, sources: &[Source]) -> Archive {
    let family = Family::of_suite(suite);
    let host = Host::read(os_release, sources);
    let (mirror, security) = host.mirrors(family);
    let components = family.components();
    let is_rolling = matches!(suite, "sid" | "unstable");
    let optional = [(&mirror, "updates"), (&security, "security")]
        .into_iter()
        .filter(|_| !is_rolling)
        .map(|(uri, part)| format!("{uri} {suite}-{part} {components}"))
        .collect();
    let (keyring, package) = family.keyring();
    let home = host.family.unwrap_or(Family::Debian);
    let (keys_mirror, _) = host.mirrors(home);
    let keys_suite = home.keys_suite();
    Archive {
        keyring: (home != family).then_some(keyring),
        keys: format!(
            "{package} {keys_suite} {keys_mirror} {keys_suite} {}",
            home.components()
        ),
        mirror,
        components,
        optional,
    }
}

/// The host, as far as it concerns archives.
struct Host<'a> {
    family: Option<Family>,
    codename: &'a str,
    sources: &'a [Source],
}

impl<'a> Host<'a> {
    fn read(os_release: &'a str, sources: &'a [Source]) -> Self {
        let field = |name: &str| {
            os_release.lines().find_map(|line| {
                let value = line.strip_prefix(name)?.strip_prefix('=')?;
                Some(value.trim_matches('"'))
            })
        };
        let family = match field("ID") {
            Some("debian") => Some(Family::Debian),
            Some("ubuntu") => Some(Family::Ubuntu),
            _ => None,
        };
        let codename = field("VERSION_CODENAME").unwrap_or("sid");
        Self {
            family,
            codename,
            sources,
        }
    }

    /// A family's mirror, and the one of its security updates: the host's own, if it is its family.
    fn mirrors(&self, family: Family) -> (String, String) {
        let (mirror, security) = family.public();
        let own = |suites: &[&str]| {
            let is_own = self.family == Some(family);
            suites
                .iter()
                .filter(|_| is_own)
                .find_map(|suite| self.mirror_of(suite))
        };
        let stable = [self.codename, "sid", "unstable", "testing"];
        let updates = format!("{}-security", self.codename);
        (
            own(&stable).unwrap_or_else(|| mirror.to_owned()),
            own(&[&updates]).unwrap_or_else(|| security.to_owned()),
        )
    }

    fn mirror_of(&self, suite: &str) -> Option<String> {
        let has = |words: &[String], word: &str| words.iter().any(|known| known == word);
        let mut sources = self.sources.iter();
        let source =
            sources.find(|source| has(&source.suites, suite) && has(&source.components, "main"))?;
        source
            .uris
            .iter()
            .find(|uri| uri.starts_with("http"))
            .cloned()
    }
}

/// The host's own sources, read from its apt settings.
pub(super) fn host_sources() -> Vec<Source> {
    let mut files = vec![Path::new("/etc/apt/sources.list").to_owned()];
    let parts = std::fs::read_dir("/etc/apt/sources.list.d")
        .into_iter()
        .flatten()
        .flatten();
    let mut parts: Vec<_> = parts.map(|entry| entry.path()).collect();
    parts.sort();
    files.append(&mut parts);
    let mut sources = Vec::new();
    for file in files {
        let Ok(text) = std::fs::read_to_string(&file) else {
            continue;
        };
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("list") => sources.append(&mut parse_lines(&text)),
            Some("sources") => sources.append(&mut parse_stanzas(&text)),
            _ => {}
        }
    }
    sources
}

/// Reads the one-line form.
fn parse_lines(text: &str) -> Vec<Source> {
    text.lines()
        .filter_map(|line| {
            let line = line.split('#').next()?.trim();
            let mut rest = line
                .strip_prefix("deb")?
                .strip_prefix([' ', '\t'])?
                .trim_start();
            if let Some(options) = rest.strip_prefix('[') {
                rest = options.split_once(']')?.1;
            }
            let mut words = rest.split_whitespace().map(str::to_owned);
            Some(Source {
                uris: vec![words.next()?],
                suites: vec![words.next()?],
                components: words.collect(),
            })
        })
        .collect()
}

/// Reads the stanzas of the deb822 form.
fn parse_stanzas(text: &str) -> Vec<Source> {
    let mut sources = Vec::new();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let mut stanza: Vec<(String, Vec<String>)> = Vec::new();
    for line in lines.chain([""]) {
        if line.trim().is_empty() {
            sources.extend(source_of(&std::mem::take(&mut stanza)));
        } else if line.starts_with([' ', '\t']) {
            if let Some((_, values)) = stanza.last_mut() {
                values.extend(line.split_whitespace().map(str::to_owned));
            }
        } else if let Some((field, value)) = line.split_once(':') {
            let values = value.split_whitespace().map(str::to_owned).collect();
            stanza.push((field.trim().to_ascii_lowercase(), values));
        }
    }
    sources
}

fn source_of(stanza: &[(String, Vec<String>)]) -> Option<Source> {
    let values = |name: &str| {
        let found = stanza.iter().find(|(field, _)| field == name);
        found.map(|(_, values)| values.clone()).unwrap_or_default()
    };
    let is = |field: &str, value: &str| values(field).iter().any(|known| known == value);
    let source = Source {
        uris: values("uris"),
        suites: values("suites"),
        components: values("components"),
    };
    (is("types", "deb") && !is("enabled", "no")).then_some(source)
}

/// The apt settings that decide how an archive is reached, out of `apt-config dump`.
///
/// Expired release files are accepted: throw-away servers are built from frozen mirrors too, and
/// the signatures are checked all the same.
pub(super) fn apt_settings(dump: &str) -> String {
    const KEPT: &[&str] = &["Acquire::http::", "Acquire::https::", "Acquire::Check-Date"];
    let mut settings = "Acquire::Check-Valid-Until \"false\";\n".to_owned();
    for line in dump.lines() {
        let is_list = line.contains(":: \"") || line.ends_with("\"\";");
        if KEPT.iter().any(|kept| line.starts_with(kept)) && !is_list {
            settings.push_str(line);
            settings.push('\n');
        }
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEBIAN: &str = "ID=debian\nVERSION_CODENAME=bookworm\n";

    fn source(uri: &str, suites: &[&str], components: &[&str]) -> Source {
        let owned = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
        Source {
            uris: owned(&[uri]),
            suites: owned(suites),
            components: owned(components),
        }
    }

    #[test]
    fn both_forms_of_sources_are_read() {
        let lines = "# a comment\n\
            deb http://a.example/debian bookworm main contrib # why\n\
            deb-src http://a.example/debian bookworm main\n\
            deb [arch=amd64 signed-by=/x.gpg] https://b.example/d bookworm-security main\n";
        let expected = [
            source(
                "http://a.example/debian",
                &["bookworm"],
                &["main", "contrib"],
            ),
            source("https://b.example/d", &["bookworm-security"], &["main"]),
        ];
        assert_eq!(parse_lines(lines), expected);

        let stanzas = "Types: deb deb-src\n# a comment\nURIs: http://a.example/debian\n\
            Suites: bookworm\n bookworm-updates\nComponents: main\nSigned-By: /x.gpg\n\n\n\
            Types: deb\nEnabled: no\nURIs: http://off.example\nSuites: x\nComponents: main\n\n\
            types: deb-src\nuris: http://src.example\nsuites: x\ncomponents: main";
        let expected = [source(
            "http://a.example/debian",
            &["bookworm", "bookworm-updates"],
            &["main"],
        )];
        assert_eq!(parse_stanzas(stanzas), expected);
    }

    #[test]
    fn a_debian_suite_comes_from_the_debian_hosts_mirror() {
        let sources = [
            source("https://other.example/apt", &["bookworm"], &["thing"]),
            source(
                "http://a.example/debian",
                &["bookworm", "bookworm-updates"],
                &["main"],
            ),
            source(
                "http://a.example/security",
                &["bookworm-security"],
                &["main"],
            ),
        ];
        let archive = of_suite("trixie", DEBIAN, &sources);
        assert_eq!(archive.mirror, "http://a.example/debian");
        assert_eq!(archive.keyring, None);
        let expected = [
            "http://a.example/debian trixie-updates main",
            "http://a.example/security trixie-security main",
        ];
        assert_eq!(archive.optional, expected);
        assert!(of_suite("sid", DEBIAN, &sources).optional.is_empty());
    }

    #[test]
    fn a_foreign_suite_comes_from_the_public_archive() {
        let sources = [source("http://a.example/debian", &["bookworm"], &["main"])];
        let noble = of_suite("noble", DEBIAN, &sources);
        assert_eq!(noble.mirror, "http://archive.ubuntu.com/ubuntu");
        assert_eq!(noble.components, "main universe");
        assert_eq!(
            noble.keyring,
            Some("/usr/share/keyrings/ubuntu-archive-keyring.gpg")
        );
        assert_eq!(
            noble.keys,
            "ubuntu-keyring trixie http://a.example/debian trixie main"
        );
        let on_fedora = of_suite("trixie", "ID=fedora\n", &sources);
        assert_eq!(on_fedora.mirror, "http://deb.debian.org/debian");
    }

    #[test]
    fn the_way_to_the_archive_is_kept_and_nothing_else() {
        let dump = "APT \"\";\nAcquire::http \"\";\nAcquire::http::Proxy \"http://p.example:3142\";\n\
            Acquire::https::Proxy \"\";\nAcquire::Check-Date \"false\";\nDir::Cache \"x\";\n\
            Acquire::http::Proxy-Auto-Detect:: \"y\";\n";
        let expected = "Acquire::Check-Valid-Until \"false\";\n\
            Acquire::http::Proxy \"http://p.example:3142\";\nAcquire::Check-Date \"false\";\n";
        assert_eq!(apt_settings(dump), expected);
    }
}
