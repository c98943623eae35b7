//! Self-signed certificates, made on the server; their keys never leave it.

use super::vocabulary::probe::{decode, fields};
use super::{
    Change, Delta, Diff, EntryError, ExecutionPlan, Future, Kind, Materials, Observed, Owned,
    Phase, PlanContext, Probe, ResourceId,
};
use crate::shell::Script;
use crate::types::{AbsolutePath, Digest, RecordName};
use serde::Deserialize;
use std::collections::BTreeSet;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
use x509_parser::public_key::PublicKey;

/// A certificate that should be there, for these names, and not near its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    names: BTreeSet<RecordName>,
    /// The first of the names, which is also the subject.
    subject: RecordName,
    certificate: AbsolutePath,
    key: AbsolutePath,
    days: u32,
}

/// The fields of `[[certificate]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    names: Vec<RecordName>,
    certificate: AbsolutePath,
    key: AbsolutePath,
    days: Option<u32>,
}

/// A certificate as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub(super) names: BTreeSet<String>,
    /// When it ends, in seconds since 1970.
    pub(super) not_after: i64,
    /// Whether its key is one of RSA.
    pub(super) is_rsa: bool,
    /// Whether issuer and subject are the same.
    self_signed: bool,
    /// Whether the key beside it is its own.
    pub(super) key_fits: bool,
    /// Mode, owner and group of the key: `600 root:root`; empty if there is none.
    pub(super) key_access: String,
    /// The SHA-256 of it, as DER; empty for what is no certificate.
    pub(super) digest: String,
}

/// A key is root's alone; Nginx reads it before it gives its rights away.
pub(super) const KEY_ACCESS: &str = "600 root:root";
const DAY: i64 = 86_400;
/// Renewed when less than this is left, as a share of its life: a third.
const RENEW_SHARE: i64 = 3;

impl Certificate {
    fn renewal(&self) -> i64 {
        i64::from(self.days) * DAY / RENEW_SHARE
    }
}

impl Found {
    /// Whether what stands in the file is no certificate.
    fn is_unreadable(&self) -> bool {
        self.names.is_empty() && self.digest.is_empty()
    }

    /// One that somebody else has issued, with its key.
    pub(super) fn issued(
        names: BTreeSet<String>,
        not_after: i64,
        is_rsa: bool,
        digest: String,
    ) -> Self {
        Self {
            names,
            not_after,
            is_rsa,
            self_signed: false,
            key_fits: true,
            key_access: KEY_ACCESS.to_owned(),
            digest,
        }
    }
}

fn read(der: &[u8], key_fits: bool, key_access: &str) -> Option<Found> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let names = certificate
        .subject_alternative_name()
        .ok()?
        .map(|extension| {
            let names = extension.value.general_names.iter();
            names
                .filter_map(|name| match name {
                    GeneralName::DNSName(name) => Some((*name).to_owned()),
                    _ => None,
                })
                .collect()
        })
        .unwrap_or_default();
    Some(Found {
        names,
        not_after: certificate.validity().not_after.timestamp(),
        is_rsa: matches!(certificate.public_key().parsed(), Ok(PublicKey::RSA(_))),
        self_signed: certificate.issuer() == certificate.subject(),
        key_fits,
        key_access: key_access.to_owned(),
        digest: Digest::of(der).to_string(),
    })
}

/// What `probe_certificate` says of the certificate at a path.
pub(super) fn found_at(path: &AbsolutePath, reply: &str) -> Observed<Found> {
    let line = reply
        .lines()
        .filter_map(fields::<5>)
        .find(|line| line[1] == path.as_str());
    match line {
        Some(["absent", ..]) => Observed::Absent,
        Some(["certificate", _, key, access, der]) => {
            // What is no certificate is replaced like one that does not fit.
            let found = decode(der).and_then(|der| read(&der, key == "fits", access));
            Observed::Present(found.unwrap_or(Found {
                names: BTreeSet::new(),
                not_after: 0,
                is_rsa: false,
                self_signed: false,
                key_fits: false,
                key_access: access.to_owned(),
                digest: String::new(),
            }))
        }
        _ => Observed::unknown(format!("the probe says nothing of {path}")),
    }
}

/// The steps that make a self-signed certificate: the subject is the first of the names.
pub(super) fn make(
    [certificate, key]: [&AbsolutePath; 2],
    names: &[&str],
    days: u32,
    id: &ResourceId,
    work: &mut ExecutionPlan,
) {
    let payload = format!("certificate-{}", work.steps.len());
    let key_payload = format!("{payload}.key");
    let days = days.to_string();
    let mut stage = Script::new();
    let head = [payload.as_str(), key_payload.as_str(), days.as_str()];
    stage.call("make_certificate", head.iter().chain(names));
    work.step(Phase::Stage, id, stage);
    work.future(Future::File(certificate.clone(), payload.clone()));
    work.future(Future::File(key.clone(), key_payload.clone()));
    let mut commit = Script::new();
    let words = [key_payload.as_str(), key.as_str(), "600", "root", "root"];
    commit.call("put_secret", words);
    let words = [
        payload.as_str(),
        certificate.as_str(),
        "644",
        "root",
        "root",
    ];
    commit.call("put_file", words);
    work.step(Phase::Commit, id, commit);
    work.uses("file");
    work.uses("secret");
}

impl Kind for Certificate {
    const NAME: &'static str = "certificate";
    const PROBE_SHELL: &'static [&'static str] = &[include_str!("certificate.sh")];
    type Entry = Entry;
    type State = Found;

    fn build(entry: Entry, _: &dyn Materials) -> Result<Self, EntryError> {
        let Some(subject) = entry.names.first().cloned() else {
            return Err(EntryError::field(
                "names",
                "a certificate needs at least one name",
            ));
        };
        let days = entry.days.unwrap_or(825);
        if !(1..=36_500).contains(&days) {
            return Err(EntryError::field(
                "days",
                "a certificate lives 1 to 36500 days",
            ));
        }
        Ok(Self {
            names: entry.names.into_iter().collect(),
            subject,
            certificate: entry.certificate,
            key: entry.key,
            days,
        })
    }

    fn name(&self) -> String {
        self.certificate.to_string()
    }

    fn paths(&self) -> Vec<&AbsolutePath> {
        vec![&self.certificate, &self.key]
    }

    fn probe(batch: &[&Self], _: &Probe, script: &mut Script) {
        let paths = batch.iter().flat_map(|one| [&one.certificate, &one.key]);
        script.call("probe_certificate", paths);
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<Found>> {
        let places = batch.iter().map(|one| &one.certificate);
        places.map(|path| found_at(path, reply)).collect()
    }

    fn applied(&self, _: &Observed<Found>, context: &PlanContext<'_>) -> Observed<Found> {
        Observed::Present(Found {
            names: self.names.iter().map(ToString::to_string).collect(),
            not_after: context.now + i64::from(self.days) * DAY,
            is_rsa: false,
            self_signed: true,
            key_fits: true,
            key_access: KEY_ACCESS.to_owned(),
            digest: String::new(),
        })
    }

    fn compare(&self, observed: &Observed<Found>, context: &PlanContext<'_>) -> Option<Delta> {
        let join = |names: Vec<&str>| names.join(", ");
        let wanted = join(self.names.iter().map(RecordName::as_str).collect());
        let Observed::Present(found) = observed else {
            let days = format!("{} days", self.days);
            return Some(Delta::create([("names", wanted), ("valid for", days)]));
        };
        let mut diff = Diff::default();
        if found.key_access.is_empty() {
            diff.compare("key", Some("missing"), Some("its own"));
        } else {
            if !found.key_fits {
                diff.compare("key", Some("of another certificate"), Some("its own"));
            }
            // A key that others could read is theirs as well: it is made anew.
            diff.compare("key's access", Some(&found.key_access), Some(KEY_ACCESS));
        }
        if found.is_unreadable() {
            diff.compare("certificate", Some("not readable"), Some(&wanted));
            return Delta::update(diff);
        }
        let names = join(found.names.iter().map(String::as_str).collect());
        diff.compare("names", Some(&names), Some(&wanted));
        if !found.self_signed {
            diff.compare("issuer", Some("another"), Some("itself"));
        }
        let left = found.not_after - context.now;
        if left < self.renewal() {
            let before = match left.div_euclid(DAY) {
                days @ 0.. => format!("{days} days left"),
                days => format!("ended {} days ago", -days),
            };
            diff.compare(
                "valid for",
                Some(&before),
                Some(&format!("{} days", self.days)),
            );
        }
        Delta::update(diff)
    }

    fn owned(&self) -> Vec<Owned> {
        vec![
            Owned::Path(self.certificate.clone()),
            Owned::Path(self.key.clone()),
        ]
    }

    fn work(
        &self,
        _: &Observed<Found>,
        change: &Change,
        _: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    ) {
        let names: Vec<&str> = std::iter::once(&self.subject)
            .chain(self.names.iter().filter(|name| **name != self.subject))
            .map(RecordName::as_str)
            .collect();
        let paths = [&self.certificate, &self.key];
        make(paths, &names, self.days, &change.id, work);
    }
}
