//! Why an existing zone could not be imported, or not all of it.

use super::Exit;
use crate::types::{Fqdn, ZoneFileError};

/// What `import` can fail with.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A program that it runs is missing.
    #[error("`{program}` is not on this machine")]
    Missing {
        /// Its name.
        program: &'static str,
        /// The package of Debian and Ubuntu that brings it.
        package: &'static str,
    },
    /// The name server did not give the zone.
    #[error("{server} does not give the zone {zone}: {said}")]
    Transfer {
        /// The zone.
        zone: Fqdn,
        /// The name server.
        server: String,
        /// What it, or `dig`, said.
        said: String,
    },
    /// The text is no zone file.
    #[error("{name} cannot be read as the zone {zone}")]
    Unreadable {
        /// The zone.
        zone: Fqdn,
        /// The file.
        name: String,
        /// Why.
        source: ZoneFileError,
    },
    /// BIND's tool does not read the file.
    #[error("named-checkzone cannot read {name} as the zone {zone}:\n{said}")]
    Expansion {
        /// The zone.
        zone: Fqdn,
        /// The file.
        name: String,
        /// What it said.
        said: String,
    },
    /// Some records are not among the lines.
    #[error("{} not imported:\n  {}", counted(records), records.join("\n  "))]
    Refused {
        /// Each with its place and the reason.
        records: Vec<String>,
    },
}

impl ImportError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Missing { package, .. } => format!("install the package {package}"),
            Self::Transfer { .. } => {
                "allow this machine the transfer there (BIND: allow-transfer), or give the key with --key; \
                 or copy the zone file, and import that"
                    .to_owned()
            }
            Self::Unreadable { source, .. } => match source {
                ZoneFileError::Directive { .. } => "write it to a file first: `named-checkzone -D -o FILE ZONE FILE` resolves such lines".to_owned(),
                _ => "`named-checkzone ZONE FILE` looks at it with the eyes of BIND; of a file in raw format `named-compilezone -f raw -F text` makes text".to_owned(),
            },
            Self::Expansion { .. } => {
                "correct the file, or import what the name server answers: --from ADDRESS".to_owned()
            }
            Self::Refused { .. } => {
                "the other records are in the lines above; decide about these before the zone moves".to_owned()
            }
        }
    }

    /// The exit status.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Unreadable { .. } | Self::Expansion { .. } => Exit::Invalid,
            Self::Missing { .. } | Self::Transfer { .. } | Self::Refused { .. } => Exit::Failed,
        }
    }
}

fn counted(records: &[String]) -> String {
    match records.len() {
        1 => "one record was".to_owned(),
        count => format!("{count} records were"),
    }
}
