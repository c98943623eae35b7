//! An absolute path on the server.

use super::{InvalidValue, checked_text};
use serde::{Deserialize, Serialize};

/// A path that begins with `/`, has no empty, `.` or `..` part, no control
/// character and no backslash (which `sha256sum` and `stat` would escape in their output).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AbsolutePath(String);

checked_text!(AbsolutePath);

impl AbsolutePath {
    /// Checks a path. A final `/` is dropped.
    ///
    /// # Errors
    /// When the text is not an absolute, plain path.
    pub fn new(text: &str) -> Result<Self, InvalidValue> {
        let wrong =
            |why: &str| InvalidValue::new(format!("`{text}` is not an absolute path: {why}"));
        let Some(inner) = text.strip_prefix('/') else {
            return Err(wrong("it does not begin with `/`"));
        };
        if text.chars().any(|c| c.is_control() || c == '\\') {
            return Err(wrong("it has a control character or a backslash"));
        }
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        if inner.is_empty() {
            return Err(wrong("it is the root folder"));
        }
        if inner.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return Err(wrong("it has an empty, `.` or `..` part"));
        }
        Ok(Self(format!("/{inner}")))
    }

    /// The path without its first `/`, as it stands in an archive.
    #[must_use]
    pub fn relative(&self) -> &str {
        &self.0[1..]
    }

    /// Its last part.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The folder it lies in.
    #[must_use]
    pub fn parent(&self) -> &str {
        match self.0.rfind('/') {
            Some(0) | None => "/",
            Some(at) => &self.0[..at],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        assert_eq!(
            AbsolutePath::new("/etc/nginx/").unwrap().as_str(),
            "/etc/nginx"
        );
        assert_eq!(AbsolutePath::new("/etc").unwrap().parent(), "/");
        assert_eq!(AbsolutePath::new("/etc/a").unwrap().parent(), "/etc");
        for text in ["", "/", "etc", "/a/../b", "/a//b", "/a\nb"] {
            assert!(AbsolutePath::new(text).is_err(), "{text:?}");
        }
    }
}
