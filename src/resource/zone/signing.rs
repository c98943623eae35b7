//! Whether a zone is signed, and what the server has recorded of its keys.
//!
//! BIND makes the keys and signs; both are runtime state. What is recorded is which keys there
//! were: a zone whose keys are gone is not signed with new ones, since those who delegate it name
//! the old ones, and nobody would get an answer.

use super::super::vocabulary::probe::fields;
use super::super::{Diff, Refusal};
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
pub(in crate::resource) struct Keys {
    /// Whether any are recorded.
    pub(super) recorded: bool,
    /// Whether BIND means to keep any of these.
    kept: bool,
    /// Those that BIND means to keep and that are not recorded, as after a rollover.
    new: Vec<String>,
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
                "key-kept" => keys.kept = true,
                // In a rollover it is the only one that stays.
                "key-new" => {
                    keys.kept = true;
                    keys.new.push(key.to_owned());
                }
                "key-gone" => keys.missing.push(key.to_owned()),
                "key-in-use" => keys.in_use.push(key.to_owned()),
                "signed" => keys.serial = key.parse().ok(),
                _ => {}
            }
        }
        keys
    }

    /// Whether BIND means to keep any of these.
    pub(super) fn are_kept(&self) -> bool {
        self.kept
    }

    /// The recorded ones that others may still count on, if there are any.
    pub(super) fn in_use(&self) -> Option<String> {
        (!self.in_use.is_empty()).then(|| self.in_use.join(", "))
    }

    /// What is there after a run.
    pub(super) fn applied(signing: Signing, before: Option<&Self>) -> Self {
        let was_recorded = before.is_some_and(|keys| keys.recorded);
        Self {
            recorded: signing == Signing::On || signing == Signing::Insecure && was_recorded,
            kept: signing == Signing::On,
            ..Self::default()
        }
    }

    /// Why nothing can be planned, if so.
    pub(super) fn refusal(&self, signing: Signing, zone: &Fqdn) -> Option<Refusal> {
        let list = |keys: &[String]| keys.join(", ");
        if signing == Signing::On && !self.missing.is_empty() {
            return Some(Refusal {
                why: format!(
                    "it is signed, and its keys are gone: {}. BIND would make others, which the DS \
                     records at your registrar do not name: nobody who checks signatures would get \
                     an answer",
                    list(&self.missing)
                ),
                hint: format!(
                    "bring the files back from a backup, to /var/lib/bind/signed; if there is none, \
                     remove the DS records at your registrar, wait until nobody has them any more \
                     (their time to live, two days at most registries), and delete \
                     /var/lib/foobar-stack/keys/{zone}.zone on the server"
                ),
            });
        }
        if let Some(keys) = self.in_use().filter(|_| signing == Signing::Off) {
            return Some(Refusal {
                why: format!(
                    "it is signed, and its keys are in use: {keys}. Without signatures nobody who \
                     checks them would get an answer, as long as there are DS records at your \
                     registrar"
                ),
                hint: format!(
                    "write dnssec = \"insecure\" for the zone and apply; remove the DS records at your \
                     registrar; wait until nobody has them any more (their time to live, two days \
                     at most registries), and say so on the server with `rndc dnssec -checkds \
                     withdrawn {zone}`; leave dnssec out when BIND has taken its keys back, which a \
                     plan tells"
                ),
            });
        }
        None
    }
}

impl Signing {
    /// What differs in how the zone is signed.
    pub(super) fn compare(self, found: Option<&Keys>, diff: &mut Diff) {
        const MADE: &str = "made by BIND, and kept";
        let none = Keys::default();
        let found = found.unwrap_or(&none);
        match self {
            Self::On if !found.recorded => {
                diff.compare("keys", Some("none on record"), Some(MADE));
            }
            Self::On if !found.new.is_empty() => {
                let new = found.new.join(", ");
                diff.compare("keys", Some("of before"), Some(&format!("{new}, too")));
            }
            Self::On if !found.kept => {
                diff.compare("keys", Some(LEAVING), Some("kept"));
            }
            Self::Insecure if found.kept => {
                diff.compare("keys", Some("kept"), Some(LEAVING));
            }
            Self::Off if found.recorded => {
                diff.compare("keys", Some("on record"), Some("not used any more"));
            }
            _ => {}
        }
    }

    /// What is called in the end, with the file, the zone and the folder of the keys.
    pub(super) fn record(self, found: Option<&Keys>) -> Option<&'static str> {
        match self {
            Self::On => Some("record_zone_keys"),
            Self::Off => Some("forget_zone_keys"),
            Self::Insecure => found
                .is_some_and(|keys| keys.recorded)
                .then_some("await_leaving_keys"),
        }
    }
}

/// BIND says of each key that it goes, and when it may.
const LEAVING: &str = "taken back by BIND, in the safe order";

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/etc/bind/zones/foobar.com.zone";

    fn read(lines: &[&str]) -> Keys {
        let lines: Vec<String> = lines
            .iter()
            .map(|line| format!("{}\n", line.replace(' ', "\u{1f}").replace("FILE", PATH)))
            .collect();
        Keys::read(&lines.concat(), PATH)
    }

    fn refusal(signing: Signing, lines: &[&str]) -> Option<String> {
        let zone = Fqdn::new("foobar.com").unwrap();
        let refusal = read(lines).refusal(signing, &zone);
        refusal.map(|refusal| refusal.why)
    }

    #[test]
    fn what_becomes_of_the_keys_is_told() {
        let kept = &["key FILE K1", "key-kept FILE K1"][..];
        let rolled = &["key FILE K1", "key-kept FILE K1", "key-new FILE K2"][..];
        // BIND keeps the new one alone, which is not on record yet.
        let replaced = &["key FILE K1", "key-in-use FILE K1", "key-new FILE K2"][..];
        let leaving = &["key FILE K1"][..];
        for (signing, lines, wanted) in [
            (
                Signing::On,
                &[][..],
                "none on record > made by BIND, and kept",
            ),
            (Signing::On, kept, ""),
            (Signing::On, rolled, "of before > K2, too"),
            (Signing::On, replaced, "of before > K2, too"),
            (
                Signing::Insecure,
                replaced,
                "kept > taken back by BIND, in the safe order",
            ),
            (
                Signing::On,
                leaving,
                "taken back by BIND, in the safe order > kept",
            ),
            (Signing::Insecure, &[], ""),
            (
                Signing::Insecure,
                kept,
                "kept > taken back by BIND, in the safe order",
            ),
            (Signing::Insecure, leaving, ""),
            (Signing::Off, &[], ""),
            (Signing::Off, leaving, "on record > not used any more"),
        ] {
            let mut diff = Diff::default();
            signing.compare(Some(&read(lines)), &mut diff);
            let word = |side: &Option<String>| side.clone().unwrap_or_default();
            let fields = diff.fields.iter();
            let told: String = fields
                .map(|field| format!("{} > {}", word(&field.before), word(&field.after)))
                .collect();
            assert_eq!(told, wanted, "{signing:?} {lines:?}");
        }
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
