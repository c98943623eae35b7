//! Certificates from an authority (ACME, RFC 8555).
//!
//! A program on the server orders them, in a run and later by itself (`templates/acme`); it writes
//! down from whom they are and what has failed. A site that has none yet gets one that is signed
//! by itself: Nginx starts, and can answer the authority.

use super::certificate::{Found as Certificate, KEY_ACCESS, found_at, make};
use super::vocabulary::probe::fields;
use super::{
    Change, Delta, Diff, EntryError, ExecutionPlan, Kind, Materials, Observed, Owned, Phase,
    PlanContext, Probe,
};
use crate::shell::Script;
use crate::types::{AbsolutePath, RecordName};
use serde::Deserialize;
use std::collections::BTreeSet;

/// A certificate that an authority should have issued for these names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcmeCertificate {
    /// The first of the names: what the program calls it.
    domain: RecordName,
    names: BTreeSet<RecordName>,
    certificate: AbsolutePath,
    key: AbsolutePath,
    authority: String,
    is_rsa: bool,
    profile: Option<String>,
}

/// The fields of `[[acme_certificate]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    names: Vec<RecordName>,
    certificate: AbsolutePath,
    key: AbsolutePath,
    /// The URL of the authority's directory (RFC 8555, section 7.1.1).
    authority: String,
    /// The kind of key: `ecdsa`, or `rsa`.
    #[serde(default)]
    key_type: KeyType,
    /// What the authority calls the wanted sort of certificate; empty for its usual one.
    #[serde(default)]
    profile: String,
}

/// The kind of a certificate's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KeyType {
    /// ECDSA with P-256.
    #[default]
    Ecdsa,
    /// RSA with 2048 bits.
    Rsa,
}

/// A certificate as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    certificate: Certificate,
    /// The authority it is from, with the profile if one was asked for, if the server knows.
    authority: Option<String>,
    /// Until when the server waits with another attempt for the same, in seconds since 1970, if
    /// the last one failed.
    waits: Option<i64>,
    /// Why it failed.
    because: Option<String>,
}

/// How long the temporary certificate is valid, in days.
const TEMPORARY_DAYS: u32 = 90;

/// How long the server waits at most with another attempt, in seconds. What is recorded for later
/// is of a clock that was wrong.
const LONGEST_WAIT: i64 = 86_400;

/// What the server has recorded of one, as lines of a word and the rest.
struct Record<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Record<'a> {
    fn of(domain: &RecordName, reply: &'a str) -> Self {
        let lines = reply.lines().filter_map(fields::<3>);
        let own = lines.filter(|[word, name, _]| *word == "acme" && *name == domain.as_str());
        Self(
            own.filter_map(|[_, _, line]| line.split_once(' '))
                .collect(),
        )
    }

    fn all<'b>(&'b self, word: &'b str) -> impl Iterator<Item = &'a str> + 'b {
        let lines = self.0.iter().filter(move |(name, _)| *name == word);
        lines.map(|(_, rest)| *rest)
    }

    fn authority_of(&self, digest: &str) -> Option<&'a str> {
        let mut origins = self.all("from").filter_map(|rest| rest.split_once(' '));
        origins.find_map(|(known, authority)| (known == digest).then_some(authority))
    }

    /// What is recorded of an order that has failed.
    fn of_order<'b>(&'b self, order: &str, word: &'b str) -> Option<&'a str> {
        let same = self.all("for").any(|failed| failed == order);
        self.all(word).next().filter(|_| same)
    }

    fn waits_for(&self, order: &str) -> Option<i64> {
        self.of_order(order, "next")?.parse().ok()
    }

    fn because(&self, order: &str) -> Option<String> {
        self.of_order(order, "because").map(ToOwned::to_owned)
    }
}

impl AcmeCertificate {
    /// The authority and the names, as the program writes down what has failed.
    fn order(&self) -> String {
        let source = self.source();
        let mut words = vec![source.as_str()];
        words.extend(self.is_rsa.then_some("rsa"));
        words.extend(self.names.iter().map(RecordName::as_str));
        words.join(" ")
    }

    /// The authority, and what it calls the sort of certificate if that is not its usual one.
    fn source(&self) -> String {
        let words = std::iter::once(&self.authority).chain(&self.profile);
        words.map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    /// The domain, then the others.
    fn names_in_order(&self) -> Vec<&str> {
        let others = self.names.iter().filter(|name| **name != self.domain);
        let all = std::iter::once(&self.domain).chain(others);
        all.map(RecordName::as_str).collect()
    }

    fn wanted_names(&self) -> String {
        let names: Vec<&str> = self.names.iter().map(RecordName::as_str).collect();
        names.join(", ")
    }
}

impl Kind for AcmeCertificate {
    const NAME: &'static str = "acme_certificate";
    const PROBE_SHELL: &'static [&'static str] = &[
        include_str!("certificate.sh"),
        include_str!("acme_certificate.sh"),
    ];
    type Entry = Entry;
    type State = Found;

    fn build(entry: Entry, _: &dyn Materials) -> Result<Self, EntryError> {
        let Some(domain) = entry.names.first().cloned() else {
            let message = "a certificate needs at least one name";
            return Err(EntryError::field("names", message));
        };
        if !entry.authority.starts_with("https://") || entry.authority.contains(char::is_whitespace)
        {
            let message = "the directory of an authority is an https URL";
            return Err(EntryError::field("authority", message));
        }
        Ok(Self {
            domain,
            names: entry.names.into_iter().collect(),
            certificate: entry.certificate,
            key: entry.key,
            authority: entry.authority,
            is_rsa: entry.key_type == KeyType::Rsa,
            profile: Some(entry.profile).filter(|profile| !profile.is_empty()),
        })
    }

    fn name(&self) -> String {
        self.domain.to_string()
    }

    fn paths(&self) -> Vec<&AbsolutePath> {
        vec![&self.certificate, &self.key]
    }

    fn probe(batch: &[&Self], _: &Probe, script: &mut Script) {
        let words = batch.iter().flat_map(|one| {
            let [domain, certificate, key] = [
                one.domain.as_str(),
                one.certificate.as_str(),
                one.key.as_str(),
            ];
            [domain, certificate, key]
        });
        script.call("probe_acme_certificate", words);
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<Found>> {
        let found = |one: &&Self| {
            let record = Record::of(&one.domain, reply);
            found_at(&one.certificate, reply).map(|certificate| Found {
                authority: record
                    .authority_of(&certificate.digest)
                    .map(ToOwned::to_owned),
                waits: record.waits_for(&one.order()),
                because: record.because(&one.order()),
                certificate,
            })
        };
        batch.iter().map(found).collect()
    }

    fn applied(&self, before: &Observed<Found>, context: &PlanContext<'_>) -> Observed<Found> {
        let digest = match before {
            Observed::Present(found) => found.certificate.digest.clone(),
            _ => String::new(),
        };
        Observed::Present(Found {
            certificate: Certificate::issued(
                self.names.iter().map(ToString::to_string).collect(),
                context.now + i64::from(TEMPORARY_DAYS) * 86_400,
                self.is_rsa,
                digest,
            ),
            authority: Some(self.source()),
            waits: None,
            because: None,
        })
    }

    fn compare(&self, observed: &Observed<Found>, context: &PlanContext<'_>) -> Option<Delta> {
        let wanted = self.wanted_names();
        let Observed::Present(found) = observed else {
            return Some(Delta::create([("names", wanted), ("from", self.source())]));
        };
        let certificate = &found.certificate;
        let mut diff = Diff::default();
        let names: Vec<&str> = certificate.names.iter().map(String::as_str).collect();
        diff.compare("names", Some(&names.join(", ")), Some(&wanted));
        let authority = found.authority.as_deref().unwrap_or("no authority");
        diff.compare("from", Some(authority), Some(&self.source()));
        let kind = |is_rsa: bool| Some(if is_rsa { "RSA" } else { "ECDSA" });
        if found.authority.is_some() {
            diff.compare("key type", kind(certificate.is_rsa), kind(self.is_rsa));
        }
        if !certificate.key_fits {
            diff.compare("key", Some("of another certificate"), Some("its own"));
        }
        if certificate.not_after <= context.now {
            diff.compare("valid", Some("not any more"), Some("from now on"));
        }
        // What is to be ordered, and cannot be yet, waits on the server; what can be put right
        // without the authority does not.
        let waits = |until: i64| (1..=LONGEST_WAIT).contains(&(until - context.now));
        if certificate.key_fits && found.waits.is_some_and(waits) {
            diff = Diff::default();
        }
        let access = &certificate.key_access;
        diff.compare("key's access", Some(access), Some(KEY_ACCESS));
        Delta::update(diff).map(|delta| match (&found.because, &found.authority) {
            (Some(reason), _) => Delta {
                because: format!("the last order failed: {reason}"),
                ..delta
            },
            (None, None) => Delta {
                because: "the present one is from no authority".to_owned(),
                ..delta
            },
            _ => delta,
        })
    }

    fn owned(&self) -> Vec<Owned> {
        vec![
            Owned::Path(self.certificate.clone()),
            Owned::Path(self.key.clone()),
        ]
    }

    fn work(
        &self,
        observed: &Observed<Found>,
        change: &Change,
        _: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    ) {
        let usable = matches!(observed, Observed::Present(found) if found.certificate.key_fits);
        if usable {
            let mut script = Script::new();
            script.call("guard_key", [&self.key]);
            work.step(Phase::Commit, &change.id, script);
        } else {
            let paths = [&self.certificate, &self.key];
            let names = self.names_in_order();
            make(paths, &names, TEMPORARY_DAYS, &change.id, work);
        }
        let mut script = Script::new();
        let words = [
            self.domain.as_str(),
            self.certificate.as_str(),
            self.key.as_str(),
        ];
        script.call("order_certificate", words);
        work.step(Phase::Activate, &change.id, script);
        work.uses("secret");
    }
}
