//! `[[check.database]]`: a write and a read in the database, through the app's own account.

use super::server::Section;
use super::{Defaults, Hop, Judgement};
use crate::types::AccountName;
use serde::Deserialize;

/// The fields.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Database {
    /// The account, on the server and in the database: the socket authenticates it.
    pub user: AccountName,
    /// The database.
    pub database: AccountName,
    /// The client program.
    pub client: Client,
}

/// The client programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Client {
    /// Of MySQL.
    Mysql,
    /// Of MariaDB.
    Mariadb,
}

impl Client {
    /// The name of the program.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mysql => "mysql",
            Self::Mariadb => "mariadb",
        }
    }
}

/// Drops the table of a check that was stopped half-way.
const CLEAN: &str = "DROP TABLE IF EXISTS `_foobar_stack_verify`;";

impl Database {
    pub(super) fn defaults(&self) -> Defaults {
        Defaults {
            title: format!("write and read as {}", self.user),
            hop: Hop::Database,
            needs: Vec::new(),
            unit: Some(format!("{}.service", self.client.as_str())),
        }
    }

    pub(super) fn expected(&self) -> String {
        format!("what was written to {} is read back", self.database)
    }

    /// The words that run the client as the account with some SQL.
    fn client(&self, sql: &str) -> Vec<String> {
        [
            self.user.as_str(),
            "--",
            self.client.as_str(),
            // Left to itself, the client of MySQL takes who logged in on the terminal.
            "--user",
            self.user.as_str(),
            "--batch",
            "--skip-column-names",
            "--connect-timeout=3",
            "--database",
            self.database.as_str(),
            "--execute",
            sql,
        ]
        .map(str::to_owned)
        .into()
    }

    /// The arguments of `runuser -u` that write a value, read it and leave nothing behind.
    ///
    /// A real table and no temporary one: that would be let through by a read-only server. The
    /// lock, which dies with its session, keeps two checks at a time apart.
    pub(super) fn write_and_read(&self, value: &str) -> Vec<String> {
        // `value` is hexadecimal, made by `Nonce`: nothing to escape.
        self.client(&format!(
            "DO GET_LOCK('_foobar_stack_verify', 3); {CLEAN} \
             CREATE TABLE `_foobar_stack_verify` (value VARCHAR(64) NOT NULL); \
             INSERT INTO `_foobar_stack_verify` VALUES ('{value}'); \
             SELECT value FROM `_foobar_stack_verify`; {CLEAN}"
        ))
    }

    /// The arguments of `runuser -u` that leave nothing behind after a failure.
    pub(super) fn clean(&self) -> Vec<String> {
        self.client(CLEAN)
    }

    /// Judges what the client said when it was to write and read this value.
    #[must_use]
    pub fn judge(&self, section: Option<&Section>, value: &str) -> Judgement {
        match section {
            None => Judgement::Flawed("the server did not say".to_owned()),
            Some(Section { status: 0, output }) if output.lines().any(|line| line == value) => {
                Judgement::Sound("written and read back".to_owned())
            }
            Some(Section { status: 0, .. }) => {
                Judgement::Broken("another value was read back".to_owned())
            }
            Some(failed) => {
                // MariaDB's client shows the statement before its error.
                let error = failed
                    .output
                    .lines()
                    .find(|line| line.starts_with("ERROR "));
                let output = error.unwrap_or(&failed.output).to_owned();
                let failed = Section { output, ..*failed };
                Judgement::Broken(format!("{} {}", self.client.as_str(), failed.failure()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judgements() {
        let check = Database {
            user: AccountName::new("foobar").unwrap(),
            database: AccountName::new("foobar").unwrap(),
            client: Client::Mariadb,
        };
        let broken = |text: &str| Judgement::Broken(text.to_owned());
        for (status, output, want) in [
            (
                0,
                "c0ffee",
                Judgement::Sound("written and read back".to_owned()),
            ),
            (
                0,
                "a warning\nc0ffee",
                Judgement::Sound("written and read back".to_owned()),
            ),
            (0, "", broken("another value was read back")),
            (0, "c0ffe", broken("another value was read back")),
            (
                1,
                "ERROR 2002 (HY000): Can't connect",
                broken("mariadb ended with status 1: ERROR 2002 (HY000): Can't connect"),
            ),
            (
                1,
                "--------------\nDROP\n--------------\nERROR 1142 (42000): denied",
                broken("mariadb ended with status 1: ERROR 1142 (42000): denied"),
            ),
            (
                1,
                "c0ffee\nno",
                broken("mariadb ended with status 1: c0ffee; no"),
            ),
            (124, "", broken("mariadb did not end in time")),
            (127, "", broken("mariadb ended with status 127")),
        ] {
            let section = Section {
                status,
                output: output.to_owned(),
            };
            assert_eq!(check.judge(Some(&section), "c0ffee"), want);
        }
        assert!(matches!(check.judge(None, "c0ffee"), Judgement::Flawed(_)));
    }
}
