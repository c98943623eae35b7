//! What a resource is called, and the patterns that name several.

use std::fmt;

/// What a resource is called everywhere: its kind, and its name among its kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceId {
    /// The kind's name, as in a role's `[[kind]]`.
    pub kind: &'static str,
    /// What tells it from others of its kind: a path, a unit, a package.
    pub name: String,
}

impl ResourceId {
    /// True if `pattern` (an id in which `*` stands for anything) fits. A path that should be
    /// gone is a file, too.
    #[must_use]
    pub fn matches(&self, pattern: &str) -> bool {
        let gone = self.kind == "absent" && fits(pattern, &format!("file:{}", self.name));
        gone || fits(pattern, &self.to_string())
    }
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind, self.name)
    }
}

/// Whether a pattern with `*` for any run of characters fits the whole text.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((head, rest)) => text.strip_prefix(head).is_some_and(|tail| {
            tail.char_indices()
                .map(|(at, _)| at)
                .chain([tail.len()])
                .any(|at| fits(rest, &tail[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_ids() {
        let id = ResourceId {
            kind: "file",
            name: "/etc/nginx/nginx.conf".into(),
        };
        assert!(id.matches("file:/etc/nginx/*"));
        assert!(id.matches("file:/etc/nginx/nginx.conf"));
        assert!(id.matches("*:*.conf"));
        assert!(!id.matches("file:/etc/nginx"));
        assert!(!id.matches("link:/etc/nginx/*"));
    }
}
