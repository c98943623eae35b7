//! The fields of each type's data: which there are, and how one is read and written.

use super::name::{self, WireName};
use super::service;
use crate::types::InvalidValue;
use crate::types::zone_words::{Word, escaped};
use hickory_proto::rr::RecordType;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A field of a record's data. The last four take what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// A number of so many octets: 1, 2 or 4.
    Number(usize),
    /// An address of IPv4.
    Ipv4,
    /// An address of IPv6.
    Ipv6,
    /// A domain name.
    Name,
    /// A string behind its length.
    String,
    /// A string behind its length that is letters and digits.
    Tag,
    /// One or more strings, each behind its length.
    Strings,
    /// A string without a length.
    Rest,
    /// Octets, written in base 16, over several words if need be.
    Hex,
    /// The parameters of RFC 9460.
    Parameters,
}

use Field::{Hex, Ipv4, Ipv6, Name, Number, Parameters, Rest, String as Text, Strings, Tag};

/// The fields of a type, if it is known.
pub(super) fn layout(kind: RecordType) -> Option<&'static [Field]> {
    Some(match kind {
        RecordType::A => &[Ipv4],
        RecordType::AAAA => &[Ipv6],
        RecordType::CNAME | RecordType::DNAME | RecordType::NS | RecordType::PTR => &[Name],
        RecordType::MX => &[Number(2), Name],
        RecordType::TXT => &[Strings],
        RecordType::SRV => &[Number(2), Number(2), Number(2), Name],
        RecordType::CAA => &[Number(1), Tag, Rest],
        RecordType::DS => &[Number(2), Number(1), Number(1), Hex],
        RecordType::HINFO => &[Text, Text],
        RecordType::TLSA | RecordType::SMIMEA => &[Number(1), Number(1), Number(1), Hex],
        RecordType::SSHFP => &[Number(1), Number(1), Hex],
        RecordType::NAPTR => &[Number(2), Number(2), Text, Text, Text, Name],
        RecordType::SVCB | RecordType::HTTPS => &[Number(2), Name, Parameters],
        RecordType::SOA => &[
            Name,
            Name,
            Number(4),
            Number(4),
            Number(4),
            Number(4),
            Number(4),
        ],
        _ => return None,
    })
}

/// The data that the words mean.
pub(super) fn encode(
    layout: &[Field],
    words: &[Word],
    origin: &WireName,
) -> Result<Vec<u8>, InvalidValue> {
    let mut wire = Vec::new();
    let mut rest = words;
    for field in layout {
        if let Strings | Hex | Parameters = field {
            match field {
                Strings => strings(rest, &mut wire)?,
                Hex => wire.extend(octets(rest)?),
                _ => service::encode(rest, &mut wire)?,
            }
            return Ok(wire);
        }
        let Some((word, behind)) = rest.split_first() else {
            return Err(InvalidValue::new(format!(
                "{} is missing",
                field.described()
            )));
        };
        field.encode(word, origin, &mut wire)?;
        rest = behind;
    }
    match rest.first() {
        None => Ok(wire),
        Some(more) => Err(InvalidValue::new(format!("`{}` is one too many", more.raw))),
    }
}

/// The octets of RFC 3597 section 5, behind `\#`.
pub(super) fn generic(words: &[Word]) -> Result<Vec<u8>, InvalidValue> {
    let wrong = || InvalidValue::new("`\\#` is followed by a length and so many octets in base 16");
    let (length, rest) = words.split_first().ok_or_else(wrong)?;
    let wire = if rest.is_empty() {
        Vec::new()
    } else {
        octets(rest)?
    };
    if length.raw.parse() == Ok(wire.len()) {
        Ok(wire)
    } else {
        Err(wrong())
    }
}

/// The fields with their bytes; none where the bytes are not of this layout.
pub(super) fn split<'a>(layout: &[Field], wire: &'a [u8]) -> Option<Vec<(Field, &'a [u8])>> {
    let mut parts = Vec::new();
    let mut rest = wire;
    let mut fields = layout.iter();
    let mut field = fields.next();
    while let Some(&now) = field {
        let length = match now {
            Number(octets) => octets,
            Ipv4 => 4,
            Ipv6 => 16,
            Name => name::length(rest)?,
            Text | Tag | Strings => 1 + usize::from(*rest.first()?),
            Rest | Hex => rest.len(),
            Parameters => service::is_valid(rest).then_some(rest.len())?,
        };
        parts.push((now, rest.get(..length)?));
        rest = &rest[length..];
        if now != Strings || rest.is_empty() {
            field = fields.next();
        }
    }
    rest.is_empty().then_some(parts)
}

impl Field {
    fn described(self) -> &'static str {
        match self {
            Number(_) => "a number",
            Ipv4 => "an IPv4 address",
            Ipv6 => "an IPv6 address",
            Name => "a name",
            Tag => "a tag",
            Text | Strings | Rest => "a text",
            Hex => "a value in base 16",
            Parameters => "a parameter",
        }
    }

    /// Reads a field that is one word.
    fn encode(
        self,
        word: &Word,
        origin: &WireName,
        wire: &mut Vec<u8>,
    ) -> Result<(), InvalidValue> {
        let raw = word.raw.as_str();
        let wrong = || InvalidValue::new(format!("`{raw}` is not {}", self.described()));
        match self {
            Number(octets) => {
                let largest = u32::MAX >> (32 - 8 * octets);
                let number = raw.parse::<u32>().ok().filter(|number| {
                    *number <= largest && raw.bytes().all(|byte| byte.is_ascii_digit())
                });
                let number = number.ok_or_else(|| {
                    InvalidValue::new(format!("`{raw}` is not a number up to {largest}"))
                })?;
                wire.extend(&number.to_be_bytes()[4 - octets..]);
            }
            Ipv4 => wire.extend(raw.parse::<Ipv4Addr>().map_err(|_| wrong())?.octets()),
            Ipv6 => wire.extend(raw.parse::<Ipv6Addr>().map_err(|_| wrong())?.octets()),
            Name => wire.extend(WireName::parse(raw, origin)?.wire()),
            Tag if raw.is_empty() || !raw.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                return Err(wrong());
            }
            Rest => wire.extend(word.bytes()?),
            Text | Tag | Strings | Hex | Parameters => strings(std::slice::from_ref(word), wire)?,
        }
        Ok(())
    }

    /// The field as in a zone file.
    pub(super) fn show(self, bytes: &[u8]) -> String {
        match self {
            Number(_) => {
                let number = bytes
                    .iter()
                    .fold(0_u32, |sum, &byte| sum << 8 | u32::from(byte));
                number.to_string()
            }
            Ipv4 => match <[u8; 4]>::try_from(bytes) {
                Ok(octets) => Ipv4Addr::from(octets).to_string(),
                Err(_) => hex(bytes),
            },
            Ipv6 => match <[u8; 16]>::try_from(bytes) {
                Ok(octets) => Ipv6Addr::from(octets).to_string(),
                Err(_) => hex(bytes),
            },
            Name => name::show(bytes),
            Tag => escaped(&bytes[1..]),
            Text | Strings => format!("\"{}\"", escaped(&bytes[1..])),
            Rest => format!("\"{}\"", escaped(bytes)),
            Hex => hex(bytes),
            Parameters => service::show(bytes),
        }
    }
}

/// Strings, each behind its length.
fn strings(words: &[Word], wire: &mut Vec<u8>) -> Result<(), InvalidValue> {
    if words.is_empty() {
        return Err(InvalidValue::new("a text is missing"));
    }
    for word in words {
        let bytes = word.bytes()?;
        let length = u8::try_from(bytes.len())
            .map_err(|_| InvalidValue::new("a text is longer than 255 octets"))?;
        wire.push(length);
        wire.extend(bytes);
    }
    Ok(())
}

/// Octets in base 16, over several words.
fn octets(words: &[Word]) -> Result<Vec<u8>, InvalidValue> {
    let text: String = words.iter().map(|word| word.raw.as_str()).collect();
    let wrong = |why: &str| InvalidValue::new(format!("`{text}` is not in base 16: {why}"));
    if text.is_empty() {
        return Err(InvalidValue::new("a value in base 16 is missing"));
    }
    let digits: Option<Vec<u32>> = text.chars().map(|c| c.to_digit(16)).collect();
    let digits = digits.ok_or_else(|| wrong("it has other characters than 0-9 and a-f"))?;
    if digits.len() % 2 == 1 {
        return Err(wrong("its number of digits is odd"));
    }
    Ok(digits
        .chunks(2)
        .map(|pair| (pair[0] << 4 | pair[1]) as u8)
        .collect())
}

/// Octets in base 16, in lower case.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
