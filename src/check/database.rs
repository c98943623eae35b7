//! `[[check.database]]`: a write and a read in the database, through the app's own account.

use super::hop::Hop;
use super::judgement::{Defaults, Judgement};
use super::server::Section;
use crate::resource::CHECK_TABLE;
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

    /// The words after `sh -c` that write a value and read it.
    ///
    /// A real table and no temporary one: that would be let through by a read-only server. A run
    /// has made it, and it has one row for ever: to look changes no schema. The lock, which dies
    /// with its session, keeps two checks at a time apart.
    pub(super) fn words(&self, value: &str) -> Vec<String> {
        // `value` is hexadecimal, made by `Nonce`, and names of accounts have nothing to escape.
        let sql = format!(
            "DO GET_LOCK('{CHECK_TABLE}', 3); \
             SET SESSION autocommit = 1, innodb_lock_wait_timeout = 3, lock_wait_timeout = 3; \
             REPLACE INTO `{CHECK_TABLE}` (id, value) VALUES (1, '{value}'); \
             SELECT value FROM `{CHECK_TABLE}` WHERE id = 1"
        );
        let login = format!(
            "SHOW CREATE USER '{}'@'localhost'; \
             SELECT CONCAT_WS(' ', 'version', @@version, TRIM(TRAILING '/' FROM @@datadir))",
            self.user
        );
        [
            include_str!("database.sh"),
            "sh",
            self.client.as_str(),
            self.user.as_str(),
            self.database.as_str(),
            &login,
            &sql,
        ]
        .map(str::to_owned)
        .into()
    }

    /// Judges what the client said when it was to write and read this value.
    #[must_use]
    pub fn judge(&self, section: Option<&Section>, value: &str) -> Judgement {
        match section {
            None => Judgement::Flawed("the server did not say".to_owned()),
            Some(Section { output, .. }) if output.lines().any(|line| line == "read-only 1") => {
                Judgement::Broken("the database server is read-only".to_owned())
            }
            Some(Section { status: 0, output }) if output.lines().any(|line| line == value) => {
                if let Some(unfinished) = output.lines().find_map(unfinished_upgrade) {
                    return Judgement::Awaited(unfinished);
                }
                let who = match output.lines().any(|line| line == "as root") {
                    true => " by root: the account logs in with a password",
                    false => "",
                };
                Judgement::Sound(format!("written and read back{who}"))
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
                if error.is_some_and(|error| error.starts_with("ERROR 1146 ")) {
                    let why = format!("the table {CHECK_TABLE} is not there; an apply makes it");
                    return Judgement::Broken(why);
                }
                let output = error.unwrap_or(&failed.output).to_owned();
                let failed = Section { output, ..*failed };
                Judgement::Broken(format!("{} {}", self.client.as_str(), failed.failure()))
            }
        }
    }
}

/// What is wrong if MariaDB is of another series than its system tables (MariaDB's manual,
/// "mariadb-upgrade"): the distribution's package runs that program beside the server that it has
/// just started, so that it may be under way, or was cut off.
fn unfinished_upgrade(line: &str) -> Option<String> {
    let (upgraded, version) = line.strip_prefix("upgraded ")?.split_once(' ')?;
    (upgraded != version).then(|| {
        format!(
            "MariaDB is of series {version}, and its upgrade from {upgraded} is not finished: if this \
             stays for some minutes, run `mariadb-upgrade` as root on the server"
        )
    })
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
            (
                0,
                "as root\nread-only 0\nc0ffee",
                Judgement::Sound(
                    "written and read back by root: the account logs in with a password".to_owned(),
                ),
            ),
            (
                0,
                "upgraded 11.8 11.8\nc0ffee",
                Judgement::Sound("written and read back".to_owned()),
            ),
            (
                0,
                "upgraded 10.11 11.8\nc0ffee",
                Judgement::Awaited(
                    "MariaDB is of series 11.8, and its upgrade from 10.11 is not finished: if this \
                     stays for some minutes, run `mariadb-upgrade` as root on the server"
                        .to_owned(),
                ),
            ),
            (
                0,
                "as root\nread-only 1\nc0ffee",
                broken("the database server is read-only"),
            ),
            (
                1,
                "ERROR 1146 (42S02) at line 1: Table 'x' doesn't exist",
                broken("the table _foobar_stack_check is not there; an apply makes it"),
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
