//! Accounts of the database that authenticate by the socket: no password anywhere.

use super::database::not_up;
use super::grants::{self, Grants};
use super::recorded::Recorded;
use super::sql;
use crate::resource::vocabulary::probe::fields;
use crate::resource::{
    Change, Claim, Conflict, Data, Delta, Diff, EntryError, ExecutionPlan, Kind, Materials,
    Observed, Owned, Phase, PlanContext, Probe,
};
use crate::shell::Script;
use crate::types::AccountName;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

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
    adopt: bool,
    convert: bool,
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
    /// Whether one that somebody else has made is taken over. Default: no.
    #[serde(default)]
    adopt: bool,
    /// Whether that one then authenticates by the socket, too. Default: no.
    #[serde(default)]
    convert: bool,
}

/// An account as the server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    plugin: String,
    grants: Grants,
    /// Databases of ours, as the server's record has them: a right to all of one of these is of
    /// our giving.
    ours: BTreeSet<String>,
    claim: Claim,
}

/// What is to be done with rights.
#[derive(Debug, Default, PartialEq, Eq)]
struct Rights {
    /// Given at once.
    grant: Option<String>,
    /// Taken when the run is proven: what serves until then may need them.
    revoke: Vec<String>,
}

/// What we give, and take.
const ALL: &str = "ALL PRIVILEGES";

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

    /// All that is in a database, as a grant names it.
    fn object(database: &str) -> String {
        format!("{}.*", sql::grant_name(database))
    }

    /// Whether it keeps the way it logs in.
    fn keeps(&self, account: &Account) -> bool {
        account.claim != Claim::Made && !self.convert
    }

    /// What is missing, and what of ours is too much. Rights that somebody else has given are
    /// none of our business.
    fn rights(&self, account: Option<&Account>) -> Rights {
        let wanted = Self::object(self.database.as_str());
        let Some(account) = account else {
            return Rights {
                grant: Some(wanted),
                revoke: Vec::new(),
            };
        };
        let has_all = |object: &str| {
            let granted = account.grants.get(object);
            granted.is_some_and(|privileges| privileges.contains(ALL))
        };
        // Whoever gave them by hand may have left the wildcards in the name as they are.
        let by_hand = format!("{}.*", sql::name(self.database.as_str()));
        let covered = [wanted.as_str(), &by_hand, "*.*"].into_iter().any(has_all);
        let others = account
            .ours
            .iter()
            .filter(|name| **name != self.database.as_str());
        Rights {
            grant: (!covered).then_some(wanted),
            revoke: others
                .map(|name| Self::object(name))
                .filter(|object| has_all(object))
                .collect(),
        }
    }
}

impl Kind for DatabaseUser {
    const NAME: &'static str = "database_user";
    const PROBE_SHELL: &'static [&'static str] = &[sql::CLIENT, sql::PROBE];
    const STEP_SHELL: &'static [&'static str] = &[sql::CLIENT, sql::STEPS];
    const ASKS_DAEMONS: bool = true;
    type Entry = Entry;
    type State = Account;

    fn build(entry: Entry, _: &dyn Materials) -> Result<Self, EntryError> {
        let Entry {
            name,
            database,
            engine,
            unit,
            adopt,
            convert,
        } = entry;
        Ok(Self {
            name,
            database,
            engine,
            unit,
            adopt,
            convert,
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
        script.call("probe_accounts", [query]);
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<Account>> {
        let (reply, databases) = reply.split_once("\ndatabases\n").unwrap_or((reply, ""));
        let recorded = Recorded::read(reply);
        let ours: BTreeSet<String> = Recorded::read(databases)
            .names()
            .map(str::to_owned)
            .collect();
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
                        ours: ours.clone(),
                        claim: recorded.claim(user.name.as_str()),
                    }),
                    None => Observed::Absent,
                })
            })
            .collect()
    }

    fn applied(&self, before: &Observed<Account>, _: &PlanContext<'_>) -> Observed<Account> {
        let mut account = before.present().cloned().unwrap_or(Account {
            plugin: self.plugin().to_owned(),
            grants: Grants::new(),
            ours: BTreeSet::new(),
            claim: Claim::Made,
        });
        let rights = self.rights(Some(&account));
        for object in &rights.revoke {
            if let Some(privileges) = account.grants.get_mut(object) {
                privileges.remove(ALL);
            }
        }
        if let Some(object) = rights.grant {
            account
                .grants
                .entry(object)
                .or_default()
                .insert(ALL.to_owned());
        }
        account
            .grants
            .retain(|_, privileges| !privileges.is_empty());
        if !self.keeps(&account) {
            self.plugin().clone_into(&mut account.plugin);
        }
        if account.claim == Claim::Foreign {
            account.claim = Claim::Adopted;
        }
        Observed::Present(account)
    }

    fn compare(&self, observed: &Observed<Account>, _: &PlanContext<'_>) -> Option<Delta> {
        let words = |object: &String| format!("{ALL} on {object}");
        let rights = self.rights(observed.present());
        let grant = rights.grant.as_ref().map(words);
        let Observed::Present(account) = observed else {
            return Some(Delta::create([
                ("authentication", self.plugin().to_owned()),
                ("grant", grant.unwrap_or_default()),
            ]));
        };
        let mut diff = Diff::default();
        if !self.keeps(account) {
            diff.compare("authentication", Some(&account.plugin), Some(self.plugin()));
        }
        diff.compare("grant", None, grant.as_deref());
        for object in &rights.revoke {
            diff.compare("revoke", Some(&words(object)), None);
        }
        Delta::update(diff)
    }

    fn conflict(&self, account: &Account, claim: Claim) -> Option<Conflict> {
        let plugin = match account.plugin.as_str() {
            "" => "a password".to_owned(),
            plugin => plugin.to_owned(),
        };
        (claim == Claim::Foreign && !self.adopt).then(|| Conflict {
            subject: format!("database account {}", self.account()),
            found: format!("there is one that logs in by {plugin}"),
            because: "no run of foobar-stack made it".to_owned(),
            hint: "name an account of its own in app.user, or set database.adopt = true: then the app uses this one, which goes on to log in as it does".to_owned(),
        })
    }

    fn owned(&self) -> Vec<Owned> {
        vec![Owned::Data(Data::DatabaseAccount(self.name.clone()))]
    }

    fn work(
        &self,
        observed: &Observed<Account>,
        change: &Change,
        _: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    ) {
        let (account, unit) = (self.account(), self.unit.as_str());
        let how = match self.engine {
            Engine::Mysql => "IDENTIFIED WITH auth_socket",
            Engine::Mariadb => "IDENTIFIED VIA unix_socket",
        };
        let now = observed.present();
        let mut script = Script::new();
        if now.is_none() {
            let known = format!(
                "SELECT 1 FROM mysql.user WHERE Host = 'localhost' AND User = {}",
                sql::string(self.name.as_str())
            );
            let make = format!("CREATE USER IF NOT EXISTS {account} {how}");
            let back = format!("DROP USER IF EXISTS {account}");
            let adopt = if self.adopt { "adopt" } else { "refuse" };
            let words = [unit, "database-account", self.name.as_str(), adopt];
            let words = words.into_iter().chain([&known, &make, "SELECT 0", &back]);
            script.call("make_by_sql", words);
        }
        // An account without a password may have no plugin at all.
        if now.is_some_and(|now| !self.keeps(now) && now.plugin != self.plugin()) {
            let what = format!("how the database account {} logs in", self.name);
            script.call("change_login", [unit, &what, &account, how]);
        }
        let rights = self.rights(now);
        if let Some(object) = &rights.grant {
            let what = format!("the grants of the database account {}", self.name);
            let there = format!("GRANT {ALL} ON {object} TO {account}");
            let mut back = format!("REVOKE {ALL} ON {object} FROM {account};\n");
            let before = now
                .and_then(|now| now.grants.get(object))
                .into_iter()
                .flatten();
            let before: Vec<&str> = before
                .map(String::as_str)
                .filter(|privilege| *privilege != "GRANT OPTION")
                .collect();
            if !before.is_empty() {
                let before = before.join(", ");
                back.push_str(&format!("GRANT {before} ON {object} TO {account};\n"));
            }
            let mut words = vec![unit, &what, &there, &back];
            let known = format!(
                "SELECT 1 FROM mysql.db WHERE Host = 'localhost' AND User = {} AND Db IN ({}, {})",
                sql::string(self.name.as_str()),
                sql::string(self.database.as_str()),
                sql::string(&sql::escaped(self.database.as_str()))
            );
            if now.is_none() {
                words.push(&known);
            }
            script.call("change_sql", words);
        }
        if !script.is_empty() {
            work.step(Phase::Activate, &change.id, script);
        }
        // Not undone, and so not journalled: they go when nothing can fail any more that would
        // need them.
        let statements: Vec<String> = rights
            .revoke
            .iter()
            .map(|object| format!("REVOKE {ALL} ON {object} FROM {account}"))
            .collect();
        if !statements.is_empty() {
            let mut script = Script::new();
            script.call("run_sql", [statements.join(";\n")]);
            work.step(Phase::Finish, &change.id, script);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AROUND: PlanContext<'static> = PlanContext {
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
            adopt: false,
            convert: false,
        }
    }

    fn observe(reply: &str) -> Observed<Account> {
        DatabaseUser::observe(&[&user()], &Probe::new("s".into()), reply).remove(0)
    }

    /// What differs: name, before, after.
    fn differs(user: &DatabaseUser, reply: &str) -> Vec<String> {
        let delta = user.compare(&observe(reply), &AROUND);
        let fields = delta.into_iter().flat_map(|delta| delta.diff.fields);
        let text = |text: Option<String>| text.unwrap_or_default();
        fields
            .map(|field| {
                format!(
                    "{}: {} > {}",
                    field.name,
                    text(field.before),
                    text(field.after)
                )
            })
            .collect()
    }

    const RIGHT: &str = "GRANT ALL PRIVILEGES ON `foo\\_bar`.* TO `foobar`@`localhost`\n";

    #[test]
    fn only_rights_of_ours_are_taken() {
        let others = "up\nfoobar\x1fauth_socket\nGRANT USAGE ON *.* TO `foobar`@`localhost`\n\
             GRANT SELECT ON `mysql`.* TO `foobar`@`localhost`\n\
             GRANT ALL PRIVILEGES ON `theirs`.* TO `foobar`@`localhost`\n\
             GRANT ALL PRIVILEGES ON `old`.* TO `foobar`@`localhost`\n\
             record\x1fmade\x1ffoobar\ndatabases\nrecord\x1fmade\x1fold\nrecord\x1fmade\x1ffoo_bar\n";
        assert_eq!(
            differs(&user(), others),
            [
                "grant:  > ALL PRIVILEGES on `foo\\_bar`.*",
                "revoke: ALL PRIVILEGES on `old`.* > "
            ]
        );
        let found = observe(others);
        let after = user().applied(&found, &AROUND);
        assert_eq!(user().compare(&after, &AROUND), None);
        let kept = &after.present().unwrap().grants;
        assert!(kept.contains_key("`theirs`.*") && kept.contains_key("`mysql`.*"));
    }

    #[test]
    fn rights_to_more_cover_the_wanted_ones() {
        for grant in [
            RIGHT,
            "GRANT ALL PRIVILEGES ON `foo_bar`.* TO `foobar`@`localhost`\n",
            "GRANT ALL PRIVILEGES ON *.* TO `foobar`@`localhost` WITH GRANT OPTION\n",
        ] {
            let reply = format!("up\nfoobar\x1fauth_socket\n{grant}");
            assert_eq!(differs(&user(), &reply), [""; 0], "{grant}");
        }
        let part =
            "up\nfoobar\x1fauth_socket\nGRANT SELECT ON `foo_bar`.* TO `foobar`@`localhost`\n";
        assert_eq!(differs(&user(), part).len(), 1);
    }

    #[test]
    fn a_login_that_others_made_is_kept_unless_asked() {
        let reply = |claim: &str| {
            format!("up\nfoobar\x1fcaching_sha2_password\n{RIGHT}record\x1f{claim}\x1ffoobar\n")
        };
        assert_eq!(differs(&user(), &reply("adopted")), [""; 0]);
        let asked = DatabaseUser {
            convert: true,
            ..user()
        };
        for (user, claim) in [(&asked, "adopted"), (&user(), "made")] {
            assert_eq!(
                differs(user, &reply(claim)),
                ["authentication: caching_sha2_password > auth_socket"]
            );
        }
    }

    #[test]
    fn what_is_not_there_is_told_from_what_cannot_be_seen() {
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
