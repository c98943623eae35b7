//! `[[check.certificate]]`: the certificate a port presents for a name.

use super::hop::Hop;
use super::judgement::{Defaults, Judgement};
use crate::types::{
    AbsolutePath, Digest, Fqdn, RecordName, certificate_names as names, covers, day,
};
use serde::Deserialize;
use x509_parser::prelude::{FromDer, X509Certificate};

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
        if let Some(wait) = self.waits_for_authority(&parsed, unusable, now) {
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
mod tests {
    use super::*;
    use std::process::Command;

    /// 2025-06-01 00:00:00 UTC.
    const NOW: i64 = 1_748_736_000;

    /// A certificate made by openssl: its DER. Valid from 2025-01-01 to 2026-01-01.
    fn made(arguments: &[&str]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let key = folder.path().join("key.pem");
        let output = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
            ])
            .args([
                "-nodes",
                "-subj",
                "/CN=foobar.com",
                "-outform",
                "DER",
                "-keyout",
            ])
            .arg(&key)
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        output.stdout
    }

    fn check(entry: &str) -> Certificate {
        toml::from_str(&format!("name = 'foobar.com'\n{entry}")).unwrap()
    }

    fn presented(der: &[u8]) -> Result<Presented, String> {
        Ok(Presented {
            der: der.to_owned(),
            version: "TLS 1.3".to_owned(),
            verified: Ok(()),
        })
    }

    #[test]
    fn judgements() {
        let der = made(&[
            "-days",
            "365",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-addext",
            "subjectAltName=DNS:foobar.com,DNS:*.foobar.com",
        ]);
        // openssl 3.0 cannot set the dates: the clock of the judge is moved instead.
        let (_, parsed) = X509Certificate::from_der(&der).unwrap();
        let start = parsed.validity().not_before.timestamp();
        let day = |days: i64| start + days * DAY;
        let digest = Digest::of(&der);
        let stored = |digest| {
            let because = None;
            Some(Ok(Stored { digest, because }))
        };
        let same = stored(digest.as_str());
        let other = stored("0000");
        let silent = Some(Err("no answer".to_owned()));

        let sound = "sound foobar.com, *.foobar.com, valid until";
        for (entry, on_server, now, want) in [
            ("", None, day(1), sound),
            (
                "names = ['foobar.com', 'www.foobar.com']",
                None,
                day(1),
                sound,
            ),
            ("issuer = 'self-signed'", same.clone(), day(1), sound),
            ("min_days = 10", None, day(355), sound),
            ("min_days = 10", None, day(356), "flawed foobar.com"),
            ("", None, day(-1), "broken not valid before"),
            ("", None, day(366), "broken expired on"),
            (
                "names = ['foobar.com', 'a.b.foobar.com']",
                None,
                day(1),
                "broken for foobar.com, *.foobar.com; not for a.b.foobar.com",
            ),
            ("names = ['foobar.org']", None, day(1), "not for foobar.org"),
            (
                "",
                other,
                day(1),
                "broken another one than in the file on the server",
            ),
            (
                "",
                silent,
                day(1),
                "flawed not known if it is the server's: no answer",
            ),
        ] {
            let judgement = check(entry).judge(&presented(&der), &on_server, now);
            let text = match judgement {
                Judgement::Sound(text) => format!("sound {text}"),
                Judgement::Flawed(text) => format!("flawed {text}"),
                Judgement::Awaited(text) => format!("awaited {text}"),
                Judgement::Broken(text) => format!("broken {text}"),
            };
            assert!(text.contains(want), "{entry} {now}\n{text}\n{want}");
        }
    }

    #[test]
    fn what_an_authority_has_yet_to_do_is_awaited() {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        let authority = rcgen::CertifiedIssuer::self_signed(params, key).unwrap();
        let issued = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            let mut params = rcgen::CertificateParams::new(names).unwrap();
            params.distinguished_name = rcgen::DistinguishedName::new();
            params.not_before = rcgen::date_time_ymd(2025, 1, 1);
            params.not_after = rcgen::date_time_ymd(2025, 4, 11);
            let key = rcgen::KeyPair::generate().unwrap();
            params.signed_by(&key, &authority).unwrap().der().to_vec()
        };
        let real = issued(&["foobar.com"]);
        let temporary = made(&["-days", "90", "-addext", "subjectAltName=DNS:foobar.com"]);
        let (_, parsed) = X509Certificate::from_der(&temporary).unwrap();
        let today = parsed.validity().not_before.timestamp() + DAY;
        // 2025-01-01 00:00:00 UTC; it is valid for 100 days.
        let day = |days: i64| 1_735_689_600 + days * DAY;
        let more = "names = ['foobar.com', 'www.foobar.com']";
        for (der, entry, now, want) in [
            (
                &real,
                "",
                day(74),
                "sound foobar.com, valid until 2025-04-11",
            ),
            (
                &real,
                "",
                day(76),
                "awaited its renewal is overdue: it is valid until 2025-04-11; the order was refused",
            ),
            (
                &real,
                "",
                day(101),
                "awaited expired on 2025-04-11; the order was refused",
            ),
            (
                &real,
                more,
                day(1),
                "awaited for foobar.com; not for www.foobar.com; the order was refused",
            ),
            (
                &temporary,
                "",
                today,
                "awaited a temporary one, signed by itself: browsers warn of it; the order was refused",
            ),
        ] {
            let digest = Digest::of(der);
            let stored = Stored {
                digest: digest.as_str(),
                because: Some("the order was refused"),
            };
            let check = check(&format!("issuer = 'acme'\n{entry}"));
            let text = match check.judge(&presented(der), &Some(Ok(stored)), now) {
                Judgement::Sound(text) => format!("sound {text}"),
                Judgement::Awaited(text) => format!("awaited {text}"),
                other => format!("{other:?}"),
            };
            assert!(text.starts_with(want), "{text}\n{want}");
        }
    }

    #[test]
    fn a_verification_that_failed_breaks() {
        let der = made(&["-addext", "subjectAltName=DNS:foobar.com"]);
        let (_, parsed) = X509Certificate::from_der(&der).unwrap();
        let now = parsed.validity().not_before.timestamp() + DAY;
        let untrusted = Ok(Presented {
            verified: Err("unknown issuer".to_owned()),
            ..presented(&der).unwrap()
        });
        assert_eq!(
            check("issuer = 'trusted'").judge(&untrusted, &None, now),
            Judgement::Broken("issued by CN=foobar.com: unknown issuer".to_owned())
        );
        // openssl's default for a self-signed certificate is CA:TRUE.
        assert!(matches!(
            check("issuer = 'self-signed'").judge(&presented(&der), &None, now),
            Judgement::Flawed(text) if text.contains("authority")
        ));
    }

    #[test]
    fn no_certificate_breaks() {
        for (reply, want) in [
            (Err("connection refused".to_owned()), "connection refused"),
            (
                presented(b"rubbish"),
                "what was presented is no certificate",
            ),
            (presented(b""), "what was presented is no certificate"),
        ] {
            assert_eq!(
                check("").judge(&reply, &None, NOW),
                Judgement::Broken(want.to_owned())
            );
        }
        let nameless = made(&[]);
        let (_, parsed) = X509Certificate::from_der(&nameless).unwrap();
        let now = parsed.validity().not_before.timestamp();
        assert_eq!(
            check("").judge(&presented(&nameless), &None, now),
            Judgement::Broken("for no name; not for foobar.com".to_owned())
        );
    }
}
