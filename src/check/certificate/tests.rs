//! What a certificate is judged to be.

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
        Some(Ok(Stored {
            digest,
            authority: None,
            because: None,
        }))
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
    let wildcard = issued(&["foobar.com", "*.foobar.com"]);
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
        (
            &real,
            "key_type = 'ecdsa'\nauthority = 'https://a.example/dir'",
            day(74),
            "sound foobar.com, valid until 2025-04-11",
        ),
        (
            &wildcard,
            "",
            day(1),
            "awaited still the one before, for foobar.com, *.foobar.com; the order was refused",
        ),
        (
            &real,
            "key_type = 'rsa'\nauthority = 'https://a.example/dir'",
            day(74),
            "awaited still the one before, whose key is ECDSA and not RSA; the order was refused",
        ),
        (
            &real,
            "authority = 'https://a.example/dir brief'",
            day(74),
            "awaited still the one before, from https://a.example/dir and not from https://a.example/dir brief; the order was refused",
        ),
    ] {
        let digest = Digest::of(der);
        let stored = Stored {
            digest: digest.as_str(),
            authority: Some("https://a.example/dir"),
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
