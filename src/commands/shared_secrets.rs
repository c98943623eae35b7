//! Sees to it that what is generated for several servers is the same on all of them: the content that
//! one of them has, else a new one. It passes through the memory of this program, and is shown nowhere.

use super::connected::Sessions;
use super::load::Workspace;
use super::per_server::PerServer;
use crate::error::Error;
use crate::facts::Facts;
use crate::inventory::ServerRole;
use crate::operate::shared_secrets;
use crate::plan::Stack;
use crate::random;
use crate::resource::Spec;
use crate::types::{AbsolutePath, SecretValue};
use std::collections::{BTreeMap, BTreeSet};

/// Gives the generated secrets that several of these servers have one content each.
pub(super) async fn share(
    sessions: &mut Sessions,
    workspace: &Workspace,
    compiled: &mut PerServer<(Facts, Stack)>,
) -> Result<(), Error> {
    let shared = shared(compiled);
    if shared.is_empty() {
        return Ok(());
    }
    let script = shared_secrets::script(&shared);
    let found = sessions
        .as_mut()
        .at_once(async |_, session| {
            let reply = session
                .run_unseen("reading what several servers share", &script)
                .await?;
            let printed = String::from_utf8_lossy(&reply.stdout);
            Ok::<_, Error>(shared_secrets::parse(&printed))
        })
        .await?;
    // Where two differ, what visitors have met counts.
    let mut order: Vec<_> = compiled
        .iter()
        .map(|(name, (facts, _))| {
            let visited = workspace.server(name).has(ServerRole::Web);
            (facts.generation == 0, !visited, name)
        })
        .collect();
    order.sort();
    let mut contents: BTreeMap<AbsolutePath, SecretValue> = BTreeMap::new();
    for (.., name) in order {
        for (path, content) in found.by_name().get(name).into_iter().flatten() {
            let known = contents.contains_key(path);
            if !known {
                contents.insert(path.clone(), content.clone());
            }
        }
    }
    for (_, (_, stack)) in compiled.iter_mut() {
        for resource in &mut stack.resources {
            let Spec::Secret(secret) = &mut resource.spec else {
                continue;
            };
            let Some(path) = secret.generated().filter(|path| shared.contains(path)) else {
                continue;
            };
            let path = path.clone();
            let random = [random::bits(), random::bits()].map(u128::to_ne_bytes);
            let new = || secret.made_of(&random.concat());
            let content = contents.entry(path).or_insert_with(new).clone();
            secret.share(content);
        }
    }
    Ok(())
}

/// The paths of the secrets that are generated on more than one server.
fn shared(compiled: &PerServer<(Facts, Stack)>) -> BTreeSet<AbsolutePath> {
    let (mut once, mut more) = (BTreeSet::new(), BTreeSet::new());
    for (_, (_, stack)) in compiled.iter() {
        for resource in &stack.resources {
            if let Spec::Secret(secret) = &resource.spec
                && let Some(path) = secret.generated()
                && !once.insert(path.clone())
            {
                more.insert(path.clone());
            }
        }
    }
    more
}
