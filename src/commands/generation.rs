//! A generation that a server keeps, and the workspace that it was applied from.

use super::certificate;
use super::files::{missing_files, own_files, read};
use super::load::{Secrets, Workspace, read_secrets};
use crate::bundle::{self, Generation};
use crate::diagnostic::Source;
use crate::error::Error;
use crate::inventory::{self, Inventory, Server};
use crate::role::{Inputs, Roles, SiteInputs};
use crate::server::Session;
use crate::types::{Code, ServerName};
use std::collections::BTreeMap;

/// What the server keeps of it.
pub(super) async fn fetch(session: &mut Session, number: u64) -> Result<Generation, Error> {
    let script = bundle::generation(number);
    let reply = session.run("reading the generation", &script).await?;
    Ok(Generation::read(number, &reply.stdout)?)
}

/// The workspace that the generation was applied from. Secrets, a certificate of one's own
/// with its key, and shared files come from where its inventory says, as they are now; the server
/// is reached as it is reached now.
pub(super) async fn recall(
    number: u64,
    generation: &Generation,
    server: &ServerName,
    here: &Workspace,
) -> Result<Workspace, Error> {
    let name = format!("<generation {number}>/inventory.toml");
    let text = Source::new(name, generation.inventory.clone());
    let mut parsed = inventory::parse(&text)?;
    let folder = here.folder.clone();
    let ours = |key: &str| key.starts_with("tls.") || key == "app.shared";
    for references in parsed.references.values_mut() {
        references.files.retain(|file| ours(&file.key));
        missing_files(&text, &folder, &references.files)?;
    }
    let then = &generation.server;
    let mut inventory = reached_as(parsed.inventory, then, server, here.server(server));
    for (name, site) in &mut inventory.sites {
        // Where the site has moved since, going back is a move, too.
        let now = here.inputs.inventory.sites.get(name);
        if let Some(now) = now.map(|now| &now.names.domain)
            && *now != site.names.domain
        {
            site.names.previous_domain = Some(now.clone());
        }
    }
    let roles = generation.roles();
    let ordered = Roles::read(&roles)?;
    let mut files = generation.files(number)?;
    let mut sensitive_files = own_files(&folder, &inventory, read, &mut files)?;
    for (name, references) in &parsed.references {
        if let Some(site) = inventory.sites.get(name) {
            certificate::is_public(&text, &references.files, site, &files)?;
        }
    }
    // Keys among the files of roles stay at home, too.
    let keys = here.inputs.sensitive_files.iter();
    let keys = keys.filter(|(path, _)| path.starts_with("roles/"));
    sensitive_files.extend(keys.map(|(path, key)| (path.clone(), key.clone())));
    let mut sites = BTreeMap::new();
    for (name, site) in &inventory.sites {
        let secrets = read_secrets(&folder, &site.secrets(), Secrets::Read).await?;
        let release = generation.release(name);
        // Code that is here anyway can be sent again.
        let same = |code: &&Code| Some(code.id()) == release;
        let code = here
            .inputs
            .sites
            .get(name)
            .and_then(|site| site.app.as_ref());
        let app = match code.filter(same) {
            Some(code) => Some(code.clone()),
            None => release.cloned().map(Code::kept),
        };
        sites.insert(name.clone(), SiteInputs { secrets, app });
    }
    let secrets = read_secrets(&folder, &inventory.secrets(), Secrets::Read).await?;
    let inputs = Inputs {
        inventory,
        roles,
        files,
        sensitive_files,
        secrets,
        sites,
    };
    Ok(Workspace {
        folder,
        text,
        inputs,
        roles: ordered,
        certificate: Ok(()),
        notes: Vec::new(),
    })
}

/// The inventory, with its server reached, and called, as it is now. `then` is what the inventory
/// calls it.
fn reached_as(
    mut inventory: Inventory,
    then: &ServerName,
    name: &ServerName,
    now: &Server,
) -> Inventory {
    if let Some(mut then) = inventory.servers.remove(then) {
        let server = Server {
            ipv4: then.ipv4,
            ipv6: then.ipv6,
            hostname: then.hostname.take(),
            timezone: then.timezone.take(),
            ..now.clone()
        };
        inventory.servers.insert(name.clone(), server);
    }
    inventory
}
