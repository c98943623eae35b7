//! `[[check.certificate]]`: the certificate a port presents for a name.

use super::hop::Hop;
use super::judgement::{Defaults, Judgement};
use crate::types::{
    AbsolutePath, Digest, Fqdn, RecordName, certificate_names as names, covers, day,
};
use serde::Deserialize;
use std::collections::BTreeSet;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::public_key::PublicKey;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// The fields.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// The name to ask for (SNI, RFC 6066 section 3).
    pub name: Fqdn,
    /// The port.
    #[serde(default = "https")]
    pub port: u16,
    /// The names it must hold; none for `name` alone.
    #[serde(default)]
    pub names: Vec<RecordName>,
    /// How many days it must be valid for.
    #[serde(default = "week")]
    pub min_days: u32,
    /// Who must have issued it.
    #[serde(default)]
    pub issuer: Issuer,
    /// The kind of its key, where an authority is asked for one.
    #[serde(default)]
    pub key_type: KeyType,
    /// The authority that is asked, with the profile if one is asked for; empty for none.
    #[serde(default)]
    pub authority: String,
    /// The file on the server that the presented certificate must stand first in.
    pub path: Option<AbsolutePath>,
}

fn https() -> u16 {
    443
}

fn week() -> u32 {
    7
}

/// Who must have issued a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Issuer {
    /// Itself.
    SelfSigned,
    /// An authority that the server has ordered it from, and orders the next one from in time.
    Acme,
    /// Somebody this machine trusts.
    Trusted,
    /// Whoever.
    #[default]
    Any,
}

/// The kind of a certificate's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyType {
    /// An elliptic curve.
    Ecdsa,
    /// RSA.
    Rsa,
    /// Whichever.
    #[default]
    Any,
}

impl KeyType {
    /// For people.
    fn as_str(self) -> &'static str {
        match self {
            Self::Ecdsa => "ECDSA",
            Self::Rsa => "RSA",
            Self::Any => "any",
        }
    }
}

/// What a port presented.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presented {
    /// The certificate of the server.
    pub der: Vec<u8>,
    /// The version of TLS that was spoken.
    pub version: String,
    /// What a second handshake said, in which the certificate was verified: with itself as the
    /// only trust anchor, or with those of this machine. Always well for [`Issuer::Any`].
    pub verified: Result<(), String>,
}

/// What the server says of the certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored<'a> {
    /// The SHA-256 of the first certificate in the file.
    pub digest: &'a str,
    /// The authority that has issued it, with the profile if one was asked for, if that is
    /// recorded.
    pub authority: Option<&'a str>,
    /// Why the last order failed, if it did.
    pub because: Option<&'a str>,
}

/// What is known of the file on the server, or why nothing is.
pub type OnServer<'a> = Option<Result<Stored<'a>, String>>;

/// A certificate from an authority is overdue when less than this share of its life is left: the
/// server orders the next one when a third is.
const OVERDUE_SHARE: i64 = 4;

impl Certificate {
    pub(super) fn defaults(&self) -> Defaults {
        Defaults {
            title: format!("certificate of {}", self.name),
            hop: Hop::Tls,
            needs: vec![Hop::Tcp],
            unit: Some("nginx.service".to_owned()),
        }
    }

    pub(super) fn expected(&self) -> String {
        let issuer = match self.issuer {
            Issuer::SelfSigned => ", self-signed",
            Issuer::Acme => ", from an authority",
            Issuer::Trusted => ", from a trusted issuer",
            Issuer::Any => "",
        };
        let names = self.wanted().join(", ");
        // How long those of an authority are valid is its own choice.
        if self.issuer == Issuer::Acme {
            return format!("for {names}{issuer}, renewed in time");
        }
        format!(
            "for {names}, valid for {} days or more{issuer}",
            self.min_days
        )
    }

    fn wanted(&self) -> Vec<&str> {
        if self.names.is_empty() {
            vec![self.name.as_str()]
        } else {
            self.names.iter().map(RecordName::as_str).collect()
        }
    }

    /// Whether this is the certificate a visitor of that name and port gets.
    #[must_use]
    pub fn serves(&self, name: &Fqdn, port: u16) -> bool {
        self.port == port && self.wanted().iter().any(|held| covers(held, name.as_str()))
    }

    /// The name under which the server records its orders, if it orders this certificate from an
    /// authority.
    #[must_use]
    pub fn order(&self) -> Option<&Fqdn> {
        (self.issuer == Issuer::Acme).then_some(&self.name)
    }

    /// Judges what was presented at `now`, in seconds since 1970. `on_server` is `None` when
    /// the server was not asked.
    #[must_use]
    pub fn judge(
        &self,
        reply: &Result<Presented, String>,
        on_server: &OnServer<'_>,
        now: i64,
    ) -> Judgement {
        let presented = match reply {
            Ok(presented) => presented,
            Err(reason) => return Judgement::Broken(reason.clone()),
        };
        let Ok((_, parsed)) = X509Certificate::from_der(&presented.der) else {
            return Judgement::Broken("what was presented is no certificate".to_owned());
        };
        let unusable = self.unusable(&parsed, now);
        match unusable {
            Some(reason) if self.issuer != Issuer::Acme => return Judgement::Broken(reason),
            _ => {}
        }
        if self.issuer == Issuer::SelfSigned && parsed.issuer() != parsed.subject() {
            return Judgement::Broken(format!("issued by {}", parsed.issuer()));
        }
        let digest = Digest::of(&presented.der);
        if matches!(on_server, Some(Ok(file)) if file.digest != digest.as_str()) {
            return Judgement::Broken(
                "another one than in the file on the server: it was not reloaded, or somebody \
                 else answers"
                    .to_owned(),
            );
        }
        let wait = self.waits_for_authority(&parsed, unusable, now);
        if let Some(wait) = wait.or_else(|| self.wants_another(&parsed, on_server)) {
            let because = match on_server {
                Some(Ok(Stored {
                    because: Some(reason),
                    ..
                })) => format!("; {reason}"),
                _ => String::new(),
            };
            return Judgement::Awaited(format!("{wait}{because}"));
        }
        if self.issuer == Issuer::SelfSigned && parsed.is_ca() {
            return Judgement::Flawed(
                "it says that it is a certificate authority, which a server's must not".to_owned(),
            );
        }
        if let Err(reason) = &presented.verified {
            return Judgement::Broken(format!("issued by {}: {reason}", parsed.issuer()));
        }
        if let Some(Err(reason)) = on_server {
            return Judgement::Flawed(format!("not known if it is the server's: {reason}"));
        }
        let until = parsed.validity().not_after.timestamp();
        let days = (until - now) / DAY;
        let seen = format!(
            "{}, valid until {} ({days} days), {}",
            names(&parsed).join(", "),
            day(until),
            presented.version
        );
        if self.issuer != Issuer::Acme && days < i64::from(self.min_days) {
            Judgement::Flawed(seen)
        } else {
            Judgement::Sound(seen)
        }
    }

    /// What an authority has yet to do, if it is asked for certificates.
    fn waits_for_authority(
        &self,
        parsed: &X509Certificate<'_>,
        unusable: Option<String>,
        now: i64,
    ) -> Option<String> {
        if self.issuer != Issuer::Acme {
            return None;
        }
        if parsed.issuer() == parsed.subject() {
            return Some("a temporary one, signed by itself: browsers warn of it".to_owned());
        }
        let (from, until) = (parsed.validity().not_before, parsed.validity().not_after);
        let (from, until) = (from.timestamp(), until.timestamp());
        unusable.or_else(|| {
            let overdue = until - now < (until - from) / OVERDUE_SHARE;
            overdue.then(|| {
                let until = day(until);
                format!("its renewal is overdue: it is valid until {until}")
            })
        })
    }

    /// What the one that is wanted has, and this one has not: visitors can use it all the same.
    fn wants_another(
        &self,
        parsed: &X509Certificate<'_>,
        on_server: &OnServer<'_>,
    ) -> Option<String> {
        let key_type = match parsed.public_key().parsed() {
            Ok(PublicKey::RSA(_)) => KeyType::Rsa,
            _ => KeyType::Ecdsa,
        };
        if self.key_type != KeyType::Any && self.key_type != key_type {
            let (is, wanted) = (key_type.as_str(), self.key_type.as_str());
            return Some(format!(
                "still the one before, whose key is {is} and not {wanted}"
            ));
        }
        let held = names(parsed);
        let sorted: BTreeSet<&str> = held.iter().map(String::as_str).collect();
        if self.issuer == Issuer::Acme && sorted != self.wanted().into_iter().collect() {
            let held = held.join(", ");
            return Some(format!("still the one before, for {held}"));
        }
        let stored = on_server.as_ref()?.as_ref().ok()?;
        let from = stored.authority.filter(|from| *from != self.authority)?;
        (!self.authority.is_empty()).then(|| {
            let wanted = &self.authority;
            format!("still the one before, from {from} and not from {wanted}")
        })
    }

    /// Why no visitor can use it, if so.
    fn unusable(&self, parsed: &X509Certificate<'_>, now: i64) -> Option<String> {
        let from = parsed.validity().not_before.timestamp();
        let until = parsed.validity().not_after.timestamp();
        if now < from {
            return Some(format!("not valid before {}", day(from)));
        }
        if now > until {
            return Some(format!("expired on {}", day(until)));
        }
        let names = names(parsed);
        let missing: Vec<&str> = self
            .wanted()
            .into_iter()
            .filter(|wanted| !names.iter().any(|name| covers(name, wanted)))
            .collect();
        if missing.is_empty() {
            return None;
        }
        let names = if names.is_empty() {
            "no name".to_owned()
        } else {
            names.join(", ")
        };
        Some(format!("for {names}; not for {}", missing.join(", ")))
    }
}

#[cfg(test)]
mod tests;
