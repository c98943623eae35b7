//! Secrets as files that only root reads, or a service: made on the server, or brought from the
//! client.

use super::place::{Ownership, Place, place_of, read_places};
use super::vocabulary::probe::fields;
use super::{
    Action, Change, Content, Data, Delta, Diff, EntryError, ExecutionPlan, Future, Kind, Materials,
    Observed, Owned, Phase, PlanContext, Probe, SecretMaterial,
};
use crate::shell::Script;
use crate::types::{AbsolutePath, AccountName, Digest, FileMode, SecretValue};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A secret that should be in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    path: AbsolutePath,
    ownership: Ownership,
    material: SecretMaterial,
    /// The content of its file, where several servers have one that is generated: that of all.
    shared: Option<SecretValue>,
    /// What stands around the value of a generated one.
    around: Around,
}

/// What stands before and behind a value in its file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Around {
    before: String,
    behind: String,
}

/// A key of BIND (TSIG, RFC 8945).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tsig {
    /// What both sides call it.
    name: String,
    algorithm: String,
}

/// The fields of `[[secret]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    path: AbsolutePath,
    /// The secret's name in the inventory.
    name: String,
    owner: Option<AccountName>,
    group: Option<AccountName>,
    mode: Option<FileMode>,
    /// The value is that of a key, and the file has it as BIND reads it.
    tsig: Option<Tsig>,
    /// The value is the hash of this user's password, and the file has both as Nginx reads them.
    user: Option<String>,
}

/// A secret as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    place: Place,
    /// Whether it has the value it should; true for every value of a generated one.
    agrees: bool,
}

const TYPE: &str = "regular file";

/// The shortest value of a key, in bytes: half of what SHA-256 gives (RFC 8945 section 8).
const SHORTEST_KEY: usize = 16;

impl Tsig {
    /// The statement `key` around the value.
    fn around(&self) -> Result<Around, EntryError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
        for word in [&self.name, &self.algorithm] {
            if word.is_empty() || !word.chars().all(plain) {
                let message = format!("`{word}` is no name of a key or an algorithm");
                return Err(EntryError::field("tsig", message));
            }
        }
        let (name, algorithm) = (&self.name, &self.algorithm);
        Ok(Around {
            before: format!("key \"{name}\" {{ algorithm {algorithm}; secret \""),
            behind: "\"; };\n".to_owned(),
        })
    }
}

impl Around {
    fn of(&self, value: &[u8]) -> Vec<u8> {
        [self.before.as_bytes(), value, self.behind.as_bytes()].concat()
    }
}

/// Refuses what BIND could not read as the value of a key. Nothing of it is shown.
fn check_key(name: &str, value: &[u8]) -> Result<(), EntryError> {
    let right = BASE64_STANDARD
        .decode(value)
        .is_ok_and(|key| key.len() >= SHORTEST_KEY);
    if right {
        return Ok(());
    }
    let message = format!("the value of {name} is no key: base64 of at least {SHORTEST_KEY} bytes");
    Err(EntryError::field("name", message).help("`tsig-keygen` of BIND makes one"))
}

/// A line of a file of passwords, around the hash.
fn of_user(user: &str) -> Result<Around, EntryError> {
    if user.is_empty() || user.contains(':') || user.contains(char::is_control) {
        return Err(EntryError::field(
            "user",
            format!("{user:?} is no name of a user"),
        ));
    }
    Ok(Around {
        before: format!("{user}:"),
        behind: "\n".to_owned(),
    })
}

/// Refuses what is no hash of a password that Nginx can check: those of crypt(5) and of Apache
/// (`ngx_http_auth_basic_module`). Nothing of it is shown.
fn check_hash(name: &str, value: &[u8]) -> Result<(), EntryError> {
    const KINDS: &[&str] = &[
        "$1$", "$5$", "$6$", "$2a$", "$2b$", "$2y$", "$y$", "$7$", "$apr1$", "{SSHA}",
    ];
    let text = std::str::from_utf8(value).unwrap_or_default();
    let graphic = text.len() > 20 && text.chars().all(|c| c.is_ascii_graphic() && c != ':');
    if value == SecretValue::STAND_IN || graphic && KINDS.iter().any(|kind| text.starts_with(kind))
    {
        return Ok(());
    }
    let message = format!("the value of {name} is no hash of a password");
    Err(EntryError::field("name", message).help("`openssl passwd -6` makes one"))
}

/// The path and the keyed digest of a file, if this line of `digest_secrets` says it: what
/// sha256sum(1) prints of its input comes last.
pub(super) fn salted_digest(line: &str) -> Option<(&str, Digest)> {
    let ["salted", path, printed] = fields::<3>(line)? else {
        return None;
    };
    Some((path, Digest::parse(printed.strip_suffix("  -")?)?))
}

impl Secret {
    /// Its path, if it is generated: on several servers it has to be the same.
    #[must_use]
    pub fn generated(&self) -> Option<&AbsolutePath> {
        matches!(self.material, SecretMaterial::Generated).then_some(&self.path)
    }

    /// The content of its file, if these random bytes are its value.
    #[must_use]
    pub fn made_of(&self, random: &[u8]) -> SecretValue {
        let value = BASE64_STANDARD.encode(random);
        SecretValue::new(self.around.of(value.as_bytes()))
    }

    /// Gives it the content that its file has on all servers.
    pub fn share(&mut self, content: SecretValue) {
        self.shared = Some(content);
    }

    /// What its file has to contain, if that is known here.
    fn content(&self) -> Option<&SecretValue> {
        match &self.material {
            SecretMaterial::Generated => self.shared.as_ref(),
            SecretMaterial::Value(value) => Some(value),
        }
    }
}

impl Kind for Secret {
    const NAME: &'static str = "secret";
    const PROBE_SHELL: &'static [&'static str] = &[include_str!("secret.sh")];
    type Entry = Entry;
    type State = Found;

    fn build(entry: Entry, materials: &dyn Materials) -> Result<Self, EntryError> {
        let ownership = Ownership::new(entry.mode, "0600", entry.owner, entry.group)?;
        if ownership.mode.is_world_readable() {
            return Err(EntryError::field(
                "mode",
                "a secret must not be readable by all",
            ));
        }
        let mut material = materials.secret(&entry.name)?;
        let around = match (&entry.tsig, &entry.user) {
            (Some(tsig), _) => tsig.around()?,
            (None, Some(user)) => of_user(user)?,
            (None, None) => Around::default(),
        };
        match &mut material {
            SecretMaterial::Value(value) if entry.tsig.is_some() => {
                check_key(&entry.name, value.expose())?;
                *value = SecretValue::new(around.of(value.expose()));
            }
            SecretMaterial::Value(value) if entry.user.is_some() => {
                check_hash(&entry.name, value.expose())?;
                *value = SecretValue::new(around.of(value.expose()));
            }
            SecretMaterial::Generated if entry.user.is_some() => {
                let message = format!("{} is made by nobody who would know it", entry.name);
                return Err(EntryError::field("user", message));
            }
            _ => {}
        }
        Ok(Self {
            path: entry.path,
            ownership,
            material,
            shared: None,
            around,
        })
    }

    fn name(&self) -> String {
        self.path.to_string()
    }

    fn paths(&self) -> Vec<&AbsolutePath> {
        vec![&self.path]
    }

    fn probe(batch: &[&Self], probe: &Probe, script: &mut Script) {
        script.assign("salt", probe.salt());
        script.call("probe_secret", batch.iter().map(|secret| &secret.path));
    }

    fn observe(batch: &[&Self], probe: &Probe, reply: &str) -> Vec<Observed<Found>> {
        let places = read_places(reply);
        let digests: BTreeMap<&str, Digest> = reply.lines().filter_map(salted_digest).collect();
        batch
            .iter()
            .map(|secret| {
                let place = place_of(&places, &secret.path);
                let Observed::Present(place) = place else {
                    return place.map(|place| Found {
                        place,
                        agrees: false,
                    });
                };
                let digest = digests.get(secret.path.as_str());
                let agrees = match (secret.content(), digest) {
                    (_, None) if place.file_type == TYPE => {
                        return Observed::unknown(format!("{} could not be read", secret.path));
                    }
                    (_, None) => false,
                    // An empty file is no secret; a run that was cut off may leave one.
                    (None, Some(digest)) => *digest != Digest::of(probe.salt().as_bytes()),
                    (Some(value), Some(digest)) => *digest == probe.keyed(value),
                };
                Observed::Present(Found { place, agrees })
            })
            .collect()
    }

    fn applied(&self, _: &Observed<Found>, _: &PlanContext<'_>) -> Observed<Found> {
        Observed::Present(Found {
            place: Place::like(TYPE, &self.ownership),
            agrees: true,
        })
    }

    fn compare(&self, observed: &Observed<Found>, _: &PlanContext<'_>) -> Option<Delta> {
        let Observed::Present(found) = observed else {
            let because = match (&self.material, &self.shared) {
                (SecretMaterial::Generated, None) => "it is not there; it is made on the server",
                (SecretMaterial::Generated, Some(_)) => "it is not there; several servers have it",
                (SecretMaterial::Value(_), _) => "it is not there",
            };
            let mut diff = Diff::default();
            diff.compare("value", None, Some("(sensitive)"));
            return Some(Delta::quiet(Action::Create, because, diff));
        };
        let mut diff = Diff::default();
        if !found.agrees {
            diff.compare("value", Some("(sensitive)"), Some("(sensitive, another)"));
        }
        found.place.compare(TYPE, &self.ownership, &mut diff);
        let mut delta = Delta::update(diff)?;
        if self.shared.is_some() && !found.agrees {
            "it differs from that of another server".clone_into(&mut delta.because);
        }
        Some(delta)
    }

    fn owned(&self) -> Vec<Owned> {
        let path = self.path.clone();
        // One that was brought can be brought again.
        vec![match self.material {
            SecretMaterial::Generated => Owned::Data(Data::Secret(path)),
            SecretMaterial::Value(_) => Owned::Path(path),
        }]
    }

    fn secret(&self) -> Option<&SecretValue> {
        self.content()
    }

    fn work(
        &self,
        observed: &Observed<Found>,
        change: &Change,
        _: &PlanContext<'_>,
        work: &mut ExecutionPlan,
    ) {
        let mut script = Script::new();
        let path = self.path.as_str();
        let [mode, owner, group] = self.ownership.words();
        match (self.content(), observed.present()) {
            (_, Some(found)) if found.agrees => {
                script.call("repair_secret", [path, mode, owner, group]);
            }
            (None, _) => {
                let [before, behind] = [&self.around.before, &self.around.behind];
                if !before.is_empty() {
                    // Those who check what reads it are shown one of the same form.
                    let other = self.around.of(BASE64_STANDARD.encode([0; 32]).as_bytes());
                    let payload = work.payload(Content::Bytes(other.into()));
                    work.future(Future::File(self.path.clone(), payload));
                }
                let mut words = vec![path, mode, owner, group];
                if !before.is_empty() {
                    words.extend([before.as_str(), behind.as_str()]);
                }
                script.call("generate_secret", words);
            }
            (Some(value), _) => {
                let payload = work.payload(Content::Secret(value.clone()));
                if !self.around.before.is_empty() {
                    work.future(Future::File(self.path.clone(), payload.clone()));
                }
                script.call("put_secret", [payload.as_str(), path, mode, owner, group]);
            }
        }
        work.step(Phase::Commit, &change.id, script);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::SecretValue;

    const AROUND: PlanContext<'static> = PlanContext {
        now: 0,
        date: "20260101",
        changes: &[],
    };

    fn secret(material: SecretMaterial) -> Secret {
        Secret {
            path: AbsolutePath::new("/etc/s").unwrap(),
            ownership: Ownership::new(None, "0600", None, None).unwrap(),
            material,
            shared: None,
            around: Around::default(),
        }
    }

    fn compare(secret: &Secret, value_on_server: &str) -> Option<Delta> {
        let probe = Probe::new("salt".into());
        let digest = Digest::of(format!("salt{value_on_server}").as_bytes());
        let reply = format!(
            "regular file\x1f600\x1froot\x1froot\x1f/etc/s\nsalted\x1f/etc/s\x1f{digest}  -\n"
        );
        let found = Secret::observe(&[secret], &probe, &reply).remove(0);
        secret.compare(&found, &AROUND)
    }

    #[test]
    fn a_generated_secret_only_has_to_be_there() {
        let generated = secret(SecretMaterial::Generated);
        assert_eq!(compare(&generated, "whatever"), None);
        assert!(compare(&generated, "").is_some());
    }

    #[test]
    fn one_of_several_servers_has_what_the_others_have() {
        let mut shared = secret(SecretMaterial::Generated);
        let content = shared.made_of(&[0; 32]);
        shared.share(content);
        let text = format!("{}=", "A".repeat(43));
        assert_eq!(compare(&shared, &text), None);
        assert!(compare(&shared, "whatever").is_some());
        assert!(matches!(shared.owned()[..], [Owned::Data(Data::Secret(_))]));
    }

    #[test]
    fn a_brought_secret_is_compared_by_its_keyed_digest() {
        let brought = secret(SecretMaterial::Value(SecretValue::new(b"canary".to_vec())));
        assert_eq!(compare(&brought, "canary"), None);
        let delta = compare(&brought, "other").unwrap();
        assert!(!format!("{delta:?} {brought:?}").contains("canary"));
    }
}
