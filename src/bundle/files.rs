//! Files that take their places together, or are removed together: the calls of `files.sh`.

use crate::resource::{Phase, PutFile};
use crate::shell::Script;
use crate::types::AbsolutePath;
use std::collections::BTreeMap;

/// So many files are flushed one by one. The flush of a file system takes one go for all of them,
/// and for everything else that the server has not written yet.
const FEW: usize = 30;

/// Whether the file can be written together with others of its folder: its payload has its name.
pub(super) fn is_named_after(payload: &str, path: &AbsolutePath) -> bool {
    payload
        .rsplit_once('/')
        .is_some_and(|(_, name)| name == path.file_name())
}

/// The body of the step that removes what stands at these paths, and in the last phase forgets it.
pub(super) fn remove(paths: &[&AbsolutePath], phase: Phase) -> Script {
    let function = match phase {
        Phase::Finish => "discard_paths",
        _ => "remove_paths",
    };
    let mut script = Script::new();
    script.call(function, paths);
    script
}

/// The body of the step that puts these files in place.
pub(super) fn put(files: &[&PutFile]) -> Script {
    let mut folders = BTreeMap::<&str, Vec<&str>>::new();
    // Those of a folder that have the same owner and mode are written by one process.
    let mut alike = BTreeMap::<(&str, &[String; 3]), Vec<&str>>::new();
    for file in files {
        let folder = file.path.parent();
        folders.entry(folder).or_default().push(&file.payload);
        let group = alike.entry((folder, &file.ownership));
        group.or_default().push(&file.payload);
    }
    let mut script = Script::new();
    script.call("keep_files", files.iter().map(|file| &file.path));
    script.call("clear_stages", folders.keys());
    for ((folder, ownership), payloads) in &alike {
        let words = ownership.iter().map(String::as_str);
        let words = std::iter::once(*folder).chain(words);
        script.call("stage_files", words.chain(payloads.iter().copied()));
    }
    if files.len() > FEW {
        script.call("flush_file_systems", folders.keys());
    } else {
        let staged = files.iter().map(|file| {
            let (folder, name) = (file.path.parent(), file.path.file_name());
            format!("{folder}/.foobar-stack/{name}")
        });
        script.call("sync", std::iter::once("--".to_owned()).chain(staged));
    }
    for (folder, payloads) in &folders {
        let words = std::iter::once(*folder).chain(payloads.iter().copied());
        script.call("place_files", words);
    }
    script
}
