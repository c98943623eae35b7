//! PEM (RFC 7468): its blocks, and whether bytes hold a private key in any of the usual forms.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The least base64 digits in one piece that make a marker a key: an Ed25519 key has 64, a text
/// that only speaks of markers has none.
const LEAST_DIGITS: usize = 32;

/// One block of a PEM file.
#[derive(Clone, PartialEq, Eq)]
pub struct PemBlock {
    /// The words between `BEGIN` and the dashes: `CERTIFICATE`.
    pub label: String,
    /// Whether its content is encrypted, as the old header of OpenSSL says.
    pub encrypted: bool,
    /// The content; none if it is not base64.
    pub content: Option<Vec<u8>>,
}

impl std::fmt::Debug for PemBlock {
    /// Without the content, which may be a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PemBlock({})", self.label)
    }
}

impl PemBlock {
    /// The blocks of a text, in its order. What stands between them is a comment.
    #[must_use]
    pub fn all(text: &str) -> Vec<Self> {
        let mut blocks = Vec::new();
        let mut lines = text.lines().map(str::trim);
        while let Some(line) = lines.next() {
            let Some(label) = line.strip_prefix("-----BEGIN ").and_then(before_dashes) else {
                continue;
            };
            let end = format!("-----END {label}-----");
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
            let is_header = |line: &&str| line.contains(':');
            let digits: String = body
                .iter()
                .filter(|line| !is_header(line))
                .copied()
                .collect();
            blocks.push(Self {
                label: label.to_owned(),
                encrypted: body.iter().any(|line| line.contains("ENCRYPTED")),
                content: STANDARD
                    .decode(digits)
                    .ok()
                    .filter(|bytes| !bytes.is_empty()),
            });
        }
        blocks
    }

    /// Whether it is a private key, encrypted or not.
    #[must_use]
    pub fn is_private_key(&self) -> bool {
        self.label.ends_with("PRIVATE KEY")
    }
}

fn before_dashes(text: &str) -> Option<&str> {
    text.strip_suffix("-----")
}

/// What kind of private key these bytes hold, in a few words, if they hold one: PEM of any sort,
/// OpenSSH, PGP, PuTTY, age, a key of BIND, or DER. An encrypted one counts, too.
#[must_use]
pub fn private_key(bytes: &[u8]) -> Option<&'static str> {
    if is_der_key(bytes) {
        return Some("a private key (DER)");
    }
    let text = String::from_utf8_lossy(bytes);
    for (marker, what) in [
        ("OPENSSH PRIVATE KEY-----", "a private key of OpenSSH"),
        ("PRIVATE KEY-----", "a private key (PEM)"),
        ("PRIVATE KEY BLOCK-----", "a private key of PGP"),
        ("SSH2 ENCRYPTED PRIVATE KEY ----", "a private key of SSH"),
        ("PuTTY-User-Key-File-", "a private key of PuTTY"),
        ("Private-key-format:", "a private key of DNSSEC"),
        ("AGE-SECRET-KEY-1", "a private key of age"),
    ] {
        let mut places = text.match_indices(marker);
        let begins = |at: usize| !closes(&text[..at]);
        if places.any(|(at, _)| begins(at) && has_digits(&text[at + marker.len()..], marker)) {
            return Some(what);
        }
    }
    None
}

/// Whether the marker that follows is one that ends a key.
fn closes(before: &str) -> bool {
    let words = before.rsplit("-----").next();
    words.is_some_and(|words| words.starts_with("END "))
}

/// Whether a key's digits follow, up to the next marker. A line break may be written as `\n`, as
/// in JSON.
fn has_digits(after: &str, marker: &str) -> bool {
    // What follows on the line is the key itself.
    if marker.starts_with("AGE") {
        let digits = after.bytes().take_while(u8::is_ascii_alphanumeric);
        return digits.count() >= LEAST_DIGITS;
    }
    let body = after.split("-----").next().unwrap_or_default();
    let body = body.replace("\\r", "\n").replace("\\n", "\n");
    let digit = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
    body.split(|c: char| !digit(c))
        .any(|digits| digits.len() >= LEAST_DIGITS)
}

/// PKCS #8, PKCS #1, SEC 1 or PKCS #12 in DER: a sequence of exactly this length that begins
/// with a version.
fn is_der_key(bytes: &[u8]) -> bool {
    let [0x30, length, rest @ ..] = bytes else {
        return false;
    };
    let (length, rest) = match *length {
        short @ 0..=0x7f => (usize::from(short), rest),
        0x81 if !rest.is_empty() => (usize::from(rest[0]), &rest[1..]),
        0x82 if rest.len() > 1 => (
            usize::from(u16::from_be_bytes([rest[0], rest[1]])),
            &rest[2..],
        ),
        _ => return false,
    };
    // After the version: an algorithm, a number, an octet string, or the content of PKCS #12.
    let version = matches!(rest, [2, 1, 0 | 1, 0x30 | 2 | 4, ..] | [2, 1, 3, 0x30, ..]);
    length == rest.len() && version && length >= 32
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGITS: &str = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";

    fn pem(label: &str) -> String {
        format!("-----BEGIN {label}-----\n{DIGITS}\n-----END {label}-----\n")
    }

    #[test]
    fn every_sort_of_private_key_is_seen() {
        let wrapped = |text: String| format!("# a comment\n\t{text}\nmore\n");
        for text in [
            pem("PRIVATE KEY"),
            pem("RSA PRIVATE KEY"),
            pem("EC PRIVATE KEY"),
            pem("ENCRYPTED PRIVATE KEY"),
            pem("OPENSSH PRIVATE KEY"),
            pem("PGP PRIVATE KEY BLOCK"),
            pem("CERTIFICATE") + &pem("PRIVATE KEY"),
            pem("PRIVATE KEY").replace('\n', "\r\n"),
            format!(
                "{{\"private_key\": \"{}\"}}",
                pem("PRIVATE KEY").replace('\n', "\\n")
            ),
            format!("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{DIGITS}\n"),
            format!("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n{DIGITS}\n"),
            format!("PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n{DIGITS}\n"),
            format!("Private-key-format: v1.3\nPrivateKey: {DIGITS}\n"),
            format!("AGE-SECRET-KEY-1{}", "Q".repeat(58)),
        ] {
            assert!(private_key(text.as_bytes()).is_some(), "{text}");
            assert!(
                private_key(wrapped(text.clone()).as_bytes()).is_some(),
                "{text}"
            );
        }
        let der = STANDARD.decode(DIGITS).unwrap();
        assert_eq!(private_key(&der), Some("a private key (DER)"));
    }

    #[test]
    fn what_only_speaks_of_keys_is_none() {
        for text in [
            String::new(),
            pem("CERTIFICATE"),
            pem("PUBLIC KEY"),
            "grep -q -- '-----BEGIN PRIVATE KEY-----' \"$1\"\n".to_owned(),
            format!("-----END PRIVATE KEY-----\n{}", pem("CERTIFICATE")),
            "match on `-----BEGIN RSA PRIVATE KEY-----` and -----END RSA PRIVATE KEY-----"
                .to_owned(),
        ] {
            assert_eq!(private_key(text.as_bytes()), None, "{text}");
        }
        assert_eq!(private_key(&[0x30, 3, 2, 1, 0]), None);
    }

    #[test]
    fn blocks_are_read() {
        let text = format!("a comment\n{}{}", pem("CERTIFICATE"), pem("EC PRIVATE KEY"));
        let blocks = PemBlock::all(&text);
        let labels: Vec<&str> = blocks.iter().map(|block| block.label.as_str()).collect();
        assert_eq!(labels, ["CERTIFICATE", "EC PRIVATE KEY"]);
        assert_eq!(blocks[0].content, STANDARD.decode(DIGITS).ok());
        assert!(!blocks[0].is_private_key() && blocks[1].is_private_key());
        assert!(
            PemBlock::all("-----BEGIN X-----\n%\n-----END X-----")[0]
                .content
                .is_none()
        );
    }
}
