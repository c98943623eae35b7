//! The section `[tls]`: where the certificate comes from, and how an authority is told that the
//! names are the site's own.

use super::environment::{secret_source, secrets};
use super::mistakes::Mistakes;
use super::raw::{self, At};
use super::values::file;
use super::{Challenge, ExternalAccount, FileReference, Hook, KeyType, Names, Tls, TlsMode};
use crate::types::{InvalidValue, SecretSource};

/// The section `[tls]`.
pub(super) fn tls(
    raw: &raw::Tls,
    names: Option<&Names>,
    raw_names: Option<&raw::Names<'_>>,
    answers_zone: bool,
    files: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> Tls {
    let mode = match raw.mode.as_deref() {
        None | Some(raw::TlsMode::SelfSigned) => TlsMode::SelfSigned,
        Some(raw::TlsMode::Acme) => TlsMode::Acme,
        Some(raw::TlsMode::Files) => TlsMode::Files,
        Some(raw::TlsMode::Off) => TlsMode::Off,
    };
    let directory = directory(raw, mode, mistakes);
    let directory_ca = match &raw.directory_ca {
        Some(value) if is_for_acme(raw, mode, "directory_ca", value, mistakes) => {
            file(value, "tls.directory_ca", false, files, mistakes)
        }
        _ => None,
    };
    let hook = match &raw.hook {
        Some(value) if is_for_acme(raw, mode, "hook", value, mistakes) => {
            hook(value, files, mistakes)
        }
        _ => None,
    };
    let challenge = challenge(raw, mode, answers_zone, mistakes);
    let wildcard = raw_names.and_then(|names| names.wildcard);
    // The challenge itself may be what could not be read.
    if let Some(wildcard) = wildcard.filter(|wildcard| ***wildcard)
        && (mode, challenge) == (TlsMode::Acme, Challenge::Http)
        && !mistakes.incomplete
    {
        let message = "site.wildcard: an authority issues a wildcard by the DNS challenge alone";
        let mistake = mistakes.at(wildcard.span(), message);
        mistakes.push(mistake.help("add `challenge = \"dns\"` to the section tls"));
    }
    let key_type = match &raw.key_type {
        Some(value) if is_for_acme(raw, mode, "key_type", value, mistakes) => match **value {
            raw::KeyType::Ecdsa => KeyType::Ecdsa,
            raw::KeyType::Rsa => KeyType::Rsa,
        },
        _ => KeyType::Ecdsa,
    };
    let profile = match &raw.profile {
        Some(value) if is_for_acme(raw, mode, "profile", value, mistakes) => {
            mistakes.check("tls.profile", Some(value), |text| profile(text))
        }
        _ => None,
    };
    let external_account = match &raw.external_account {
        Some(value) if is_for_acme(raw, mode, "external_account", value, mistakes) => {
            external_account(value, files, mistakes)
        }
        _ => None,
    };
    let mut path = |name: &str, value: Option<&At<String>>| match (mode, value) {
        (TlsMode::Files, Some(value)) => {
            file(value, &format!("tls.{name}"), false, files, mistakes)
        }
        (TlsMode::Files, None) => {
            let span = raw.mode.as_ref().map_or(0..0, At::span);
            let message = format!("tls.{name} is missing");
            let help = "mode = \"files\" needs `certificate` and `key`: paths of PEM files";
            mistakes.missing(span, &message, help);
            None
        }
        // The mode itself may be what could not be read.
        (_, Some(value)) if !mistakes.incomplete => {
            let message = format!("tls.{name} is only for mode = \"files\"");
            let mistake = mistakes.at(value.span(), message);
            mistakes.push(match &raw.mode {
                Some(mode) => mistake.context(mode.span(), "but this is the mode"),
                None => mistake.help("add mode = \"files\": the default is \"self-signed\""),
            });
            None
        }
        _ => None,
    };
    let certificate = path("certificate", raw.certificate.as_ref());
    let key = path("key", raw.key.as_ref());
    Tls {
        mode,
        names: names.map(Names::certified).unwrap_or_default(),
        challenge,
        hook,
        key_type,
        external_account,
        profile,
        directory,
        directory_ca,
        certificate,
        key,
    }
}

/// Whether the zone has a place for what an authority asks for.
pub(super) fn has_record(raw: &raw::Tls) -> bool {
    let is = |mode: &At<raw::TlsMode>| **mode == raw::TlsMode::Acme;
    let by = |challenge: &At<raw::Challenge>| **challenge == raw::Challenge::Dns;
    let asked = raw.mode.as_ref().is_some_and(is) && raw.challenge.as_ref().is_some_and(by);
    asked && raw.hook.is_none()
}

/// How the authority is shown that the names are the site's own.
fn challenge(
    raw: &raw::Tls,
    mode: TlsMode,
    answers_zone: bool,
    mistakes: &mut Mistakes<'_>,
) -> Challenge {
    let asked = raw.challenge.as_ref();
    let asked = asked.filter(|value| is_for_acme(raw, mode, "challenge", value, mistakes));
    let Some(value) = asked.filter(|value| ***value == raw::Challenge::Dns) else {
        if let Some(hook) = raw.hook.as_ref().filter(|_| mode == TlsMode::Acme) {
            let message = "tls.hook is only for the DNS challenge";
            let mistake = mistakes.at(hook.span(), message);
            mistakes.push(mistake.help("add challenge = \"dns\", or leave the hook out"));
        }
        return Challenge::Http;
    };
    if !answers_zone && raw.hook.is_none() {
        let message =
            "tls.challenge: this server does not answer the zone, so no record of it helps";
        let mistake = mistakes.at(value.span(), message);
        mistakes.push(mistake.help(
            "leave out dns.enabled = false, or say what makes the record: hook = { script = \"…\" }",
        ));
    }
    Challenge::Dns
}

/// The user's own program, and what it needs.
fn hook(
    raw: &At<raw::Hook>,
    files: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> Option<Hook> {
    let Some(script) = &raw.script else {
        let help = "write { script = \"dns-hook\" }: an executable beside the inventory";
        mistakes.missing(raw.span(), "tls.hook.script is missing", help);
        return None;
    };
    Some(Hook {
        script: file(script, "tls.hook.script", false, files, mistakes)?,
        secrets: secrets("tls.hook.secrets", &raw.secrets, files, mistakes),
    })
}

/// The key of the account is a secret that is known here.
fn external_account(
    raw: &At<raw::ExternalAccount>,
    files: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> Option<ExternalAccount> {
    let name = |key: &str| format!("tls.external_account.{key}");
    for (key, is_there) in [("id", raw.id.is_some()), ("key", raw.key.is_some())] {
        if !is_there {
            let help = "write { id = \"…\", key = { env = \"…\" } }";
            mistakes.missing(raw.span(), &format!("{} is missing", name(key)), help);
        }
    }
    let id = mistakes.check(&name("id"), raw.id.as_ref(), |text| {
        let plain = |c: char| c.is_ascii_graphic() && !"\"'#\\".contains(c);
        if text.is_empty() || !text.chars().all(plain) {
            let error = InvalidValue::new(format!("`{text}` is no key identifier"));
            return Err(error.hint("the authority shows it, beside the key"));
        }
        Ok(text.to_owned())
    });
    let key = raw.key.as_ref()?;
    let source = secret_source(&name("key"), key, files, mistakes)?;
    if matches!(source, SecretSource::Generate(_)) {
        let message = format!("{}: only the authority makes this key", name("key"));
        mistakes.push(
            mistakes
                .at(key.span(), message)
                .help("use env, file or command"),
        );
    }
    Some(ExternalAccount {
        id: id?,
        key: source,
    })
}

/// A profile has a name that is a word (draft-ietf-acme-profiles).
fn profile(text: &str) -> Result<String, InvalidValue> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if text.is_empty() || text.len() > 64 || !text.chars().all(plain) {
        let error = InvalidValue::new(format!("`{text}` is not the name of a profile"));
        return Err(error.hint("one that the authority offers, like \"shortlived\""));
    }
    Ok(text.to_owned())
}

/// Whether a key that is only for the mode "acme" may be there.
fn is_for_acme<T>(
    raw: &raw::Tls,
    mode: TlsMode,
    name: &str,
    value: &At<T>,
    mistakes: &mut Mistakes<'_>,
) -> bool {
    // The mode itself may be what could not be read.
    if mode != TlsMode::Acme && !mistakes.incomplete {
        let message = format!("tls.{name} is only for mode = \"acme\"");
        let mistake = mistakes.at(value.span(), message);
        mistakes.push(match &raw.mode {
            Some(mode) => mistake.context(mode.span(), "but this is the mode"),
            None => mistake.help("add mode = \"acme\": the default is \"self-signed\""),
        });
    }
    mode == TlsMode::Acme
}

/// The URL of the authority's directory.
fn directory(raw: &raw::Tls, mode: TlsMode, mistakes: &mut Mistakes<'_>) -> Option<String> {
    let Some(value) = &raw.directory else {
        return (mode == TlsMode::Acme).then(|| LETS_ENCRYPT[0].1.to_owned());
    };
    if !is_for_acme(raw, mode, "directory", value, mistakes) {
        return None;
    }
    let known = LETS_ENCRYPT.iter().find(|(name, _)| *name == **value);
    mistakes.check("tls.directory", Some(value), |text| match known {
        Some((_, url)) => Ok((*url).to_owned()),
        None => directory_url(text),
    })
}

/// The directories that have a name of their own.
const LETS_ENCRYPT: [(&str, &str); 2] = [
    (
        "letsencrypt",
        "https://acme-v02.api.letsencrypt.org/directory",
    ),
    (
        "letsencrypt-staging",
        "https://acme-staging-v02.api.letsencrypt.org/directory",
    ),
];

/// ACME is spoken over HTTPS alone (RFC 8555, section 6.1).
fn directory_url(text: &str) -> Result<String, InvalidValue> {
    let wrong = |why: &str| {
        InvalidValue::new(format!("`{text}` is no directory of an authority: {why}")).hint(
            "\"letsencrypt\", \"letsencrypt-staging\" for tests, or the URL that the authority names",
        )
    };
    let Ok(url) = url::Url::parse(text) else {
        return Err(wrong("it is no URL"));
    };
    match url.scheme() {
        "https" if url.has_host() && url.username().is_empty() && url.password().is_none() => {
            Ok(url.to_string())
        }
        "https" => Err(wrong("it needs a host, and no account")),
        _ => Err(wrong("it must begin with https://")),
    }
}
