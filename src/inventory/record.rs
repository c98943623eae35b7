//! The data of one record, as the user writes it and as it stands in a zone file.

use super::raw::RecordType;
use super::record_rules;
use crate::types::{
    Fqdn, InvalidValue, RecordData, RecordName, WireName, Word, name_places, written,
};
use std::net::IpAddr;

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
    let wire = kind.wire();
    let mut words = written(wire, text)?;
    let mut target = None;
    for place in name_places(wire) {
        if let Some(word) = words.get_mut(place) {
            let name = pointing(kind, &word.raw, domain)?;
            let full = name
                .as_ref()
                .map_or_else(|| ".".to_owned(), |name| format!("{name}."));
            *word = Word::plain(&full);
            target = name;
        }
    }
    let data = RecordData::from_words(wire, &words, &WireName::root()).map_err(|error| {
        let kind_name = kind.as_str();
        let wrong = format!("`{text}` does not fit the type {kind_name}: {error}");
        let example = format!("like \"{}\"", record_rules::example(kind));
        InvalidValue::new(wrong).hint(error.suggestion().unwrap_or(&example))
    })?;
    record_rules::check_data(kind, &words)?;
    // What an alias of RFC 9460 points at may be a name of any kind, and so may what PTR and
    // NAPTR do.
    let alias = matches!(kind, RecordType::Https | RecordType::Svcb)
        && words.first().is_some_and(|word| word.raw == "0");
    let free = alias || matches!(kind, RecordType::Ptr | RecordType::Naptr);
    Ok(Data {
        text: data.to_string(),
        target: target.filter(|_| !free),
    })
}

/// True for `_sip._udp`: no full name ends in such a label.
fn ends_in_a_service(name: &str) -> bool {
    name.rsplit('.')
        .next()
        .is_some_and(|last| last.starts_with('_'))
}

/// The name that data points at. `.` is none: it says that there is no such service (RFC 7505
/// for mail, RFC 2782 for SRV), or that it is at the owner itself (RFC 9460 section 2.5).
fn pointing(kind: RecordType, name: &str, domain: &Fqdn) -> Result<Option<Fqdn>, InvalidValue> {
    let must_be = matches!(kind, RecordType::Cname | RecordType::Ns | RecordType::Ptr);
    if name == "." && !must_be {
        return Ok(None);
    }
    let bare = name.trim_end_matches('.').trim_matches(['[', ']']);
    if bare.parse::<IpAddr>().is_ok() {
        let kind = kind.as_str();
        let error = InvalidValue::new(format!("`{name}` is an address, and {kind} needs a name"));
        return Err(error.hint("give the address a name with an A or AAAA record, and write that"));
    }
    let target = if name == "@" {
        domain.clone()
    } else if name.ends_with('.') {
        Fqdn::new(name)?
    } else if name.contains('.') && !ends_in_a_service(name) {
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
    let host = matches!(kind, RecordType::Mx | RecordType::Ns | RecordType::Srv);
    if host && record_rules::has_underscore(target.as_str()) {
        let kind = kind.as_str();
        let error = InvalidValue::new(format!("`{target}` is not the name of a host"));
        return Err(error.hint(format!(
            "what {kind} points at has letters, digits and hyphens (RFC 1123 section 2.1)"
        )));
    }
    Ok(Some(target))
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
            (Caa, "0 issue \"\"", "0 issue \"\""),
            (Txt, "v=spf1 -all", "\"v=spf1 -all\""),
            (Txt, "a\"b\\c", "\"a\\\"b\\\\c\""),
            (Txt, "\"a\" \"b\\\"c\\100\"", "\"a\" \"b\\\"cd\""),
            (Txt, "é", "\"\\195\\169\""),
            (Txt, "", "\"\""),
            (Ptr, "host", "host.foobar.com."),
            (Https, "1 . alpn=h2,h3", "1 . alpn=\"h2,h3\""),
            (Https, "0 cdn.example.net.", "0 cdn.example.net."),
            (Svcb, "1 svc port=8443", "1 svc.foobar.com. port=8443"),
            (
                Naptr,
                "100 10 u E2U+sip \"!^.*$!sip:a@b.c!\" .",
                "100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b.c!\" .",
            ),
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
            (Cname, "2001:db8::1"),
            (Mx, "10 203.0.113.1."),
            (Mx, "10 _a"),
            (Ptr, "."),
            (Tlsa, "4 1 1 ab"),
            (Tlsa, "3 1 1 ab"),
            (Sshfp, "5 2 ab"),
            (Naptr, "1 1 u s !a!b ."),
            (Naptr, "1 1 s s !a!b! a.example."),
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
