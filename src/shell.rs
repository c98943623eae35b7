//! Shell text: the one quoting function, and a script that values enter only through it.
//!
//! Pure. Everything that runs on the server is written with [`Script`], so that no value can
//! become code: literal text is `&'static str`, and anything else is quoted.

use std::borrow::Cow;

/// Quotes a value as one word of POSIX sh.
///
/// A NUL byte cannot be in an argument at all; the checked types of [`crate::types`] keep it
/// out, and one that comes by another way is dropped here rather than ending the word early.
#[must_use]
pub fn quote(value: &str) -> Cow<'_, str> {
    match shlex::try_quote(value) {
        Ok(quoted) => quoted,
        Err(_) => Cow::Owned(quote(&value.replace('\0', "")).into_owned()),
    }
}

/// A piece of POSIX sh under construction.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Script(String);

impl Script {
    /// An empty script.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds literal lines, written by us.
    pub fn raw(&mut self, text: &'static str) -> &mut Self {
        self.0.push_str(text);
        if !text.ends_with('\n') {
            self.0.push('\n');
        }
        self
    }

    /// Adds a library of functions without its comments, for a script that travels often. No
    /// line of a text in it may begin with `#`.
    pub fn library(&mut self, text: &'static str) -> &mut Self {
        let is_code = |line: &&str| !line.is_empty() && !line.trim_start().starts_with('#');
        for line in text.lines().filter(is_code) {
            self.0.push_str(line);
            self.0.push('\n');
        }
        self
    }

    /// Adds a simple command: a literal program or function, and quoted arguments.
    pub fn call<I>(&mut self, program: &'static str, arguments: I) -> &mut Self
    where
        I: IntoIterator,
        I::Item: AsRef<str>,
    {
        self.0.push_str(program);
        for argument in arguments {
            self.0.push(' ');
            self.0.push_str(&quote(argument.as_ref()));
        }
        self.0.push('\n');
        self
    }

    /// Adds an assignment of one quoted value to a literal name.
    pub fn assign(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.0.push_str(name);
        self.0.push('=');
        self.0.push_str(&quote(value));
        self.0.push('\n');
        self
    }

    /// Adds a function of this name, which must be a name: letters, digits, `_`.
    pub fn function(&mut self, name: &str, body: &Script) -> &mut Self {
        debug_assert!(name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
        self.0.push_str(name);
        self.0.push_str("() {\n");
        self.0
            .push_str(if body.is_empty() { ":\n" } else { &body.0 });
        self.0.push_str("}\n");
        self
    }

    /// Adds another script.
    pub fn append(&mut self, other: &Script) -> &mut Self {
        self.0.push_str(&other.0);
        self
    }

    /// True if nothing has been added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    /// What sh takes the quoted value for.
    fn through_sh(value: &str) -> String {
        let mut script = Script::new();
        script.call("printf %s", [value]);
        let output = Command::new("sh")
            .arg("-c")
            .arg(script.as_str())
            .output()
            .unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_quoted_value_comes_out_of_sh_as_it_went_in(value in "[^\0]{0,40}") {
            prop_assert_eq!(through_sh(&value), value);
        }
    }

    #[test]
    fn a_library_loses_its_comments_alone() {
        // bash shows functions as it understands them, with the texts in them.
        let functions = |text: &str| {
            let output = Command::new("bash")
                .args(["-c", &format!("{text}\ndeclare -f")])
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
            String::from_utf8(output.stdout).unwrap()
        };
        for text in [
            include_str!("conflict/occupied.sh"),
            include_str!("resource/vocabulary/probe.sh"),
            include_str!("resource/orphans/absent.sh"),
            include_str!("resource/certificate.sh"),
            include_str!("resource/command.sh"),
            include_str!("resource/databases/client.sh"),
            include_str!("resource/databases/probe.sh"),
            include_str!("resource/databases/settings/probe.sh"),
            include_str!("resource/releases/deployment/probe.sh"),
            include_str!("resource/directory.sh"),
            include_str!("resource/file.sh"),
            include_str!("resource/link.sh"),
            include_str!("resource/orphans/orphan.sh"),
            include_str!("resource/orphans/orphan_package.sh"),
            include_str!("resource/package.sh"),
            include_str!("resource/releases/mark.sh"),
            include_str!("resource/releases/probe.sh"),
            include_str!("resource/orphans/retired.sh"),
            include_str!("resource/secret.sh"),
            include_str!("resource/service/probe.sh"),
            include_str!("resource/user.sh"),
            include_str!("resource/zone.sh"),
        ] {
            let mut script = Script::new();
            script.library(text);
            assert!(script.as_str().len() < text.len());
            assert!(functions(text).len() > 100, "{text}");
            assert_eq!(functions(script.as_str()), functions(text));
        }
    }

    #[test]
    fn code_in_a_value_stays_text() {
        for value in [
            "",
            "$(id)",
            "`id`",
            "a'b",
            "a\"b",
            "a\nb",
            "; rm -rf /",
            "\\",
            "!x",
            "~",
        ] {
            assert_eq!(through_sh(value), value);
        }
    }
}
