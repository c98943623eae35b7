//! The places of a site as Nginx is told of them: each with all that holds there, so that nothing
//! depends on what Nginx itself hands down from one block to another.

use super::{App, Handler, Location, Login, PathRule, Protocol, Site, Web};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

impl Web {
    /// A path as part of a file's name, and of that of a zone of Nginx: two paths never have the
    /// same.
    #[must_use]
    pub fn file_name(path: &str) -> String {
        path.bytes().fold(String::new(), |mut name, byte| {
            if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
                name.push(char::from(byte));
            } else {
                let _ = write!(name, "%{byte:02X}");
            }
            name
        })
    }

    /// The name of the secret with the hash of a user's password.
    #[must_use]
    pub fn user_secret(path: &str, user: &str) -> String {
        format!("web.paths.{path}.{user}")
    }

    /// What holds for a path: of each key what the longest path says of which this one is a part.
    /// The paths come along that have said what is counted, or kept in a file.
    pub(super) fn rule_of(&self, path: &str) -> Found<'_> {
        let mut found = Found::default();
        // In the order of their length: of two that hold, the longer one comes later. One page
        // alone comes last: `/admin` itself may have both `/admin` and `/admin/`.
        let mut holding: Vec<(&String, &PathRule)> = self
            .paths
            .iter()
            .filter(|(of, _)| holds(of, path))
            .collect();
        holding.sort_by_key(|(of, _)| (*of == path, of.len()));
        for (of, rule) in holding {
            found.add(of, rule);
        }
        found
    }
}

/// What holds for a path, and which paths have said it.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    pub(super) rule: PathRule,
    pub(super) users_of: Option<&'a str>,
    rate_of: Option<&'a str>,
    connections_of: Option<&'a str>,
    snippet_of: Option<&'a str>,
    fallback_of: Option<&'a str>,
}

impl<'a> Found<'a> {
    /// What a longer path says.
    fn add(&mut self, of: &'a str, said: &PathRule) {
        let rule = &mut self.rule;
        // A longer path that says something is no part of what is elsewhere now.
        rule.redirect.clone_from(&said.redirect);
        if said.public {
            (rule.users, rule.allow) = (BTreeMap::new(), Vec::new());
            self.users_of = None;
        }
        if !said.users.is_empty() {
            rule.users.clone_from(&said.users);
            self.users_of = Some(of);
        }
        if !said.allow.is_empty() {
            rule.allow.clone_from(&said.allow);
        }
        rule.max_body = said.max_body.or(rule.max_body);
        rule.timeout = said.timeout.or(rule.timeout);
        rule.buffering = said.buffering.or(rule.buffering);
        if said.rate.is_some() {
            rule.rate = said.rate;
            self.rate_of = Some(of);
        }
        if said.connections.is_some() {
            rule.connections = said.connections;
            self.connections_of = Some(of);
        }
        rule.cache = said.cache.or(rule.cache);
        rule.headers = merged(&rule.headers, &said.headers);
        if said.fallback.is_some() {
            rule.fallback.clone_from(&said.fallback);
            self.fallback_of = Some(of);
        }
        if said.snippet.is_some() {
            rule.snippet.clone_from(&said.snippet);
            self.snippet_of = Some(of);
        }
    }
}

/// Whether what is said of one path holds for the other: the same, or one below it. What stands
/// below `/admin/` is reached by `/admin`, too, in most apps.
fn holds(of: &str, path: &str) -> bool {
    of == path
        || of
            .strip_suffix('/')
            .is_some_and(|page| path.starts_with(of) || (path == page && !page.is_empty()))
}

/// Headers, where those of the second one replace those of the same name.
fn merged(
    first: &BTreeMap<String, String>,
    second: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let replaced = |name: &String| second.keys().any(|other| other.eq_ignore_ascii_case(name));
    let kept = first.iter().filter(|(name, _)| !replaced(name));
    let all = kept.chain(second);
    all.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

impl Site {
    /// The places of the site: `/` last, the others in the order of their paths.
    #[must_use]
    pub fn locations(&self) -> Vec<Location> {
        let mut places: BTreeSet<(String, bool)> = BTreeSet::new();
        places.insert(("/".to_owned(), false));
        let folders = self.web.static_files.keys().filter(|_| self.app.enabled);
        places.extend(folders.map(|path| (path.clone(), false)));
        places.extend(uploads(&self.app).map(|path| (path, false)));
        for path in self.web.paths.keys() {
            match path.strip_suffix('/') {
                None => places.insert((path.clone(), true)),
                Some("") => false,
                Some(page) => {
                    // A folder of files has no page of its name.
                    if handler(&self.web, &self.app, path) == Handler::App {
                        places.insert((page.to_owned(), true));
                    }
                    places.insert((path.clone(), false))
                }
            };
        }
        let mut locations: Vec<Location> = places
            .into_iter()
            .map(|(path, exact)| self.location(path, exact))
            .collect();
        locations.sort_by_key(|location| location.path == "/");
        locations
    }

    fn location(&self, path: String, exact: bool) -> Location {
        let mut found = self.web.rule_of(&path);
        let handler = handler(&self.web, &self.app, &path);
        // What is said of all files is not said of those in folders of their own: what is missing
        // there is no page of the app.
        if let Handler::Static { number, .. } = handler
            && found
                .fallback_of
                .is_some_and(|of| !self.is_of_folder(of, number))
        {
            found.rule.fallback = None;
        }
        let name = |of: Option<&str>| of.map(Web::file_name);
        let headers = merged(&self.web.headers, &found.rule.headers);
        let restricted = !(found.rule.users.is_empty() && found.rule.allow.is_empty());
        let cache = found.rule.cache.map(|cache| cache.control(restricted));
        Location {
            handler,
            path,
            exact,
            users_number: found
                .users_of
                .and_then(|of| self.web.paths.keys().position(|path| path == of))
                .map(|place| place + 1),
            events: found.rule.buffering.is_none(),
            streams: found.rule.buffering == Some(false),
            rate_of: name(found.rate_of),
            connections_of: name(found.connections_of),
            snippet_of: name(found.snippet_of),
            // Directives of a snippet may end what is handed down to it.
            own_headers: !found.rule.headers.is_empty() || found.snippet_of.is_some(),
            header_names: headers.keys().map(|name| name.to_lowercase()).collect(),
            headers,
            cache_control: cache,
            rule: found.rule,
        }
    }

    /// Whether a path is in the folder of static files with this number.
    fn is_of_folder(&self, path: &str, of: usize) -> bool {
        let handler = handler(&self.web, &self.app, path);
        matches!(handler, Handler::Static { number, .. } if number == of)
    }

    /// Everyone who may log in somewhere.
    #[must_use]
    pub fn logins(&self) -> Vec<Login> {
        let paths = self.web.paths.iter();
        let of_path = |(path, rule): (&String, &PathRule)| {
            let login = |user: &String| Login {
                user: user.clone(),
                secret: Web::user_secret(path, user),
                file: format!("{}.{user}", Web::file_name(path)),
            };
            rule.users.keys().map(login).collect::<Vec<_>>()
        };
        paths.flat_map(of_path).collect()
    }
}

/// Who answers requests for a path.
pub(super) fn handler(web: &Web, app: &App, path: &str) -> Handler {
    let folders = web.static_files.iter().enumerate();
    let below = folders.filter(|(_, (prefix, _))| path.starts_with(prefix.as_str()));
    let longest = below.max_by_key(|(_, (prefix, _))| prefix.len());
    if let Some((place, (prefix, folder))) = longest.filter(|_| app.enabled) {
        return Handler::Static {
            number: place + 1,
            folder: format!("{folder}/"),
            rest: path[prefix.len()..].to_owned(),
        };
    }
    if uploads(app).any(|prefix| path.starts_with(&prefix)) {
        return Handler::Uploads;
    }
    Handler::App
}

/// The folders that visitors see and the app writes to, where Nginx runs scripts.
fn uploads(app: &App) -> impl Iterator<Item = String> {
    let runs = app.enabled && app.protocol == Protocol::Fastcgi;
    let root = app.root.as_deref().map(|root| format!("{root}/"));
    let seen = app.persistent.iter().filter(move |_| runs);
    seen.filter_map(move |folder| {
        let shown = match &root {
            Some(root) => folder.strip_prefix(root.as_str())?,
            None => folder,
        };
        Some(format!("/{shown}/"))
    })
}
