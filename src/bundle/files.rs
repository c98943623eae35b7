//! Files that take their places together: the calls of `files.sh`.

use crate::resource::PutFile;
use crate::shell::Script;
use crate::types::AbsolutePath;
use std::collections::BTreeMap;

/// Those of a folder that have the same owner and mode are written by one process.
type Groups<'a> = BTreeMap<(&'a str, &'a [String; 3]), Vec<&'a str>>;

/// Whether the file can be written together with others of its folder: its payload has its name.
pub(super) fn is_named_after(payload: &str, path: &AbsolutePath) -> bool {
    payload
        .rsplit_once('/')
        .is_some_and(|(_, name)| name == path.file_name())
}

/// The body of the step that puts these files in place.
pub(super) fn put(files: &[&PutFile]) -> Script {
    let mut groups = Groups::new();
    for file in files {
        let group = groups.entry((file.path.parent(), &file.ownership));
        group.or_default().push(&file.payload);
    }
    let mut script = Script::new();
    script.call("keep_files", files.iter().map(|file| &file.path));
    for ((folder, ownership), payloads) in &groups {
        let words = ownership.iter().map(String::as_str);
        let words = std::iter::once(*folder).chain(words);
        script.call("stage_files", words.chain(payloads.iter().copied()));
    }
    // One flush for all that lies on the file system of a folder.
    script.call("flush_files", groups.keys().map(|(folder, _)| *folder));
    for ((folder, _), payloads) in &groups {
        let words = std::iter::once(*folder).chain(payloads.iter().copied());
        script.call("place_files", words);
    }
    script
}
