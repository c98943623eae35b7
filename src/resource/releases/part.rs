//! What makes a release ready on the server, part by part, and by which digest the result of one
//! is known to other releases.

use super::manifest::Manifest;
use super::requirements::read_by_pip;
use crate::shell::{Script, quote};
use crate::types::{AbsolutePath, AccountName, Digest, Tree};
use serde::Deserialize;

/// Commands that one unit runs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    /// The unit.
    unit: String,
    /// The words of each of its commands.
    commands: Vec<Vec<String>>,
    /// What other releases may get of it.
    shares: Option<Shares>,
}

/// What a part makes for all releases in which it would make the same.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Shares {
    /// Files and folders of the release.
    makes: Vec<String>,
    /// Files and folders of the code that it reads.
    from: Vec<String>,
    /// A file of the code with requirements as pip reads them.
    requirements: Option<String>,
    /// All else that decides.
    recipe: String,
}

/// The form of what is shared: what is made in another form has another digest.
const FORM: &str = "1";

impl Shares {
    /// The digest of what decides on the client what is made. The server adds what decides there.
    fn digest(&self, before: &Digest, tree: &Tree) -> Digest {
        let mut inputs: Vec<String> = self.from.clone();
        // What of the code stands where it is made is part of the result.
        inputs.extend(self.makes.iter().cloned());
        if let Some(file) = &self.requirements {
            inputs.extend(read_by_pip(tree, file));
        }
        let read = tree.part(|path| {
            inputs.iter().any(|input| {
                let rest = path.strip_prefix(input.as_str());
                input == "." || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            })
        });
        let lines = [
            FORM,
            before.as_str(),
            &self.recipe,
            Manifest::of(&read).digest().as_str(),
        ]
        .join("\n");
        Digest::of(lines.as_bytes())
    }
}

/// Makes the release ready that stands beside its place in `path`, of this code, by `parts` as
/// `user`. What they make depends on the versions of `packages`, too.
pub(super) fn prepare(
    script: &mut Script,
    (path, id): (&AbsolutePath, &str),
    user: &AccountName,
    packages: &[String],
    parts: &[Part],
    tree: &Tree,
) {
    let place = [path.as_str(), id, user.as_str()];
    let packages = packages.iter().map(String::as_str);
    script.call("prepare_release", place.into_iter().chain(packages));
    let mut before = Digest::of(b"");
    for part in parts {
        let titles = part.commands.iter().map(|words| {
            let words: Vec<_> = words.iter().map(|word| quote(word)).collect();
            words.join(" ")
        });
        let mut words: Vec<String> = Vec::new();
        if let Some(shares) = &part.shares {
            before = shares.digest(&before, tree);
            words.extend(place.map(str::to_owned));
            words.extend([part.unit.clone(), before.to_string()]);
            words.push(shares.makes.len().to_string());
            words.extend(shares.makes.iter().cloned());
            words.extend(titles);
            script.call("share_part", words);
        } else {
            words.push(part.unit.clone());
            words.extend(titles);
            script.call("run_part", words);
        }
    }
    script.call("seal_release", [path.as_str(), id]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Node;

    fn tree(entries: &[(&str, &str)]) -> Tree {
        let file = |text: &str| Node::File {
            executable: false,
            content: text.as_bytes().into(),
        };
        let entries = entries.iter();
        Tree::new(
            entries
                .map(|(path, text)| ((*path).to_owned(), file(text)))
                .collect(),
        )
    }

    #[test]
    fn what_decides_is_in_the_digest_and_nothing_else() {
        let shares = Shares {
            makes: vec!["node_modules".to_owned()],
            from: vec!["package.json".to_owned(), "patches".to_owned()],
            requirements: Some("requirements.txt".to_owned()),
            recipe: "npm ci".to_owned(),
        };
        let code = [
            ("app.js", "1"),
            ("node_modules/.keep", ""),
            ("package.json", "{}"),
            ("package.json5", ""),
            ("patches/a", "1"),
            ("pins.txt", "x==1"),
            ("requirements.txt", "-c pins.txt"),
        ];
        let before = Digest::of(b"");
        let digest = |code: &[(&str, &str)]| shares.digest(&before, &tree(code));
        let was = digest(&code);
        for (at, (path, _)) in code.iter().enumerate() {
            let mut other = code;
            other[at].1 = "other";
            let same = ["app.js", "package.json5"].contains(path);
            assert_eq!(digest(&other) == was, same, "{path}");
        }
        assert_ne!(shares.digest(&Digest::of(b"x"), &tree(&code)), was);
        let mut other = shares.clone();
        other.recipe = "npm install".to_owned();
        assert_ne!(other.digest(&before, &tree(&code)), was);
    }
}
