//! The checks that prove a stack: what each one asks, and what a reply means.
//!
//! Pure: `verify` does the asking. A check kind is one file here, with the fields a role may
//! set, the defaults, and `judge`, which turns a reply into a [`Judgement`]; and one line in
//! the registry below.

pub mod backup;
mod backup_record;
pub mod cache;
pub mod certificate;
pub mod database;
pub mod delegation;
pub mod deployment;
pub mod dns;
pub mod dnssec;
mod hop;
pub mod http;
mod judgement;
pub mod nameservers;
pub mod port;
mod records;
mod report;
mod section;
pub mod server;
pub mod unit;

pub use backup_record::{BackupRecord, CopyRecord, LastBackup};
pub use deployment::Deployment;
pub use hop::Hop;
pub use judgement::Judgement;
pub use report::{Answer, Outcome, Report, Verdict, conclude, in_chain_order};

use crate::diagnostic::nearest;
use crate::types::SiteName;
use judgement::Defaults;
use serde::Deserialize;

/// Declares the kinds: the name in `[[check.<name>]]`, and the type that holds its fields.
macro_rules! registry {
    ($($name:literal => $variant:ident($fields:ty)),+ $(,)?) => {
        /// Every kind of check, in the order of the registry.
        pub const KINDS: &[&str] = &[$($name),+];

        /// What a check asks: one variant a kind.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Question {
            $(#[doc = concat!("`[[check.", $name, "]]`")] $variant($fields),)+
        }

        impl Question {
            fn parse(kind: &str, fields: toml::Table) -> Result<Self, CheckError> {
                match kind {
                    $($name => fields
                        .try_into()
                        .map(Self::$variant)
                        .map_err(|source| CheckError::Fields { kind: $name, source }),)+
                    _ => Err(CheckError::UnknownKind { kind: kind.to_owned() }),
                }
            }

            fn defaults(&self) -> Defaults {
                match self {
                    $(Self::$variant(fields) => fields.defaults(),)+
                }
            }

            /// What a healthy stack would reply, in a few words.
            #[must_use]
            pub fn expected(&self) -> String {
                match self {
                    $(Self::$variant(fields) => fields.expected(),)+
                }
            }
        }
    };
}

registry! {
    "backup" => Backup(backup::Backup),
    "dns" => Dns(dns::Dns),
    "dnssec" => Dnssec(dnssec::Dnssec),
    "delegation" => Delegation(delegation::Delegation),
    "nameservers" => NameServers(nameservers::NameServers),
    "port" => Port(port::Port),
    "certificate" => Certificate(certificate::Certificate),
    "http" => Http(http::Http),
    "unit" => Unit(unit::Unit),
    "database" => Database(database::Database),
    "cache" => Cache(cache::Cache),
    "deployment" => Deployment(deployment::Deployment),
}

/// One check of the stack.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// The role that asks for it.
    pub role: String,
    /// The site that it is about, where there are several and it is about one of them alone.
    pub site: Option<SiteName>,
    /// What is checked, for people.
    pub title: String,
    /// The part of the chain it proves.
    pub hop: Hop,
    /// The hops without which it proves nothing: when one is broken, this check is skipped.
    pub needs: Vec<Hop>,
    /// The unit whose log explains a failure.
    pub unit: Option<String>,
    /// What it asks.
    pub question: Question,
}

/// The fields every kind has.
#[derive(Deserialize)]
struct Common {
    title: Option<String>,
    hop: Option<Hop>,
    needs: Option<Vec<Hop>>,
    unit: Option<String>,
}

impl Check {
    /// Makes a check from the entry `[[check.<kind>]]` of a role, its templates rendered.
    ///
    /// # Errors
    /// When there is no such kind, a field is unknown, missing or wrong, or the check needs a
    /// hop that cannot come before its own.
    pub fn from_entry(role: &str, kind: &str, mut entry: toml::Table) -> Result<Self, CheckError> {
        let common: toml::Table = ["title", "hop", "needs", "unit"]
            .into_iter()
            .filter_map(|key| entry.remove_entry(key))
            .collect();
        let question = Question::parse(kind, entry)?;
        let common: Common = common.try_into().map_err(|source| CheckError::Common {
            kind: kind.to_owned(),
            source,
        })?;

        let defaults = question.defaults();
        let hop = common.hop.unwrap_or(defaults.hop);
        let needs = match common.needs {
            Some(needs) => match needs.iter().find(|&&need| !hop.may_need(need)) {
                Some(&need) => {
                    return Err(CheckError::Needs {
                        kind: kind.to_owned(),
                        hop,
                        need,
                    });
                }
                None => needs,
            },
            None => {
                let mut needs = defaults.needs;
                needs.retain(|&need| hop.may_need(need));
                needs
            }
        };
        Ok(Self {
            role: role.to_owned(),
            site: None,
            title: common.title.unwrap_or(defaults.title),
            hop,
            needs,
            unit: common.unit.or(defaults.unit),
            question,
        })
    }

    /// One that no role has made, with the defaults of its kind.
    #[must_use]
    pub fn of(role: &str, site: Option<SiteName>, question: Question) -> Self {
        let defaults = question.defaults();
        Self {
            role: role.to_owned(),
            site,
            title: defaults.title,
            hop: defaults.hop,
            needs: defaults.needs,
            unit: defaults.unit,
            question,
        }
    }

    /// Whether it is asked on the server rather than from outside.
    #[must_use]
    pub fn on_server(&self) -> bool {
        matches!(
            self.question,
            Question::Unit(_)
                | Question::Database(_)
                | Question::Cache(_)
                | Question::Deployment(_)
                | Question::Backup(_)
        )
    }
}

/// An entry that is not a check.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// No kind has this name.
    #[error("there is no kind of check called `{kind}`")]
    UnknownKind {
        /// The name.
        kind: String,
    },
    /// A field of the kind is unknown, missing or wrong.
    #[error("check.{kind} has a wrong field")]
    Fields {
        /// The kind.
        kind: &'static str,
        /// Which field, and what is wrong with it.
        #[source]
        source: toml::de::Error,
    },
    /// One of `title`, `hop`, `needs` and `unit` is wrong.
    #[error("check.{kind} has a wrong title, hop, needs or unit")]
    Common {
        /// The kind.
        kind: String,
        /// What is wrong with it.
        #[source]
        source: toml::de::Error,
    },
    /// The needs would go round in a circle.
    #[error("check.{kind} of the hop `{hop}` cannot need `{need}`")]
    Needs {
        /// The kind.
        kind: String,
        /// Its hop.
        hop: Hop,
        /// The hop it cannot need.
        need: Hop,
    },
}

impl CheckError {
    /// What to do, if it can be said.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKind { kind } => Some(match nearest(kind, KINDS.iter().copied()) {
                Some(known) => format!("did you mean `{known}`?"),
                None => format!("the kinds are {}", KINDS.join(", ")),
            }),
            Self::Needs { .. } => Some(format!(
                "a hop can only need one that stands before it in {}",
                Hop::ROOT_FIRST.map(|hop| hop.to_string()).join(", ")
            )),
            Self::Fields { .. } | Self::Common { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::error::Error as _;

    fn check(kind: &str, entry: &str) -> Result<Check, CheckError> {
        Check::from_entry("role", kind, entry.parse().unwrap())
    }

    #[test]
    fn a_kind_gives_the_defaults_of_what_a_role_leaves_out() {
        let page = check("http", "url = 'https://foobar.com/'").unwrap();
        assert_eq!(page.title, "GET https://foobar.com/");
        assert_eq!(page.hop, Hop::Web);
        assert_eq!(
            page.needs,
            [Hop::Dns, Hop::Tcp, Hop::Tls, Hop::Database, Hop::App]
        );
        assert_eq!(page.unit.as_deref(), Some("nginx.service"));
    }

    #[test]
    fn a_role_may_say_the_common_fields() {
        let health = check(
            "http",
            "url = 'https://foobar.com/healthz'\nhop = 'app'\nunit = 'foobar.service'\ntitle = 'health'",
        )
        .unwrap();
        assert_eq!(health.title, "health");
        assert_eq!(health.needs, [Hop::Dns, Hop::Tcp, Hop::Tls, Hop::Database]);
        assert_eq!(health.unit.as_deref(), Some("foobar.service"));

        let bare = check("http", "url = 'http://foobar.com/'\nneeds = []").unwrap();
        assert_eq!(bare.needs, []);
    }

    #[test]
    fn every_kind_of_the_registry_is_made() {
        for (kind, entry, title, hop) in [
            (
                "dns",
                "name = 'foobar.com'\ntype = 'A'",
                "foobar.com A",
                Hop::Dns,
            ),
            (
                "nameservers",
                "zone = 'foobar.com'\nothers = [{ name = 'ns2.example.net' }]",
                "name servers of foobar.com",
                Hop::Dns,
            ),
            (
                "delegation",
                "zone = 'foobar.com'\nservers = [{ name = 'ns1.foobar.com', addresses = ['192.0.2.1'] }]",
                "delegation of foobar.com",
                Hop::Dns,
            ),
            (
                "dnssec",
                "zone = 'foobar.com'\nkeys = '/var/lib/bind/signed'",
                "foobar.com is signed",
                Hop::Dns,
            ),
            ("port", "port = 443", "port 443", Hop::Tcp),
            (
                "port",
                "port = 3306\nopen = false",
                "port 3306",
                Hop::Server,
            ),
            (
                "certificate",
                "name = 'foobar.com'",
                "certificate of foobar.com",
                Hop::Tls,
            ),
            (
                "http",
                "url = 'http://foobar.com'",
                "GET http://foobar.com/",
                Hop::Web,
            ),
            (
                "unit",
                "name = 'nginx.service'",
                "nginx.service",
                Hop::Server,
            ),
            (
                "deployment",
                "name = 'foobar-app'\nupstream = '/etc/x'\nport = 8000\ninstances = 1",
                "foobar-app",
                Hop::Server,
            ),
            (
                "database",
                "user = 'foobar'\ndatabase = 'foobar'\nclient = 'mysql'",
                "write and read as foobar",
                Hop::Database,
            ),
        ] {
            let made = check(kind, entry).unwrap();
            assert_eq!((made.title.as_str(), made.hop), (title, hop));
            assert!(KINDS.contains(&kind));
        }
    }

    #[test]
    fn a_wrong_entry_says_what_is_wrong() {
        for (kind, entry, want) in [
            (
                "htpp",
                "",
                "there is no kind of check called `htpp`: did you mean `http`?",
            ),
            ("dns", "nmae = 'foobar.com'", "unknown field `nmae`"),
            ("dns", "name = 'foobar.com'\ntype = 'AX'", "`AX`"),
            (
                "dns",
                "name = 'foobar'\ntype = 'A'",
                "`foobar` is not a domain name",
            ),
            ("port", "port = 70000", "70000"),
            ("port", "port = 53\nprotocol = 'udp'", "udp"),
            ("http", "url = 'ftp://foobar.com/'", "`ftp://foobar.com/`"),
            ("unit", "name = 'nginx'", "`nginx`"),
            (
                "unit",
                "name = 'nginx.service'\nhop = 'disk'",
                "unknown variant `disk`",
            ),
            (
                "http",
                "url = 'http://foobar.com/'\nhop = 'app'\nneeds = ['web']",
                "check.http of the hop `app` cannot need `web`",
            ),
            (
                "dns",
                "name = 'foobar.com'\ntype = 'A'\nneeds = ['dns']",
                "cannot need `dns`",
            ),
        ] {
            let error = check(kind, entry).unwrap_err();
            let mut text = error.to_string();
            for part in [error.source().map(ToString::to_string), error.hint()] {
                text.push_str(&part.map(|part| format!(": {part}")).unwrap_or_default());
            }
            assert!(text.contains(want), "{text}\nhas no\n{want}");
        }
    }
}
