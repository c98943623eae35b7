//! The parameters of SVCB and HTTPS records (RFC 9460 sections 2 and 7, RFC 9461 section 5).

use crate::types::InvalidValue;
use crate::types::zone_words::{Word, escape, escaped, unescape};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The keys that have a name. The place in the list is the number.
const KEYS: [&str; 9] = [
    "mandatory",
    "alpn",
    "no-default-alpn",
    "port",
    "ipv4hint",
    "ech",
    "ipv6hint",
    "dohpath",
    "ohttp",
];
const MANDATORY: u16 = 0;
const ALPN: u16 = 1;
const NO_DEFAULT_ALPN: u16 = 2;
const PORT: u16 = 3;
const IPV4HINT: u16 = 4;
const ECH: u16 = 5;
const IPV6HINT: u16 = 6;
const OHTTP: u16 = 8;
/// Reserved (RFC 9460 section 14.3.2).
const INVALID_KEY: u16 = 65535;

/// The parameters by their numbers, with their values as an answer carries them.
type ServiceParameters = BTreeMap<u16, Vec<u8>>;

/// Reads the words behind the target.
pub(super) fn encode(words: &[Word], wire: &mut Vec<u8>) -> Result<(), InvalidValue> {
    let mut all = ServiceParameters::new();
    for word in words {
        let (name, value) = match word.raw.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word.raw.as_str(), None),
        };
        let key = key(name).filter(|_| !word.quoted).ok_or_else(|| {
            let known = KEYS.join("`, `");
            InvalidValue::new(format!("`{name}` is not a parameter")).hint(format!(
                "one of `{known}`, or `key` with a number of its own"
            ))
        })?;
        let value = match value {
            None => Vec::new(),
            Some(value) => {
                let inside = value
                    .strip_prefix('"')
                    .and_then(|value| value.strip_suffix('"'));
                unescape(inside.unwrap_or(value))?
            }
        };
        let value = encode_value(key, name, &value)?;
        if all.insert(key, value).is_some() {
            return Err(InvalidValue::new(format!("`{name}` is given twice")));
        }
    }
    // Number and target stand before; the alias form has no parameters (section 2.4.2).
    if wire.starts_with(&[0, 0]) && !all.is_empty() {
        let error = InvalidValue::new("the priority 0 makes an alias, which has no parameters");
        return Err(error.hint("give a service the priority 1 or more (RFC 9460 section 2.4)"));
    }
    consistent(&all)?;
    for (key, value) in all {
        let length = u16::try_from(value.len())
            .map_err(|_| InvalidValue::new(format!("`{}` is too long", key_name(key))))?;
        wire.extend(key.to_be_bytes());
        wire.extend(length.to_be_bytes());
        wire.extend(value);
    }
    Ok(())
}

/// What the parameters say of each other (section 2.4.3, section 8).
fn consistent(all: &ServiceParameters) -> Result<(), InvalidValue> {
    if all.contains_key(&NO_DEFAULT_ALPN) && !all.contains_key(&ALPN) {
        let error = InvalidValue::new("`no-default-alpn` stands without `alpn`");
        return Err(error.hint("add the protocols, like alpn=\"h2,h3\""));
    }
    let mandatory = all.get(&MANDATORY).map(Vec::as_slice).unwrap_or_default();
    for pair in mandatory.chunks(2) {
        let key = pair.iter().fold(0, |sum, &byte| sum << 8 | u16::from(byte));
        if !all.contains_key(&key) {
            let name = key_name(key);
            let error = InvalidValue::new(format!("`{name}` is mandatory and not there"));
            return Err(error.hint(format!("add `{name}=…`, or take it out of `mandatory`")));
        }
    }
    Ok(())
}

fn key(name: &str) -> Option<u16> {
    if let Some(at) = KEYS.iter().position(|known| *known == name) {
        return u16::try_from(at).ok();
    }
    let number = name.strip_prefix("key")?;
    let key = number.parse().ok()?;
    let plain = |key: u16| key.to_string() == number && key != INVALID_KEY;
    // A known one has its own form of a value, and so its own name.
    (plain(key) && usize::from(key) >= KEYS.len()).then_some(key)
}

fn key_name(key: u16) -> String {
    KEYS.get(usize::from(key))
        .map_or_else(|| format!("key{key}"), |name| (*name).to_owned())
}

/// The value of a parameter, of which the outer escapes are undone.
fn encode_value(key: u16, name: &str, value: &[u8]) -> Result<Vec<u8>, InvalidValue> {
    let text = String::from_utf8_lossy(value);
    let wrong = |example: &str| {
        InvalidValue::new(format!("`{text}` is not a value of `{name}`"))
            .hint(format!("like {name}={example}"))
    };
    let each = |example: &str, read: &dyn Fn(&str) -> Option<Vec<u8>>| {
        let read = |one: &str| read(one).ok_or_else(|| wrong(example));
        let all: Result<Vec<_>, _> = text.split(',').map(read).collect();
        all.map(|all| all.concat())
    };
    match key {
        MANDATORY => {
            let number = |one: &str| self::key(one).filter(|key| *key != MANDATORY);
            let numbers: Option<Vec<u16>> = text.split(',').map(number).collect();
            let mut numbers = numbers.ok_or_else(|| wrong("alpn,port"))?;
            let written = numbers.len();
            numbers.sort_unstable();
            numbers.dedup();
            if numbers.len() < written {
                return Err(wrong("alpn,port").hint("name each parameter once"));
            }
            Ok(numbers.into_iter().flat_map(u16::to_be_bytes).collect())
        }
        ALPN => {
            let mut wire = Vec::new();
            for protocol in list(value).ok_or_else(|| wrong("\"h2,h3\""))? {
                let length = u8::try_from(protocol.len())
                    .ok()
                    .filter(|length| *length > 0);
                wire.push(length.ok_or_else(|| wrong("\"h2,h3\""))?);
                wire.extend(protocol);
            }
            Ok(wire)
        }
        NO_DEFAULT_ALPN | OHTTP if value.is_empty() => Ok(Vec::new()),
        NO_DEFAULT_ALPN | OHTTP => {
            Err(InvalidValue::new(format!("`{name}` has no value")).hint("write it alone"))
        }
        PORT => {
            let port: Option<u16> = text.parse().ok();
            let plain = text.bytes().all(|byte| byte.is_ascii_digit());
            let port = port.filter(|_| plain).ok_or_else(|| wrong("8443"))?;
            Ok(port.to_be_bytes().to_vec())
        }
        IPV4HINT => each("203.0.113.10", &|one| {
            let address: Ipv4Addr = one.parse().ok()?;
            Some(address.octets().to_vec())
        }),
        IPV6HINT => each("2001:db8::1", &|one| {
            let address: Ipv6Addr = one.parse().ok()?;
            Some(address.octets().to_vec())
        }),
        ECH => {
            let decoded = STANDARD.decode(value).ok();
            let decoded = decoded.filter(|decoded| !decoded.is_empty());
            decoded.ok_or_else(|| wrong("the list in base 64"))
        }
        _ => Ok(value.to_vec()),
    }
}

/// A list between commas, in which a backslash takes from a comma its meaning (appendix A.1).
fn list(value: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut all = vec![Vec::new()];
    let mut rest = value;
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        match first {
            b',' => all.push(Vec::new()),
            b'\\' => {
                let (byte, length) = escape(rest)?;
                all.last_mut()?.push(byte);
                rest = &rest[length..];
            }
            byte => all.last_mut()?.push(byte),
        }
    }
    Some(all)
}

/// Whether these are parameters: each whole, their numbers rising.
pub(super) fn is_valid(wire: &[u8]) -> bool {
    parameters(wire).is_some_and(|all| all.iter().all(|(key, value)| value_fits(*key, value)))
}

fn parameters(wire: &[u8]) -> Option<ServiceParameters> {
    let mut all = ServiceParameters::new();
    let mut rest = wire;
    while let [key_high, key_low, high, low, behind @ ..] = rest {
        let key = u16::from_be_bytes([*key_high, *key_low]);
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let value = behind.get(..length)?;
        if all.last_key_value().is_some_and(|(last, _)| *last >= key) {
            return None;
        }
        all.insert(key, value.to_vec());
        rest = &behind[length..];
    }
    rest.is_empty().then_some(all)
}

fn value_fits(key: u16, value: &[u8]) -> bool {
    let many = |size: usize| !value.is_empty() && value.len().is_multiple_of(size);
    match key {
        MANDATORY => many(2),
        ALPN => protocols(value).is_some(),
        NO_DEFAULT_ALPN | OHTTP => value.is_empty(),
        PORT => value.len() == 2,
        IPV4HINT => many(4),
        IPV6HINT => many(16),
        _ => true,
    }
}

/// The names of protocols, each behind its length.
fn protocols(value: &[u8]) -> Option<Vec<&[u8]>> {
    let mut all = Vec::new();
    let mut rest = value;
    while let Some((&length, behind)) = rest.split_first() {
        let length = usize::from(length);
        all.push(behind.get(..length).filter(|_| length > 0)?);
        rest = &behind[length..];
    }
    (!all.is_empty()).then_some(all)
}

/// Parameters as in a zone file.
pub(super) fn show(wire: &[u8]) -> String {
    let all = parameters(wire).unwrap_or_default();
    let shown = all.iter().map(|(&key, value)| {
        let name = key_name(key);
        match show_value(key, value) {
            Some(value) => format!("{name}={value}"),
            None => name,
        }
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn show_value(key: u16, value: &[u8]) -> Option<String> {
    let pair = |pair: &[u8]| pair.iter().fold(0, |sum, &byte| sum << 8 | u16::from(byte));
    let join = |all: Vec<String>| all.join(",");
    Some(match key {
        _ if value.is_empty() => return None,
        MANDATORY => join(value.chunks(2).map(|key| key_name(pair(key))).collect()),
        ALPN => {
            // What means something in a list is escaped for it, and the whole for the file.
            let mut list = Vec::new();
            for protocol in protocols(value)? {
                if !list.is_empty() {
                    list.push(b',');
                }
                for &byte in protocol {
                    if b",\\".contains(&byte) {
                        list.push(b'\\');
                    }
                    list.push(byte);
                }
            }
            format!("\"{}\"", escaped(&list))
        }
        PORT => pair(value).to_string(),
        IPV4HINT => join(
            value
                .chunks(4)
                .filter_map(|octets| <[u8; 4]>::try_from(octets).ok())
                .map(|octets| Ipv4Addr::from(octets).to_string())
                .collect(),
        ),
        IPV6HINT => join(
            value
                .chunks(16)
                .filter_map(|octets| <[u8; 16]>::try_from(octets).ok())
                .map(|octets| Ipv6Addr::from(octets).to_string())
                .collect(),
        ),
        ECH => STANDARD.encode(value),
        _ => format!("\"{}\"", escaped(value)),
    })
}
