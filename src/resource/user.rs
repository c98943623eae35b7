//! System accounts, each with a group of its own name.

use super::probe::fields;
use super::{
    Change, Data, Delta, Diff, EntryError, Kind, Materials, Observed, Owned, Phase, Probe,
    Surroundings, Work,
};
use crate::shell::Script;
use crate::types::{AbsolutePath, AccountName};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// A system account that should be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    name: AccountName,
    home: AbsolutePath,
    shell: AbsolutePath,
    groups: BTreeSet<AccountName>,
}

/// The fields of `[[user]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    name: AccountName,
    home: AbsolutePath,
    shell: AbsolutePath,
    #[serde(default)]
    groups: BTreeSet<AccountName>,
}

/// An account as the system's database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    home: String,
    shell: String,
    groups: BTreeSet<String>,
}

impl User {
    fn wanted(&self) -> Account {
        Account {
            home: self.home.to_string(),
            shell: self.shell.to_string(),
            groups: self.groups.iter().map(ToString::to_string).collect(),
        }
    }
}

fn join(groups: &BTreeSet<String>) -> String {
    groups
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(",")
}

impl Kind for User {
    const NAME: &'static str = "user";
    const LIBRARY: &'static str = include_str!("user.sh");
    type Entry = Entry;
    type State = Account;

    fn build(entry: Entry, _: &dyn Materials) -> Result<Self, EntryError> {
        let Entry {
            name,
            home,
            shell,
            groups,
        } = entry;
        Ok(Self {
            name,
            home,
            shell,
            groups,
        })
    }

    fn name(&self) -> String {
        self.name.to_string()
    }

    fn probe(batch: &[&Self], _: &Probe, script: &mut Script) {
        script.call("probe_user", batch.iter().map(|user| &user.name));
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<Account>> {
        let mut accounts: BTreeMap<&str, Account> = BTreeMap::new();
        for line in reply.lines() {
            if let Some(["user", passwd]) = fields::<2>(line) {
                // passwd(5): name:password:uid:gid:comment:home:shell
                if let [name, _, _, _, _, home, shell] = passwd.split(':').collect::<Vec<_>>()[..] {
                    let account = Account {
                        home: home.into(),
                        shell: shell.into(),
                        groups: BTreeSet::new(),
                    };
                    accounts.insert(name, account);
                }
            } else if let Some(["group", group, name]) = fields::<3>(line)
                && let Some(account) = accounts.get_mut(name)
                && group != name
            {
                account.groups.insert(group.to_owned());
            }
        }
        batch
            .iter()
            .map(|user| {
                accounts
                    .remove(user.name.as_str())
                    .map_or(Observed::Absent, Observed::Present)
            })
            .collect()
    }

    fn applied(&self, before: &Observed<Account>, _: &Surroundings<'_>) -> Observed<Account> {
        let mut account = self.wanted();
        if let Some(before) = before.present() {
            account.groups.extend(before.groups.iter().cloned());
        }
        Observed::Present(account)
    }

    fn compare(&self, observed: &Observed<Account>, _: &Surroundings<'_>) -> Option<Delta> {
        let wanted = self.wanted();
        let Observed::Present(account) = observed else {
            return Some(Delta::create([
                ("home", wanted.home),
                ("shell", wanted.shell),
            ]));
        };
        let mut diff = Diff::default();
        diff.compare("home", Some(&account.home), Some(&wanted.home))
            .compare("shell", Some(&account.shell), Some(&wanted.shell));
        // Groups that others gave it stay.
        if !wanted.groups.is_subset(&account.groups) {
            let after = account.groups.union(&wanted.groups).cloned().collect();
            diff.compare("groups", Some(&join(&account.groups)), Some(&join(&after)));
        }
        Delta::update(diff)
    }

    fn owned(&self) -> Vec<Owned> {
        vec![Owned::Data(Data::Account(self.name.clone()))]
    }

    fn work(&self, _: &Observed<Account>, change: &Change, _: &Surroundings<'_>, work: &mut Work) {
        let mut script = Script::new();
        let groups = join(&self.wanted().groups);
        script.call(
            "make_user",
            [
                self.name.as_str(),
                self.home.as_str(),
                self.shell.as_str(),
                &groups,
            ],
        );
        work.step(Phase::Commit, &change.id, script);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_that_others_gave_stay() {
        let name = |text: &str| AccountName::new(text).unwrap();
        let user = User {
            name: name("foobar"),
            home: AbsolutePath::new("/srv/foobar").unwrap(),
            shell: AbsolutePath::new("/usr/sbin/nologin").unwrap(),
            groups: [name("adm")].into(),
        };
        let around = Surroundings {
            now: 0,
            date: "20260101",
            changes: &[],
        };
        let reply = "user\x1ffoobar:x:999:999::/srv/foobar:/usr/sbin/nologin\n\
                     group\x1ffoobar\x1ffoobar\ngroup\x1fvideo\x1ffoobar\n";
        let found = User::observe(&[&user], &Probe::new("s".into()), reply).remove(0);
        let delta = user.compare(&found, &around).unwrap();
        assert_eq!(delta.diff.fields.len(), 1);
        assert_eq!(delta.diff.fields[0].after.as_deref(), Some("adm,video"));
        assert_eq!(user.compare(&user.applied(&found, &around), &around), None);
    }
}
