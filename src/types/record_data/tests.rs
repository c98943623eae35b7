//! Data as text and as bytes. The bytes are those of the RFCs' own examples, or are read by the
//! DNS library, too.

use super::*;
use hickory_proto::rr::RData;
use hickory_proto::serialize::binary::{BinDecoder, BinEncodable as _, Restrict};
use proptest::prelude::*;

fn read(kind: RecordType, text: &str) -> Result<RecordData, InvalidValue> {
    RecordData::from_text(kind, text)
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    let pair = |pair: &[u32]| u8::try_from(pair[0] * 16 + pair[1]).unwrap();
    digits.chunks(2).map(pair).collect()
}

#[test]
fn data_is_the_bytes_of_an_answer_and_has_one_form() {
    use RecordType::*;
    for (kind, written, wire, shown) in [
        (A, "203.0.113.10", "cb00710a", "203.0.113.10"),
        (
            AAAA,
            "2001:DB8:0::1",
            "20010db8 00000000 00000000 00000001",
            "2001:db8::1",
        ),
        (PTR, "Host.a.", "04 486f7374 01 61 00", "Host.a."),
        (MX, "10 a.", "000a 01 61 00", "10 a."),
        (MX, "0 .", "0000 00", "0 ."),
        (TXT, "a B", "03 61 20 42", "\"a B\""),
        (TXT, "\"a\" \"\"", "01 61 00", "\"a\" \"\""),
        (TXT, "\"a\\195\\\"\"", "03 61 c3 22", "\"a\\195\\\"\""),
        (SRV, "1 2 443 a.", "0001 0002 01bb 01 61 00", "1 2 443 a."),
        (
            CAA,
            "0 issue a.b; c",
            "00 05 6973737565 61 2e 62 3b 20 63",
            "0 issue \"a.b; c\"",
        ),
        (TLSA, "3 1 1 0A 0b", "03 01 01 0a0b", "3 1 1 0a0b"),
        (SSHFP, "4 2 FF00", "04 02 ff00", "4 2 ff00"),
        (
            NAPTR,
            "100 10 \"u\" E2U+sip \"!^.*$!sip:a@b.c!\" .",
            "0064 000a 01 75 07 4532552b736970 10 215e2e2a24217369703a6140622e6321 00",
            "100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b.c!\" .",
        ),
        // RFC 9460 appendix D.
        (
            HTTPS,
            "0 foo.example.com.",
            "0000 03 666f6f 07 6578616d706c65 03 636f6d 00",
            "0 foo.example.com.",
        ),
        (SVCB, "1 .", "0001 00", "1 ."),
        (
            SVCB,
            "16 foo.example.com. port=53",
            "0010 03 666f6f 07 6578616d706c65 03 636f6d 00 0003 0002 0035",
            "16 foo.example.com. port=53",
        ),
        (
            SVCB,
            "1 foo.example.com. key667=hello",
            "0001 03 666f6f 07 6578616d706c65 03 636f6d 00 029b 0005 68656c6c6f",
            "1 foo.example.com. key667=\"hello\"",
        ),
        (
            SVCB,
            "1 foo.example.com. key667=\"hello\\210qoo\"",
            "0001 03 666f6f 07 6578616d706c65 03 636f6d 00 029b 0009 68656c6c6fd2716f6f",
            "1 foo.example.com. key667=\"hello\\210qoo\"",
        ),
        (
            SVCB,
            "1 foo.example.com. ( ipv6hint=\"2001:db8::1,2001:db8::53:1\" )",
            "0001 03 666f6f 07 6578616d706c65 03 636f6d 00 0006 0020 \
             20010db8000000000000000000000001 20010db8000000000000000000530001",
            "1 foo.example.com. ipv6hint=2001:db8::1,2001:db8::53:1",
        ),
        (
            SVCB,
            "16 foo.example.org. (alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1)",
            "0010 03 666f6f 07 6578616d706c65 03 6f7267 00 0000 0004 0001 0004 \
             0001 0009 02 6832 05 68332d3139 0004 0004 c0000201",
            "16 foo.example.org. mandatory=alpn,ipv4hint alpn=\"h2,h3-19\" ipv4hint=192.0.2.1",
        ),
        (
            SVCB,
            "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
            "0010 03 666f6f 07 6578616d706c65 03 6f7267 00 0001 000c 08 665c6f6f2c626172 02 6832",
            "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
        ),
        (
            SVCB,
            "16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2",
            "0010 03 666f6f 07 6578616d706c65 03 6f7267 00 0001 000c 08 665c6f6f2c626172 02 6832",
            "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"",
        ),
        // RFC 3597.
        (A, "\\# 4 C000 0201", "c0000201", "192.0.2.1"),
    ] {
        // The parentheses of the RFC's examples are those of a file.
        let words = crate::types::lines(written).unwrap().remove(0).words;
        let data = match kind {
            TXT | CAA => read(kind, written),
            _ => RecordData::from_words(kind, &words, &WireName::root()),
        };
        let data = data.unwrap_or_else(|error| panic!("{kind} {written}: {error}"));
        assert_eq!(data.wire(), bytes(wire), "{kind} {written}");
        assert_eq!(data.to_string(), shown, "{kind} {written}");
        let again = read(kind, shown).unwrap();
        assert_eq!(again, data, "{kind} {written}");
    }
}

#[test]
fn what_is_no_data_is_refused() {
    use RecordType::*;
    let long = "a".repeat(64);
    for (kind, written) in [
        (A, "203.0.113.10 x"),
        (A, ""),
        (AAAA, "203.0.113.10"),
        (MX, "65536 a."),
        (MX, "+1 a."),
        (MX, "10"),
        (MX, "10 a..b."),
        (CNAME, long.as_str()),
        (TXT, "\"a\" b"),
        (TXT, "\"open"),
        (CAA, "0 is-sue a"),
        (TLSA, "3 1 1"),
        (TLSA, "3 1 1 abc"),
        (TLSA, "3 1 256 ab"),
        (SSHFP, "4 2 xy"),
        (NAPTR, "1 1 u s r"),
        (NAPTR, "1 1 \"u\" ; \"s\" \"r\" ."),
        (A, "\\# 3 c00002"),
        (A, "\\# 4 c00002"),
        // RFC 9460 appendix D.3.
        (SVCB, "1 a. key123=abc key123=def"),
        (SVCB, "1 a. mandatory"),
        (SVCB, "1 a. alpn"),
        (SVCB, "1 a. port"),
        (SVCB, "1 a. ipv4hint"),
        (SVCB, "1 a. ipv6hint"),
        (SVCB, "1 a. no-default-alpn=abc"),
        (SVCB, "1 a. mandatory=key123"),
        (SVCB, "1 a. mandatory=mandatory"),
        (SVCB, "1 a. mandatory=key123,key123 key123=abc"),
        (HTTPS, "1 . no-default-alpn"),
        (HTTPS, "0 a. port=443"),
        (HTTPS, "1 . key3=x"),
        (HTTPS, "1 . alpn=h2,,h3"),
        (HTTPS, "1 . ech=*"),
        (DNSKEY, "1 2 3 aa"),
    ] {
        assert!(read(kind, written).is_err(), "{kind} {written}");
    }
}

#[test]
fn names_without_a_final_dot_are_below_the_origin() {
    let origin = WireName::from(&Fqdn::new("foobar.com").unwrap());
    for (raw, wanted) in [
        ("Mail", "Mail.foobar.com."),
        ("a\\.b", "a\\.b.foobar.com."),
        ("a\\046b.c.", "a\\.b.c."),
        ("@", "foobar.com."),
        (".", "."),
    ] {
        let data = RecordData::from_words(RecordType::PTR, &[Word::plain(raw)], &origin).unwrap();
        assert_eq!(data.to_string(), wanted);
    }
    let label = "a".repeat(63);
    let fits = [label.as_str(); 3].join(".") + "." + &"a".repeat(61) + ".";
    assert!(WireName::parse(&fits, &origin).is_ok());
    let long = [label.as_str(); 4].join(".") + ".";
    assert!(WireName::parse(&long, &origin).is_err());
}

#[test]
fn what_means_the_same_is_told_from_what_is_the_same() {
    use RecordType::*;
    for (kind, one, other, same) in [
        (MX, "10 A.", "10 a.", true),
        (MX, "10 a.", "11 a.", false),
        (CAA, "0 ISSUE a", "0 issue \"a\"", true),
        (CAA, "0 issue A", "0 issue a", false),
        (TXT, "\"a\" \"b\"", "ab", true),
        (TXT, "A", "a", false),
        (
            NAPTR,
            "1 1 \"u\" \"s\" \"\" A.",
            "1 1 \"u\" \"s\" \"\" a.",
            true,
        ),
        (
            NAPTR,
            "1 1 \"U\" \"s\" \"\" a.",
            "1 1 \"u\" \"s\" \"\" a.",
            false,
        ),
        (HTTPS, "1 A. alpn=h2", "1 a. alpn=\"h2\"", true),
        (HTTPS, "1 a. alpn=H2", "1 a. alpn=h2", false),
    ] {
        let (one, other) = (read(kind, one).unwrap(), read(kind, other).unwrap());
        assert_eq!(one.folded() == other.folded(), same, "{one} / {other}");
        assert!(same || one != other);
    }
}

#[test]
fn the_serial_is_apart() {
    let soa = read(RecordType::SOA, "a. b. 4294967295 1 2 3 4").unwrap();
    let (serial, rest) = soa.without_serial().unwrap();
    assert_eq!(
        (serial, rest.to_string().as_str()),
        (u32::MAX, "a. b. 0 1 2 3 4")
    );
    assert_eq!(
        read(RecordType::A, "8.8.8.8").unwrap().without_serial(),
        None
    );
}

/// The data of a type, as a person might write it.
fn written() -> impl Strategy<Value = (RecordType, String)> {
    let name = "([a-z0-9]{1,9}\\.){1,4}";
    let hex = "([0-9a-f]{2}){1,40}";
    let text = "\"([ !#-\\[\\]-~]|\\\\\"|\\\\\\\\|\\\\[01][0-9][0-9]){0,40}\"";
    prop_oneof![
        (any::<u16>(), name)
            .prop_map(|(number, name)| (RecordType::MX, format!("{number} {name}"))),
        prop::collection::vec(text, 1..4).prop_map(|all| (RecordType::TXT, all.join(" "))),
        (any::<[u16; 3]>(), name)
            .prop_map(|([a, b, c], name)| (RecordType::SRV, format!("{a} {b} {c} {name}"))),
        (any::<[u8; 3]>(), hex)
            .prop_map(|([a, b, c], hex)| (RecordType::TLSA, format!("{a} {b} {c} {hex}"))),
        (any::<[u8; 2]>(), hex)
            .prop_map(|([a, b], hex)| (RecordType::SSHFP, format!("{a} {b} {hex}"))),
        (any::<[u16; 2]>(), "[a-z]?", text, text, name).prop_map(|([a, b], flags, s, r, name)| {
            (
                RecordType::NAPTR,
                format!("{a} {b} \"{flags}\" {s} {r} {name}"),
            )
        }),
        (1_u16.., name, 1_u16.., any::<[u8; 4]>(), "[a-z]{1,5}").prop_map(
            |(priority, name, port, address, protocol)| {
                let [a, b, c, d] = address;
                let all =
                    format!("port={port} ipv4hint={a}.{b}.{c}.{d},1.2.3.4 alpn={protocol},h2");
                (RecordType::HTTPS, format!("{priority} {name} {all}"))
            }
        ),
    ]
}

proptest! {
    #[test]
    fn the_dns_library_reads_the_bytes_and_writes_the_same((kind, text) in written()) {
        let data = read(kind, &text).unwrap();
        prop_assert_eq!(&read(kind, &data.to_string()).unwrap(), &data);
        let length = u16::try_from(data.wire().len()).unwrap();
        let mut decoder = BinDecoder::new(data.wire());
        let decoded = RData::read(&mut decoder, kind, Restrict::new(length));
        let decoded = decoded.unwrap_or_else(|error| panic!("{kind} {text}: {error}"));
        prop_assert_eq!(decoded.to_bytes().unwrap(), data.wire(), "{} {}", kind, text);
    }
}
