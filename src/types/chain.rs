//! A certificate chain with its key: what a server can use, or why it cannot.

use super::pem::PemBlock;
use super::{RecordName, SecretValue, day};
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo, X509Certificate};

/// Which of the two files is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainFile {
    /// The chain.
    Certificate,
    /// The key.
    Key,
}

/// Why a chain and a key cannot be used, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainError {
    /// The file that is wrong.
    pub file: ChainFile,
    /// What is wrong, in words that follow the name of the file.
    pub message: String,
    /// What to do.
    pub help: String,
}

impl ChainError {
    fn certificate(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            file: ChainFile::Certificate,
            message: message.into(),
            help: help.into(),
        }
    }

    fn key(message: impl Into<String>, help: impl Into<String>) -> Self {
        Self {
            file: ChainFile::Key,
            ..Self::certificate(message, help)
        }
    }
}

/// Finds what keeps a server from using these two files for these names at `now`, in seconds
/// since 1970. Nothing of the key is in what is found.
///
/// # Errors
/// The first thing that is wrong.
pub fn check_chain(
    certificate: &[u8],
    key: &SecretValue,
    names: &[RecordName],
    now: i64,
) -> Result<(), ChainError> {
    let blocks = PemBlock::all(&String::from_utf8_lossy(certificate));
    let key_blocks = PemBlock::all(&String::from_utf8_lossy(key.expose()));
    let has_key = |blocks: &[PemBlock]| blocks.iter().any(PemBlock::is_private_key);
    let has_certificate = |blocks: &[PemBlock]| blocks.iter().any(is_certificate);
    if has_key(&blocks) && !has_certificate(&blocks) && has_certificate(&key_blocks) {
        return Err(ChainError::certificate(
            "is a private key, and tls.key is a certificate",
            "the two paths are swapped",
        ));
    }
    if has_key(&blocks) || super::private_key(certificate).is_some() {
        return Err(ChainError::certificate(
            "holds a private key, and certificates are for everybody to read",
            "leave only the certificates in this file; the key has a file of its own, tls.key",
        ));
    }
    let public = public_key(&key_blocks)?;
    let certificates = certificates(&blocks)?;
    let parsed = parse(&certificates)?;
    order(&parsed, &public)?;
    let leaf = &parsed[0];
    valid_now(leaf, now)?;
    covers_all(leaf, names)
}

fn is_certificate(block: &PemBlock) -> bool {
    matches!(block.label.as_str(), "CERTIFICATE" | "X509 CERTIFICATE")
}

/// The bits of the public key that belongs to the only private one.
fn public_key(blocks: &[PemBlock]) -> Result<Vec<u8>, ChainError> {
    let plain = "a PEM file that begins with -----BEGIN PRIVATE KEY-----";
    let keys: Vec<&PemBlock> = blocks
        .iter()
        .filter(|block| block.is_private_key())
        .collect();
    let key = match keys.as_slice() {
        [] => return Err(ChainError::key("holds no private key in PEM", plain)),
        [key] => key,
        [_, _, ..] => {
            let message = "holds more than one private key";
            return Err(ChainError::key(
                message,
                "leave only that of the certificate",
            ));
        }
    };
    if key.encrypted || key.label == "ENCRYPTED PRIVATE KEY" {
        return Err(ChainError::key(
            "is encrypted, and nobody is there to type its passphrase when the server starts",
            "write it without one: openssl pkey -in KEY -out PLAIN-KEY",
        ));
    }
    let damaged = || ChainError::key("is damaged: it is not a private key in PEM", plain);
    let content = key.content.clone().ok_or_else(damaged)?;
    let der = match key.label.as_str() {
        "PRIVATE KEY" => PrivateKeyDer::from(PrivatePkcs8KeyDer::from(content)),
        "RSA PRIVATE KEY" => PrivatePkcs1KeyDer::from(content).into(),
        "EC PRIVATE KEY" => PrivateSec1KeyDer::from(content).into(),
        other => {
            return Err(ChainError::key(
                format!("is of a kind that no web server takes: {other}"),
                plain,
            ));
        }
    };
    let unusable = || {
        ChainError::key(
            "is damaged, or of a kind that browsers do not take",
            "RSA with 2048 to 8192 bits, ECDSA with P-256 or P-384, or Ed25519",
        )
    };
    let key = any_supported_type(&der).map_err(|_| unusable())?;
    let info = key.public_key().ok_or_else(unusable)?;
    let (_, info) = SubjectPublicKeyInfo::from_der(&info).map_err(|_| unusable())?;
    Ok(info.subject_public_key.data.into_owned())
}

/// The certificates in DER, in the order of the file.
fn certificates(blocks: &[PemBlock]) -> Result<Vec<Vec<u8>>, ChainError> {
    let help = "a PEM file with the certificate first, then those that issued it";
    let found: Option<Vec<Vec<u8>>> = blocks
        .iter()
        .filter(|block| is_certificate(block))
        .map(|block| block.content.clone())
        .collect();
    match found {
        None => Err(ChainError::certificate("holds a damaged certificate", help)),
        Some(found) if found.is_empty() => {
            Err(ChainError::certificate("holds no certificate in PEM", help))
        }
        Some(found) => Ok(found),
    }
}

fn parse(certificates: &[Vec<u8>]) -> Result<Vec<X509Certificate<'_>>, ChainError> {
    let all = certificates.iter().enumerate();
    all.map(|(at, der)| match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(ChainError::certificate(
            format!("cannot be read: certificate {} of it is damaged", at + 1),
            "copy the file once more",
        )),
    })
    .collect()
}

/// The certificate of the key must stand first, and each be issued by the next one (RFC 8446
/// section 4.4.2; browsers forgive more than other clients).
fn order(chain: &[X509Certificate<'_>], public: &[u8]) -> Result<(), ChainError> {
    let is_own = |one: &X509Certificate<'_>| *one.public_key().subject_public_key.data == *public;
    let Some(own) = chain.iter().position(is_own) else {
        let leaf = subject(&chain[0]);
        return Err(ChainError::key(
            format!("is not the key of the certificate ({leaf})"),
            "name the key that the certificate was made for, or the certificate of this key",
        ));
    };
    let in_order = chain.windows(2).all(|pair| issued(&pair[1], &pair[0]));
    if own == 0 && in_order {
        return Ok(());
    }
    let mut right = vec![own];
    while let Some(next) = chain
        .iter()
        .enumerate()
        .position(|(at, one)| !right.contains(&at) && issued(one, &chain[right[right.len() - 1]]))
    {
        right.push(next);
    }
    let others: Vec<String> = (0..chain.len())
        .filter(|at| !right.contains(at))
        .map(|at| subject(&chain[at]))
        .collect();
    let right: Vec<String> = right.iter().map(|at| subject(&chain[*at])).collect();
    let right = right.join(", then ");
    Err(if others.is_empty() {
        ChainError::certificate(
            "has its certificates in the wrong order",
            format!("put them in this order: {right}"),
        )
    } else {
        ChainError::certificate(
            format!("holds what is no part of its chain: {}", others.join(", ")),
            format!("leave only these, in this order: {right}"),
        )
    })
}

fn issued(issuer: &X509Certificate<'_>, one: &X509Certificate<'_>) -> bool {
    issuer.subject() == one.issuer()
}

/// Who a certificate is of, for people.
fn subject(one: &X509Certificate<'_>) -> String {
    let name = one.subject().to_string();
    if name.is_empty() {
        certificate_names(one)
            .first()
            .cloned()
            .unwrap_or_else(|| "one without a name".to_owned())
    } else {
        name
    }
}

fn valid_now(leaf: &X509Certificate<'_>, now: i64) -> Result<(), ChainError> {
    let from = leaf.validity().not_before.timestamp();
    let until = leaf.validity().not_after.timestamp();
    if now > until {
        return Err(ChainError::certificate(
            format!("expired on {}", day(until)),
            "get a new one from who issued it",
        ));
    }
    if now < from {
        return Err(ChainError::certificate(
            format!("is not valid before {}", day(from)),
            "wait until then, or look at the clock of this machine",
        ));
    }
    Ok(())
}

fn covers_all(leaf: &X509Certificate<'_>, names: &[RecordName]) -> Result<(), ChainError> {
    let held = certificate_names(leaf);
    let covered = |wanted: &&RecordName| held.iter().any(|name| covers(name, wanted.as_str()));
    let missing: Vec<&str> = names
        .iter()
        .filter(|name| !covered(name))
        .map(RecordName::as_str)
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let held = if held.is_empty() {
        "for no name (a common name does not count)".to_owned()
    } else {
        format!("for {}", held.join(", "))
    };
    Err(ChainError::certificate(
        format!("is {held}; not for {}", missing.join(", ")),
        "get one for all names of the site, or leave out the aliases that it does not have",
    ))
}

/// The DNS names among a certificate's subject alternative names; a common name counts no more
/// (RFC 9525 section 6.3).
#[must_use]
pub fn certificate_names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let names = extension.value.general_names.iter();
    names
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
            _ => None,
        })
        .collect()
}

/// Whether a name of a certificate covers a host name; `*` is one whole label (RFC 9525
/// section 6.3).
#[must_use]
pub fn covers(name: &str, wanted: &str) -> bool {
    name == wanted
        || name.strip_prefix("*.").is_some_and(|parent| {
            wanted
                .split_once('.')
                .is_some_and(|(_, rest)| rest == parent)
        })
}

#[cfg(test)]
mod tests;
