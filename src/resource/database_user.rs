//! Accounts of the database that authenticate by the socket: no password anywhere.

use super::database::not_up;
use super::grants::{self, Grants};
use super::probe::fields;
use super::{
    Change, Data, Delta, Diff, EntryError, Kind, Materials, Observed, Owned, Phase, Probe,
    Surroundings, Work, sql,
};
use crate::shell::Script;
use crate::types::AccountName;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Which server it is; they name the socket plugin differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Engine {
    /// MySQL: `auth_socket`.
    Mysql,
    /// MariaDB: `unix_socket`.
    Mariadb,
}

/// An account, for the Unix account of the same name, with rights in one database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseUser {
    name: AccountName,
    database: AccountName,
    engine: Engine,
    unit: String,
}

/// The fields of `[[database_user]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    name: AccountName,
    /// The database in which it may do everything.
    database: AccountName,
    engine: Engine,
    /// The unit of the database server.
    unit: String,
}

/// An account as the server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    plugin: String,
    grants: Grants,
}

impl DatabaseUser {
    fn plugin(&self) -> &'static str {
        match self.engine {
            Engine::Mysql => "auth_socket",
            Engine::Mariadb => "unix_socket",
        }
    }

    fn account(&self) -> String {
        format!(
            "{}@{}",
            sql::name(self.name.as_str()),
            sql::name("localhost")
        )
    }

    fn wanted(&self) -> Grants {
        let object = format!("{}.*", sql::grant_name(self.database.as_str()));
        Grants::from([(object, ["ALL PRIVILEGES".to_owned()].into())])
    }
}

/// Grants that `a` has and `b` has not.
fn beyond(a: &Grants, b: &Grants) -> Vec<(String, String)> {
    a.iter()
        .flat_map(|(object, privileges)| {
            let other = b.get(object);
            privileges
                .iter()
                .filter(move |privilege| !other.is_some_and(|other| other.contains(*privilege)))
                .map(move |privilege| (privilege.clone(), object.clone()))
        })
        .collect()
}

impl Kind for DatabaseUser {
    const NAME: &'static str = "database_user";
    const LIBRARY: &'static str = include_str!("database.sh");
    type Entry = Entry;
    type State = Account;

    fn build(entry: Entry, _: &dyn Materials) -> Result<Self, EntryError> {
        let Entry {
            name,
            database,
            engine,
            unit,
        } = entry;
        Ok(Self {
            name,
            database,
            engine,
            unit,
        })
    }

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn probe(batch: &[&Self], _: &Probe, script: &mut Script) {
        let mut query = String::new();
        for user in batch {
            let name = sql::string(user.name.as_str());
            query.push_str(&format!(
                "SELECT CONCAT_WS(CHAR(31), User, IFNULL(plugin, '')) FROM mysql.user \
                 WHERE User = {name} AND Host = 'localhost';\n\
                 SHOW GRANTS FOR {name}@'localhost';\n"
            ));
        }
        script.call("probe_database", [query]);
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<Account>> {
        let plugins: BTreeMap<&str, &str> = reply
            .lines()
            .filter_map(fields::<2>)
            .map(|[name, plugin]| (name, plugin))
            .collect();
        batch
            .iter()
            .map(|user| {
                not_up(reply, &user.unit).unwrap_or_else(|| match plugins.get(user.name.as_str()) {
                    Some(plugin) => Observed::Present(Account {
                        plugin: (*plugin).to_owned(),
                        grants: grants::parse(reply, &user.account()),
                    }),
                    None => Observed::Absent,
                })
            })
            .collect()
    }

    fn applied(&self, _: &Observed<Account>, _: &Surroundings<'_>) -> Observed<Account> {
        Observed::Present(Account {
            plugin: self.plugin().to_owned(),
            grants: self.wanted(),
        })
    }

    fn compare(&self, observed: &Observed<Account>, _: &Surroundings<'_>) -> Option<Delta> {
        let wanted = self.wanted();
        let words = |(privilege, object): &(String, String)| format!("{privilege} on {object}");
        let Observed::Present(account) = observed else {
            let granted = beyond(&wanted, &Grants::new())
                .iter()
                .map(words)
                .collect::<Vec<_>>();
            return Some(Delta::create([
                ("authentication", self.plugin().to_owned()),
                ("grant", granted.join(", ")),
            ]));
        };
        let mut diff = Diff::default();
        diff.compare("authentication", Some(&account.plugin), Some(self.plugin()));
        for extra in beyond(&account.grants, &wanted) {
            diff.compare("grant", Some(&words(&extra)), None);
        }
        for missing in beyond(&wanted, &account.grants) {
            diff.compare("grant", None, Some(&words(&missing)));
        }
        Delta::update(diff)
    }

    fn owned(&self) -> Vec<Owned> {
        vec![Owned::Data(Data::DatabaseAccount(self.name.clone()))]
    }

    fn work(
        &self,
        observed: &Observed<Account>,
        change: &Change,
        _: &Surroundings<'_>,
        work: &mut Work,
    ) {
        let account = self.account();
        let how = match self.engine {
            Engine::Mysql => "IDENTIFIED WITH auth_socket",
            Engine::Mariadb => "IDENTIFIED VIA unix_socket",
        };
        let mut statements = format!("CREATE USER IF NOT EXISTS {account} {how};\n");
        let none = Grants::new();
        let account_now = observed.present();
        let granted = account_now.map_or(&none, |now| &now.grants);
        // An account without a password may have no plugin at all.
        if account_now.is_some_and(|now| now.plugin != self.plugin()) {
            statements.push_str(&format!("ALTER USER {account} {how};\n"));
        }
        // What is missing comes before what is too much goes, so that the app never stands
        // without its rights.
        let wanted = self.wanted();
        for (privilege, object) in beyond(&wanted, granted) {
            statements.push_str(&format!("GRANT {privilege} ON {object} TO {account};\n"));
        }
        for (privilege, object) in beyond(granted, &wanted) {
            // ALL PRIVILEGES just granted covers the single ones on the same object.
            if !wanted.contains_key(&object) || privilege == "GRANT OPTION" {
                statements.push_str(&format!("REVOKE {privilege} ON {object} FROM {account};\n"));
            }
        }
        let mut script = Script::new();
        if observed.present().is_none() {
            let known = format!(
                "SELECT 1 FROM mysql.user WHERE Host = 'localhost' AND User = {}",
                sql::string(self.name.as_str())
            );
            let words = ["database-account", self.name.as_str(), &known];
            script.call("made_by_sql", words);
        }
        script.call("run_sql", [statements]);
        work.step(Phase::Activate, &change.id, script);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AROUND: Surroundings<'static> = Surroundings {
        now: 0,
        date: "20260101",
        changes: &[],
    };

    fn user() -> DatabaseUser {
        DatabaseUser {
            name: AccountName::new("foobar").unwrap(),
            database: AccountName::new("foo_bar").unwrap(),
            engine: Engine::Mysql,
            unit: "mysql.service".into(),
        }
    }

    fn observe(reply: &str) -> Observed<Account> {
        DatabaseUser::observe(&[&user()], &Probe::new("s".into()), reply).remove(0)
    }

    #[test]
    fn a_grant_too_much_and_one_missing_are_told_apart() {
        let found = observe(
            "up\nfoobar\x1fauth_socket\nGRANT USAGE ON *.* TO `foobar`@`localhost`\n\
             GRANT SELECT ON `mysql`.* TO `foobar`@`localhost`\n",
        );
        let delta = user().compare(&found, &AROUND).unwrap();
        let fields = &delta.diff.fields;
        assert_eq!(fields[0].before.as_deref(), Some("SELECT on `mysql`.*"));
        assert_eq!(
            fields[1].after.as_deref(),
            Some("ALL PRIVILEGES on `foo\\_bar`.*")
        );
    }

    #[test]
    fn in_order_there_is_nothing_to_do() {
        let found = observe(
            "up\nfoobar\x1fauth_socket\nGRANT ALL PRIVILEGES ON `foo\\_bar`.* TO `foobar`@`localhost`\n",
        );
        assert_eq!(user().compare(&found, &AROUND), None);
        assert_eq!(observe("up\n"), Observed::Absent);
        assert_eq!(observe("none\n"), Observed::Absent);
        assert_eq!(
            observe("down\n"),
            Observed::Hidden {
                unit: "mysql.service".into()
            }
        );
        assert!(matches!(observe("garbage"), Observed::Unknown { .. }));
    }
}
