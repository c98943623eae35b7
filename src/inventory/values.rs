//! Values of more than one key: paths of the client and of the app, commands, names of variables.

use super::FileReference;
use super::mistakes::Mistakes;
use super::raw::At;
use crate::types::InvalidValue;

/// A path of the client, whatever is there.
pub(super) fn path(text: &str) -> Result<String, InvalidValue> {
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(InvalidValue::new(
            "the path is empty or has a control character",
        ));
    }
    Ok(text.to_owned())
}

/// Checks the path of a file or folder of the client, and notes that it is wanted.
pub(super) fn file(
    path: &At<String>,
    key: &str,
    directory: bool,
    files: &mut Vec<FileReference>,
    mistakes: &mut Mistakes<'_>,
) -> Option<String> {
    let path_text = mistakes.check(key, Some(path), |text| self::path(text))?;
    files.push(FileReference {
        path: path_text.clone(),
        span: path.span(),
        key: key.to_owned(),
        directory,
    });
    Some(path_text)
}

/// A folder below another: relative, and not out of it again. Comes back without `./` and
/// a final `/`.
pub(super) fn relative(text: &str) -> Result<String, InvalidValue> {
    let wrong = |why: &str| InvalidValue::new(format!("`{text}` is no path in the app: {why}"));
    if text.is_empty() {
        return Err(wrong("it is empty"));
    }
    if text.starts_with('/') {
        let hint = "write it relative to the app's folder";
        return Err(wrong("it begins with `/`").hint(hint));
    }
    if text.chars().any(char::is_control) {
        return Err(wrong("it has a control character"));
    }
    let parts: Vec<&str> = text
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    if parts.contains(&"..") {
        return Err(wrong("it leads out with `..`"));
    }
    Ok(if parts.is_empty() {
        ".".to_owned()
    } else {
        parts.join("/")
    })
}

/// A number of processes: few enough for one server and its ports.
pub(super) fn instances(number: u16) -> Result<u16, InvalidValue> {
    if number > 64 {
        return Err(
            InvalidValue::new(format!("{number} instances are too many")).hint("at most 64"),
        );
    }
    Ok(number)
}

/// The words of a command, split as sh does.
pub(super) fn words(text: &str) -> Result<Vec<String>, InvalidValue> {
    let words = shlex::split(text)
        .ok_or_else(|| InvalidValue::new("a quote or an escape in the command is not closed"))?;
    let Some(first) = words.first() else {
        return Err(InvalidValue::new("the command is empty"));
    };
    if text.chars().any(char::is_control) {
        return Err(InvalidValue::new(
            "the command has a line break or another control character",
        ));
    }
    let shell = |word: &&String| {
        matches!(
            word.as_str(),
            "&&" | "||" | "|" | ";" | "&" | ">" | ">>" | "<"
        )
    };
    if let Some(word) = words.iter().find(shell) {
        let error = InvalidValue::new(format!("`{word}` has no meaning here: no shell runs this"));
        return Err(error.hint("put it into a script, or write: sh -c '…'"));
    }
    if first
        .split_once('=')
        .is_some_and(|(name, _)| env_name(name).is_ok())
    {
        let error = InvalidValue::new("the command begins with a variable");
        return Err(error.hint("variables stand in [app.env]"));
    }
    Ok(words)
}

/// Checks the name of a variable, or of a secret, which is a file of that name.
pub(super) fn env_name(text: &str) -> Result<(), InvalidValue> {
    let head = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if head && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Ok(());
    }
    Err(
        InvalidValue::new(format!("`{text}` is not the name of a variable"))
            .hint("letters, digits and `_`, not a digit first"),
    )
}
