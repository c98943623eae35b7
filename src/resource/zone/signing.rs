//! Whether a zone is signed, and what the server has recorded of its keys.
//!
//! BIND makes the keys and signs; both are runtime state. What is recorded is which keys there
//! were: a zone whose keys are gone is not signed with new ones, since those who delegate it name
//! the old ones, and nobody would get an answer.

use super::super::Diff;
use super::super::vocabulary::probe::fields;
use crate::types::Fqdn;
use serde::Deserialize;

/// Whether BIND signs a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Signing {
    /// It does not.
    #[default]
    Off,
    /// It does.
    On,
    /// It takes its signatures back, in the safe order.
    Insecure,
}

/// What is known of the keys of a zone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Keys {
    /// Whether any are recorded.
    pub(super) recorded: bool,
    /// The recorded ones that are gone.
    missing: Vec<String>,
    /// The recorded ones that others may still count on.
    in_use: Vec<String>,
    /// The serial of the signed zone, if BIND serves one.
    pub(super) serial: Option<u32>,
}

impl Keys {
    /// What `probe_zone_keys` says of the zone in this file.
    pub(super) fn read(reply: &str, path: &str) -> Self {
        let mut keys = Self::default();
        for [word, of, key] in reply.lines().filter_map(fields::<3>) {
            match word {
                _ if of != path => {}
                "key" => keys.recorded = true,
                "key-gone" => keys.missing.push(key.to_owned()),
                "key-in-use" => keys.in_use.push(key.to_owned()),
                "signed" => keys.serial = key.parse().ok(),
                _ => {}
            }
        }
        keys
    }

    /// What is there after a run.
    pub(super) fn applied(signing: Signing) -> Self {
        Self {
            recorded: signing != Signing::Off,
            ..Self::default()
        }
    }

    /// Why nothing can be planned, if so.
    pub(super) fn refusal(&self, signing: Signing, zone: &Fqdn) -> Option<String> {
        let list = |keys: &[String]| keys.join(", ");
        if signing == Signing::On && !self.missing.is_empty() {
            return Some(format!(
                "{zone} is signed, and its keys are gone: {}. BIND would make others, which the DS \
                 records at your registrar do not name. Bring the files back from a backup; if \
                 there is none, remove the DS records, wait until nobody has them any more, and \
                 delete /var/lib/foobar-stack/keys/{zone}.zone",
                list(&self.missing)
            ));
        }
        if signing == Signing::Off && !self.in_use.is_empty() {
            return Some(format!(
                "{zone} is signed, and its keys are in use: {}. Write dns.dnssec = \"insecure\", \
                 apply, remove the DS records at your registrar, wait until nobody has them any \
                 more (their time to live, two days at most registries), say so on the server \
                 with `rndc dnssec -checkds withdrawn {zone}`, and leave dns.dnssec out when BIND \
                 has taken its keys back",
                list(&self.in_use)
            ));
        }
        None
    }
}

impl Signing {
    /// What differs in how the zone is signed.
    pub(super) fn compare(self, found: Option<&Keys>, diff: &mut Diff) {
        let recorded = found.is_some_and(|keys| keys.recorded);
        match self {
            Self::On if !recorded => {
                diff.compare(
                    "keys",
                    Some("none on record"),
                    Some("made by BIND, and kept"),
                );
            }
            Self::Off if recorded => {
                diff.compare("keys", Some("on record"), Some("not used any more"));
            }
            _ => {}
        }
    }

    /// What is called in the end, with the file, the zone and the folder of the keys.
    pub(super) fn record(self) -> Option<&'static str> {
        match self {
            Self::On => Some("record_zone_keys"),
            Self::Off => Some("forget_zone_keys"),
            Self::Insecure => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/etc/bind/zones/foobar.com.zone";

    fn refusal(signing: Signing, lines: &[&str]) -> Option<String> {
        let lines: Vec<String> = lines
            .iter()
            .map(|line| format!("{}\n", line.replace(' ', "\u{1f}").replace("FILE", PATH)))
            .collect();
        let zone = Fqdn::new("foobar.com").unwrap();
        Keys::read(&lines.concat(), PATH).refusal(signing, &zone)
    }

    #[test]
    fn a_signed_zone_without_its_keys_and_an_unsigned_one_with_them_are_refused() {
        let here = &["key FILE K1", "key-in-use FILE K1"][..];
        let gone = &["key FILE K1", "key-gone FILE K1"][..];
        let hidden = &["key FILE K1"][..];
        for (signing, lines, wanted) in [
            (Signing::On, &[][..], None),
            (Signing::On, here, None),
            (Signing::On, gone, Some("its keys are gone: K1.")),
            (Signing::Insecure, here, None),
            (Signing::Off, here, Some("its keys are in use: K1.")),
            (Signing::Off, hidden, None),
            (Signing::Off, &["key-in-use /other K1"][..], None),
        ] {
            let found = refusal(signing, lines);
            assert_eq!(found.is_some(), wanted.is_some(), "{signing:?} {lines:?}");
            assert!(
                found
                    .unwrap_or_default()
                    .contains(wanted.unwrap_or_default())
            );
        }
    }
}
