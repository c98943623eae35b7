//! A role's manifest: its structure, with the place of everything in it.

use super::RoleSource;
use crate::check;
use crate::diagnostic::{Diagnostic, Diagnostics, Source, nearest};
use crate::resource;
use crate::types::AccountName;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;
use toml::de::DeTable;

use super::value::{Node, Text, Value, named};

/// What an entry stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum EntryKind {
    /// `[[<kind>]]`
    Resource(&'static str),
    /// `[[validate]]`
    Validate,
    /// `[[require]]`
    Require,
    /// `[[check.<kind>]]`
    Check(&'static str),
}

/// One `[[…]]` of a manifest.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) kind: EntryKind,
    /// Whether it is made once for each site.
    pub(super) of_site: bool,
    /// The place of the whole entry.
    pub(super) span: Range<usize>,
    pub(super) when: Option<Text>,
    pub(super) for_each: Option<Text>,
    /// The other fields.
    pub(super) fields: Vec<(Text, Value)>,
}

/// A role whose structure is in order.
#[derive(Debug)]
pub(super) struct Manifest {
    pub(super) name: String,
    pub(super) source: Arc<Source>,
    pub(super) templates: BTreeMap<String, Arc<Source>>,
    pub(super) after: Vec<Text>,
    pub(super) packages: Vec<String>,
    /// What it does once for the server.
    pub(super) server: Part,
    /// What it does once for each site; of a role of scope `site` that is all.
    pub(super) site: Part,
    /// In the order of the text.
    pub(super) entries: Vec<Entry>,
}

/// Under which condition a part of a role applies, and its variables.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) when: Option<Text>,
    pub(super) vars: Vec<(Text, Value)>,
}

/// How often a role is compiled for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Once; what stands below `site` once for each site.
    Server,
    /// Once for each site.
    Site,
}

/// The keys that a role has, and that do not stand below `site`.
const ROLE_KEYS: [&str; 4] = ["description", "scope", "after", "facts"];

/// The keys of a manifest besides the kinds.
const KEYS: [&str; 10] = [
    "description",
    "scope",
    "after",
    "site",
    "when",
    "facts",
    "vars",
    "require",
    "validate",
    "check",
];

struct Reader<'a> {
    source: &'a Arc<Source>,
    mistakes: Vec<Diagnostic>,
}

impl Manifest {
    /// Reads a manifest.
    pub(super) fn read(role: &RoleSource) -> Result<Self, Diagnostics> {
        let source = &role.manifest;
        if let Err(error) = AccountName::new(&role.name) {
            return Err(Diagnostic::new(source, 0..0, error.to_string()).into());
        }
        let document = DeTable::parse(&source.text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            Diagnostics::from(Diagnostic::new(source, span, error.message().to_owned()))
        })?;
        let mut reader = Reader {
            source,
            mistakes: Vec::new(),
        };
        let mut manifest = Self {
            name: role.name.clone(),
            source: Arc::clone(source),
            templates: role.templates.clone(),
            after: Vec::new(),
            packages: Vec::new(),
            server: Part::default(),
            site: Part::default(),
            entries: Vec::new(),
        };
        let table = named(document.into_inner());
        let scope = reader.scope(&table);
        for (key, value) in table {
            match key.get_ref().as_str() {
                "description" => drop(reader.text(&value)),
                "scope" => {}
                "after" => manifest.after = reader.texts(&value),
                "facts" => {
                    for (key, value) in reader.table(&value, &["packages"]) {
                        if key.get_ref() == "packages" {
                            let names = reader.texts(&value).into_iter();
                            manifest.packages = names.map(Spanned::into_inner).collect();
                        }
                    }
                }
                "site" if scope == Scope::Site => {
                    let message = "all of this role is made for each site";
                    let mistake = Diagnostic::new(source, key.span(), message);
                    let help = "write `scope = \"server\"` for one with a part for each site";
                    reader.mistake(mistake.help(help));
                }
                "site" => {
                    for (key, value) in reader.table(&value, &[]) {
                        reader.part(&key, &value, Scope::Site, &mut manifest);
                    }
                }
                _ => reader.part(&key, &value, scope, &mut manifest),
            }
        }
        if !reader.mistakes.is_empty() {
            return Err(Diagnostics(reader.mistakes));
        }
        manifest.entries.sort_by_key(|entry| entry.span.start);
        Ok(manifest)
    }
}

/// The constant of this name.
fn known(names: &'static [&'static str], name: &str) -> Option<&'static str> {
    names.iter().copied().find(|one| *one == name)
}

impl Reader<'_> {
    fn mistake(&mut self, diagnostic: Diagnostic) {
        self.mistakes.push(diagnostic);
    }

    fn wrong_type(&mut self, value: &Value, wanted: &str) {
        let message = format!("{wanted} is wanted here, not {}", value.type_name());
        self.mistake(Diagnostic::new(self.source, value.span.clone(), message));
    }

    fn unknown<'n>(
        &mut self,
        what: &str,
        key: &Text,
        known: impl Iterator<Item = &'n str> + Clone,
    ) {
        let name = key.get_ref();
        let help = match nearest(name, known.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are {}", known.collect::<Vec<_>>().join(", ")),
        };
        let diagnostic =
            Diagnostic::new(self.source, key.span(), format!("unknown {what} `{name}`"));
        self.mistake(diagnostic.label("not known").help(help));
    }

    /// The key `scope`. Without it a role is of a site: so it sees everything of the only one.
    fn scope(&mut self, table: &[(Text, Value)]) -> Scope {
        let key = table.iter().find(|(key, _)| key.get_ref() == "scope");
        let Some((_, value)) = key else {
            return Scope::Site;
        };
        match &value.node {
            Node::Text(text) if text == "server" => Scope::Server,
            Node::Text(text) if text == "site" => Scope::Site,
            _ => {
                let message = "a scope is \"server\" or \"site\"";
                let mistake = Diagnostic::new(self.source, value.span.clone(), message);
                let help = "once for the server, or once for each site on it";
                self.mistake(mistake.help(help));
                Scope::Site
            }
        }
    }

    /// A key of what is made once for the server, or once for each site.
    fn part(&mut self, key: &Text, value: &Value, scope: Scope, manifest: &mut Manifest) {
        let part = match scope {
            Scope::Server => &mut manifest.server,
            Scope::Site => &mut manifest.site,
        };
        let entries = &mut manifest.entries;
        match key.get_ref().as_str() {
            "when" => part.when = self.text(value),
            "vars" => part.vars = self.table(value, &[]),
            "require" => self.entries(value, &EntryKind::Require, scope, entries),
            "validate" => self.entries(value, &EntryKind::Validate, scope, entries),
            "check" => {
                for (kind, value) in self.table(value, check::KINDS) {
                    if let Some(kind) = known(check::KINDS, kind.get_ref()) {
                        self.entries(&value, &EntryKind::Check(kind), scope, entries);
                    }
                }
            }
            name if ROLE_KEYS.contains(&name) => {
                let message = format!("`{name}` is of the whole role");
                let mistake = Diagnostic::new(self.source, key.span(), message);
                self.mistake(mistake.help("write it at the top, not below `site`"));
            }
            name => match known(resource::kinds(), name) {
                Some(kind) => self.entries(value, &EntryKind::Resource(kind), scope, entries),
                None => {
                    let all = resource::kinds().iter().chain(&KEYS).copied();
                    self.unknown("kind of resource", key, all);
                }
            },
        }
    }

    fn text(&mut self, value: &Value) -> Option<Text> {
        match &value.node {
            Node::Text(text) => Some(Spanned::new(value.span.clone(), text.clone())),
            _ => {
                self.wrong_type(value, "a text");
                None
            }
        }
    }

    fn texts(&mut self, value: &Value) -> Vec<Text> {
        match &value.node {
            Node::Array(values) => values.iter().filter_map(|value| self.text(value)).collect(),
            _ => {
                self.wrong_type(value, "an array of texts");
                Vec::new()
            }
        }
    }

    /// The entries of a table; `names` are the only ones it may have, unless there are none.
    fn table(&mut self, value: &Value, names: &[&str]) -> Vec<(Text, Value)> {
        let Node::Table(table) = &value.node else {
            self.wrong_type(value, "a table");
            return Vec::new();
        };
        for (key, _) in table {
            if !names.is_empty() && !names.contains(&key.get_ref().as_str()) {
                self.unknown("key", key, names.iter().copied());
            }
        }
        table.clone()
    }

    /// The entries of `[[…]]`, one kind.
    fn entries(&mut self, value: &Value, kind: &EntryKind, scope: Scope, all: &mut Vec<Entry>) {
        let Node::Array(values) = &value.node else {
            self.wrong_type(value, "`[[…]]`");
            return;
        };
        for value in values {
            let mut entry = Entry {
                kind: kind.clone(),
                of_site: scope == Scope::Site,
                span: value.span.clone(),
                when: None,
                for_each: None,
                fields: Vec::new(),
            };
            for (key, value) in self.table(value, &[]) {
                match key.get_ref().as_str() {
                    "when" => entry.when = self.text(&value),
                    "for_each" => entry.for_each = self.text(&value),
                    name => {
                        let names = kind.fields();
                        if !names.is_empty() && !names.contains(&name) {
                            let common = ["when", "for_each"];
                            self.unknown("field", &key, names.iter().copied().chain(common));
                        }
                        entry.fields.push((key, value));
                    }
                }
            }
            all.push(entry);
        }
    }
}

impl EntryKind {
    /// The fields it takes; none where the kind itself says what is wrong.
    fn fields(&self) -> &'static [&'static str] {
        match self {
            Self::Resource(kind) => resource::fields_of(kind).unwrap_or_default(),
            Self::Validate => &["name", "command", "paths"],
            Self::Require => &["that", "message", "hint"],
            Self::Check(_) => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Manifest, Diagnostics> {
        Manifest::read(&RoleSource {
            name: "x".into(),
            manifest: Source::new("roles/x/role.toml", text),
            templates: BTreeMap::new(),
        })
    }

    #[test]
    fn entries_stand_in_the_order_of_the_text() {
        let text = "[[service]]\nname = \"a.service\"\n[[file]]\npath = \"/a\"\n\
                    [[service]]\nname = \"b.service\"\n[[check.unit]]\nname = \"a.service\"\n";
        let kinds: Vec<EntryKind> = read(text)
            .unwrap()
            .entries
            .into_iter()
            .map(|entry| entry.kind)
            .collect();
        let (service, file) = (EntryKind::Resource("service"), EntryKind::Resource("file"));
        assert_eq!(
            kinds,
            [service.clone(), file, service, EntryKind::Check("unit")]
        );
    }

    #[test]
    fn every_mistake_of_the_structure_is_named() {
        let text =
            "afetr = []\n[[flie]]\npath = \"/a\"\n[[file]]\npaht = \"/a\"\nwhen = 1\n[check.dsn]\n";
        let Diagnostics(mistakes) = read(text).unwrap_err();
        let messages: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        assert_eq!(
            messages,
            [
                "roles/x/role.toml:1: unknown kind of resource `afetr`",
                "roles/x/role.toml:2: unknown kind of resource `flie`",
                "roles/x/role.toml:5: unknown field `paht`",
                "roles/x/role.toml:6: a text is wanted here, not a number",
                "roles/x/role.toml:7: unknown key `dsn`",
            ]
        );
        let help = |at: usize| mistakes[at].help.as_deref();
        assert_eq!(help(0), Some("did you mean `after`?"));
        assert_eq!(help(1), Some("did you mean `file`?"));
        assert_eq!(help(2), Some("did you mean `path`?"));
    }
}
