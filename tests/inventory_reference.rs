//! The reference inventory, the starter and the schema say the same as the code.

use foobar_stack::diagnostic::Source;
use foobar_stack::inventory::{self, Inventory, Parsed};
use foobar_stack::types::Fqdn;
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeSet;

const REFERENCE: &str = include_str!("../inventory/foobar.toml");

fn parsed(text: &str) -> Parsed {
    match inventory::parse(&Source::new("inventory.toml", text)) {
        Ok(parsed) => parsed,
        Err(found) => panic!("{found}\n{:#?}", found.0),
    }
}

fn inventory_of(text: &str) -> Inventory {
    parsed(text).inventory
}

/// The reference with the lines that `uncomment` gives a text for.
fn reference_with(uncomment: impl Fn(usize, &str) -> Option<String>) -> String {
    let lines = REFERENCE.lines().enumerate();
    let lines: Vec<String> = lines
        .map(|(number, line)| uncomment(number, line).unwrap_or_else(|| line.to_owned()))
        .collect();
    lines.join("\n")
}

/// `key = value` of a line that begins with `mark` and is no prose.
fn setting<'a>(line: &'a str, mark: &str) -> Option<&'a str> {
    let rest = line.strip_prefix(mark)?;
    let (key, _) = rest.split_once(" = ")?;
    let is_key = key
        .chars()
        .all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit());
    is_key.then_some(rest)
}

#[test]
fn every_default_of_the_reference_is_the_default() {
    let plain = inventory_of(REFERENCE);
    let mut seen = 0;
    for (number, line) in REFERENCE.lines().enumerate() {
        let Some(setting) = setting(line, "# ") else {
            continue;
        };
        seen += 1;
        let text = reference_with(|at, _| (at == number).then(|| setting.to_owned()));
        assert_eq!(inventory_of(&text), plain, "{line}");
    }
    assert!(seen > 20, "only {seen} defaults found");
}

#[test]
fn every_example_of_the_reference_is_right_and_makes_a_difference() {
    let plain = inventory_of(REFERENCE);
    // A run of example lines belongs together: a record, a rule, a role.
    let lines: Vec<&str> = REFERENCE.lines().collect();
    let runs = lines.chunk_by(|a, b| a.starts_with("#: ") && b.starts_with("#: "));
    let mut number = 0;
    let mut seen = 0;
    for run in runs {
        let here = number..number + run.len();
        number = here.end;
        if !run[0].starts_with("#: ") {
            continue;
        }
        seen += 1;
        let text = reference_with(|at, line| {
            if here.contains(&at) {
                line.strip_prefix("#: ").map(str::to_owned)
            } else if run[0].contains("certificate") && line.starts_with("# mode = ") {
                Some("mode = \"files\"".to_owned())
            } else if ["directory", "challenge", "external_account", "key_type"]
                .iter()
                .any(|key| run[0].contains(key))
                && line.starts_with("# mode = ")
            {
                Some("mode = \"acme\"".to_owned())
            } else {
                None
            }
        });
        assert_ne!(inventory_of(&text), plain, "{run:?}");
    }
    assert!(seen >= 10, "only {seen} examples found");
}

#[test]
fn every_key_of_the_schema_stands_in_the_reference() {
    let schema = inventory::schema();
    let mut keys = BTreeSet::new();
    collect_keys(&schema, &mut keys);
    assert!(keys.len() > 50, "{keys:?}");
    for key in keys {
        let stands = REFERENCE.lines().any(|line| {
            let line = line.trim_start_matches(['#', ':', ' ']);
            let header = line.trim_start_matches('[');
            line.starts_with(&format!("{key} = "))
                || line.contains(&format!("{{ {key} = "))
                || line.contains(&format!(", {key} = "))
                || (line.starts_with('[') && header.split([']', '.']).any(|part| part == key))
        });
        assert!(stands, "{key}");
    }
}

fn collect_keys(schema: &Value, keys: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            for (name, property) in object {
                if name == "properties" {
                    keys.extend(
                        property
                            .as_object()
                            .into_iter()
                            .flat_map(|p| p.keys().cloned()),
                    );
                }
                collect_keys(property, keys);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_keys(item, keys)),
        _ => {}
    }
}

#[test]
fn the_schema_is_draft_7_without_null_and_with_descriptions() {
    let schema = inventory::schema();
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    let text = schema.to_string();
    assert!(!text.contains("null") && !text.contains("$ref"), "{text}");
    let port = &schema["properties"]["web"]["properties"]["http_port"];
    assert_eq!(port["type"], "integer");
    assert_eq!(
        (&port["minimum"], &port["maximum"]),
        (&1.into(), &65535.into())
    );
    assert!(port["description"].as_str().unwrap().contains("80"));
    assert_eq!(
        schema["properties"]["site"]["required"],
        serde_json::json!(["domain"])
    );
}

#[test]
fn the_smallest_inventory_is_small() {
    let domain = Fqdn::new("foobar.com").unwrap();
    let text = inventory::starter(&domain, [203, 0, 113, 10].into(), "app", None);
    let effective = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    assert!(effective.count() <= 13, "{text}");
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
    let made = inventory_of(&text);
    assert_eq!(made.domains().collect::<Vec<_>>(), [&domain]);

    let least = "[server]\nipv4 = \"203.0.113.10\"\n[site]\ndomain = \"foobar.com\"\n\
                 [app]\nsource = \"app\"\ncommand = \"run\"\n";
    let made = inventory_of(least);
    let least = made.sites.values().next().unwrap();
    assert_eq!(least.app.user.as_str(), "foobar");
    assert_eq!(least.database.name.as_str(), "foobar");
    assert!(least.database.enabled && least.dns.enabled && made.firewall.enabled);
    let records: Vec<String> = least.dns.records.iter().map(record).collect();
    assert_eq!(
        records,
        [
            "foobar.com 3600 A 203.0.113.10",
            "foobar.com 3600 NS ns1.foobar.com.",
            "www.foobar.com 3600 CNAME foobar.com.",
            "ns1.foobar.com 3600 A 203.0.113.10",
        ]
    );
}

fn record(record: &inventory::DnsRecord) -> String {
    format!(
        "{} {} {} {}",
        record.name, record.ttl, record.kind, record.value
    )
}

#[test]
fn accounts_are_made_from_the_domain() {
    for (domain, user) in [
        ("9gag.com", "app-9gag"),
        ("mail.example.com", "mail-app"),
        ("root.net", "root-app"),
        ("my-shop.de", "my-shop"),
    ] {
        let domain = Fqdn::new(domain).unwrap();
        let text = inventory::starter(&domain, [127, 0, 0, 1].into(), "app", None);
        let made = inventory_of(&text);
        let site = made.sites.values().next().unwrap();
        assert_eq!(site.app.user.as_str(), user);
    }
}

#[test]
fn the_files_it_speaks_of_come_with_their_places() {
    let text = REFERENCE
        .replace("# mode = \"self-signed\"", "mode = \"files\"")
        .replace("#: certificate", "certificate")
        .replace("#: key = \"tls", "key = \"tls")
        .replace("{ generate = true }\n", "{ file = \"../key\" }\n");
    let text = text.replace("#   { file", "#   { generate");
    let files: Vec<String> = parsed(&text)
        .references
        .values()
        .flat_map(|references| &references.files)
        .map(|file| {
            let kind = if file.directory { "folder" } else { "file" };
            format!(
                "{} {kind} {} at {}",
                file.key,
                file.path,
                &text[file.span.clone()]
            )
        })
        .collect();
    assert_eq!(
        files,
        [
            "tls.certificate file tls/foobar.com.pem at \"tls/foobar.com.pem\"",
            "tls.key file tls/foobar.com.key at \"tls/foobar.com.key\"",
            "app.source folder app at \"app\"",
            "app.secrets.SESSION_KEY.file file ../key at \"../key\"",
        ]
    );
}

/// The reference with everything uncommented, so that mutations reach every key.
fn everything() -> String {
    reference_with(|_, line| {
        let example = line.strip_prefix("#: ");
        example.or_else(|| setting(line, "# ")).map(str::to_owned)
    })
}

/// Parses a text; whatever is wrong with it has places that lie in it and can be drawn.
fn survives(text: &str) -> Result<(), TestCaseError> {
    let source = Source::new("inventory.toml", text);
    let Err(found) = inventory::parse(&source) else {
        return Ok(());
    };
    prop_assert!(!found.0.is_empty());
    for mistake in &found.0 {
        let context = mistake.context.iter().map(|(span, _)| span);
        for span in std::iter::once(&mistake.span).chain(context) {
            prop_assert!(text.get(span.clone()).is_some(), "{span:?} {mistake:?}");
        }
        prop_assert!(!mistake.message.contains('\n'));
    }
    let drawn = foobar_stack::report::diagnostic::render(&found, true, 80);
    let words = found.0[0].message.split('`').next().unwrap_or_default();
    prop_assert!(drawn.contains(words), "{words}\n{drawn}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn no_mutation_makes_it_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..6, mutation()), 1..4),
    ) {
        let mut text: Vec<char> = everything().chars().collect();
        for (at, removed, added) in edits {
            let at = at.index(text.len());
            let end = (at + removed).min(text.len());
            text.splice(at..end, added.chars());
        }
        survives(&text.into_iter().collect::<String>())?;
    }

    #[test]
    fn no_value_makes_it_panic(which in any::<prop::sample::Index>(), value in value()) {
        let text = everything();
        let lines: Vec<&str> = text.lines().collect();
        let settings = (0..lines.len()).filter(|&at| {
            lines[at].contains(" = ") && !lines[at].starts_with('#')
        });
        let settings: Vec<usize> = settings.collect();
        let at = settings[which.index(settings.len())];
        let key = lines[at].split(" = ").next().unwrap();
        let line = format!("{key} = {value}");
        let mut changed = lines.clone();
        changed[at] = &line;
        survives(&changed.join("\n"))?;
    }

    #[test]
    fn no_secret_is_ever_shown(
        place in prop::sample::select(vec![
            "[app.secrets]\nX = \"hunter2\"", "[app.secrets]\nX = hunter2",
            "[app.secrets]\nX = { env = \"A\", plain = \"hunter2\" }",
            "[app.secrets]\nX = \"hunter2", "[app.secrets]\nX = '''\nhunter2\n",
            "[app.env]\nDB_PASSWORD = \"hunter2\"", "[app.env]\nDB_PASSWORD = hunter2",
            "[app.env]\nURL = \"mysql://a:hunter2@b/\"", "[server]\npassword = \"hunter2\"",
            "[app]\nsecrets = { X = \"hunter2\" }", "[app]\nsecrets = { X = hunter2 }",
            "[app]\nsecrets.X = \"hunter2\"", "[app]\nsecrets = \"hunter2\"",
            "[app]\nenv = { API_TOKEN = \"hunter2\" }", "app.env.API_TOKEN = \"hunter2\"",
            "[app]\nenv = { API_TOKEN = hunter2 }", "[[app.secrets]]\nX = \"hunter2\"",
            "[app]\nsecrets = [\"hunter2\"]", "[roles]\nsecret = \"hunter2\"",
        ]),
        edit in prop::option::of((any::<prop::sample::Index>(), "[ \\[\\]=\n\"]")),
    ) {
        let mut text = format!("[site]\ndomain = \"foobar.com\"\n{place}\n");
        if let Some((at, added)) = edit {
            // Not within a word or an address: nothing can tell `pa ssword` from a harmless name.
            let at = at.index(text.find("mysql:").or(text.find("hunter2")).unwrap());
            let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            if !word(text[..at].chars().next_back()) || !word(text[at..].chars().next()) {
                text.insert_str(at, &added);
            }
        }
        if let Err(found) = inventory::parse(&Source::new("inventory.toml", text.clone())) {
            let drawn = foobar_stack::report::diagnostic::render(&found, false, 100);
            prop_assert!(!drawn.contains("hunter2"), "{text}\n---\n{drawn}");
        }
    }
}

fn mutation() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,4}",
        "[\\[\\]{}=\"'.,#\n\r\t \\\\-]{1,4}",
        Just("\"\"\"".to_owned()),
        Just("é\u{1F600}".to_owned()),
        Just("\u{0}".to_owned()),
    ]
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,12}".prop_map(|text| format!("{text:?}")),
        "[a-z0-9.@:/*_ -]{0,20}".prop_map(|text| format!("\"{text}\"")),
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| format!("{number:?}")),
        Just("true".to_owned()),
        Just("[]".to_owned()),
        Just("{}".to_owned()),
        Just("[[1], { a = 'é' }]".to_owned()),
        Just("1979-05-27".to_owned()),
    ]
}
