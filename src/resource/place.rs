//! Type, mode, owner and group of a path, which several kinds share.

use super::vocabulary::probe::fields;
use super::{Diff, EntryError, Observed};
use crate::types::{AbsolutePath, AccountName, FileMode};
use std::collections::BTreeMap;

/// Who owns a path, and who may do what with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ownership {
    /// Permission bits.
    pub mode: FileMode,
    /// Owner.
    pub owner: AccountName,
    /// Group.
    pub group: AccountName,
}

impl Ownership {
    pub(super) fn new(
        mode: Option<FileMode>,
        default_mode: &str,
        owner: Option<AccountName>,
        group: Option<AccountName>,
    ) -> Result<Self, EntryError> {
        let text = |name: &str| {
            AccountName::new(name).map_err(|error| EntryError::entry(error.to_string()))
        };
        Ok(Self {
            mode: match mode {
                Some(mode) => mode,
                None => FileMode::new(default_mode)
                    .map_err(|error| EntryError::entry(error.to_string()))?,
            },
            owner: owner.map_or_else(|| text("root"), Ok)?,
            group: group.map_or_else(|| text("root"), Ok)?,
        })
    }

    /// As arguments of the library: mode, owner, group.
    pub(super) fn words(&self) -> [&str; 3] {
        [self.mode.as_str(), self.owner.as_str(), self.group.as_str()]
    }

    /// The fields of a new path.
    pub(super) fn fields(&self) -> [(&'static str, String); 3] {
        [
            ("mode", self.mode.to_string()),
            ("owner", self.owner.to_string()),
            ("group", self.group.to_string()),
        ]
    }
}

/// What stands at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// `regular file`, `directory`, `symbolic link` …, as `stat` says it.
    pub file_type: String,
    /// Permission bits, as `stat` says them.
    pub mode: String,
    /// Owner.
    pub owner: String,
    /// Group.
    pub group: String,
}

impl Place {
    /// The place that has what it should.
    pub(super) fn like(file_type: &str, ownership: &Ownership) -> Self {
        Self {
            file_type: file_type.to_owned(),
            mode: ownership.mode.to_string(),
            owner: ownership.owner.to_string(),
            group: ownership.group.to_string(),
        }
    }

    /// Adds to `diff` what differs.
    pub(super) fn compare(&self, file_type: &str, wanted: &Ownership, diff: &mut Diff) {
        diff.compare("type", Some(&self.file_type), Some(file_type))
            .compare("mode", Some(&self.mode), Some(wanted.mode.as_str()))
            .compare("owner", Some(&self.owner), Some(wanted.owner.as_str()))
            .compare("group", Some(&self.group), Some(wanted.group.as_str()));
    }
}

/// Reads what `probe_paths` printed.
pub(super) fn read_places(reply: &str) -> BTreeMap<&str, Observed<Place>> {
    let mut places = BTreeMap::new();
    for line in reply.lines() {
        if let Some(["absent", path]) = fields::<2>(line) {
            places.insert(path, Observed::Absent);
        } else if let Some([file_type, mode, owner, group, path]) = fields::<5>(line) {
            // An empty file has a type of its own in stat's words.
            let file_type = file_type.replace("regular empty file", "regular file");
            places.insert(
                path,
                Observed::Present(Place {
                    file_type,
                    mode: mode.to_owned(),
                    owner: owner.to_owned(),
                    group: group.to_owned(),
                }),
            );
        }
    }
    places
}

/// What was found at one path; a path the reply does not speak of is unknown.
pub(super) fn place_of(
    places: &BTreeMap<&str, Observed<Place>>,
    path: &AbsolutePath,
) -> Observed<Place> {
    places
        .get(path.as_str())
        .cloned()
        .unwrap_or_else(|| Observed::unknown(format!("the probe says nothing of {path}")))
}
