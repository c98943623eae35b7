//! What a proven run rested on, as the server keeps it: enough to go back to it from any client.
//!
//! No secret is in it: of a secret the inventory says only where it comes from, and files that
//! must not be seen stay at home. The app's code stands on the server as a release; only its id
//! is kept here. The roles are kept whole, the built-in ones, too: another version of this
//! program has others.

use crate::diagnostic::Source;
use crate::host::PROGRAM;
use crate::role::{Inputs, RoleSource};
use crate::types::{Digest, ReleaseId, ServerName, SiteName};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rises when a program of before could not read it any more.
const FORMAT: u32 = 1;

/// What a run rested on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    format: u32,
    program: String,
    /// The server, as the inventory names it; a version that knew one server did not write it.
    #[serde(default)]
    pub server: ServerName,
    /// The text of the inventory.
    pub inventory: String,
    /// The id of the app's release, of a version that knew one site.
    #[serde(default, skip_serializing)]
    release: Option<ReleaseId>,
    /// The id of the release of each app, by the site.
    #[serde(default)]
    releases: BTreeMap<SiteName, ReleaseId>,
    roles: Vec<Role>,
    /// Files beside the inventory, by the path it names them with, in base64.
    files: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Role {
    name: String,
    manifest: Text,
    templates: BTreeMap<String, Text>,
}

/// A text and the name it is shown by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Text {
    name: String,
    text: String,
}

/// Why a generation cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum GenerationError {
    /// It is damaged, or something else.
    #[error("what the server keeps of generation {number} cannot be read")]
    Damaged {
        /// Which one.
        number: u64,
        /// Where it stops being one.
        source: serde_json::Error,
    },
    /// One of its files is damaged.
    #[error("generation {number}: the file {path} is damaged")]
    File {
        /// Which one.
        number: u64,
        /// The file's path beside the inventory.
        path: String,
        /// What is wrong with it.
        source: base64::DecodeError,
    },
    /// A later version of this program has written it.
    #[error("generation {number} was written by {program}, which this version cannot read")]
    Later {
        /// Which one.
        number: u64,
        /// Who has written it.
        program: String,
    },
}

impl GenerationError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Damaged { .. } | Self::File { .. } => {
                "choose another one of `foobar-stack history`"
            }
            Self::Later { .. } => "use that version, or choose another generation",
        }
    }
}

impl From<&Source> for Text {
    fn from(source: &Source) -> Self {
        Self {
            name: source.name.clone(),
            text: source.text.clone(),
        }
    }
}

impl Generation {
    /// What is kept on a server of these inputs; `inventory` is the text they come from.
    #[must_use]
    pub fn of(server: &ServerName, inventory: &Source, inputs: &Inputs) -> Self {
        let roles = inputs.roles.iter().map(|role| Role {
            name: role.name.clone(),
            manifest: Text::from(&*role.manifest),
            templates: role
                .templates
                .iter()
                .map(|(name, text)| (name.clone(), Text::from(&**text)))
                .collect(),
        });
        // A certificate goes with its key, and is as old as its days: both stay at home.
        let sites = inputs.inventory.sites.values();
        let certificates: Vec<&String> = sites
            .flat_map(|site| [&site.tls.certificate, &site.tls.directory_ca])
            .flatten()
            .collect();
        let files = inputs.files.iter();
        Self {
            format: FORMAT,
            program: PROGRAM.to_owned(),
            server: server.clone(),
            inventory: inventory.text.clone(),
            release: None,
            releases: inputs.releases(),
            roles: roles.collect(),
            files: files
                .filter(|(path, _)| !certificates.contains(path))
                .map(|(path, bytes)| (path.clone(), STANDARD.encode(bytes)))
                .collect(),
        }
    }

    /// The same without what a server need not keep: the templates of built-in roles that make
    /// nothing on it. `used` are the roles that do. What turns a built-in role on stands in the
    /// inventory, so that they will not be missed.
    #[must_use]
    pub fn for_roles(mut self, used: &[String]) -> Self {
        for role in self.roles.iter_mut() {
            if !used.contains(&role.name) {
                role.templates
                    .retain(|_, text| !text.name.starts_with("<built-in>"));
            }
        }
        self
    }

    /// The text that is kept.
    #[must_use]
    pub fn write(&self) -> String {
        // A value that cannot be JSON does not exist here: all are texts.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads what was kept under this number.
    ///
    /// # Errors
    /// When it is damaged, or of a later version.
    pub fn read(number: u64, bytes: &[u8]) -> Result<Self, GenerationError> {
        /// What every version has.
        #[derive(Deserialize)]
        struct Head {
            format: u32,
            program: String,
        }
        let damaged = |source| GenerationError::Damaged { number, source };
        let Head { format, program } = serde_json::from_slice(bytes).map_err(damaged)?;
        if format > FORMAT {
            return Err(GenerationError::Later { number, program });
        }
        let mut generation: Self = serde_json::from_slice(bytes).map_err(damaged)?;
        if let Some(release) = generation.release.take() {
            generation.releases.insert(SiteName::default(), release);
        }
        Ok(generation)
    }

    /// The id of the release that the app of a site had.
    #[must_use]
    pub fn release(&self, site: &SiteName) -> Option<&ReleaseId> {
        self.releases.get(site)
    }

    /// The digest of the inventory's text.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.inventory.as_bytes())
    }

    /// The roles as they were.
    #[must_use]
    pub fn roles(&self) -> Vec<RoleSource> {
        let source = |text: &Text| Source::new(text.name.clone(), text.text.clone());
        let roles = self.roles.iter().map(|role| RoleSource {
            name: role.name.clone(),
            manifest: source(&role.manifest),
            templates: role
                .templates
                .iter()
                .map(|(name, text)| (name.clone(), source(text)))
                .collect(),
        });
        roles.collect()
    }

    /// The files beside the inventory as they were.
    ///
    /// # Errors
    /// When one is damaged. `number` is for the message.
    pub fn files(&self, number: u64) -> Result<BTreeMap<String, Arc<[u8]>>, GenerationError> {
        let read = |(path, text): (&String, &String)| match STANDARD.decode(text) {
            Ok(bytes) => Ok((path.clone(), Arc::from(bytes))),
            Err(source) => Err(GenerationError::File {
                number,
                path: path.clone(),
                source,
            }),
        };
        self.files.iter().map(read).collect()
    }

    /// Whether both come to the same, whoever wrote them down.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.inventory == other.inventory
            && self.releases == other.releases
            && self.files == other.files
            && self.roles.len() == other.roles.len()
            && std::iter::zip(&self.roles, &other.roles).all(|(own, other)| own.same_as(other))
    }
}

impl Role {
    /// Whether both say the same. One of which no templates were kept makes nothing.
    fn same_as(&self, other: &Self) -> bool {
        let texts = |role: &Self| {
            let templates = role.templates.iter();
            let texts = templates.map(|(name, text)| (name.clone(), text.text.clone()));
            texts.collect::<Vec<_>>()
        };
        let (own, others) = (texts(self), texts(other));
        self.name == other.name
            && self.manifest.text == other.manifest.text
            && (own == others || own.is_empty() || others.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_that_makes_nothing_is_kept_without_the_templates_that_are_built_in() {
        let text = |name: &str| Text {
            name: name.to_owned(),
            text: "text".to_owned(),
        };
        let role = |name: &str| Role {
            name: name.to_owned(),
            manifest: text("<built-in>/roles/x/role.toml"),
            templates: [
                ("a".to_owned(), text("<built-in>/templates/x/a")),
                ("own".to_owned(), text("templates/x/own")),
            ]
            .into(),
        };
        let whole = Generation {
            roles: vec![role("web"), role("backup")],
            ..generation()
        };
        let kept = whole.clone().for_roles(&["web".to_owned()]);
        let names = |role: &Role| role.templates.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&kept.roles[0]), ["a", "own"]);
        assert_eq!(names(&kept.roles[1]), ["own"]);

        let mut whole = whole;
        whole.roles[1].templates.remove("own");
        let kept = whole.clone().for_roles(&["web".to_owned()]);
        assert!(kept.same_as(&whole) && whole.same_as(&kept));
        let other = whole.clone().for_roles(&["backup".to_owned()]);
        whole.roles[0].manifest.text.push('x');
        assert!(!other.same_as(&whole));
    }

    fn generation() -> Generation {
        let text = |name: &str| Text {
            name: name.to_owned(),
            text: format!("the text of {name}"),
        };
        Generation {
            format: FORMAT,
            program: "foobar-stack 0.1.0".to_owned(),
            server: ServerName::default(),
            inventory: "[site]".to_owned(),
            release: None,
            releases: [(SiteName::default(), ReleaseId::new("0123456789ab").unwrap())].into(),
            roles: vec![Role {
                name: "web".to_owned(),
                manifest: text("role.toml"),
                templates: [("a".to_owned(), text("a"))].into(),
            }],
            files: [("roles/web/files/x".to_owned(), STANDARD.encode([0, 255]))].into(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let before = generation();
        let read = Generation::read(3, before.write().as_bytes()).unwrap();
        assert_eq!(read, before);
        assert_eq!(read.roles()[0].templates["a"].text, "the text of a");
        assert_eq!(*read.files(3).unwrap()["roles/web/files/x"], [0, 255]);
        assert!(read.same_as(&before));
        let mut other = generation();
        other.roles[0].manifest.text.push('\n');
        assert!(!other.same_as(&before));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        let later = generation().write().replace("\"format\":1", "\"format\":2");
        let mut broken = generation();
        broken.files.insert("x".to_owned(), "?".to_owned());
        for (error, words) in [
            (
                Generation::read(3, later.as_bytes()).unwrap_err(),
                "this version cannot read",
            ),
            (Generation::read(3, b"{").unwrap_err(), "generation 3"),
            (broken.files(3).unwrap_err(), "the file x"),
        ] {
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
