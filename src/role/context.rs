//! What a template can see: of its server, of its site, of all the others, and what other roles
//! have told.

use super::inputs::Inputs;
use crate::facts::Facts;
use crate::host;
use crate::inventory::{App, Inventory, ServerRole, Site, TlsMode, Upgrades, Worker};
use crate::resource::PAGE_SHELL;
use crate::types::{ServerName, SiteName};
use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use std::borrow::Cow;
use std::collections::BTreeMap;
use tera::Context;

/// The variables of roles, by the role.
pub(super) type Exports = BTreeMap<String, Map<String, Json>>;

/// The variables of the roles on one server.
#[derive(Debug, Clone, Default)]
pub(super) struct Exported {
    /// What each role has for the server.
    pub(super) server: Exports,
    /// What each role has for a site: what it has for the server, too.
    pub(super) sites: BTreeMap<SiteName, Exports>,
}

/// A server while its roles are compiled.
pub(super) struct Scene<'a> {
    pub(super) inputs: &'a Inputs,
    /// The inventory as the server sees it.
    pub(super) inventory: Cow<'a, Inventory>,
    pub(super) name: &'a ServerName,
    pub(super) facts: &'a Facts,
}

impl<'a> Scene<'a> {
    pub(super) fn new(inputs: &'a Inputs, name: &'a ServerName, facts: &'a Facts) -> Self {
        Self {
            inputs,
            inventory: inputs.inventory.seen_by(name),
            name,
            facts,
        }
    }

    /// What is seen of the server.
    pub(super) fn server(&self, role: &str, exported: &Exported) -> Context {
        let inventory = &*self.inventory;
        let mut context = Context::new();
        let sites: Vec<Json> = inventory
            .sites
            .iter()
            .map(|(name, site)| {
                let mut site = named(name.as_str(), site);
                site.insert("roles".to_owned(), json(&exported.sites.get(name)));
                Json::Object(site)
            })
            .collect();
        let servers: Vec<Json> = inventory
            .servers
            .iter()
            .map(|(name, server)| Json::Object(named(name.as_str(), server)))
            .collect();
        let own = servers.iter().find(|one| one["name"] == self.name.as_str());
        context.insert("server", &own);
        context.insert("servers", &servers);
        context.insert("sites", &sites);
        context.insert("firewall", &inventory.firewall);
        context.insert("sshd", &inventory.sshd);
        context.insert("fail2ban", &inventory.fail2ban);
        let mut backup = inventory.backups.made().map(object).unwrap_or_default();
        backup.insert(
            "enabled".to_owned(),
            inventory.backups.made().is_some().into(),
        );
        context.insert("backup", &backup);
        let unattended = inventory.upgrades.unattended();
        let mut upgrades = unattended.map(object).unwrap_or_default();
        upgrades.insert("enabled".to_owned(), unattended.is_some().into());
        let decided = inventory.upgrades != Upgrades::Undecided;
        upgrades.insert("decided".to_owned(), decided.into());
        context.insert("upgrades", &upgrades);
        let mut jobs = object(&inventory.jobs);
        jobs.insert("tell".to_owned(), inventory.jobs.tell().into());
        context.insert("jobs", &jobs);
        context.insert("facts", self.facts);
        context.insert(
            "library",
            &json!({ "host": host::file().as_str(), "page": PAGE_SHELL }),
        );
        context.insert("settings", &settings(inventory, role));
        context.insert("roles", &exported.server);
        let any = |wanted: fn(&Site) -> bool| inventory.sites.values().any(wanted);
        context.insert("app", &json!({ "enabled": any(|site| site.app.enabled) }));
        context.insert("dns", &json!({ "enabled": any(|site| site.dns.enabled) }));
        let mut web = object(&inventory.ports);
        let own_server = inventory.servers.get(self.name);
        let serves = own_server.is_none_or(|server| server.has(ServerRole::Web));
        web.insert("enabled".to_owned(), serves.into());
        let secure = any(|site| site.tls.mode != TlsMode::Off);
        web.insert("secure".to_owned(), secure.into());
        context.insert("web", &web);
        let mut database = object(&inventory.database_server);
        let enabled = any(|site| site.database.enabled);
        database.insert("enabled".to_owned(), enabled.into());
        context.insert("database", &database);
        let cached = any(|site| site.cache.enabled);
        context.insert("cache", &json!({ "enabled": cached }));
        context
    }

    /// What is seen of a site: of its server, too, but for what both have.
    pub(super) fn site(
        &self,
        role: &str,
        site: (&SiteName, &Site),
        exported: &Exported,
    ) -> Context {
        let (name, site) = site;
        let mut context = self.server(role, exported);
        let all = named(name.as_str(), site);
        for section in ["dns", "tls", "web", "database", "cache"] {
            context.insert(section, &all.get(section));
        }
        let mut app = object(&site.app);
        app.insert("worker_units".to_owned(), worker_units(&site.app));
        context.insert("app", &app);
        context.insert("locations", &site.locations());
        context.insert("logins", &site.logins());
        let paths = site.web.paths.iter();
        let with_snippet = paths.filter(|(_, rule)| rule.snippet.is_some());
        let with_snippet: Vec<_> = with_snippet.map(|(path, _)| path).collect();
        context.insert("snippets", &with_snippet);
        context.insert("site", &all);
        context.insert("roles", &exported.sites.get(name));
        let inputs = self.inputs.sites.get(name);
        if let Some(code) = inputs.and_then(|inputs| inputs.app.as_ref()) {
            context.insert("release", &json!({ "id": code.id() }));
        }
        context
    }
}

/// Each instance of each worker: its unit, and the name of the worker.
fn worker_units(app: &App) -> Json {
    let of_worker = |(name, worker): (&String, &Worker)| {
        let unit = format!("{}-worker-{name}", app.user);
        let instances = 1..=worker.instances;
        let one = |number| json!({ "worker": name, "unit": format!("{unit}@{number}.service") });
        instances.map(one).collect::<Vec<_>>()
    };
    app.workers.iter().flat_map(of_worker).collect()
}

/// What the user has written for a role.
fn settings(inventory: &Inventory, role: &str) -> toml::Table {
    inventory.roles.get(role).cloned().unwrap_or_default()
}

fn named(name: &str, value: &impl Serialize) -> Map<String, Json> {
    let mut object = object(value);
    object.insert("name".to_owned(), name.into());
    object
}

fn object(value: &impl Serialize) -> Map<String, Json> {
    match json(value) {
        Json::Object(object) => object,
        _ => Map::new(),
    }
}

/// As a template sees it. Nothing of an inventory fails to be JSON: all keys are texts.
fn json(value: &impl Serialize) -> Json {
    serde_json::to_value(value).unwrap_or_default()
}
