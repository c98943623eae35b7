//! An existing zone as lines of an inventory: which of its records the stack makes itself, how
//! the others are written, and which cannot be.

mod options;
pub(super) mod reverse;

pub use self::options::ImportOptions;

use super::raw::RecordType;
use super::resolve::parse;
use crate::diagnostic::{Diagnostic, Source};
use crate::types::{FileRecord, Fqdn, RecordData};
use hickory_proto::rr::RecordType as Wire;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as Unknown, StrDeserializer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;

/// The time to live of a record that says none, in an inventory that says none either.
const DEFAULT_TTL: u32 = 3600;

/// A zone as lines of an inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The lines, with comments on what is not among them.
    pub text: String,
    /// How many records they have.
    pub records: usize,
    /// The records that an inventory cannot have, each with its place and the reason.
    pub refused: Vec<String>,
}

/// A record, as an inventory has it.
struct Written {
    record: FileRecord,
    name: String,
    value: String,
}

/// Writes the records of a zone as an inventory has them.
#[must_use]
pub fn import(records: Vec<FileRecord>, options: ImportOptions<'_>) -> Imported {
    let mut sorted = Sorted::default();
    let mut seen = BTreeSet::new();
    let mut ttls = BTreeMap::new();
    for mut record in records {
        // An answer to AXFR ends with the SOA that it begins with.
        if !seen.insert((folded(&record.owner), record.kind.clone(), shown(&record))) {
            continue;
        }
        // Those of one name and type have the time of the first (RFC 2181 section 5.2), in BIND,
        // too.
        let set = (folded(&record.owner), record.kind.clone());
        record.ttl = *ttls.entry(set).or_insert(record.ttl);
        sorted.add(record, options);
    }
    sorted.check(options);
    let mut text = String::new();
    sorted.comment(&mut text, options);
    if options.is_further() {
        let _ = write!(
            text,
            "\n[[{}]]\nname = \"{}\"\n",
            options.tables().0,
            options.zone
        );
    }
    for written in &sorted.written {
        text.push('\n');
        text.push_str(&written.block(&options.tables().1));
    }
    Imported {
        text,
        records: sorted.written.len(),
        refused: sorted.refused(options),
    }
}

/// The records by what becomes of them.
#[derive(Default)]
struct Sorted {
    written: Vec<Written>,
    /// Those that the stack makes.
    made: Vec<FileRecord>,
    /// How many there are of the types that come with signatures.
    signatures: BTreeMap<String, usize>,
    refused: Vec<(FileRecord, String)>,
}

impl Sorted {
    fn add(&mut self, record: FileRecord, options: ImportOptions<'_>) {
        let zone = options.zone;
        if is_of_signing(&record.kind) {
            *self.signatures.entry(record.kind).or_default() += 1;
            return;
        }
        let Some(name) = relative(&record, zone) else {
            let why = format!("it is outside of the zone {zone}");
            self.refused.push((record, why));
            return;
        };
        if is_made(&name, &record.kind, options) {
            self.made.push(record);
            return;
        }
        let value = match &record.data {
            _ if !is_known(&record.kind) => Err(no_such_type(&record.kind)),
            Ok(data) => Ok(value(&record.kind, data)),
            Err(error) => Err(error.to_string()),
        };
        match value {
            Ok(value) => self.written.push(Written {
                record,
                name,
                value,
            }),
            Err(why) => self.refused.push((record, why)),
        }
    }

    /// Has the inventory's own parser look at them, and takes out what it would refuse.
    fn check(&mut self, options: ImportOptions<'_>) {
        loop {
            let (site, table, zone) = match options.is_further() {
                // No other zone may be in its way.
                true => (
                    "foobar-stack.invalid",
                    "dns.zones.records",
                    format!("[[dns.zones]]\nname = \"{}\"\n", options.zone),
                ),
                false => (options.zone.as_str(), "dns.records", String::new()),
            };
            let mut text = format!(
                "[server]\nipv4 = \"203.0.113.10\"\n[site]\ndomain = \"{site}\"\n\
                 [app]\nenabled = false\n[backup]\nenabled = false\n{zone}"
            );
            let mut places = Vec::new();
            for written in &self.written {
                let begin = text.len();
                text.push_str(&written.block(table));
                places.push(begin..text.len());
            }
            let Err(mistakes) = parse(&Source::new("zone", text)) else {
                return;
            };
            let mut wrong = BTreeMap::new();
            for mistake in mistakes.0 {
                if let Some(at) = place_of(&mistake, &places) {
                    wrong.entry(at).or_insert(mistake);
                }
            }
            if wrong.is_empty() {
                return;
            }
            let all = std::mem::take(&mut self.written);
            for (at, written) in all.into_iter().enumerate() {
                match wrong.remove(&at) {
                    Some(mistake) => self.refused.push((written.record, reason(&mistake))),
                    None => self.written.push(written),
                }
            }
        }
    }

    /// What is not among the lines.
    fn comment(&self, text: &mut String, options: ImportOptions<'_>) {
        let zone = options.zone;
        let count = self.written.len();
        let _ = writeln!(text, "# The zone {zone}: {}.", counted(count));
        if options.is_further() {
            text.push_str(
                "# No site of the inventory has it: it is a zone beside those. For the records of a new\n\
                 # site, name that with --site.\n",
            );
        }
        if !self.made.is_empty() {
            text.push_str("#\n# Left out, since the stack makes its own:\n");
            for record in &self.made {
                let _ = writeln!(text, "#   {}", described(record, options));
            }
        }
        let apex = |kind: &str| {
            let mut all = self.made.iter().filter(|record| record.kind == kind);
            all.any(|record| relative(record, zone).as_deref() == Some("@"))
        };
        if apex("NS") {
            text.push_str(
                "# Name servers that stay belong to dns.nameservers, or to dns.secondaries if they\n\
                 # copy the zone from this server.\n",
            );
        }
        if apex("SOA") {
            text.push_str(
                "# Where the serial of the old zone is higher, who has a copy of that takes the new one\n\
                 # only when told to (in BIND: rndc retransfer).\n",
            );
        }
        let www = self.made.iter().any(|record| is_www(record, zone));
        if www && !options.is_further() {
            let _ = writeln!(
                text,
                "# www.{zone} is an alias of the site; with aliases = [] in [site] it is yours."
            );
        }
        if !self.signatures.is_empty() {
            let all: Vec<String> = self
                .signatures
                .iter()
                .map(|(kind, count)| format!("{count} {kind}"))
                .collect();
            let _ = writeln!(
                text,
                "#\n# Left out, since dnssec = true makes them anew, with other keys: {}.\n\
                 # Remove the DS records at the registrar, and wait until nobody has them any more,\n\
                 # before this server answers.",
                all.join(", ")
            );
        }
        if !self.refused.is_empty() {
            text.push_str("#\n# NOT IMPORTED:\n");
            for line in self.refused(options) {
                let _ = writeln!(text, "#   {line}");
            }
        }
    }

    fn refused(&self, options: ImportOptions<'_>) -> Vec<String> {
        let all = self.refused.iter();
        all.map(|(record, why)| format!("{}: {why}", described(record, options)))
            .map(|line| line.replace(char::is_control, " "))
            .collect()
    }
}

impl Written {
    /// The lines of the record, in this table.
    fn block(&self, table: &str) -> String {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let mut text = format!(
            "[[{table}]]\nname = {}\ntype = {}\nvalue = {}\n",
            quoted(&self.name),
            quoted(&self.record.kind),
            quoted(&self.value)
        );
        if self.record.ttl != DEFAULT_TTL {
            let _ = writeln!(text, "ttl = {}", quoted(&duration(self.record.ttl)));
        }
        text
    }
}

/// Which of the records a mistake is about.
fn place_of(mistake: &Diagnostic, places: &[Range<usize>]) -> Option<usize> {
    let others = mistake.context.iter().map(|(span, _)| span);
    let mut spans = std::iter::once(&mistake.span).chain(others);
    spans.find_map(|span| places.iter().position(|place| place.contains(&span.start)))
}

/// What is wrong, and what would be right. Which key it is about says nothing here.
fn reason(mistake: &Diagnostic) -> String {
    let message = &mistake.message;
    let bare = message
        .strip_prefix("dns.records.")
        .or_else(|| message.strip_prefix("dns.zones.records."))
        .and_then(|rest| rest.split_once(": "));
    let bare = bare.map_or(message.as_str(), |(_, bare)| bare);
    match &mistake.help {
        Some(help) => format!("{bare}; {help}"),
        None => bare.to_owned(),
    }
}

fn counted(count: usize) -> String {
    match count {
        1 => "one record".to_owned(),
        _ => format!("{count} records"),
    }
}

/// The record in one line, with the line of the file that it begins in.
fn described(record: &FileRecord, options: ImportOptions<'_>) -> String {
    let FileRecord {
        line,
        owner,
        ttl,
        kind,
        ..
    } = record;
    let text = format!("{owner} {ttl} {kind} {}", shown(record));
    match options.numbered {
        true => format!("line {line}: {}", text.trim_end()),
        false => text.trim_end().to_owned(),
    }
}

/// The data; as it is written where that could not be read.
fn shown(record: &FileRecord) -> String {
    let data = record.data.as_ref();
    data.map_or_else(|_| record.words.clone(), ToString::to_string)
}

fn folded(name: &crate::types::WireName) -> String {
    name.to_string().to_ascii_lowercase()
}

/// The owner as an inventory has it; none where it is outside of the zone.
fn relative(record: &FileRecord, zone: &Fqdn) -> Option<String> {
    let name = folded(&record.owner);
    let full = name.strip_suffix('.').unwrap_or(&name);
    if full == zone.as_str() {
        return Some("@".to_owned());
    }
    let short = full.strip_suffix(zone.as_str())?.strip_suffix('.')?;
    // A name that ends in the domain would be taken for a full one.
    let again = short == zone.as_str() || short.ends_with(&format!(".{zone}"));
    Some(if again { name } else { short.to_owned() })
}

fn is_www(record: &FileRecord, zone: &Fqdn) -> bool {
    relative(record, zone).as_deref() == Some("www")
}

/// Whether the stack makes records of this type at this name, if the inventory says nothing else
/// about it.
fn is_made(name: &str, kind: &str, options: ImportOptions<'_>) -> bool {
    match name {
        _ if options.is_further() => {
            let leads = matches!(kind, "CNAME" | "A" | "AAAA");
            name == "@" && matches!(kind, "SOA" | "NS") || leads && options.is_of_a_site(name)
        }
        "@" => matches!(kind, "SOA" | "NS" | "A" | "AAAA"),
        "www" => matches!(kind, "CNAME" | "A" | "AAAA"),
        "ns1" => matches!(kind, "A" | "AAAA"),
        _ => false,
    }
}

/// Types that are there because the zone is signed (RFC 4034, RFC 5155, RFC 7344); BIND's notes
/// of what it signs.
fn is_of_signing(kind: &str) -> bool {
    matches!(
        kind,
        "RRSIG" | "DNSKEY" | "NSEC" | "NSEC3" | "NSEC3PARAM" | "CDS" | "CDNSKEY" | "TYPE65534"
    )
}

fn is_known(kind: &str) -> bool {
    let name: StrDeserializer<'_, Unknown> = kind.into_deserializer();
    RecordType::deserialize(name).is_ok()
}

fn no_such_type(kind: &str) -> String {
    match kind {
        "DS" => "an inventory has no keys of other zones; leave that zone unsigned".to_owned(),
        "SPF" | "TYPE99" => "SPF is a record of type TXT now (RFC 7208 section 3.1)".to_owned(),
        _ => format!("an inventory has no records of type {kind}"),
    }
}

/// The data as a person writes it.
fn value(kind: &str, data: &RecordData) -> String {
    let plain = data.to_string();
    if kind != "TXT" {
        return plain;
    }
    // A text in one piece, or in the pieces that a long one is cut into, needs no quotes.
    let mut rest = data.wire();
    let mut bytes = Vec::new();
    while let Some((&length, behind)) = rest.split_first() {
        let (string, behind) = behind.split_at(usize::from(length).min(behind.len()));
        bytes.extend(string);
        rest = behind;
    }
    match String::from_utf8(bytes) {
        Ok(text)
            if !text.contains(char::is_control)
                && RecordData::from_text(Wire::TXT, &text).as_ref() == Ok(data) =>
        {
            text
        }
        _ => plain,
    }
}

fn duration(seconds: u32) -> String {
    let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let whole = |(length, _): &(u32, &str)| seconds > 0 && seconds.is_multiple_of(*length);
    match units.into_iter().find(whole) {
        Some((length, unit)) => format!("{}{unit}", seconds / length),
        None => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests;
