//! Domain names as an answer carries them: labels behind their lengths (RFC 1035 section 3.1).

use crate::types::InvalidValue;
use crate::types::zone_words::escape;
use std::fmt;

/// A full name, uncompressed, in the letter case in which it was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct WireName(Vec<u8>);

impl WireName {
    /// The root.
    #[must_use]
    pub fn root() -> Self {
        Self(vec![0])
    }

    /// Reads a name of a zone file; without a final dot it is below the origin.
    ///
    /// # Errors
    /// When a label is empty or over 63 octets, or the name over 255.
    pub fn parse(raw: &str, origin: &Self) -> Result<Self, InvalidValue> {
        if raw == "@" {
            return Ok(origin.clone());
        }
        if raw == "." {
            return Ok(Self::root());
        }
        let wrong = |why: &str| InvalidValue::new(format!("`{raw}` is not a domain name: {why}"));
        let mut wire = Vec::with_capacity(raw.len() + 2);
        let mut label = Vec::new();
        let mut rest = raw.as_bytes();
        let mut absolute = false;
        while let Some((&first, behind)) = rest.split_first() {
            rest = behind;
            match first {
                b'.' => {
                    close(&mut wire, &mut label).map_err(wrong)?;
                    absolute = rest.is_empty();
                }
                b'\\' => {
                    let (byte, length) =
                        escape(rest).ok_or_else(|| wrong("a backslash means nothing in it"))?;
                    label.push(byte);
                    rest = &rest[length..];
                }
                byte => label.push(byte),
            }
        }
        if absolute {
            wire.push(0);
        } else {
            close(&mut wire, &mut label).map_err(wrong)?;
            wire.extend(&origin.0);
        }
        if wire.len() > 255 {
            return Err(wrong("it is longer than 255 octets"));
        }
        Ok(Self(wire))
    }

    /// The bytes.
    #[must_use]
    pub fn wire(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for WireName {
    /// As in a zone file, with its final dot.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&show(&self.0))
    }
}

/// Puts a label behind those before it.
fn close(wire: &mut Vec<u8>, label: &mut Vec<u8>) -> Result<(), &'static str> {
    match u8::try_from(label.len()) {
        Ok(0) => Err("a label between two dots is empty"),
        Ok(length @ ..=63) => {
            wire.push(length);
            wire.append(label);
            Ok(())
        }
        _ => Err("a label is longer than 63 octets"),
    }
}

/// How many bytes the name at the beginning has; none if it is not one.
pub(super) fn length(wire: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match *wire.get(at)? {
            0 => return (at < 255).then_some(at + 1),
            label @ ..=63 => at += 1 + usize::from(label),
            // A pointer, which only a message can have.
            _ => return None,
        }
    }
}

/// A name as in a zone file, with its final dot.
pub(super) fn show(wire: &[u8]) -> String {
    let mut text = String::new();
    let mut rest = wire;
    while let Some((&length, behind)) = rest.split_first() {
        let (label, behind) = behind.split_at(usize::from(length).min(behind.len()));
        for &byte in label {
            match byte {
                b'"' | b'\\' | b'.' | b';' | b'(' | b')' | b'@' | b'$' => {
                    text.extend(['\\', char::from(byte)]);
                }
                b'!'..=b'~' => text.push(char::from(byte)),
                _ => text.push_str(&format!("\\{byte:03}")),
            }
        }
        if length > 0 || text.is_empty() {
            text.push('.');
        }
        rest = behind;
    }
    text
}
