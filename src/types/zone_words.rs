//! The words of a zone file (RFC 1035 section 5.1): how text is cut into them, and what their
//! escapes mean.
//!
//! It knows no types of records.

use super::InvalidValue;

/// A word as it is written: its escapes are kept, since in a name `\.` is no dot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The text between the quotes, or all of it where there are none.
    pub raw: String,
    /// Whether it stands in quotes.
    pub quoted: bool,
}

/// An entry of a zone file: a line, or several within parentheses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The number of the line of the file that it begins in, from 1.
    pub number: usize,
    /// Whether it begins with white space: then the owner is that of the record before.
    pub indented: bool,
    /// Its words, at least one.
    pub words: Vec<Word>,
}

impl Word {
    /// A word without quotes.
    #[must_use]
    pub fn plain(raw: &str) -> Self {
        Self {
            raw: raw.to_owned(),
            quoted: false,
        }
    }

    /// A word that means these bytes, whatever they are.
    #[must_use]
    pub fn string(bytes: &[u8]) -> Self {
        Self {
            raw: escaped(bytes),
            quoted: true,
        }
    }

    /// The bytes that it means.
    ///
    /// # Errors
    /// When a backslash is followed by nothing, or by a number that is no byte.
    pub fn bytes(&self) -> Result<Vec<u8>, InvalidValue> {
        unescape(&self.raw)
    }
}

/// The entries of a zone file, without comments and empty lines.
///
/// # Errors
/// When a quote or a parenthesis is not closed.
pub fn lines(text: &str) -> Result<Vec<Line>, InvalidValue> {
    let mut lines = Vec::new();
    let mut line = empty(1);
    let mut number = 1;
    let mut depth = 0_usize;
    let mut at_start = true;
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        match c {
            '\n' => {
                rest = &rest[1..];
                number += 1;
                if depth == 0 {
                    let ended = std::mem::replace(&mut line, empty(number));
                    if !ended.words.is_empty() {
                        lines.push(ended);
                    }
                    at_start = true;
                }
                continue;
            }
            ';' => rest = &rest[rest.find('\n').unwrap_or(rest.len())..],
            '(' => {
                depth += 1;
                rest = &rest[1..];
            }
            ')' => {
                depth = depth
                    .checked_sub(1)
                    .ok_or_else(|| InvalidValue::new("a parenthesis closes that was not opened"))?;
                rest = &rest[1..];
            }
            c if c.is_whitespace() => {
                line.indented |= at_start;
                rest = &rest[c.len_utf8()..];
            }
            _ => {
                let (word, behind) = word(rest)?;
                number += word.raw.matches('\n').count();
                line.words.push(word);
                rest = behind;
            }
        }
        at_start = false;
    }
    if depth > 0 {
        return Err(InvalidValue::new("a parenthesis is not closed"));
    }
    if !line.words.is_empty() {
        lines.push(line);
    }
    Ok(lines)
}

fn empty(number: usize) -> Line {
    Line {
        number,
        indented: false,
        words: Vec::new(),
    }
}

/// The words of the data of one record. Comments and parentheses belong to a file and are
/// refused.
///
/// # Errors
/// When it has one of them outside of quotes, or a quote is not closed.
pub fn words(text: &str) -> Result<Vec<Word>, InvalidValue> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        if ";()".contains(c) {
            let error = InvalidValue::new(format!("`{c}` stands outside of quotes"));
            return Err(error.hint("put the text that it belongs to into double quotes"));
        }
        let (word, behind) = word(rest)?;
        words.push(word);
        rest = behind.trim_start();
    }
    Ok(words)
}

/// The first word of a text that does not begin with white space, and what follows it.
fn word(text: &str) -> Result<(Word, &str), InvalidValue> {
    if let Some(inside) = text.strip_prefix('"') {
        let end = closing(inside)?;
        let word = Word {
            raw: inside[..end].to_owned(),
            quoted: true,
        };
        return Ok((word, &inside[end + 1..]));
    }
    let mut end = 0;
    while let Some(c) = text[end..].chars().next() {
        match c {
            '\\' => end += 1 + text[end + 1..].chars().next().map_or(0, char::len_utf8),
            // As in `alpn="h2,h3"` (RFC 9460 section 2.1).
            '"' if text[..end].ends_with('=') => end += 2 + closing(&text[end + 1..])?,
            ';' | '(' | ')' | '"' => break,
            c if c.is_whitespace() => break,
            c => end += c.len_utf8(),
        }
    }
    Ok((Word::plain(&text[..end]), &text[end..]))
}

/// Where the quote stands that closes the text before.
fn closing(text: &str) -> Result<usize, InvalidValue> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Ok(at),
            _ => {}
        }
    }
    let error = InvalidValue::new("the quotes within the text are not closed");
    Err(error.hint("close them, or write a text without any: they are added"))
}

/// The bytes that a text with escapes means: `\DDD` is a byte by its decimal number, and any
/// other character behind a backslash is itself.
///
/// # Errors
/// When a backslash is followed by nothing, or by a number that is no byte.
pub(super) fn unescape(raw: &str) -> Result<Vec<u8>, InvalidValue> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        if first != b'\\' {
            bytes.push(first);
            continue;
        }
        let (byte, length) = escape(rest).ok_or_else(|| {
            InvalidValue::new(format!("`{raw}` has a backslash that means nothing"))
                .hint("`\\\\` is a backslash, `\\\"` a quote, `\\065` the byte 65")
        })?;
        bytes.push(byte);
        rest = &rest[length..];
    }
    Ok(bytes)
}

/// What follows a backslash: the byte that it means, and how long it is.
pub(super) fn escape(rest: &[u8]) -> Option<(u8, usize)> {
    let first = *rest.first()?;
    if !first.is_ascii_digit() {
        return Some((first, 1));
    }
    let digits = rest.get(..3)?;
    let number = std::str::from_utf8(digits).ok()?.parse::<u8>().ok()?;
    digits.iter().all(u8::is_ascii_digit).then_some((number, 3))
}

/// Bytes as they may stand between quotes: all but plain ASCII as `\DDD`.
pub(super) fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\{byte:03}")),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_cut_into_entries() {
        let text = "; a comment\n@ IN SOA a b ( ; more\n 1 2\n3 )\n\n  60 TXT \"a ; \\\" b\" c\\ d ; end\nx A 1";
        let read = lines(text).unwrap();
        let shown: Vec<(usize, bool, Vec<&str>)> = read
            .iter()
            .map(|line| {
                let words = line.words.iter().map(|word| word.raw.as_str());
                (line.number, line.indented, words.collect())
            })
            .collect();
        assert_eq!(
            shown,
            [
                (2, false, vec!["@", "IN", "SOA", "a", "b", "1", "2", "3"]),
                (6, true, vec!["60", "TXT", "a ; \\\" b", "c\\ d"]),
                (7, false, vec!["x", "A", "1"]),
            ]
        );
        assert!(read[1].words[2].quoted && !read[1].words[3].quoted);
        for wrong in ["a )", "a (", "a \"b"] {
            assert!(lines(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_value_within_a_word_may_have_quotes() {
        let read = words("1 . alpn=\"h2, h3\" port=8443").unwrap();
        let raw: Vec<&str> = read.iter().map(|word| word.raw.as_str()).collect();
        assert_eq!(raw, ["1", ".", "alpn=\"h2, h3\"", "port=8443"]);
        for wrong in ["a ; b", "( a )", "a=\"b"] {
            assert!(words(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn escapes() {
        assert_eq!(unescape("a\\\\b\\\"c\\100\\255").unwrap(), b"a\\b\"cd\xff");
        for wrong in ["\\", "\\25", "\\256", "\\1a2", "\\+12"] {
            let fine = wrong == "\\+12";
            assert_eq!(unescape(wrong).is_ok(), fine, "{wrong}");
        }
        assert_eq!(escaped(b"a\\b\"\xc3\n"), "a\\\\b\\\"\\195\\010");
    }
}
