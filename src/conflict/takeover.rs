//! The list of all that the stack takes over on a server, with the rule for each and what was
//! found.

use super::meeting::Meeting;
use super::ports;
use crate::resource::{Claim, Conflict, Observed};

/// What becomes of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// It is the stack's own.
    Ours,
    /// Nothing is there yet.
    Free,
    /// It is there, and can be taken over without loss.
    Taken,
    /// It is there and somebody's; the inventory says that it is taken over.
    Adopted,
    /// It is there and somebody's: the plan is refused.
    Refused,
}

impl Rule {
    /// For people and programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Free => "free",
            Self::Taken => "taken over",
            Self::Adopted => "adopted",
            Self::Refused => "refused",
        }
    }
}

/// One thing that the stack takes over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Takeover {
    /// What it is: `file:/etc/nginx/nginx.conf`, `port 80/tcp`.
    pub what: String,
    /// What becomes of it.
    pub rule: Rule,
    /// What was found.
    pub found: String,
}

/// Kinds that are work, or that nobody else can have.
const NOT_TAKEN: [&str; 4] = ["command", "retired", "orphan", "orphan_package"];

impl Meeting<'_> {
    /// Everything that the stack takes over there.
    #[must_use]
    pub fn takeovers(&self) -> Vec<Takeover> {
        let conflicts = self.conflicts();
        let find = |subject: &str| conflicts.iter().find(|one| one.subject == subject);
        let adopted = self.adopted();
        let mut shown: Vec<String> = Vec::new();
        let mut all = Vec::new();
        for (resource, observed) in self.stack.resources.iter().zip(self.observed) {
            if NOT_TAKEN.contains(&resource.id.kind) {
                continue;
            }
            let claim = self.claims.claim(resource);
            let own = resource.spec.conflict(observed, claim);
            let (rule, found) = match (observed, claim, own) {
                (_, _, Some(own)) if adopted.contains(&own.subject) => (Rule::Adopted, own.found),
                (_, _, Some(own)) => {
                    shown.push(own.subject.clone());
                    (Rule::Refused, own.found)
                }
                (Observed::Absent, Claim::Foreign, _) => (Rule::Free, "nothing".to_owned()),
                (Observed::Hidden { unit }, Claim::Foreign, _) => {
                    (Rule::Free, format!("not known before {unit} runs"))
                }
                (_, Claim::Foreign, _) => (Rule::Taken, "it is there".to_owned()),
                (_, Claim::Made, _) => (Rule::Ours, "made by a run".to_owned()),
                (_, Claim::Adopted, _) => (Rule::Ours, "taken over by a run".to_owned()),
            };
            all.push(Takeover {
                what: resource.id.to_string(),
                rule,
                found,
            });
        }
        for (port, protocol, found) in ports::holders(self) {
            let what = format!("port {port}/{protocol}");
            let rule = match find(&what) {
                Some(_) => Rule::Refused,
                None if found.is_empty() => Rule::Free,
                None => Rule::Ours,
            };
            shown.push(what.clone());
            let found = if found.is_empty() {
                "nobody listens".to_owned()
            } else {
                found
            };
            all.push(Takeover { what, rule, found });
        }
        let rest = conflicts.iter().filter(|one| !shown.contains(&one.subject));
        all.extend(rest.map(|Conflict { subject, found, .. }| Takeover {
            what: subject.clone(),
            rule: Rule::Refused,
            found: found.clone(),
        }));
        all
    }
}
