//! The releases that a server keeps, to go back to.

use crate::resource::vocabulary::probe::fields;
use crate::resource::{Resource, Spec};
use crate::shell::Script;
use crate::types::ReleaseId;

/// A release that has served, and is still there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptRelease {
    /// Its id.
    pub id: ReleaseId,
    /// When it last began to serve, in seconds since 1970.
    pub since: i64,
    /// Whether it serves now.
    pub serves: bool,
}

/// The script that lists the releases of the first deployment among these resources; none if there
/// is no deployment.
#[must_use]
pub fn kept_releases<'a>(mut resources: impl Iterator<Item = &'a Resource>) -> Option<Script> {
    let root = resources.find_map(|resource| match &resource.spec {
        Spec::Deployment(deployment) => Some(deployment.root.as_str()),
        _ => None,
    })?;
    let mut script = Script::new();
    script.raw(include_str!("kept.sh"));
    script.call("kept_releases", [root]);
    Some(script)
}

impl KeptRelease {
    /// Reads what the script printed: the last one first.
    #[must_use]
    pub fn parse(reply: &str) -> Vec<Self> {
        let read = |line: &str| {
            let [id, since, serves] = fields::<3>(line)?;
            Some(Self {
                id: ReleaseId::new(id).ok()?,
                since: since.parse().ok()?,
                serves: serves == "yes",
            })
        };
        reply.lines().filter_map(read).collect()
    }

    /// The one to go back to: the wanted one if it is kept, else the last that does not serve.
    #[must_use]
    pub fn choose<'a>(kept: &'a [Self], wanted: Option<&ReleaseId>) -> Option<&'a Self> {
        kept.iter().find(|release| match wanted {
            Some(id) => release.id == *id,
            None => !release.serves,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_goes_back_to_the_last_that_does_not_serve() {
        let reply = "0123456789ab\x1f30\x1fyes\nnonsense\x1f25\x1fno\n\
                     ba9876543210\x1f20\x1fno\naaaaaaaaaaaa\x1f10\x1fno\n";
        let kept = KeptRelease::parse(reply);
        assert_eq!(kept.len(), 3);
        let chosen = |wanted: Option<&str>| {
            let wanted = wanted.map(|id| ReleaseId::new(id).unwrap());
            KeptRelease::choose(&kept, wanted.as_ref()).map(|release| release.since)
        };
        assert_eq!(chosen(None), Some(20));
        assert_eq!(chosen(Some("aaaaaaaaaaaa")), Some(10));
        assert_eq!(chosen(Some("0123456789ab")), Some(30));
        assert_eq!(chosen(Some("bbbbbbbbbbbb")), None);
    }
}
