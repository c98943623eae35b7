//! Zones of the name server. The kind owns the serial: it rises exactly when the content
//! of the zone changes, or is older than one that was published.

mod leaving;
mod signing;
mod text;

pub(super) use self::leaving::LeavingZone;
pub(super) use self::signing::Keys;
use self::signing::Signing;
use self::text::{
    ZoneContent, ZoneRecord, ZoneText, find_serial, is_marked, newer, next_serial, read,
    with_serial,
};
use super::place::{Ownership, Place, place_of, read_places};
use super::vocabulary::probe::{decode, fields};
use super::{
    Change, Claim, Conflict, Content, Delta, Diff, EntryError, ExecutionPlan, Future, Kind,
    Materials, Observed, Owned, Phase, PlanContext, Probe, Refusal, Rendered, TextChange,
};
use crate::shell::Script;
use crate::types::{AbsolutePath, Fqdn};
use serde::Deserialize;

/// A zone that should be in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    path: AbsolutePath,
    ownership: Ownership,
    zone: ZoneText,
    signing: Signing,
    /// Where BIND keeps the keys of a signed zone.
    keys: Option<AbsolutePath>,
}

/// The fields of `[[zone]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    domain: Fqdn,
    path: AbsolutePath,
    ttl: u32,
    nameservers: Vec<Fqdn>,
    contact: String,
    records: Vec<ZoneRecord>,
    /// Whether BIND signs it.
    #[serde(default)]
    dnssec: Signing,
    /// The folder of the keys that it makes for that.
    keys: Option<AbsolutePath>,
}

/// A zone file as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    place: Place,
    text: String,
    /// The last serial that a run has published, if that is known.
    published: Option<u32>,
    /// What is known of its keys.
    keys: Keys,
}

/// Its functions.
pub(super) const SHELL: &str = include_str!("zone.sh");

const TYPE: &str = "regular file";
/// The type of what is not there.
const NOTHING: &str = "nothing";

impl Zone {
    /// What the file says, if it can be read as a zone.
    fn content(&self, text: &str) -> Option<ZoneContent> {
        read(text, &self.zone.domain).ok()
    }

    /// The text to be, given the text that is.
    fn wanted(&self, before: Option<&Found>, context: &PlanContext<'_>) -> String {
        let content = before.and_then(|found| self.content(&found.text));
        let wanted = self.content(&self.zone.render(1));
        let serial = match (content, wanted) {
            // One that was put back by hand, as from a backup, may have an old serial: who copies the
            // zone would not look at it.
            (Some(content), Some(wanted))
                if content.records == wanted.records
                    && before.and_then(Found::newest_serial) == Some(content.serial) =>
            {
                content.serial
            }
            _ => next_serial(before.and_then(Found::newest_serial), context.date),
        };
        self.zone.render(serial)
    }
}

impl Found {
    /// The newest serial that anybody may have seen.
    fn newest_serial(&self) -> Option<u32> {
        newer(
            newer(find_serial(&self.text), self.published),
            self.keys.serial,
        )
    }
}

impl Kind for Zone {
    const NAME: &'static str = "zone";
    const PROBE_SHELL: &'static [&'static str] = &[SHELL];
    const LEAVES_OTHERS_ALONE: bool = true;
    type Entry = Entry;
    type State = Found;

    fn build(entry: Entry, _: &dyn Materials) -> Result<Self, EntryError> {
        let Some(primary) = entry.nameservers.first().cloned() else {
            return Err(EntryError::field(
                "nameservers",
                "a zone needs a name server",
            ));
        };
        if !entry
            .contact
            .chars()
            .all(|c| c.is_ascii_graphic() && !"\\\"();".contains(c))
        {
            return Err(EntryError::field("contact", "it is not a mail address"));
        }
        let zone = ZoneText {
            domain: entry.domain,
            primary,
            contact: entry.contact,
            ttl: entry.ttl,
            records: entry.records,
        };
        zone.check()?;
        Ok(Self {
            path: entry.path,
            ownership: Ownership::new(None, "0644", None, None)?,
            zone,
            signing: entry.dnssec,
            keys: entry.keys,
        })
    }

    fn name(&self) -> String {
        self.zone.domain.to_string()
    }

    fn paths(&self) -> Vec<&AbsolutePath> {
        vec![&self.path]
    }

    fn probe(batch: &[&Self], _: &Probe, script: &mut Script) {
        script.call("probe_zone", batch.iter().map(|zone| &zone.path));
        for zone in batch {
            if let Some(keys) = &zone.keys {
                let words = [zone.path.as_str(), zone.zone.domain.as_str(), keys.as_str()];
                script.call("probe_zone_keys", words);
            }
        }
    }

    fn observe(batch: &[&Self], _: &Probe, reply: &str) -> Vec<Observed<Found>> {
        let places = read_places(reply);
        batch
            .iter()
            .map(|zone| {
                let line = |word: &str| {
                    let mut lines = reply.lines().filter_map(fields::<3>);
                    lines.find(|line| line[0] == word && line[1] == zone.path.as_str())
                };
                let mut keys = Keys::read(reply, zone.path.as_str());
                // BIND raises that of a zone that it signs by itself, whenever it signs: it counts
                // when it does so no more, and no saved plan rests on it before.
                keys.serial = keys.serial.filter(|_| zone.signing == Signing::Off);
                let published = line("serial").and_then(|[_, _, serial]| serial.parse().ok());
                let found = |place: Place, text: String| Found {
                    place,
                    text,
                    published,
                    keys: keys.clone(),
                };
                let place = match place_of(&places, &zone.path) {
                    Observed::Present(place) => place,
                    // It was there once, for those who have asked.
                    Observed::Absent if published.is_some() || keys.recorded => {
                        let place = Place {
                            file_type: NOTHING.to_owned(),
                            ..Place::like(TYPE, &zone.ownership)
                        };
                        return Observed::Present(found(place, String::new()));
                    }
                    other => return other.map(|place| found(place, String::new())),
                };
                let text = line("text").and_then(|[_, _, encoded]| decode(encoded));
                match text {
                    Some(text) => {
                        Observed::Present(found(place, String::from_utf8_lossy(&text).into_owned()))
                    }
                    None if place.file_type != TYPE => {
                        Observed::Present(found(place, String::new()))
                    }
                    None => Observed::unknown(format!("{} could not be read", zone.path)),
                }
            })
            .collect()
    }

    fn applied(&self, before: &Observed<Found>, context: &PlanContext<'_>) -> Observed<Found> {
        Observed::Present(Found {
            place: Place::like(TYPE, &self.ownership),
            text: self.wanted(before.present(), context),
            published: before.present().and_then(|found| found.published),
            keys: Keys::applied(self.signing, before.present().map(|found| &found.keys)),
        })
    }

    fn compare(&self, observed: &Observed<Found>, context: &PlanContext<'_>) -> Option<Delta> {
        let found = observed.present();
        let wanted = self.wanted(found, context);
        let Some(found) = found.filter(|found| found.place.file_type != NOTHING) else {
            let mut delta = Delta::create(self.ownership.fields());
            let keys = observed.present().map(|found| &found.keys);
            self.signing.compare(keys, &mut delta.diff);
            delta.diff.text = Some(TextChange {
                before: String::new(),
                after: wanted,
            });
            return Some(delta);
        };
        let mut diff = Diff::default();
        found.place.compare(TYPE, &self.ownership, &mut diff);
        self.signing.compare(Some(&found.keys), &mut diff);
        if found.text == wanted {
            return Delta::update(diff);
        }
        diff.text = Some(TextChange {
            before: found.text.clone(),
            after: wanted,
        });
        Some(Delta::quiet(
            super::Action::Update,
            "the zone differs from the inventory",
            diff,
        ))
    }

    fn refusal(&self, found: &Found) -> Option<Refusal> {
        found.keys.refusal(self.signing, &self.zone.domain)
    }

    fn conflict(&self, found: &Found, claim: Claim) -> Option<Conflict> {
        let same = self.content(&self.zone.render(1)).map(|zone| zone.records)
            == self.content(&found.text).map(|zone| zone.records);
        // One that has the mark is ours even if the server's notes are lost, and one with nothing in
        // it is nobody's.
        let marked = found.text.lines().next().is_some_and(is_marked);
        let is_nothing = found.place.file_type == NOTHING
            || found.place.file_type == TYPE && found.text.trim().is_empty();
        let taken = claim.is_ours() || same || marked || is_nothing;
        let (found, hint) = match found.place.file_type.as_str() {
            TYPE => (
                "a zone file with other content is there".to_owned(),
                format!(
                    "add the records that you need to dns.records, then add \"{}\" to server.adopt to have it replaced",
                    self.path
                ),
            ),
            other => (format!("a {other} is there"), "move it away".to_owned()),
        };
        (!taken).then(|| Conflict {
            subject: self.path.to_string(),
            found,
            because: "no run of foobar-stack made it".to_owned(),
            hint,
        })
    }

    fn rendered(&self, date: &str) -> Vec<Rendered> {
        let text = self.zone.render(next_serial(None, date));
        vec![Rendered {
            path: self.path.clone(),
            content: Some(text.into_bytes().into()),
        }]
    }

    fn owned(&self) -> Vec<Owned> {
        vec![Owned::Path(self.path.clone())]
    }

    fn work(
        &self,
        observed: &Observed<Found>,
        change: &Change,
        context: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    ) {
        let found = observed.present();
        let text = self.wanted(found, context);
        let serial = find_serial(&text).unwrap_or_default();
        // An undo goes back to the content, never to the serial: that of this run may be known
        // to other servers already. Where only the form changes, it is the same.
        let rises = found.and_then(|found| find_serial(&found.text)) != Some(serial);
        let later = next_serial(Some(serial), "");
        let undo = found
            .filter(|_| rises)
            .and_then(|found| with_serial(&found.text, later))
            .map(|text| work.payload(Content::Bytes(text.into_bytes().into())));
        let payload = work.payload(Content::Bytes(text.into_bytes().into()));
        work.future(Future::File(self.path.clone(), payload.clone()));
        let mut script = Script::new();
        let keys_before = found.map(|found| &found.keys);
        let recorded = keys_before.is_some_and(|keys| keys.recorded);
        if let Some(keys) = &self.keys {
            match self.signing {
                Signing::On if !recorded => {
                    script.call("begin_signing", [self.path.as_str(), keys.as_str()]);
                }
                // What BIND writes about them in the meantime is not to outlive an undo.
                _ if recorded => {
                    let words = [self.zone.domain.as_str(), keys.as_str()];
                    script.call("keep_zone_keys", words);
                    let kept = keys_before.is_some_and(Keys::are_kept);
                    if self.signing == Signing::Insecure && kept {
                        script.call("expect_ds_records", words);
                    } else if self.signing == Signing::On && !kept {
                        script.call("recall_leaving_keys", words);
                    }
                }
                _ => {}
            }
        }
        let [mode, owner, group] = self.ownership.words();
        let (serial, later) = (serial.to_string(), later.to_string());
        script.call(
            "put_zone",
            [
                payload.as_str(),
                self.path.as_str(),
                mode,
                owner,
                group,
                &serial,
                undo.as_deref().unwrap_or("-"),
                &later,
            ],
        );
        work.step(Phase::Commit, &change.id, script);
        work.uses("file");
        if let (Some(keys), Some(call)) = (&self.keys, self.signing.record(keys_before)) {
            let mut script = Script::new();
            let words = [self.path.as_str(), self.zone.domain.as_str(), keys.as_str()];
            script.call(call, words);
            work.step(Phase::Finish, &change.id, script);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    fn zone() -> Zone {
        let entry: Entry = toml::from_str(
            r#"
            domain = "foobar.com"
            path = "/etc/bind/zones/foobar.com.zone"
            ttl = 3600
            nameservers = ["ns1.foobar.com"]
            contact = "hostmaster@foobar.com"
            records = [
                { name = "foobar.com", type = "NS", value = "ns1.foobar.com.", ttl = 3600 },
                { name = "ns1.foobar.com", type = "A", value = "8.8.8.8", ttl = 3600 },
                { name = "www.foobar.com", type = "CNAME", value = "foobar.com.", ttl = 3600 },
            ]
            "#,
        )
        .unwrap();
        Zone::build(entry, &crate::resource::NoMaterials).unwrap()
    }

    fn found(text: &str) -> Observed<Found> {
        let ownership = Ownership::new(None, "0644", None, None).unwrap();
        Observed::Present(Found {
            place: Place::like(TYPE, &ownership),
            text: text.to_owned(),
            published: None,
            keys: Keys::default(),
        })
    }

    const AROUND: PlanContext<'static> = PlanContext {
        now: 0,
        date: "20261122",
        changes: &[],
    };

    #[test]
    fn the_serial_rises_exactly_when_the_content_changes() {
        let zone = zone();
        let first = zone.wanted(None, &AROUND);
        assert!(first.contains(" 2026112201 "));
        assert_eq!(zone.compare(&found(&first), &AROUND), None);
        // Another day, the same content: nothing to do.
        let later = PlanContext {
            date: "20261123",
            ..AROUND
        };
        assert_eq!(zone.compare(&found(&first), &later), None);
        // A record changed by hand: it comes back under a new serial.
        let edited = first.replace("CNAME foobar.com.", "CNAME evil.example.");
        let after = zone
            .compare(&found(&edited), &AROUND)
            .unwrap()
            .diff
            .text
            .unwrap()
            .after;
        assert!(after.contains(" 2026112202 "));
        assert!(after.contains("CNAME foobar.com."));
        // Only a comment: the form comes back, the serial stays.
        let commented = format!("{first}; by hand\n");
        let after = zone
            .compare(&found(&commented), &AROUND)
            .unwrap()
            .diff
            .text
            .unwrap()
            .after;
        assert_eq!(after, first);
        // A serial that an undone run has published is not used again.
        let Observed::Present(undone) = found(&edited) else {
            unreachable!()
        };
        let undone = Found {
            published: Some(2_026_112_207),
            ..undone
        };
        assert!(zone.wanted(Some(&undone), &AROUND).contains(" 2026112208 "));
        let gone = "absent\x1f/etc/bind/zones/foobar.com.zone\n\
            serial\x1f/etc/bind/zones/foobar.com.zone\x1f2026112201\n";
        let gone = Zone::observe(&[&zone], &Probe::new("s".into()), gone).remove(0);
        let delta = zone.compare(&gone, &AROUND).unwrap();
        assert_eq!(delta.action, crate::resource::Action::Create);
        assert!(delta.diff.text.unwrap().after.contains(" 2026112202 "));
        // BIND has raised that of the zone that it signed, and signs no more.
        let reply = |serial: u32| {
            let path = zone.path.as_str();
            let text = STANDARD.encode(&first);
            format!(
                "text\x1f{path}\x1f{text}\nsigned\x1f{path}\x1f{serial}\n\
                regular file\x1f644\x1froot\x1froot\x1f{path}\n"
            )
        };
        let observe = |zone: &Zone, serial| {
            Zone::observe(&[zone], &Probe::new("s".into()), &reply(serial)).remove(0)
        };
        let signed = observe(&zone, 2_026_112_209);
        assert!(
            zone.wanted(signed.present(), &AROUND)
                .contains(" 2026112210 ")
        );
        let still = Zone {
            signing: Signing::On,
            ..zone.clone()
        };
        // While it does, its serial is nothing that a plan rests on.
        let signed = observe(&still, 2_026_112_209);
        assert_eq!(still.wanted(signed.present(), &AROUND), first);
        assert_eq!(signed, observe(&still, 2_026_112_210));
        // The serial alone raised by hand is content that we keep.
        let raised = first.replace("2026112201", "2026112299");
        assert_eq!(zone.compare(&found(&raised), &AROUND), None);
    }
}
