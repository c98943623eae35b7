//! Which values no text of the server shows: those of the secrets that this machine knows.

use super::load::{Secrets, Workspace, read_secrets};
use crate::report::Reporter;
use crate::resource::SecretMaterial;
use crate::types::{Masks, SecretValue};

/// Masks what the workspace has read.
pub(super) fn mask_read(workspace: &Workspace, reporter: &Reporter) {
    let inputs = &workspace.inputs;
    let sites = inputs.sites.values().flat_map(|site| &site.secrets);
    let all = sites.chain(&inputs.secrets);
    let values = all.filter_map(|(_, secret)| value(secret));
    reporter.mask(Masks::new(values));
}

/// Masks what the workspace has read, and reads the others for that alone, as far as they can be
/// had here. What cannot is told.
pub(super) async fn mask_readable(workspace: &Workspace, reporter: &Reporter) {
    let mut values = Vec::new();
    let inputs = &workspace.inputs;
    let of_sites = inputs.inventory.sites.iter().map(|(site, settings)| {
        let read = inputs.sites.get(site);
        (read.map(|read| &read.secrets), settings.secrets())
    });
    let of_server = (Some(&inputs.secrets), inputs.inventory.secrets());
    for (read, sources) in of_sites.chain([of_server]) {
        for (name, source) in &sources {
            let known = read.and_then(|read| read.get(name));
            if let Some(known) = known.and_then(value) {
                values.push(known.clone());
                continue;
            }
            let alone = [(name.clone(), source.clone())].into();
            match read_secrets(&workspace.folder, &alone, Secrets::Read).await {
                Ok(read) => values.extend(read.values().filter_map(value).cloned()),
                Err(error) => reporter.note(&format!("{error}: what is shown may contain it")),
            }
        }
    }
    reporter.mask(Masks::new(&values));
}

fn value(material: &SecretMaterial) -> Option<&SecretValue> {
    match material {
        SecretMaterial::Value(value) if value.expose() != SecretValue::STAND_IN => Some(value),
        SecretMaterial::Value(_) | SecretMaterial::Generated => None,
    }
}
