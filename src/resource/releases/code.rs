//! The code that a release on a server was made of, to make the same release elsewhere.

use super::shell;
use crate::resource::{Resource, Spec};
use crate::shell::Script;
use crate::types::ReleaseId;

/// The script that prints what a release of the first deployment among these resources was made
/// of, as an archive of tar that is compressed by gzip; none if there is no deployment. Links come
/// as they stand.
#[must_use]
pub fn release_code<'a>(
    mut resources: impl Iterator<Item = &'a Resource>,
    release: &ReleaseId,
) -> Option<Script> {
    let root = resources.find_map(|resource| match &resource.spec {
        Spec::Deployment(deployment) => Some(deployment.root.as_str()),
        _ => None,
    })?;
    let mut script = Script::new();
    script.raw(shell::MARK);
    script.raw(include_str!("code.sh"));
    script.call("pack_code", [root, release.as_str()]);
    Some(script)
}
