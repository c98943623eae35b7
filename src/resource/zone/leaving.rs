//! A signed zone that leaves the inventory whole: those above it still name its keys.

use super::super::Refusal;
use super::signing::Keys;
use crate::shell::Script;
use crate::types::{AbsolutePath, Fqdn};

/// Where BIND keeps the keys, as the role has it: nothing else on the server says so.
const KEYS: &str = "/var/lib/bind/signed";

/// The file of a zone that is no longer in the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::resource) struct LeavingZone {
    path: AbsolutePath,
    zone: Fqdn,
}

impl LeavingZone {
    /// The zone of this file, if it is one.
    pub(in crate::resource) fn of(path: &AbsolutePath) -> Option<Self> {
        let (folder, name) = path.as_str().rsplit_once('/')?;
        let zone = Fqdn::new(name.strip_suffix(".zone")?).ok()?;
        let path = path.clone();
        (folder != KEYS).then_some(Self { path, zone })
    }

    /// Adds the command that says what is known of its keys.
    pub(in crate::resource) fn probe(&self, script: &mut Script) {
        script.call("probe_zone_keys", self.words());
    }

    /// What the command has said.
    pub(in crate::resource) fn read(&self, reply: &str) -> Keys {
        let mut keys = Keys::read(reply, self.path.as_str());
        // BIND raises it by itself, and no plan rests on it.
        keys.serial = None;
        keys
    }

    /// Why it must not go, if so.
    pub(in crate::resource) fn refusal(&self, keys: &Keys) -> Option<Refusal> {
        let zone = &self.zone;
        let keys = keys.in_use()?;
        Some(Refusal {
            why: format!(
                "the zone {zone} is signed, and its keys are in use: {keys}. As long as there are \
                 DS records of them at your registrar, nobody who checks signatures gets an answer \
                 from any server without them"
            ),
            hint: format!(
                "keep the zone in the inventory with dnssec = \"insecure\" and apply; remove the DS \
                 records at your registrar; wait until nobody has them any more (their time to live, \
                 two days at most registries), and say so on the server with `rndc dnssec -checkds \
                 withdrawn {zone}`; take the zone out when BIND has taken its keys back, about a day \
                 later. If your registrar has no DS record of these keys (`dig {zone} DS`), as when \
                 another server signs the zone with its own, say so on this one: \
                 `rm /var/lib/foobar-stack/keys/{zone}.zone`"
            ),
        })
    }

    /// Adds the command that ends what was noted of it, if anything was.
    pub(in crate::resource) fn forget(&self, keys: &Keys, script: &mut Script) {
        if keys.recorded {
            script.call("forget_zone_keys", self.words());
        }
    }

    fn words(&self) -> [&str; 3] {
        [self.path.as_str(), self.zone.as_str(), KEYS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_whose_keys_are_in_use_stays() {
        let path = |text: &str| AbsolutePath::new(text).unwrap();
        let file = "/etc/bind/zones/foobar.com.zone";
        for other in [
            "/var/lib/bind/signed/foobar.com.zone",
            "/etc/bind/zones/readme",
            "/etc/x/.zone",
        ] {
            assert_eq!(LeavingZone::of(&path(other)), None, "{other}");
        }
        let zone = LeavingZone::of(&path(file)).unwrap();
        let of = |reply: &str| zone.read(&reply.replace(' ', "\u{1f}").replace("FILE", file));
        let used = of("key FILE K1\nkey-in-use FILE K1\nsigned FILE 7\n");
        let refusal = zone.refusal(&used).unwrap();
        assert!(refusal.why.contains("its keys are in use: K1."));
        assert!(
            refusal
                .hint
                .contains("rndc dnssec -checkds withdrawn foobar.com")
        );
        for (reply, forgotten) in [("", false), ("key FILE K1\n", true)] {
            let keys = of(reply);
            assert_eq!(zone.refusal(&keys), None, "{reply}");
            let mut script = Script::new();
            zone.forget(&keys, &mut script);
            assert_eq!(script.as_str().contains("forget_zone_keys"), forgotten);
        }
    }
}
