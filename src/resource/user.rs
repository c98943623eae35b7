//! System accounts, each with a group of its own name.

use super::vocabulary::probe::fields;
use super::{
    Change, Claim, Conflict, Data, Delta, Diff, EntryError, ExecutionPlan, Kind, Materials,
    Observed, Owned, Phase, PlanContext, Probe,
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
    /// Whether an account that was there before is used as it is.
    adopt: bool,
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
    /// Whether an account that is there already is used as it is, with its home and its shell.
    #[serde(default)]
    adopt: bool,
}

/// An account as the system's database has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    home: String,
    shell: String,
    groups: BTreeSet<String>,
    /// None for one that is yet to be made.
    uid: Option<u32>,
    /// Whether something is in its home.
    in_use: bool,
    /// Whether there is no group of its name, as when useradd was cut off.
    groupless: bool,
    /// Whether /etc/shadow has no line for it, as when useradd was cut off.
    shadowless: bool,
}

/// The first number that login accounts get (adduser(8), login.defs(5)).
const FIRST_LOGIN: u32 = 1000;

/// Shells that let nobody in.
const NO_SHELLS: [&str; 4] = [
    "/usr/sbin/nologin",
    "/sbin/nologin",
    "/bin/false",
    "/usr/bin/false",
];

impl Account {
    /// What makes it somebody's: reasons, for people.
    fn used(&self) -> Vec<String> {
        let mut why = Vec::new();
        if let Some(uid) = self.uid.filter(|uid| *uid >= FIRST_LOGIN) {
            why.push(format!("uid {uid}"));
        }
        if !NO_SHELLS.contains(&self.shell.as_str()) {
            let shell = if self.shell.is_empty() {
                "/bin/sh"
            } else {
                &self.shell
            };
            why.push(format!("the shell {shell}"));
        }
        if self.in_use {
            why.push(format!("files in {}", self.home));
        }
        why
    }
}

impl User {
    fn wanted(&self) -> Account {
        Account {
            home: self.home.to_string(),
            shell: self.shell.to_string(),
            groups: self.groups.iter().map(ToString::to_string).collect(),
            uid: None,
            in_use: false,
            groupless: false,
            shadowless: false,
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
    const PROBE_SHELL: &'static [&'static str] = &[include_str!("user.sh")];
    type Entry = Entry;
    type State = Account;

    fn build(entry: Entry, _: &dyn Materials) -> Result<Self, EntryError> {
        let Entry {
            name,
            home,
            shell,
            groups,
            adopt,
        } = entry;
        Ok(Self {
            name,
            home,
            shell,
            groups,
            adopt,
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
                if let [name, _, uid, _, _, home, shell] = passwd.split(':').collect::<Vec<_>>()[..]
                {
                    let account = Account {
                        home: home.into(),
                        shell: shell.into(),
                        groups: BTreeSet::new(),
                        uid: uid.parse().ok(),
                        in_use: false,
                        groupless: false,
                        shadowless: false,
                    };
                    accounts.insert(name, account);
                }
            } else if let Some(["group", group, name]) = fields::<3>(line)
                && let Some(account) = accounts.get_mut(name)
                && group != name
            {
                account.groups.insert(group.to_owned());
            } else if let Some(["in_use", name]) = fields::<2>(line)
                && let Some(account) = accounts.get_mut(name)
            {
                account.in_use = true;
            } else if let Some(["groupless", name]) = fields::<2>(line)
                && let Some(account) = accounts.get_mut(name)
            {
                account.groupless = true;
            } else if let Some(["shadowless", name]) = fields::<2>(line)
                && let Some(account) = accounts.get_mut(name)
            {
                account.shadowless = true;
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

    fn applied(&self, before: &Observed<Account>, _: &PlanContext<'_>) -> Observed<Account> {
        let mut account = self.wanted();
        if let Some(before) = before.present() {
            account.uid = before.uid;
            account.in_use = before.in_use;
            if self.adopt {
                account.home.clone_from(&before.home);
                account.shell.clone_from(&before.shell);
                account.shadowless = before.shadowless;
            }
            account.groups.extend(before.groups.iter().cloned());
        }
        Observed::Present(account)
    }

    fn compare(&self, observed: &Observed<Account>, _: &PlanContext<'_>) -> Option<Delta> {
        let wanted = self.wanted();
        let Observed::Present(account) = observed else {
            return Some(Delta::create([
                ("home", wanted.home),
                ("shell", wanted.shell),
            ]));
        };
        let mut diff = Diff::default();
        if !self.adopt {
            diff.compare("home", Some(&account.home), Some(&wanted.home))
                .compare("shell", Some(&account.shell), Some(&wanted.shell));
            if account.shadowless {
                diff.compare("line in /etc/shadow", Some("missing"), Some("locked"));
            }
        }
        if account.groupless {
            diff.compare("own group", Some("missing"), Some(self.name.as_str()));
        }
        // Groups that others gave it stay.
        if !wanted.groups.is_subset(&account.groups) {
            let after = account.groups.union(&wanted.groups).cloned().collect();
            diff.compare("groups", Some(&join(&account.groups)), Some(&join(&after)));
        }
        Delta::update(diff)
    }

    fn fingerprint(state: &Account) -> String {
        // What is in its home comes and goes.
        let Account {
            home,
            shell,
            groups,
            groupless,
            shadowless,
            ..
        } = state;
        let own = if *groupless { " without its own" } else { "" };
        let shadow = if *shadowless { " without shadow" } else { "" };
        format!("{home} {shell} {groups:?}{own}{shadow}")
    }

    fn conflict(&self, account: &Account, claim: Claim) -> Option<Conflict> {
        let used = account.used();
        let changes = [&account.home, &account.shell] != [self.home.as_str(), self.shell.as_str()];
        let refused = match claim {
            Claim::Made => false,
            // It is the stack's: only a login that the change would end is asked about.
            Claim::Adopted => changes,
            Claim::Foreign => true,
        };
        (refused && !self.adopt && !used.is_empty()).then(|| Conflict {
            subject: format!("account {}", self.name),
            found: format!("there is one with {}", used.join(", ")),
            because: "no run of foobar-stack made it, and as the app's account it would get another home and no shell".to_owned(),
            hint: "name an account of its own in app.user, or set app.adopt = true: then it stays as it is, and the app runs as it".to_owned(),
        })
    }

    fn owned(&self) -> Vec<Owned> {
        vec![Owned::Data(Data::Account(self.name.clone()))]
    }

    fn work(
        &self,
        _: &Observed<Account>,
        change: &Change,
        _: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    ) {
        let mut script = Script::new();
        let groups = join(&self.wanted().groups);
        let make = if self.adopt {
            "adopt_user"
        } else {
            "make_user"
        };
        script.call(
            make,
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
            adopt: false,
        };
        let context = PlanContext {
            now: 0,
            date: "20260101",
            changes: &[],
        };
        let reply = "user\x1ffoobar:x:999:999::/srv/foobar:/usr/sbin/nologin\n\
                     group\x1ffoobar\x1ffoobar\ngroup\x1fvideo\x1ffoobar\n";
        let found = User::observe(&[&user], &Probe::new("s".into()), reply).remove(0);
        let delta = user.compare(&found, &context).unwrap();
        assert_eq!(delta.diff.fields.len(), 1);
        assert_eq!(delta.diff.fields[0].after.as_deref(), Some("adm,video"));
        assert_eq!(
            user.compare(&user.applied(&found, &context), &context),
            None
        );
    }

    #[test]
    fn an_account_that_is_somebodys_is_refused_unless_it_is_adopted() {
        let user = |adopt| User {
            name: AccountName::new("deploy").unwrap(),
            home: AbsolutePath::new("/var/lib/deploy").unwrap(),
            shell: AbsolutePath::new("/usr/sbin/nologin").unwrap(),
            groups: BTreeSet::new(),
            adopt,
        };
        let context = PlanContext {
            now: 0,
            date: "20260101",
            changes: &[],
        };
        for (passwd, claim, words) in [
            (
                "1000:1000::/home/deploy:/bin/bash",
                Claim::Foreign,
                "uid 1000, the shell /bin/bash",
            ),
            (
                "999:999::/var/lib/deploy:/usr/sbin/nologin",
                Claim::Foreign,
                "",
            ),
            (
                "999:999::/var/lib/deploy:",
                Claim::Foreign,
                "the shell /bin/sh",
            ),
            ("1000:1000::/home/deploy:/bin/bash", Claim::Made, ""),
            (
                "1000:1000::/home/deploy:/bin/bash",
                Claim::Adopted,
                "uid 1000",
            ),
            (
                "1000:1000::/var/lib/deploy:/usr/sbin/nologin",
                Claim::Adopted,
                "",
            ),
        ] {
            let reply = format!("user\x1fdeploy:x:{passwd}\n");
            let own = user(false);
            let found = User::observe(&[&own], &Probe::new("s".into()), &reply).remove(0);
            let account = found.present().unwrap();
            let conflict = own.conflict(account, claim);
            let found_words = conflict.map(|conflict| conflict.found).unwrap_or_default();
            assert!(found_words.contains(words), "{passwd}: {found_words}");
            assert_eq!(
                found_words.is_empty(),
                words.is_empty(),
                "{passwd}: {found_words}"
            );
            let adopted = user(true);
            assert_eq!(adopted.conflict(account, claim), None);
            assert_eq!(adopted.compare(&found, &context), None, "{passwd}");
        }
        let own = user(false);
        let reply = "user\x1fdeploy:x:999:999::/home/deploy:/usr/sbin/nologin\nin_use\x1fdeploy\n";
        let found = User::observe(&[&own], &Probe::new("s".into()), reply).remove(0);
        let conflict = own.conflict(found.present().unwrap(), Claim::Foreign);
        assert!(conflict.unwrap().found.contains("files in /home/deploy"));
    }
}
