//! The data of one record, as the user writes it and as it stands in a zone file.

use super::raw::RecordType;
use crate::types::{Fqdn, InvalidValue, RecordName};
use std::net::{Ipv4Addr, Ipv6Addr};

/// Data in the form of a zone file, and the name it points at, if it does.
pub(super) struct Data {
    pub(super) text: String,
    pub(super) target: Option<Fqdn>,
}

/// The full name of an owner: relative to the domain, or full with a final dot. One that ends
/// in the domain is full, too: nobody means `www.foobar.com.foobar.com`.
pub(super) fn owner(text: &str, domain: &Fqdn) -> Result<RecordName, InvalidValue> {
    if text == "@" {
        return Ok(domain.clone().into());
    }
    let mut labels = text.split('.').skip(1);
    if labels.any(|label| label == "*") {
        let error = InvalidValue::new(format!("`{text}`: a wildcard is the first label"));
        return Err(error.hint("like \"*\" or \"*.sub\" (RFC 4592)"));
    }
    let name = match RecordName::new(text) {
        Ok(full) if text.ends_with('.') || full.is_within(domain) => full,
        _ => RecordName::new(&format!("{text}.{domain}"))?,
    };
    if name.is_within(domain) {
        Ok(name)
    } else {
        let error = InvalidValue::new(format!("`{text}` is outside the zone `{domain}`"));
        Err(error.hint("a name below the domain, without a final dot, or \"@\""))
    }
}

/// Checks the data of a type and brings it into the form of a zone file.
pub(super) fn data(kind: RecordType, text: &str, domain: &Fqdn) -> Result<Data, InvalidValue> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let wrong = |example: &str| {
        let kind = kind.as_str();
        InvalidValue::new(format!("`{text}` does not fit the type {kind}"))
            .hint(format!("like \"{example}\""))
    };
    let plain = |text: String| Data { text, target: None };
    match (kind, words.as_slice()) {
        (RecordType::A, _) => {
            let address: Ipv4Addr = text.parse().map_err(|_| wrong("203.0.113.10"))?;
            Ok(plain(address.to_string()))
        }
        (RecordType::Aaaa, _) => {
            let address: Ipv6Addr = text.parse().map_err(|_| wrong("2001:db8::1"))?;
            Ok(plain(address.to_string()))
        }
        (RecordType::Cname | RecordType::Ns, [name]) => pointing("", name, domain),
        (RecordType::Cname | RecordType::Ns, _) => Err(wrong("host.example.net.")),
        (RecordType::Mx, [preference, name]) if is_number(preference) => {
            pointing(&format!("{preference} "), name, domain)
        }
        (RecordType::Mx, _) => Err(wrong("10 mx.example.net.")),
        (RecordType::Srv, [numbers @ .., name])
            if numbers.len() == 3 && numbers.iter().all(|number| is_number(number)) =>
        {
            pointing(&format!("{} ", numbers.join(" ")), name, domain)
        }
        (RecordType::Srv, _) => Err(wrong("10 5 5060 sip.example.net.")),
        (RecordType::Caa, [flags, tag, ..]) if flags.parse::<u8>().is_ok() && is_tag(tag) => {
            let rest = text.trim_start()[flags.len()..].trim_start()[tag.len()..].trim();
            if rest.is_empty() {
                return Err(wrong("0 issue letsencrypt.org"));
            }
            let value = strings(rest)?;
            Ok(plain(format!("{flags} {tag} {}", quoted(&value.concat()))))
        }
        (RecordType::Caa, _) => Err(wrong("0 issue letsencrypt.org")),
        (RecordType::Txt, _) => Ok(plain(txt(text)?)),
    }
}

/// A number of 16 bits, as records have them.
fn is_number(text: &str) -> bool {
    text.parse::<u16>()
        .is_ok_and(|number| number.to_string() == text)
}

/// The tag of a CAA property: letters and digits (RFC 8659 section 4.1).
fn is_tag(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Data that ends in a name. `.` is allowed: it says that there is no such service (RFC 7505
/// for mail, RFC 2782 for SRV).
fn pointing(before: &str, name: &str, domain: &Fqdn) -> Result<Data, InvalidValue> {
    if name == "." && !before.is_empty() {
        return Ok(Data {
            text: format!("{before}."),
            target: None,
        });
    }
    let target = if name == "@" {
        domain.clone()
    } else if name.ends_with('.') {
        Fqdn::new(name)?
    } else if name.contains('.') {
        let full = Fqdn::new(name)?;
        if !full.is_within(domain) {
            // A zone file would quietly put the domain behind it.
            let error = InvalidValue::new(format!("`{name}` can mean two names"));
            return Err(error.hint(format!(
                "\"{name}.\" for the full name, \"{name}.{domain}.\" for the one below the domain"
            )));
        }
        full
    } else {
        Fqdn::new(&format!("{name}.{domain}"))?
    };
    Ok(Data {
        text: format!("{before}{target}."),
        target: Some(target),
    })
}

/// The data of a TXT record: strings of at most 255 bytes (RFC 1035 section 3.3).
fn txt(text: &str) -> Result<String, InvalidValue> {
    let mut parts = Vec::new();
    for string in strings(text)? {
        parts.extend(string.chunks(255).map(quoted));
        if string.is_empty() {
            parts.push(quoted(&[]));
        }
    }
    // The length of a record's data is a number of 16 bits.
    if parts.iter().map(String::len).sum::<usize>() > 0xffff {
        return Err(InvalidValue::new("the text is longer than a record can be"));
    }
    Ok(parts.join(" "))
}

/// The strings that a text means: itself, or, if it is written with quotes as in a zone
/// file, those between them (RFC 1035 section 5.1).
fn strings(text: &str) -> Result<Vec<Vec<u8>>, InvalidValue> {
    let trimmed = text.trim();
    if !trimmed.starts_with('"') {
        return Ok(vec![text.as_bytes().to_vec()]);
    }
    let unclosed = || {
        InvalidValue::new("the quotes within the text are not closed")
            .hint("write the text without them: they are added")
    };
    let mut strings = Vec::new();
    let mut bytes = trimmed.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b' ' | b'\t' => continue,
            b'"' => {}
            _ => return Err(unclosed()),
        }
        let mut string = Vec::new();
        loop {
            match bytes.next().ok_or_else(unclosed)? {
                b'"' => break,
                b'\\' => string.push(escaped(&mut bytes).ok_or_else(unclosed)?),
                byte => string.push(byte),
            }
        }
        strings.push(string);
    }
    Ok(strings)
}

/// What follows a backslash: three decimal digits, or any character for itself.
fn escaped(bytes: &mut std::iter::Peekable<std::str::Bytes<'_>>) -> Option<u8> {
    let first = bytes.next()?;
    if !first.is_ascii_digit() {
        return Some(first);
    }
    let mut number = u16::from(first - b'0');
    for _ in 0..2 {
        let digit = bytes.next_if(u8::is_ascii_digit)?;
        number = number * 10 + u16::from(digit - b'0');
    }
    u8::try_from(number).ok()
}

/// A string in quotes, everything but plain ASCII escaped.
fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => text.extend(['\\', char::from(byte)]),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\{byte:03}")),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domain() -> Fqdn {
        Fqdn::new("foobar.com").unwrap()
    }

    #[test]
    fn data_takes_the_form_of_a_zone_file() {
        use RecordType::*;
        for (kind, written, wanted) in [
            (A, "203.0.113.10", "203.0.113.10"),
            (Aaaa, "2001:DB8:0::1", "2001:db8::1"),
            (Cname, "@", "foobar.com."),
            (Cname, "other", "other.foobar.com."),
            (Ns, "NS.example.NET.", "ns.example.net."),
            (Mx, "10  mx.example.net.", "10 mx.example.net."),
            (Mx, "0 .", "0 ."),
            (Mx, "10 mx.foobar.com", "10 mx.foobar.com."),
            (Srv, "10 5 5060 sip", "10 5 5060 sip.foobar.com."),
            (
                Caa,
                "0 issue letsencrypt.org",
                "0 issue \"letsencrypt.org\"",
            ),
            (Caa, "0 issue \"a; b=c\"", "0 issue \"a; b=c\""),
            (Txt, "v=spf1 -all", "\"v=spf1 -all\""),
            (Txt, "a\"b\\c", "\"a\\\"b\\\\c\""),
            (Txt, "\"a\" \"b\\\"c\\100\"", "\"a\" \"b\\\"cd\""),
            (Txt, "é", "\"\\195\\169\""),
            (Txt, "", "\"\""),
        ] {
            let made = data(kind, written, &domain()).map(|data| data.text);
            assert_eq!(made.as_deref(), Ok(wanted), "{kind:?} {written}");
        }
    }

    #[test]
    fn wrong_data_is_refused() {
        use RecordType::*;
        for (kind, written) in [
            (A, "2001:db8::1"),
            (Aaaa, "203.0.113.10"),
            (Cname, "."),
            (Cname, "a b"),
            (Mx, "mx.example.net."),
            (Mx, "70000 mx.example.net."),
            (Mx, "10 mx.example.net"),
            (Srv, "10 5 sip.example.net."),
            (Caa, "256 issue a"),
            (Caa, "0 issue"),
            (Txt, "\"open"),
            (Txt, "\"a\" b"),
        ] {
            assert!(
                data(kind, written, &domain()).is_err(),
                "{kind:?} {written}"
            );
        }
    }

    #[test]
    fn a_long_text_is_split() {
        let long = data(RecordType::Txt, &"x".repeat(300), &domain())
            .unwrap()
            .text;
        assert_eq!(
            long,
            format!("\"{}\" \"{}\"", "x".repeat(255), "x".repeat(45))
        );
    }

    #[test]
    fn owners() {
        for (written, wanted) in [
            ("@", "foobar.com"),
            ("mail", "mail.foobar.com"),
            ("a.b", "a.b.foobar.com"),
            ("_dmarc", "_dmarc.foobar.com"),
            ("www.foobar.com", "www.foobar.com"),
            ("www.foobar.com.", "www.foobar.com"),
            ("*", "*.foobar.com"),
            ("*.sub", "*.sub.foobar.com"),
            ("*.foobar.com", "*.foobar.com"),
        ] {
            let name = owner(written, &domain()).unwrap();
            assert_eq!(name.as_str(), wanted);
        }
        for wrong in ["", "mx.example.net.", "a.*", "a*", "*.", "a b"] {
            assert!(owner(wrong, &domain()).is_err(), "{wrong}");
        }
    }
}
