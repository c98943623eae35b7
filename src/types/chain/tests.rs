//! Chains and keys as people bring them.

use super::*;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};

const NOW: i64 = 1_790_000_000;

/// A certificate with its key, in PEM.
struct Made {
    certificate: String,
    key: String,
}

struct Authority {
    certificate: String,
    issuer: Issuer<'static, KeyPair>,
}

fn authority(name: &str, above: Option<&Authority>) -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = match above {
        Some(above) => params.signed_by(&key, &above.issuer).unwrap(),
        None => params.self_signed(&key).unwrap(),
    };
    Authority {
        certificate: certificate.pem(),
        issuer: Issuer::new(params, key),
    }
}

fn leaf(names: &[&str], by: &Authority, from: i32, until: i32) -> Made {
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, "a leaf");
    params.not_before = date_time_ymd(from, 1, 1);
    params.not_after = date_time_ymd(until, 1, 1);
    Made {
        certificate: params.signed_by(&key, &by.issuer).unwrap().pem(),
        key: key.serialize_pem(),
    }
}

fn judge(certificate: &str, key: &str) -> String {
    let names = [
        RecordName::new("foobar.com").unwrap(),
        RecordName::new("www.foobar.com").unwrap(),
    ];
    let key = SecretValue::new(key.as_bytes().to_vec());
    match check_chain(certificate.as_bytes(), &key, &names, NOW) {
        Ok(()) => "fine".to_owned(),
        Err(error) => format!("{:?} {} ({})", error.file, error.message, error.help),
    }
}

#[test]
fn what_people_bring() {
    let root = authority("a root", None);
    let middle = authority("a middle", Some(&root));
    let good = leaf(&["foobar.com", "*.foobar.com"], &middle, 2025, 2030);
    let old = leaf(&["foobar.com", "*.foobar.com"], &middle, 2020, 2021);
    let young = leaf(&["foobar.com", "*.foobar.com"], &middle, 2029, 2030);
    let narrow = leaf(&["foobar.com"], &middle, 2025, 2030);
    let nameless = leaf(&[], &middle, 2025, 2030);
    let stranger = authority("a stranger", None).certificate;
    let (root, middle) = (&root.certificate, &middle.certificate);
    let (mine, key) = (&good.certificate, &good.key);
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let header = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES,00\n\nAAAA\n-----END RSA PRIVATE KEY-----\n";
    for (certificate, key, want) in [
        (mine.clone(), key.as_str(), "fine"),
        (format!("{mine}{middle}"), key, "fine"),
        (format!("a comment\n{mine}{middle}{root}"), key, "fine"),
        (mine.replace('\n', "\r\n"), key, "fine"),
        (format!("{mine}{middle}"), &format!("{mine}{key}"), "fine"),
        (
            format!("{mine}{key}"),
            key,
            "Certificate holds a private key",
        ),
        (
            key.clone(),
            mine,
            "Certificate is a private key, and tls.key is a certificate",
        ),
        (key.clone(), key, "Certificate holds a private key"),
        (mine.clone(), mine, "Key holds no private key in PEM"),
        (mine.clone(), &encrypted, "Key is encrypted"),
        (mine.clone(), header, "Key is encrypted"),
        (
            mine.clone(),
            &format!("{key}{key}"),
            "Key holds more than one",
        ),
        (
            mine.clone(),
            &old.key,
            "Key is not the key of the certificate (CN=a leaf)",
        ),
        (
            mine.clone(),
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "Key is damaged, or of a kind",
        ),
        (
            format!("{middle}{mine}"),
            key,
            "Certificate has its certificates in the wrong order \
             (put them in this order: CN=a leaf, then CN=a middle)",
        ),
        (
            format!("{mine}{root}{middle}"),
            key,
            "wrong order (put them in this order: CN=a leaf, then CN=a middle, then CN=a root)",
        ),
        (
            format!("{mine}{middle}{stranger}"),
            key,
            "Certificate holds what is no part of its chain: CN=a stranger",
        ),
        (
            old.certificate.clone(),
            &old.key,
            "Certificate expired on 2021-01-01",
        ),
        (
            young.certificate.clone(),
            &young.key,
            "Certificate is not valid before 2029-01-01",
        ),
        (
            narrow.certificate.clone(),
            &narrow.key,
            "Certificate is for foobar.com; not for www.foobar.com",
        ),
        (
            nameless.certificate.clone(),
            &nameless.key,
            "Certificate is for no name (a common name does not count); not for foobar.com, www",
        ),
        (
            "rubbish".to_owned(),
            key,
            "Certificate holds no certificate in PEM",
        ),
        (
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
            key,
            "Certificate cannot be read: certificate 1",
        ),
        (
            "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n".to_owned(),
            key,
            "Certificate holds a damaged certificate",
        ),
    ] {
        let judged = judge(&certificate, key);
        assert!(judged.contains(want), "{judged}\nand not {want}");
        assert!(
            !judged.contains(key.lines().nth(1).unwrap_or("none")),
            "{judged}"
        );
    }
}

#[test]
fn a_star_covers_one_label() {
    for (name, wanted, covered) in [
        ("foobar.com", "foobar.com", true),
        ("*.foobar.com", "www.foobar.com", true),
        ("*.foobar.com", "foobar.com", false),
        ("*.foobar.com", "a.b.foobar.com", false),
        ("foobar.com", "www.foobar.com", false),
    ] {
        assert_eq!(covers(name, wanted), covered, "{name} {wanted}");
    }
}
