//! Which repository of the inventory is meant.

use super::load::Workspace;
use crate::error::Error;

/// The address of the repository that is meant: by its number in the inventory, or as it stands
/// there. `None` is that in which backups are made.
pub(super) fn repository<'a>(
    workspace: &'a Workspace,
    from: Option<&str>,
) -> Result<Option<&'a str>, Error> {
    let Some(from) = from else {
        return Ok(None);
    };
    let backup = workspace.inputs.inventory.backups.made();
    let all: Vec<&str> = backup
        .iter()
        .flat_map(|backup| backup.repositories())
        .collect();
    let place = match from.parse::<usize>() {
        Ok(number) => number.checked_sub(1),
        Err(_) => all.iter().position(|address| *address == from),
    };
    match place.and_then(|place| Some((place, *all.get(place)?))) {
        Some((0, _)) => Ok(None),
        Some((_, address)) => Ok(Some(address)),
        None => {
            let numbered = (1..).zip(&all);
            let numbered: Vec<String> = numbered
                .map(|(number, one)| format!("{number}: {one}"))
                .collect();
            Err(Error::Usage {
                message: format!("the inventory has no repository {from}"),
                hint: match numbered.is_empty() {
                    true => "add the section [backup]".to_owned(),
                    false => format!("it has {}", numbered.join(", ")),
                },
            })
        }
    }
}
