//! What makes no sense in a record although its type allows it, or what no name server would load.

use super::raw::RecordType;
use crate::types::{InvalidValue, RecordName, Word};

/// How many octets a digest of SHA-1, SHA-256 and SHA-512 has.
const SHA1: usize = 20;
const SHA256: usize = 32;
const SHA512: usize = 64;

/// Data of the type, as it may be written.
pub(super) fn example(kind: RecordType) -> &'static str {
    match kind {
        RecordType::A => "203.0.113.10",
        RecordType::Aaaa => "2001:db8::1",
        RecordType::Cname | RecordType::Ns | RecordType::Ptr => "host.example.net.",
        RecordType::Mx => "10 mx.example.net.",
        RecordType::Txt => "v=spf1 -all",
        RecordType::Srv => "10 5 5060 sip.example.net.",
        RecordType::Caa => "0 issue letsencrypt.org",
        RecordType::Tlsa => "3 1 1 (64 digits in base 16)",
        RecordType::Sshfp => "4 2 (64 digits in base 16)",
        RecordType::Https | RecordType::Svcb => "1 . alpn=h2,h3",
        RecordType::Naptr => "100 10 s SIP+D2U \"\" _sip._udp",
    }
}

/// True if a label begins with an underscore: then it is the name of no host.
pub(super) fn has_underscore(name: &str) -> bool {
    name.split('.').any(|label| label.starts_with('_'))
}

/// Checks that an owner may have a record of this type.
pub(super) fn check_owner(kind: RecordType, name: &RecordName) -> Result<(), InvalidValue> {
    let kind_name = kind.as_str();
    let host = matches!(kind, RecordType::A | RecordType::Aaaa | RecordType::Mx);
    if host && has_underscore(name.as_str()) {
        let error = InvalidValue::new(format!("`{name}` is no host and cannot have {kind_name}"));
        return Err(error.hint("leave the underscore out: BIND refuses such a zone (RFC 1123)"));
    }
    if kind == RecordType::Tlsa {
        let mut labels = name.as_str().split('.');
        let port = labels.next().unwrap_or_default();
        let number = port.strip_prefix('_').map(str::parse::<u16>);
        let fits = port == "*" || matches!(number, Some(Ok(_)));
        if !fits || !labels.next().is_some_and(|label| label.starts_with('_')) {
            let error = InvalidValue::new(format!("`{name}` names no port for TLSA"));
            return Err(error.hint("like \"_443._tcp.www\" (RFC 6698 section 3)"));
        }
    }
    Ok(())
}

/// Checks what the words of data mean, which are known to be data of this type.
pub(super) fn check_data(kind: RecordType, words: &[Word]) -> Result<(), InvalidValue> {
    let raw = |at: usize| words.get(at).map_or("", |word| word.raw.as_str());
    let number = |at: usize| raw(at).parse::<u32>().unwrap_or(u32::MAX);
    let digits = |from: usize| words[from.min(words.len())..].iter();
    let octets = |from: usize| digits(from).map(|word| word.raw.len()).sum::<usize>() / 2;
    let in_range = |at: usize, known: &[u32], what: &str, help: &str| {
        if known.contains(&number(at)) {
            return Ok(());
        }
        let error = InvalidValue::new(format!("`{}` is no {what} of {}", raw(at), kind.as_str()));
        Err(error.hint(help))
    };
    let long = |found: usize, wanted: usize, digest: &str| {
        if found == wanted {
            return Ok(());
        }
        let message = format!("the digest has {found} octets, and {digest} has {wanted}");
        let help = format!("{} digits in base 16", 2 * wanted);
        Err(InvalidValue::new(message).hint(help))
    };
    if raw(0) == "\\#" {
        return Ok(());
    }
    match kind {
        RecordType::Tlsa => {
            let usage = "0 to 3: 3 for the server's own certificate (RFC 6698 section 2.1)";
            in_range(0, &[0, 1, 2, 3], "usage", usage)?;
            let selector = "0 for the whole certificate, 1 for its public key";
            in_range(1, &[0, 1], "selector", selector)?;
            let matching = "0 for the thing itself, 1 for SHA-256, 2 for SHA-512";
            in_range(2, &[0, 1, 2], "matching type", matching)?;
            match number(2) {
                1 => long(octets(3), SHA256, "SHA-256"),
                2 => long(octets(3), SHA512, "SHA-512"),
                _ => Ok(()),
            }
        }
        RecordType::Sshfp => {
            let algorithm = "1 RSA, 2 DSA, 3 ECDSA, 4 Ed25519, 6 Ed448";
            in_range(0, &[1, 2, 3, 4, 6], "algorithm", algorithm)?;
            in_range(1, &[1, 2], "fingerprint type", "1 for SHA-1, 2 for SHA-256")?;
            match number(1) {
                1 => long(octets(2), SHA1, "SHA-1"),
                _ => long(octets(2), SHA256, "SHA-256"),
            }
        }
        RecordType::Naptr => {
            if !raw(2).bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                let error = InvalidValue::new(format!("`{}` are no flags of NAPTR", raw(2)));
                return Err(error.hint("letters and digits, like \"s\" or \"u\""));
            }
            let expression = &words[4].bytes()?;
            if expression.is_empty() {
                return Ok(());
            }
            if raw(5) != "." {
                let error = InvalidValue::new("NAPTR has an expression and a name to replace by");
                return Err(
                    error.hint("write \"\" or \".\" for one of them (RFC 3403 section 4.1)")
                );
            }
            if is_substitution(expression) {
                return Ok(());
            }
            let error = InvalidValue::new(format!("`{}` is no substitution", raw(4)));
            Err(error.hint("like \"!^.*$!sip:info@example.com!\" (RFC 3402 section 3.2)"))
        }
        _ => Ok(()),
    }
}

/// True for `!expression!replacement!flags` with any delimiter.
fn is_substitution(text: &[u8]) -> bool {
    let Some((&delimiter, rest)) = text.split_first() else {
        return false;
    };
    if delimiter.is_ascii_digit() || b"\\i".contains(&delimiter) {
        return false;
    }
    let mut parts = vec![0_usize];
    let mut escaped = false;
    for &byte in rest {
        if byte == delimiter && !escaped {
            parts.push(0);
        } else if let Some(last) = parts.last_mut() {
            *last += 1;
        }
        escaped = byte == b'\\' && !escaped;
    }
    let flags = rest.last().filter(|&&byte| byte != delimiter);
    parts.len() == 3 && parts[0] > 0 && matches!((parts[2], flags), (0, None) | (1, Some(b'i')))
}
