//! Saved plans: a plan on disk, to be run later, exactly as it was, or not at all.
//!
//! What is saved of a change is its action, and a digest each of what should be and of what was
//! found: what the change rests on. From the same two things the same change follows again, so
//! nothing else needs to be kept, and no text of the server or of the inventory is in the file.
//! Nothing of a secret is even in those digests: [`SecretValue`](crate::types::SecretValue) has no
//! other form than `(sensitive)`, and of one that is found only the verdict is kept. That a secret
//! is still the one that was planned is told by a digest of its own, keyed with a [`Seal`]: only
//! the server can make that key, so the file alone lets nobody try values.
//!
//! A zone's serial and a certificate's end are made when the plan is run, not when it is saved.

use super::{Basis, NoPlan, Plan, Refused, Stack, UnknownState, plan};
use crate::resource::{
    Action, ExecutionPlan, Observed, Removal, Resource, ResourceId, Seal, State,
};
use crate::types::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Who writes the file. Another version has other roles and other digests.
const PROGRAM: &str = concat!("foobar-stack ", env!("CARGO_PKG_VERSION"));

/// A plan, as it is saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedPlan {
    program: String,
    /// The inventory, as it was named.
    pub inventory: String,
    /// The server, as the inventory names it to ssh.
    server: String,
    /// When it was made, by the server's clock, in seconds since 1970.
    pub made: i64,
    /// The roles it is limited to; none for all.
    pub target: Option<Vec<String>>,
    /// What it may remove beside files, links and services.
    pub removal: Removal,
    /// What the digests of secrets are keyed with, beside what only the server has; none if
    /// there are none.
    #[serde(default)]
    salt: Option<String>,
    resources: Vec<SavedResource>,
}

/// A resource that a saved plan changes, or looks at once a service runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedResource {
    id: String,
    /// What happens to it; none if it could not be compared yet.
    action: Option<Action>,
    desired: Digest,
    observed: Digest,
    /// Of the secret it brings, if it brings one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<Digest>,
}

/// Why a file is no saved plan that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SavedPlanError {
    /// It is something else, or cut off. The place says enough; the text may be somebody's secret.
    #[error("{file} is not a saved plan: line {line}, column {column} is not as it should be")]
    NotAPlan {
        /// The file.
        file: String,
        /// Where it stops being one.
        line: usize,
        /// Where in the line.
        column: usize,
    },
    /// Another version of this program has written it.
    #[error("{file} was saved by {program}, and this is {PROGRAM}")]
    OtherProgram {
        /// The file.
        file: String,
        /// Who has written it.
        program: String,
    },
}

impl SavedPlanError {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::NotAPlan { .. } => {
                "`foobar-stack plan --out FILE` saves a plan; an inventory is named with -i"
            }
            Self::OtherProgram { .. } => "make a new plan with `foobar-stack plan --out FILE`",
        }
    }
}

/// What a saved plan rests on and is no longer so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("what the plan rests on has changed:{}", lines(.0))]
pub struct Stale(pub Vec<Moved>);

impl Stale {
    /// What to do next.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        "nothing was changed; look at a new plan"
    }
}

/// One thing that is no longer as it was when the plan was saved. Resources go by their ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// The inventory names another server: the one then, and the one now.
    Server(String, String),
    /// The resource is not part of the stack any more.
    Gone(String),
    /// The resource should be something else.
    Desired(String),
    /// The resource brings another secret than the one that was planned.
    Secret(String),
    /// The resource is something else on the server.
    Observed(String),
    /// The resource has become what it should be.
    Done(String),
    /// Time has passed, and something else would happen to the resource, or nothing.
    Action(String),
}

impl fmt::Display for Moved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server(then, now) => write!(f, "the server was {then}, and is {now} now"),
            Self::Gone(id) => write!(f, "{id} is no longer part of the stack"),
            Self::Desired(id) => write!(f, "{id} is another in the inventory or its roles"),
            Self::Secret(id) => write!(
                f,
                "the value of {id} is another in the source of the secret"
            ),
            Self::Observed(id) => write!(f, "{id} has changed on the server"),
            Self::Done(id) => write!(f, "{id} is already as it should be"),
            Self::Action(id) => write!(f, "{id} needs something else by now"),
        }
    }
}

fn lines(moved: &[Moved]) -> String {
    moved.iter().map(|one| format!("\n  {one}")).collect()
}

impl SavedPlan {
    /// What is to be saved of a plan that was made of this stack and what was observed of it.
    /// `inventory` and `server` are the names of both.
    #[must_use]
    pub fn of(
        plan: &Plan,
        stack: &Stack,
        observed: &[Observed<State>],
        inventory: &str,
        server: &str,
    ) -> Self {
        let mut actions: BTreeMap<&ResourceId, Option<Action>> = BTreeMap::new();
        actions.extend(plan.hidden.iter().map(|(id, _)| (id, None)));
        let changes = plan.changes.iter();
        actions.extend(changes.map(|change| (&change.id, Some(change.action))));
        let pairs = stack.resources.iter().zip(observed);
        let resources = pairs.filter_map(|(resource, observed)| {
            let action = *actions.get(&resource.id)?;
            Some(SavedResource {
                id: resource.id.to_string(),
                action,
                desired: desired(resource),
                observed: found(observed),
                secret: None,
            })
        });
        Self {
            program: PROGRAM.to_owned(),
            inventory: inventory.to_owned(),
            server: server.to_owned(),
            made: plan.basis.now,
            target: plan.target.clone(),
            removal: Removal::default(),
            salt: None,
            resources: resources.collect(),
        }
    }

    /// True if it changes something that brings a secret to the server.
    #[must_use]
    pub fn brings_secrets(&self, stack: &Stack) -> bool {
        let brings =
            |resource: &Resource| resource.spec.secret().is_some() && self.has(&resource.id);
        stack.resources.iter().any(brings)
    }

    /// The same plan with digests of its secrets; `seal` was made of this salt.
    #[must_use]
    pub fn sealed(mut self, stack: &Stack, salt: &str, seal: &Seal) -> Self {
        self.salt = Some(salt.to_owned());
        let secrets = sealed(stack, seal);
        for saved in &mut self.resources {
            saved.secret = secrets.get(&saved.id).cloned();
        }
        self
    }

    /// What its digests of secrets are keyed with, beside what only the server has.
    #[must_use]
    pub fn salt(&self) -> Option<&str> {
        self.salt.as_deref()
    }

    /// Compares the secrets with those that were planned; `seal` was made of [`Self::salt`].
    ///
    /// # Errors
    /// When one of them is another.
    pub fn check_secrets(&self, stack: &Stack, seal: &Seal) -> Result<(), Stale> {
        let secrets = sealed(stack, seal);
        let other = |saved: &&SavedResource| {
            saved.secret.is_some() && secrets.get(&saved.id) != saved.secret.as_ref()
        };
        let moved: Vec<Moved> = self
            .resources
            .iter()
            .filter(other)
            .map(|saved| Moved::Secret(saved.id.clone()))
            .collect();
        if moved.is_empty() {
            Ok(())
        } else {
            Err(Stale(moved))
        }
    }

    /// The same plan, which may remove more than files, links and services.
    #[must_use]
    pub fn removing(self, removal: Removal) -> Self {
        Self { removal, ..self }
    }

    /// The text of the file.
    ///
    /// # Errors
    /// None that a value of this type could cause.
    pub fn write(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// When it is no saved plan, or that of another version.
    pub fn read(file: &str, text: &str) -> Result<Self, SavedPlanError> {
        /// What every version has.
        #[derive(Deserialize)]
        struct Head {
            program: String,
        }
        let not_a_plan = |error: serde_json::Error| SavedPlanError::NotAPlan {
            file: file.to_owned(),
            line: error.line(),
            column: error.column(),
        };
        let Head { program } = serde_json::from_str(text).map_err(not_a_plan)?;
        if program != PROGRAM {
            return Err(SavedPlanError::OtherProgram {
                file: file.to_owned(),
                program,
            });
        }
        serde_json::from_str(text).map_err(not_a_plan)
    }

    /// The plan for what is saved, as things are now, and nothing beside it.
    ///
    /// # Errors
    /// When something of it could not be observed, or must not be done.
    pub fn plan(
        &self,
        stack: &Stack,
        observed: &[Observed<State>],
        basis: Basis,
    ) -> Result<(Plan, ExecutionPlan), NoPlan> {
        let (part, observed) = part_of(stack, observed, |id| self.has(id));
        plan(&part, &observed, basis, self.target.as_deref())
    }

    /// Compares what the plan rests on with how it is now: `now` is [`Self::plan`] of the same
    /// `stack` and `observed`, `server` what the inventory names to ssh.
    ///
    /// # Errors
    /// When something has moved: `now` is then not what was saved.
    pub fn check(
        &self,
        server: &str,
        stack: &Stack,
        observed: &[Observed<State>],
        now: &Plan,
    ) -> Result<(), Stale> {
        let pairs = stack.resources.iter().zip(observed);
        let pairs: BTreeMap<String, _> = pairs
            .map(|(resource, observed)| (resource.id.to_string(), (resource, observed)))
            .collect();
        let actions: BTreeMap<String, Action> = now
            .changes
            .iter()
            .map(|change| (change.id.to_string(), change.action))
            .collect();
        let mut moved = Vec::new();
        if self.server != server {
            moved.push(Moved::Server(self.server.clone(), server.to_owned()));
        }
        for saved in &self.resources {
            let id = || saved.id.clone();
            let Some((resource, observed)) = pairs.get(&saved.id) else {
                moved.push(Moved::Gone(id()));
                continue;
            };
            if saved.desired != desired(resource) {
                moved.push(Moved::Desired(id()));
            }
            if saved.observed != found(observed) {
                let done = saved.action.is_some() && !actions.contains_key(&saved.id);
                moved.push(if done {
                    Moved::Done(id())
                } else {
                    Moved::Observed(id())
                });
            }
        }
        // An action also follows from the other changes: it tells nothing new when they moved.
        if moved.is_empty() {
            let other = |saved: &&SavedResource| saved.action != actions.get(&saved.id).copied();
            let others = self.resources.iter().filter(other);
            moved.extend(others.map(|saved| Moved::Action(saved.id.clone())));
        }
        if moved.is_empty() {
            Ok(())
        } else {
            Err(Stale(moved))
        }
    }

    /// What else would change now, or cannot be compared: the saved plan leaves it alone.
    #[must_use]
    pub fn others(
        &self,
        stack: &Stack,
        observed: &[Observed<State>],
        basis: &Basis,
    ) -> Vec<ResourceId> {
        let mut others: Vec<ResourceId> = Vec::new();
        loop {
            let wanted = |id: &ResourceId| !others.contains(id);
            let (part, observed) = part_of(stack, observed, wanted);
            match plan(&part, &observed, basis.clone(), self.target.as_deref()) {
                Ok((plan, _)) => {
                    others.extend(plan.changes.into_iter().map(|change| change.id));
                    others.extend(plan.hidden.into_iter().map(|(id, _)| id));
                    others.retain(|id| !self.has(id));
                    return others;
                }
                // Without them there may be a plan: each round has fewer.
                Err(NoPlan::Unknown(UnknownState(unknown))) => {
                    others.extend(unknown.into_iter().map(|one| one.0));
                }
                Err(NoPlan::Refused(Refused(refused))) => {
                    others.extend(refused.into_iter().map(|one| one.0));
                }
            }
        }
    }

    fn has(&self, id: &ResourceId) -> bool {
        let id = id.to_string();
        self.resources.iter().any(|saved| saved.id == id)
    }
}

/// The resources with these ids, and what was observed of them.
fn part_of(
    stack: &Stack,
    observed: &[Observed<State>],
    wanted: impl Fn(&ResourceId) -> bool,
) -> (Stack, Vec<Observed<State>>) {
    let pairs = stack.resources.iter().zip(observed);
    let (resources, observed) = pairs
        .filter(|(resource, _)| wanted(&resource.id))
        .map(|(resource, observed)| (resource.clone(), observed.clone()))
        .unzip();
    let part = Stack {
        resources,
        ..Stack::default()
    };
    (part, observed)
}

/// A digest of what a resource should be. The debug form has every field, and no secret.
fn desired(resource: &Resource) -> Digest {
    Digest::of(format!("{:?}", resource.spec).as_bytes())
}

/// Of each resource that brings a secret, the digest of that.
fn sealed(stack: &Stack, seal: &Seal) -> BTreeMap<String, Digest> {
    let one = |resource: &Resource| {
        let id = resource.id.to_string();
        let digest = seal.of(&id, resource.spec.secret()?);
        Some((id, digest))
    };
    stack.resources.iter().filter_map(one).collect()
}

/// Compares what a plan was made of with what was observed of it later: `then` and `now` have one
/// entry for each resource of the stack.
///
/// # Errors
/// When something that the plan changes is no longer as it was.
pub fn unmoved(
    plan: &Plan,
    stack: &Stack,
    then: &[Observed<State>],
    now: &[Observed<State>],
) -> Result<(), Stale> {
    let changed = |id: &ResourceId| {
        let hidden = plan.hidden.iter().map(|(id, _)| id);
        let mut changed = plan.changes.iter().map(|change| &change.id).chain(hidden);
        changed.any(|one| one == id)
    };
    let moved: Vec<Moved> = stack
        .resources
        .iter()
        .zip(then.iter().zip(now))
        .filter(|(resource, (then, now))| changed(&resource.id) && found(then) != found(now))
        .map(|(resource, _)| Moved::Observed(resource.id.to_string()))
        .collect();
    if moved.is_empty() {
        Ok(())
    } else {
        Err(Stale(moved))
    }
}

/// A digest of what was found.
fn found(observed: &Observed<State>) -> Digest {
    let fingerprint = match observed {
        Observed::Present(state) => format!("Present({})", state.fingerprint()),
        other => format!("{other:?}"),
    };
    Digest::of(fingerprint.as_bytes())
}

#[cfg(test)]
mod tests;
