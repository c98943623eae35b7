//! The data of a DNS record (RDATA): read from the words of a zone file, held as the bytes that
//! an answer carries, and written in one form.
//!
//! What is valid but makes no sense is for others to say.

mod fields;
mod name;
mod service;
#[cfg(test)]
mod tests;

use self::fields::{Field, layout};
use super::zone_words::{Word, words};
use super::{Fqdn, InvalidValue};
use hickory_proto::rr::RecordType;
use std::fmt;

pub use self::name::WireName;

/// The data of a record, as an answer carries it: names in full, uncompressed, in the letter
/// case in which they were written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RecordData {
    kind: RecordType,
    wire: Vec<u8>,
}

impl RecordData {
    /// Reads data as it stands in a zone file. Names without a final dot are below `origin`;
    /// the form of RFC 3597 (`\# 4 C0000201`) is read for every type.
    ///
    /// # Errors
    /// When the words are not the data of this type.
    pub fn from_words(
        kind: RecordType,
        words: &[Word],
        origin: &WireName,
    ) -> Result<Self, InvalidValue> {
        let generic = |word: &Word| word.raw == "\\#" && !word.quoted;
        let wire = if words.first().is_some_and(generic) {
            fields::generic(&words[1..])?
        } else {
            let layout = layout(kind)
                .ok_or_else(|| InvalidValue::new(format!("the type {kind} is not known")))?;
            fields::encode(layout, words, origin)?
        };
        if wire.len() > usize::from(u16::MAX) {
            let error = InvalidValue::new("the data is longer than a record can be");
            return Err(error.hint("65535 octets at most (RFC 1035 section 3.2.1)"));
        }
        let data = Self { kind, wire };
        if layout(kind).is_some() && data.parts().is_none() {
            return Err(InvalidValue::new(format!(
                "the octets are not the data of the type {kind}"
            )));
        }
        Ok(data)
    }

    /// Reads data as a person writes it, with full names: of TXT a text without quotes is taken
    /// as it is, and so is the value of CAA.
    ///
    /// # Errors
    /// When the text is not the data of this type.
    pub fn from_text(kind: RecordType, text: &str) -> Result<Self, InvalidValue> {
        Self::from_words(kind, &written(kind, text)?, &WireName::root())
    }

    /// Takes the bytes of an answer.
    #[must_use]
    pub fn from_wire(kind: RecordType, wire: Vec<u8>) -> Self {
        Self { kind, wire }
    }

    /// The bytes.
    #[must_use]
    pub fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// Whether the type is known and the bytes are its data.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.parts().is_some()
    }

    /// The bytes in a form in which two are compared that mean the same: names and the tag of
    /// CAA in lower case (RFC 4343, RFC 8659 section 4.1), the strings of TXT as one.
    #[must_use]
    pub fn folded(&self) -> Vec<u8> {
        let Some(parts) = self.parts() else {
            return self.wire.clone();
        };
        let mut folded = Vec::with_capacity(self.wire.len());
        for (field, bytes) in parts {
            match field {
                Field::Name | Field::Tag => folded.extend(bytes.to_ascii_lowercase()),
                Field::Strings => folded.extend(&bytes[1..]),
                _ => folded.extend(bytes),
            }
        }
        folded
    }

    /// The fields with their bytes; none where the bytes are not of this type.
    fn parts(&self) -> Option<Vec<(Field, &[u8])>> {
        fields::split(layout(self.kind)?, &self.wire)
    }

    /// How long a SOA has negative answers kept, in seconds: the time to live of records for which
    /// nothing else says one.
    #[must_use]
    pub fn minimum(&self) -> Option<u32> {
        let at = self.wire.len().checked_sub(4)?;
        let minimum = self.wire[at..].try_into().ok()?;
        (self.kind == RecordType::SOA).then(|| u32::from_be_bytes(minimum))
    }

    /// The serial of a SOA, and the same data with zero in its place.
    #[must_use]
    pub fn without_serial(&self) -> Option<(u32, Self)> {
        if self.kind != RecordType::SOA {
            return None;
        }
        let at = self.wire.len().checked_sub(20)?;
        let serial = self.wire[at..at + 4].try_into().ok()?;
        let mut rest = self.clone();
        rest.wire[at..at + 4].fill(0);
        Some((u32::from_be_bytes(serial), rest))
    }
}

/// The words of data as a person writes it.
///
/// # Errors
/// When it has a comment or a parenthesis outside of quotes, or quotes that are not closed.
pub fn written(kind: RecordType, text: &str) -> Result<Vec<Word>, InvalidValue> {
    let bare = |text: &str| !text.starts_with('"');
    match kind {
        RecordType::TXT if bare(text.trim()) => Ok(pieces(text.as_bytes()).collect()),
        RecordType::TXT => {
            let mut all = Vec::new();
            for word in words(text)? {
                if !word.quoted {
                    return Err(
                        InvalidValue::new("a part of the text stands outside of quotes")
                            .hint("quote all of its strings, or none: then it is one text"),
                    );
                }
                all.extend(pieces(&word.bytes()?));
            }
            Ok(all)
        }
        RecordType::CAA => {
            let mut all = Vec::new();
            let mut rest = text.trim();
            while all.len() < 2 && !rest.is_empty() {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                all.push(Word::plain(&rest[..end]));
                rest = rest[end..].trim_start();
            }
            if bare(rest) && !rest.is_empty() {
                all.push(Word::string(rest.as_bytes()));
            } else {
                all.extend(words(rest)?);
            }
            Ok(all)
        }
        _ => words(text),
    }
}

/// A text as strings of at most 255 octets (RFC 1035 section 3.3).
fn pieces(text: &[u8]) -> impl Iterator<Item = Word> {
    let none = text.is_empty().then(|| Word::string(b""));
    let some: Vec<Word> = text.chunks(255).map(Word::string).collect();
    none.into_iter().chain(some)
}

/// The places of names among the words of a type's data; the last one may stand for many more.
#[must_use]
pub fn name_places(kind: RecordType) -> Vec<usize> {
    let fields = layout(kind).unwrap_or_default().iter().enumerate();
    fields
        .filter(|(_, field)| matches!(field, Field::Name))
        .map(|(at, _)| at)
        .collect()
}

impl fmt::Display for RecordData {
    /// As in a zone file, with full names; in the form of RFC 3597 where the type is not known.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(parts) = self.parts() else {
            write!(f, "\\# {}", self.wire.len())?;
            if !self.wire.is_empty() {
                write!(f, " {}", fields::hex(&self.wire))?;
            }
            return Ok(());
        };
        for (at, (field, bytes)) in parts.iter().enumerate() {
            let shown = field.show(bytes);
            if at > 0 && !shown.is_empty() {
                f.write_str(" ")?;
            }
            f.write_str(&shown)?;
        }
        Ok(())
    }
}

/// A name of the inventory as an answer carries it.
impl From<&Fqdn> for WireName {
    fn from(name: &Fqdn) -> Self {
        WireName::parse(name.as_str(), &WireName::root()).unwrap_or_else(|_| WireName::root())
    }
}
