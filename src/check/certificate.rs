//! `[[check.certificate]]`: the certificate a port presents for a name.

use super::hop::Hop;
use super::judgement::{Defaults, Judgement};
use crate::types::{AbsolutePath, Digest, Fqdn, certificate_names as names, covers};
use jiff::Timestamp;
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
    pub names: Vec<Fqdn>,
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

/// What is known of the file on the server: its digest, or why there is none.
pub type OnServer<'a> = Option<Result<&'a str, String>>;

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
        let names: Vec<&str> = self.wanted().iter().map(Fqdn::as_str).collect();
        let issuer = match self.issuer {
            Issuer::SelfSigned => ", self-signed",
            Issuer::Trusted => ", from a trusted issuer",
            Issuer::Any => "",
        };
        format!(
            "for {}, valid for {} days or more{issuer}",
            names.join(", "),
            self.min_days
        )
    }

    fn wanted(&self) -> &[Fqdn] {
        if self.names.is_empty() {
            std::slice::from_ref(&self.name)
        } else {
            &self.names
        }
    }

    /// Whether this is the certificate a visitor of that name and port gets.
    #[must_use]
    pub fn serves(&self, name: &Fqdn, port: u16) -> bool {
        self.port == port && (&self.name == name || self.names.contains(name))
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
        if let Some(reason) = self.unusable(&parsed, now) {
            return Judgement::Broken(reason);
        }
        if self.issuer == Issuer::SelfSigned && parsed.issuer() != parsed.subject() {
            return Judgement::Broken(format!("issued by {}", parsed.issuer()));
        }
        let digest = Digest::of(&presented.der);
        if matches!(on_server, Some(Ok(file)) if *file != digest.as_str()) {
            return Judgement::Broken(
                "another one than in the file on the server: it was not reloaded, or somebody \
                 else answers"
                    .to_owned(),
            );
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
            date(until),
            presented.version
        );
        if days < i64::from(self.min_days) {
            Judgement::Flawed(seen)
        } else {
            Judgement::Sound(seen)
        }
    }

    /// Why no visitor can use it, if so.
    fn unusable(&self, parsed: &X509Certificate<'_>, now: i64) -> Option<String> {
        let from = parsed.validity().not_before.timestamp();
        let until = parsed.validity().not_after.timestamp();
        if now < from {
            return Some(format!("not valid before {}", date(from)));
        }
        if now > until {
            return Some(format!("expired on {}", date(until)));
        }
        let names = names(parsed);
        let missing: Vec<&str> = self
            .wanted()
            .iter()
            .map(Fqdn::as_str)
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

fn date(seconds: i64) -> String {
    Timestamp::from_second(seconds).map_or_else(
        |_| seconds.to_string(),
        |time| time.strftime("%Y-%m-%d").to_string(),
    )
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
        let same = Some(Ok(digest.as_str()));
        let other = Some(Ok("0000"));
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
                Judgement::Broken(text) => format!("broken {text}"),
            };
            assert!(text.contains(want), "{entry} {now}\n{text}\n{want}");
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
