//! The records of a zone file (RFC 1035 section 5), whatever its form: where each stands, and
//! what is answered of it, letter case included.

use super::zone_words::{Word, lines};
use super::{Fqdn, InvalidValue, RecordData, WireName};
use hickory_proto::rr::RecordType;
use std::str::FromStr;

/// A record of a zone file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRecord {
    /// The line in which it begins, from 1.
    pub line: usize,
    /// The full name of its owner.
    pub owner: WireName,
    /// Its time to live, in seconds.
    pub ttl: u32,
    /// Its type in upper case: `MX`, or `TYPE65534` where the type has no name here.
    pub kind: String,
    /// The words of its data, as they are written.
    pub words: String,
    /// Its data; an error where that is not of its type, or the type is not known.
    pub data: Result<RecordData, InvalidValue>,
}

/// Why a text cannot be read as a zone file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZoneFileError {
    /// The text is not cut into words as a zone file is.
    #[error(transparent)]
    Words(#[from] InvalidValue),
    /// The line is no record, and no directive.
    #[error("line {line}: {why}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// What the line stands for is elsewhere, or is to be made: `$INCLUDE`, `$GENERATE`.
    #[error("line {line} has {directive}")]
    Directive {
        /// The line, from 1.
        line: usize,
        /// The directive, in upper case.
        directive: String,
    },
}

/// Reads a zone file. Data that is not of its type is told with the record.
///
/// # Errors
/// When the text is no zone file, or has `$INCLUDE` or `$GENERATE`.
pub fn zone_records(text: &str, zone: &Fqdn) -> Result<Vec<FileRecord>, ZoneFileError> {
    let mut origin = WireName::from(zone);
    let mut owner = None;
    let (mut default_ttl, mut last_ttl) = (None, None);
    let mut records = Vec::new();
    for line in lines(text)? {
        let wrong = |why: String| ZoneFileError::Line {
            line: line.number,
            why,
        };
        let told = |error: InvalidValue| wrong(error.to_string());
        let mut rest = line.words.as_slice();
        if !line.indented {
            let first = rest[0].raw.as_str();
            let argument = rest.get(1).map_or("", |word| word.raw.as_str());
            match first.to_ascii_uppercase().as_str() {
                "$ORIGIN" => {
                    origin = WireName::parse(argument, &origin).map_err(told)?;
                    continue;
                }
                "$TTL" => {
                    let ttl = seconds(argument);
                    let why = || wrong(format!("`{argument}` is no time to live"));
                    default_ttl = Some(ttl.ok_or_else(why)?);
                    continue;
                }
                directive if directive.starts_with('$') => {
                    return Err(ZoneFileError::Directive {
                        line: line.number,
                        directive: directive.to_owned(),
                    });
                }
                _ => owner = Some(WireName::parse(first, &origin).map_err(told)?),
            }
            rest = &rest[1..];
        }
        let mut ttl = None;
        while let Some((word, behind)) = rest.split_first() {
            match seconds(&word.raw) {
                Some(found) => ttl = Some(found),
                None if word.raw.eq_ignore_ascii_case("IN") => {}
                None => break,
            }
            rest = behind;
        }
        let no_type = || wrong("a record has no type".to_owned());
        let (kind, data) = rest.split_first().ok_or_else(no_type)?;
        let words: Vec<String> = data.iter().map(as_written).collect();
        let (kind, data) = typed(&kind.raw, data, &origin);
        last_ttl = ttl
            .or(default_ttl)
            .or(last_ttl)
            .or(data.as_ref().ok().and_then(RecordData::minimum));
        let no_ttl = || wrong("a record has no time to live".to_owned());
        let no_name = || wrong("the first record has no name".to_owned());
        records.push(FileRecord {
            line: line.number,
            owner: owner.clone().ok_or_else(no_name)?,
            ttl: last_ttl.ok_or_else(no_ttl)?,
            kind,
            words: words.join(" "),
            data,
        });
    }
    Ok(records)
}

fn as_written(word: &Word) -> String {
    match word.quoted {
        true => format!("\"{}\"", word.raw),
        false => word.raw.clone(),
    }
}

/// The name of the type, and the data.
fn typed(
    kind: &str,
    data: &[Word],
    origin: &WireName,
) -> (String, Result<RecordData, InvalidValue>) {
    match record_type(kind) {
        Ok(found) => {
            let data = RecordData::from_words(found, data, origin);
            let named = !matches!(found, RecordType::Unknown(_));
            let name = if named {
                found.to_string()
            } else {
                kind.to_ascii_uppercase()
            };
            (name, data)
        }
        Err(error) => (kind.to_ascii_uppercase(), Err(error)),
    }
}

/// A type by its mnemonic, or by its number (RFC 3597 section 5).
///
/// # Errors
/// When there is none of this name.
pub fn record_type(text: &str) -> Result<RecordType, InvalidValue> {
    let text = text.to_ascii_uppercase();
    let number: Option<u16> = text.strip_prefix("TYPE").and_then(|text| text.parse().ok());
    match number {
        Some(number) => Ok(RecordType::from(number)),
        None => RecordType::from_str(&text)
            .map_err(|_| InvalidValue::new(format!("`{text}` is not a type"))),
    }
}

/// A time to live: seconds, or numbers with units, as in `1h30m`.
fn seconds(text: &str) -> Option<u32> {
    let mut sum = 0_u32;
    let mut number: Option<u32> = None;
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            let before = number.unwrap_or_default();
            number = Some(before.checked_mul(10)?.checked_add(digit)?);
            continue;
        }
        let unit = match c.to_ascii_lowercase() {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        sum = sum.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    match number {
        Some(number) => sum.checked_add(number),
        None => (!text.is_empty()).then_some(sum),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(usize, String)>, String> {
        let zone = Fqdn::new("foobar.com").unwrap();
        let records = zone_records(text, &zone).map_err(|error| error.to_string())?;
        let shown = records.into_iter().map(|record| {
            let data = match record.data {
                Ok(data) => data.to_string(),
                Err(error) => format!("({error})"),
            };
            let FileRecord {
                line,
                owner,
                ttl,
                kind,
                ..
            } = record;
            (line, format!("{owner} {ttl} {kind} {data}"))
        });
        Ok(shown.collect())
    }

    #[test]
    fn each_record_has_its_line_its_name_and_its_time() {
        let text = "@ SOA ns1 a.b ( 7 1\n 2 3 60 )\n  NS ns1 ; none said: that of the SOA\n\
                    $TTL 1h30m\n$ORIGIN Sub\nx A 192.0.2.1\n  IN 5 type28 ::1\n\
                    y.example. LOC 1 2\nz TYPE65534 \\# 1 00\nz MX one\n";
        let wanted = [
            (
                1,
                "foobar.com. 60 SOA ns1.foobar.com. a.b.foobar.com. 7 1 2 3 60",
            ),
            (3, "foobar.com. 60 NS ns1.foobar.com."),
            (6, "x.Sub.foobar.com. 5400 A 192.0.2.1"),
            (7, "x.Sub.foobar.com. 5 AAAA ::1"),
            (8, "y.example. 5400 LOC (`LOC` is not a type)"),
            (9, "z.Sub.foobar.com. 5400 TYPE65534 \\# 1 00"),
            (
                10,
                "z.Sub.foobar.com. 5400 MX (`one` is not a number up to 65535)",
            ),
        ];
        let wanted = wanted.map(|(line, text)| (line, text.to_owned()));
        assert_eq!(read(text).unwrap(), wanted);
    }

    #[test]
    fn what_is_no_zone_file_is_told_with_its_line() {
        for (text, wanted) in [
            ("\n$include x", "line 2 has $INCLUDE"),
            ("$TTL x", "line 1: `x` is no time to live"),
            ("a A 1.2.3.4", "line 1: a record has no time to live"),
            (" 5 A 1.2.3.4", "line 1: the first record has no name"),
            ("a 5 IN", "line 1: a record has no type"),
            ("a (", "a parenthesis is not closed"),
        ] {
            assert_eq!(read(text).unwrap_err(), wanted);
        }
    }
}
